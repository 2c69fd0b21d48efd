"""What an operator states comes first: rates, discounts, limits, mappings."""

from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.money import nanousd
from proxy.pricing.charges import charge_for, quote_for
from proxy.pricing.limits import UNKNOWN, Limits
from proxy.pricing.own import Named
from proxy.pricing.prices import Prices, UnknownModel, UnknownTier
from proxy.pricing.tokens import TokenCounter
from proxy.providers.formats import format_named
from proxy.providers.usage import Usage
from tests.pricing.calls import anthropic, openai
from tests.pricing.files import NOW, price_file, priced

MILLION = 10**6
LISTED = Prices(at=NOW)


def one(text: str, provider: str = "openai", model: str = "x") -> Prices:
    return priced(f'[rates."{provider}"."{model}"]\n{text}')


@pytest.mark.parametrize(
    ("kind", "usage"),
    [
        ("input", Usage(MILLION, 0)),
        ("output", Usage(0, MILLION)),
        ("cache_read", Usage(MILLION, 0, cache_read_tokens=MILLION)),
        ("cache_write", Usage(MILLION, 0, cache_write_5m_tokens=MILLION)),
        ("cache_write_1h", Usage(MILLION, 0, cache_write_1h_tokens=MILLION)),
        ("input_audio", Usage(MILLION, 0, input_audio_tokens=MILLION)),
        ("output_audio", Usage(0, MILLION, output_audio_tokens=MILLION)),
        (
            "cache_read_audio",
            Usage(MILLION, 0, cache_read_tokens=MILLION, cache_read_audio_tokens=MILLION),
        ),
        ("input_image", Usage(MILLION, 0, input_image_tokens=MILLION)),
        ("output_image", Usage(0, MILLION, output_image_tokens=MILLION)),
        ("per_request", Usage(0, 0)),
        ("per_web_search", Usage(0, 0, web_searches=1)),
    ],
)
def test_every_kind_of_token_can_have_a_rate_of_its_own(kind: str, usage: Usage) -> None:
    given = {"input": "1", "output": "2"} | {kind: "7.25"}
    prices = one("\n".join(f"{name} = {rate}" for name, rate in given.items()))
    assert prices.cost("openai", "x", usage) == nanousd("7.25")


def test_what_is_not_given_costs_what_is_around_it() -> None:
    prices = one("input = 1\noutput = 5\ncache_read = 0.1\ninput_audio = 3")
    wrote = Usage(MILLION, 0, cache_write_1h_tokens=MILLION)
    spoke = Usage(0, MILLION, output_audio_tokens=MILLION)
    heard = Usage(MILLION, 0, cache_read_tokens=MILLION, cache_read_audio_tokens=MILLION)
    assert prices.cost("openai", "x", wrote) == nanousd("1")
    assert prices.cost("openai", "x", spoke) == nanousd("5")
    assert prices.cost("openai", "x", heard) == nanousd("3")


def test_and_never_less_than_is_published_for_it() -> None:
    prices = one("input = 1\noutput = 5", "anthropic", "claude-sonnet-4-5")
    wrote = Usage(MILLION // 10, 0, cache_write_1h_tokens=MILLION // 10)
    assert prices.cost("anthropic", "claude-sonnet-4-5", wrote) == nanousd("0.6")


@pytest.mark.parametrize("name", ["gpt-4o", "gpt-4o-2024-08-06", "GPT-4o"])
def test_a_rate_holds_for_every_dated_spelling_of_its_model(name: str) -> None:
    prices = one("input = 9\noutput = 9", model="gpt-4o")
    assert prices.cost("openai", name, Usage(MILLION, 0)) == nanousd("9")
    assert prices.cost("openai", "gpt-4o-mini", Usage(MILLION, 0)) == nanousd("0.15")


def test_but_not_for_one_that_is_listed_apart_at_other_prices() -> None:
    prices = one("input = 1\noutput = 1", model="gpt-4o")
    assert prices.cost("openai", "gpt-4o-2024-05-13", Usage(MILLION, 0)) == nanousd("5")


def test_a_star_is_for_all_that_has_no_rate_of_its_own() -> None:
    prices = priced("""
        [rates."llm.corp:8000"."*"]
        free = true
        context = 32768
        max_output = 4096
        [rates."llm.corp:8000".big]
        input = 1
        output = 1
    """)
    assert prices.cost("llm.corp:8000", "any/thing", Usage(MILLION, MILLION)) == 0
    assert prices.limits("llm.corp:8000", "any/thing") == Limits(32_768, 4_096)
    assert prices.cost("llm.corp:8000", "big", Usage(MILLION, 0)) == nanousd("1")
    assert prices.cost("llm.corp:8000", "free", Usage(1, 1, service_tier="priority")) == 0


def test_limits_may_be_all_that_is_stated() -> None:
    prices = one("context = 1000", model="gpt-4o")
    assert prices.limits("openai", "gpt-4o") == Limits(1000, 16_384)
    assert prices.cost("openai", "gpt-4o", Usage(MILLION, 0)) == nanousd("2.5")


def test_a_rate_holds_at_the_tiers_it_names_and_at_cheaper_ones() -> None:
    prices = one('input = 1\noutput = 1\ntiers = { priority = "2" }')
    cost = {
        tier: prices.cost("openai", "x", Usage(MILLION, 0), tier) for tier in ("priority", "flex")
    }
    assert cost == {"priority": nanousd("2"), "flex": nanousd("1")}
    with pytest.raises(UnknownTier):
        prices.cost("openai", "x", Usage(1, 0), "ultrafast")


class TestDiscounts:
    def test_the_models_own_goes_before_the_providers(self) -> None:
        prices = priced('[discounts.openai]\n"*" = 0.9\ngpt-4o = "0.5"\n')
        assert prices.cost("openai", "gpt-4o", Usage(MILLION, 0)) == nanousd("1.25")
        assert prices.cost("openai", "gpt-4o-mini", Usage(MILLION, 0)) == nanousd("0.135")
        assert prices.cost("anthropic", "claude-sonnet-4-5", Usage(1000, 0)) == nanousd("0.003")

    def test_they_are_on_published_prices_only(self) -> None:
        prices = priced('[discounts.openai]\n"*" = 0.5\n[rates.openai.x]\ninput = 1\noutput = 1\n')
        assert prices.cost("openai", "x", Usage(MILLION, 0)) == nanousd("1")

    @settings(max_examples=200, deadline=None)
    @given(
        st.decimals("0.000001", "2", places=6),
        st.integers(0, 300_000),
        st.integers(0, 10_000),
        st.integers(0, 100_000),
    )
    def test_they_never_undercharge_and_round_by_less_than_a_nano_dollar_a_kind(
        self, factor: Decimal, tokens: int, output: int, searches: int
    ) -> None:
        prices = priced(f'[discounts.openai]\n"*" = "{factor}"\n')
        usage = Usage(tokens, output, cache_read_tokens=tokens // 3, web_searches=searches)
        whole = LISTED.rates("openai", "gpt-5.4").femto(usage)
        exact = int((whole * factor / 10**6).to_integral_value(ROUND_CEILING))
        cost = prices.cost("openai", "gpt-5.4", usage)
        assert exact <= cost <= exact + 1 + (tokens + output + searches) // MILLION + 1


class TestMappings:
    TEXT = """
        [[mappings]]
        provider = "azure"
        name = "main"
        model = "gpt-4o"
        [[mappings]]
        provider = "azure"
        name = "main"
        model = "gpt-4o-mini"
        resource = "lab"
        [[mappings]]
        provider = "azure"
        name = "main"
        model = "gpt-4"
        host = "other.openai.azure.com"
        [[mappings]]
        provider = "gate.corp:443"
        name = "smart"
        of = "anthropic"
        model = "claude-sonnet-4-5"
    """
    PRICES = priced(TEXT)

    @pytest.mark.parametrize(
        ("host", "model"),
        [
            ("acme.openai.azure.com", "gpt-4o"),
            ("lab.openai.azure.com", "gpt-4o-mini"),
            ("lab.services.ai.azure.com", "gpt-4o-mini"),
            ("other.openai.azure.com", "gpt-4"),
        ],
    )
    def test_a_name_stands_for_what_its_host_says(self, host: str, model: str) -> None:
        call = openai("main", provider="azure", model_is_alias=True, host=host)
        assert self.PRICES.models_for(call) == (Named("azure", model),)

    def test_the_model_may_be_anothers(self) -> None:
        call = openai("smart", provider="gate.corp:443", output_tokens_max=100)
        held = quote_for(self.PRICES, TokenCounter(), call)
        assert held.per_output_nanousd == 15_000
        assert held.output_tokens_bound == 100

    def test_images_are_bounded_as_the_model_behind_the_name_counts_them(self) -> None:
        prompt: dict[str, Any] = {"images": 1, "image_bytes": 100}
        call = openai("main", provider="azure", model_is_alias=True, prompt=prompt)
        lab = replace(call, host="lab.openai.azure.com")
        counter = TokenCounter()
        assert quote_for(self.PRICES, counter, lab).input_tokens_bound > 48_169
        assert quote_for(self.PRICES, counter, call).input_tokens_bound < 5_000

    @pytest.mark.parametrize("answered", ["smart", "claude-sonnet-4-5-20250929", "who-knows"])
    def test_the_answer_is_charged_as_the_model_behind_the_name(self, answered: str) -> None:
        call = openai("smart", provider="gate.corp:443", streaming=False)
        reader = format_named("openai.chat", call.provider).answer_reader(
            call, {"content-type": "application/json"}
        )
        reader.feed(
            f'{{"model":"{answered}","usage":{{"prompt_tokens":1000,"completion_tokens":0}}}}'.encode()
        )
        reader.close()
        charge = charge_for(self.PRICES, call, None, reader, 200)
        assert (charge.nanousd, charge.is_estimated) == (nanousd("0.003"), False)


def test_a_discount_is_on_every_price_and_drops_none() -> None:
    half = priced('[discounts.openai]\n"*" = "0.5"\n[discounts.mistral]\n"*" = "0.5"\n')
    for provider, model in (
        ("openai", "whisper-1"),
        ("openai", "tts-1"),
        ("mistral", "mistral-ocr-latest"),
    ):
        whole, less = LISTED.rates(provider, model), half.rates(provider, model)
        assert less.is_by_token == whole.is_by_token
        for used in (
            Usage(0, 0, audio_seconds=3600),
            Usage(0, 0, characters=MILLION),
            Usage(0, 0, pages=1000),
            Usage(0, 0, pages=1000, annotated_pages=1000),
            Usage(0, 0),
        ):
            assert less.femto(used) * 2 == whole.femto(used)


class TestDearest:
    CALL = openai("gpt-99-new")

    def test_an_unknown_model_is_refused_unless_it_is_asked_for(self) -> None:
        with pytest.raises(UnknownModel):
            quote_for(LISTED, TokenCounter(), self.CALL)
        quote = quote_for(LISTED, TokenCounter(), self.CALL, if_unknown="dearest")
        assert quote.is_dearest
        assert LISTED.limits_for(self.CALL) == UNKNOWN

    def test_a_tier_without_a_price_is_refused_all_the_same(self) -> None:
        call = openai("gpt-5", service_tier="ultrafast")
        with pytest.raises(UnknownTier):
            quote_for(LISTED, TokenCounter(), call, if_unknown="dearest")

    @pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "nobody:80"])
    def test_no_listed_rate_of_the_provider_is_dearer(self, provider: str) -> None:
        dearest = LISTED.dearest(provider).steps[0]
        listed = LISTED.listed_models()
        for seller in [provider] if provider in listed else listed:
            for model in listed[seller]:
                for tier in (None, "priority", "fast", "standard@us"):
                    try:
                        rates = LISTED.rates(seller, model, tier)
                    except LookupError:
                        continue
                    for step in rates.steps:
                        assert all(a <= b for a, b in zip(step[1:], dearest[1:], strict=True))

    def test_an_operators_own_rate_counts(self) -> None:
        prices = one("input = 100000\noutput = 1")
        assert prices.dearest("openai").steps[0].input == 100_000 * 10**9
        local = one("input = 1\noutput = 2", "llm.corp:8000")
        assert local.dearest("llm.corp:8000").steps[0].output == 2 * 10**9

    def test_a_deployment_that_nothing_maps_may_be_any_model(self) -> None:
        prompt: dict[str, Any] = {"images": 1}
        call = openai("gpt-4o", provider="azure", model_is_alias=True, prompt=prompt)
        quote = quote_for(LISTED, TokenCounter(), call, if_unknown="dearest")
        assert quote.is_dearest
        assert quote.input_tokens_bound > 48_169


def test_a_price_by_the_hour_is_exact_by_the_second() -> None:
    """$1.02 an hour is 283,333 nano-dollars and a third a second: three are whole."""
    assert LISTED.cost("openai", "gpt-realtime-whisper", Usage(0, 0, audio_seconds=3)) == 850_000


def test_a_month_behind_a_name_is_a_version_of_it() -> None:
    dated = LISTED.rates("google", "gemini-2.5-flash-native-audio-preview-09-2025")
    assert dated == LISTED.rates("google", "gemini-live-2.5-flash")


def test_a_file_is_adopted_whole_and_changes_the_version() -> None:
    prices = Prices(at=NOW)
    before = prices.version
    file = price_file("[rates.openai.x]\ninput = 1\noutput = 1\n")
    assert prices.adopt(file)
    assert not prices.adopt(file)
    assert prices.version == f"{before}+{file.sha256}"
    assert prices.is_known("openai", "x")
    assert prices.adopt(None)
    assert not prices.is_known("openai", "x")


@settings(max_examples=100, deadline=None)
@given(
    st.decimals("0", "1000", places=4),
    st.decimals("0", "1000", places=4),
    st.decimals("0", "1000", places=4) | st.none(),
    st.integers(0, 100_000),
    st.data(),
)
def test_no_bound_on_own_rates_is_below_a_cost_it_covers(
    input_rate: Decimal, output: Decimal, write: Decimal | None, bound: int, data: st.DataObject
) -> None:
    written = "" if write is None else f"\ncache_write_1h = {write}"
    prices = one(f"input = {input_rate}\noutput = {output}{written}", "anthropic", "mine")
    call = anthropic("mine", cache_lifetime="1h", output_tokens_max=5000)
    quote = prices.quote(call, bound, bound // 4)
    total = data.draw(st.integers(0, bound))
    read = data.draw(st.integers(0, total))
    hour = data.draw(st.integers(0, total - read))
    usage = Usage(total, data.draw(st.integers(0, 5000)), read, 0, hour)
    assert prices.cost("anthropic", "mine", usage) <= quote.bound_nanousd

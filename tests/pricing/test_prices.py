"""Golden price vectors (P1-P4, F3, S7) and the rule that no bound is below a cost."""

from datetime import UTC, datetime
from decimal import ROUND_CEILING
from typing import Any

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.money import nanousd
from proxy.pricing.limits import UNKNOWN, Limits, limits_of
from proxy.pricing.prices import Prices, UnknownModel, UnknownPrice, UnknownTier
from proxy.pricing.table import find_model
from proxy.providers.anthropic_answer import usage_of
from proxy.providers.call import ModelCall
from proxy.providers.openai import chat_usage, responses_usage
from proxy.providers.usage import Usage, UsagePart, total_of
from tests.pricing.calls import anthropic, openai
from tests.pricing.files import priced

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PRICES = Prices(at=NOW)


@pytest.mark.parametrize(
    ("what", "provider", "model", "usage", "dollars"),
    [
        (
            "P1: input beside the cache (litellm#9812)",
            "anthropic",
            "claude-3-7-sonnet-20250219",
            usage_of(
                {"input_tokens": 3, "cache_creation_input_tokens": 12_304, "output_tokens": 550}
            ),
            "0.054399",
        ),
        (
            "P2: mostly cached input (bifrost#904)",
            "openai",
            "gpt-5",
            responses_usage(
                {
                    "input_tokens": 51_232 + 1_188_096,
                    "input_tokens_details": {"cached_tokens": 1_188_096},
                    "output_tokens": 12_909,
                },
                None,
            ),
            "0.341642",
        ),
        (
            "P3: Anthropic's input excludes what was cached (litellm#31282)",
            "anthropic",
            "claude-sonnet-4-5",
            usage_of(
                {
                    "input_tokens": 100,
                    "cache_creation_input_tokens": 700,
                    "cache_read_input_tokens": 200,
                    "output_tokens": 0,
                }
            ),
            "0.002985",
        ),
        (
            "P3: OpenAI's input includes it",
            "openai",
            "gpt-5.6-sol",
            chat_usage(
                {
                    "prompt_tokens": 1000,
                    "completion_tokens": 0,
                    "prompt_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 700},
                },
                None,
            ),
            "0.00398",
        ),
        (
            "P4: every token above the long-context step",
            "openai",
            "gpt-5.4",
            Usage(300_000, 1000),
            "1.5225",
        ),
        ("P4: none at the step itself", "openai", "gpt-5.4", Usage(272_000, 1000), "0.695"),
        (
            "S7: reasoning is inside output, once",
            "openai",
            "gpt-5",
            Usage(100, 281, reasoning_tokens=192),
            "0.002935",
        ),
        (
            "an hour in the cache costs twice the input",
            "anthropic",
            "claude-opus-4-5",
            Usage(1000, 0, cache_write_1h_tokens=1000),
            "0.01",
        ),
        (
            "searches are billed by the piece",
            "anthropic",
            "claude-opus-4-5",
            Usage(0, 0, web_searches=3),
            "0.03",
        ),
        (
            "an advisor is billed at its own model",
            "anthropic",
            "claude-haiku-4-5",
            total_of(
                (
                    UsagePart(None, Usage(1000, 100)),
                    UsagePart("claude-opus-4-8", Usage(2000, 20)),
                ),
                Usage(1000, 100, web_searches=1),
            ),
            "0.022",
        ),
        (
            "fast speed",
            "anthropic",
            "claude-opus-5",
            Usage(1000, 100, service_tier="fast"),
            "0.015",
        ),
        (
            "in one country",
            "anthropic",
            "claude-opus-5",
            Usage(1000, 100, service_tier="standard@us"),
            "0.00825",
        ),
        ("flex", "openai", "gpt-5", Usage(1000, 100, service_tier="flex"), "0.001125"),
        ("priority", "openai", "gpt-5", Usage(1000, 100, service_tier="priority"), "0.0045"),
        ("an explicit zero is free", "openai", "gpt-5", Usage(0, 0), "0"),
    ],
)
def test_golden_price_vectors(
    what: str, provider: str, model: str, usage: Usage | None, dollars: str
) -> None:
    assert usage is not None, what
    assert PRICES.cost(provider, model, usage) == nanousd(dollars), what


def test_f3_an_agent_s_session_with_cache_reads_adds_up_exactly() -> None:
    turns = [(2, 12_304, 0, 550), (4, 1_100, 12_304, 210), (4, 900, 13_404, 1_333)]
    total = sum(
        PRICES.cost(
            "anthropic",
            "claude-opus-4-5-20251101",
            Usage(fresh + wrote + read, out, cache_read_tokens=read, cache_write_5m_tokens=wrote),
        )
        for fresh, wrote, read, out in turns
    )
    assert total == nanousd("0.154629")


def test_a_fraction_of_a_nano_dollar_is_rounded_up_once() -> None:
    usage = Usage(1, 0, cache_write_5m_tokens=1, service_tier="flex")
    assert PRICES.cost("openai", "gpt-6-luna", usage) == 63  # $0.0625 per million is 62.5.
    usage = Usage(2, 0, cache_write_5m_tokens=2, service_tier="flex")
    assert PRICES.cost("openai", "gpt-6-luna", usage) == 125


MODELS = [
    (provider.id, entry.id)
    for provider in get_snapshot().providers
    if provider.id in ("openai", "anthropic")
    for entry in provider.models
    if entry.get_prices(NOW).input_mtok is not None
]
CONTEXTS: dict[str | None, dict[str, str]] = {
    None: {},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast"},
    "batch": {"processing": "batch"},
}
counts = st.integers(0, 400_000)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(MODELS), st.sampled_from(list(CONTEXTS)), counts, counts, counts, counts, counts
)
def test_our_integers_equal_the_library_s_decimals(
    model: tuple[str, str],
    tier: str | None,
    plain: int,
    read: int,
    minutes: int,
    hour: int,
    out: int,
) -> None:
    provider, name = model
    usage = Usage(plain + read + minutes + hour, out, read, minutes, hour, service_tier=tier)
    entry = find_model(get_snapshot(), provider, name)
    assert entry is not None
    context = dict(CONTEXTS[tier])
    if provider == "anthropic" and tier == "fast":
        context = {"speed": "fast"}
    try:
        cost = PRICES.cost(provider, name, usage)
    except UnknownTier:
        return
    seller = next(one for one in get_snapshot().providers if one.id == provider)
    price = entry.get_prices(NOW, context)
    if price.cache_write_mtok is None and (minutes or hour):
        return
    reported = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=out,
        cache_read_tokens=read,
        cache_write_tokens=minutes + hour,
        cache_write_1h_tokens=hour,
    )
    total = entry.calc_price(
        reported, seller, genai_request_timestamp=NOW, price_context=context
    ).total_price
    assert cost == int((total * 10**9).to_integral_value(ROUND_CEILING))


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini-evil"),
        ("openai", "gpt-99-new"),
        ("openai", "gpt-4o-2027-01-01"),
        ("openai", "gpt-5-nano-x"),
        ("openai", "computer-use-anything"),
        ("openai", "my-moderation-model"),
        ("anthropic", "claude-opus-4-10"),
        ("anthropic", "claude-opus-4-5-evil"),
        ("anthropic", "xclaude-v2x"),
        ("google", "gemini-2.5-pro-xyz"),
        ("nobody", "gpt-4o"),
    ],
)
def test_a_name_that_only_resembles_a_model_is_unknown(provider: str, model: str) -> None:
    with pytest.raises(UnknownModel):
        PRICES.cost(provider, model, Usage(1, 1))
    assert not PRICES.is_known(provider, model)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-2024-08-06"),
        ("openai", "gpt-5-nano-2025-08-07"),
        ("openai", "gpt-6-sol-2026-10-01"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:org:name:id"),
        ("openai", "text-embedding-3-small"),
        ("anthropic", "claude-3-5-sonnet-20241022"),
        ("anthropic", "claude-3-7-sonnet-latest"),
        ("anthropic", "claude-sonnet-4-20250514"),
        ("anthropic", "claude-haiku-4-5-20251001"),
        ("google", "gemini-2.5-pro"),
        ("google", "claude-sonnet-4-5@20250929"),
    ],
)
def test_a_dated_name_is_the_model(provider: str, model: str) -> None:
    assert PRICES.is_known(provider, model)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (openai("gpt-5", service_tier="ultrafast"), UnknownTier),
        (openai("gpt-5", service_tier="scale"), UnknownTier),
        (openai("gpt-5-nano", service_tier="priority"), UnknownTier),
        (anthropic("claude-sonnet-4-5", service_tier="fast"), UnknownTier),
        (anthropic("claude-opus-5", service_tier="standard@eu"), UnknownTier),
        (openai("gpt-99"), UnknownModel),
        (openai("tts-1"), UnknownPrice),
    ],
)
def test_what_has_no_price_has_no_quote(call: ModelCall, error: type[Exception]) -> None:
    with pytest.raises(error):
        PRICES.quote(call, 1000, 10)


def quoted(call: ModelCall, tokens: int = 1_000_000) -> tuple[int, int]:
    quote = PRICES.quote(call, tokens, 10)
    assert quote.bound_nanousd == (
        quote.fixed_nanousd + quote.per_output_nanousd * quote.output_tokens_bound
    )
    return quote.fixed_nanousd, quote.per_output_nanousd


@pytest.mark.parametrize(
    ("what", "call", "tokens", "fixed", "each"),
    [
        ("plain", openai(), 1_000_000, "2.5", 10_000),
        ("n multiplies the output only", openai(samplings=8), 1_000_000, "2.5", 80_000),
        ("an implicit cache write is dearer", openai("gpt-5.6-sol"), 200_000, "1", 20_000),
        ("P4: the step of the bound", openai("gpt-5.4"), 300_000, "1.5", 22_500),
        ("below the step", openai("gpt-5.4"), 272_000, "0.68", 15_000),
        ("priority", openai("gpt-5", service_tier="priority"), 1_000_000, "2.5", 20_000),
        (
            "flex where none is listed",
            openai("gpt-4o", service_tier="flex"),
            1_000_000,
            "2.5",
            10_000,
        ),
        ("no cache asked for", anthropic(), 100_000, "0.3", 15_000),
        ("five minutes", anthropic(cache_lifetime="5m"), 100_000, "0.375", 15_000),
        ("an hour", anthropic(cache_lifetime="1h"), 100_000, "0.6", 15_000),
        ("long context and an hour", anthropic(cache_lifetime="1h"), 300_000, "3.6", 22_500),
    ],
)
def test_the_worst_case_takes_the_dearest_rate_that_applies(
    what: str, call: ModelCall, tokens: int, fixed: str, each: int
) -> None:
    assert quoted(call, tokens) == (nanousd(fixed), each), what


@pytest.mark.parametrize(
    ("asked", "bound"), [(None, 16_384), (100, 100), (0, 0), (999_999_999, 16_384)]
)
def test_the_output_bound_is_what_was_asked_or_what_the_model_can_emit(
    asked: int | None, bound: int
) -> None:
    assert PRICES.quote(openai(output_tokens_max=asked), 10, 10).output_tokens_bound == bound


def test_a_call_that_is_not_billed_costs_nothing() -> None:
    quote = PRICES.quote(anthropic("claude-nobody-knows", billable=False), 1000, 10)
    assert (quote.bound_nanousd, quote.estimate_nanousd) == (0, 0)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(MODELS),
    st.sampled_from([None, "5m", "1h"]),
    st.integers(0, 600_000),
    st.integers(1, 3),
    st.data(),
)
def test_no_bound_is_below_a_cost_it_covers(
    model: tuple[str, str], lifetime: Any, bound: int, samplings: int, data: st.DataObject
) -> None:
    make = anthropic if model[0] == "anthropic" else openai
    call = make(model[1], cache_lifetime=lifetime, samplings=samplings, output_tokens_max=5000)
    quote = PRICES.quote(call, bound, bound // 4)
    total = data.draw(st.integers(0, bound))
    read = data.draw(st.integers(0, total))
    writes = model[0] == "openai" or lifetime is not None
    minutes = data.draw(st.integers(0, total - read)) if writes else 0
    hour = data.draw(st.integers(0, total - read - minutes)) if lifetime == "1h" else 0
    output = data.draw(st.integers(0, quote.output_tokens_bound * samplings))
    cost = PRICES.cost(*model, Usage(total, output, read, minutes, hour))
    assert cost <= quote.bound_nanousd
    assert quote.estimate_nanousd <= quote.bound_nanousd


def test_an_operator_s_rate_comes_first() -> None:
    prices = priced("""
        [rates.openai.gpt-4o]
        input = 1
        output = "2"
        cache_read = 0.1
        max_output = 50
        [rates.vllm."*"]
        free = true
    """)
    assert prices.cost("openai", "gpt-4o", Usage(3, 1, cache_read_tokens=1)) == 2000 + 100 + 2000
    assert prices.cost("vllm", "anything/at-all", Usage(10**6, 10**6)) == 0
    assert prices.limits("openai", "gpt-4o") == Limits(128_000, 50)
    assert prices.quote(openai(), 10, 10).output_tokens_bound == 50
    assert prices.version != PRICES.version
    assert prices.is_known("openai", "gpt-4o-mini")


def test_prices_follow_their_dates() -> None:
    prices = Prices(at=datetime(2026, 7, 1, tzinfo=UTC))
    usage = Usage(1_000_000, 0)
    before = prices.cost("openai", "o3", usage)
    old = prices.cost("anthropic", "claude-sonnet-4-6", Usage(300_000, 0))
    prices.advance(datetime(2025, 6, 1, tzinfo=UTC))
    assert prices.cost("openai", "o3", usage) == 5 * before
    assert prices.cost("anthropic", "claude-sonnet-4-6", Usage(300_000, 0)) == 2 * old


def test_invented_names_do_not_fill_memory() -> None:
    prices = Prices(at=NOW)
    known_before = len(get_snapshot()._lookup_cache)
    for number in range(5000):
        assert not prices.is_known("nobody", f"model-{number}")
    assert len(prices._memo) <= 4096
    assert len(get_snapshot()._lookup_cache) == known_before


def test_limits_are_by_name_then_without_its_date() -> None:
    assert limits_of("anthropic", "claude-haiku-4-5-20251001") == Limits(200_000, 64_000)
    assert limits_of("anthropic", "claude-3-opus-20240229") == Limits(200_000, 4_096)
    assert limits_of("openai", "gpt-nobody-knows") == UNKNOWN


def test_no_known_model_reads_or_writes_more_than_an_unknown_one() -> None:
    for provider, model in MODELS:
        limits = limits_of(provider, model)
        assert limits.input_tokens <= UNKNOWN.input_tokens
        assert limits.output_tokens <= UNKNOWN.output_tokens


def test_the_version_names_library_and_our_tables() -> None:
    assert PRICES.version.startswith(f"genai-prices {genai_prices.__version__}+")
    assert Prices(at=NOW).version == PRICES.version


@pytest.mark.parametrize("piece", ["audio_hour", "character"])
def test_the_dearest_rate_of_a_provider_knows_what_is_not_billed_by_the_token(piece):
    assert getattr(Prices(at=NOW).dearest("openai"), piece) > 0

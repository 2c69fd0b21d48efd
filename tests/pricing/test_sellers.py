"""Prices by seller: Bedrock's places, deployments, fallbacks, stated costs, other units."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from proxy.pricing.charges import charge_for, quote_for
from proxy.pricing.families import family_of
from proxy.pricing.limits import UNKNOWN, Limits, limits_of
from proxy.pricing.prices import Prices, UnknownModel, UnknownTier
from proxy.pricing.tokens import TokenCounter, input_bound
from proxy.providers.formats import format_named
from proxy.providers.openai import chat_usage
from proxy.providers.usage import Usage
from tests.pricing.calls import openai
from tests.pricing.files import priced

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PRICES = Prices(at=NOW)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "dollars"),
    [
        ("aws", "amazon.nova-micro-v1:0", Usage(1_000_000, 0), "0.035"),
        ("aws", "us.amazon.nova-micro-v1:0", Usage(1_000_000, 0), "0.035"),
        ("aws", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", Usage(1_000_000, 0), "3"),
        ("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Usage(1_000_000, 0), "3.3"),
        ("google", "gemini-2.0-flash-001", Usage(1_000_000, 0), "0.1"),
        ("google", "gemini-2.5-flash", Usage(1_000_000, 0, input_audio_tokens=1_000_000), "1"),
        ("azure", "gpt-4o-2024-08-06", Usage(1_000_000, 0), "2.5"),
        ("anthropic-aws", "claude-sonnet-4-5", Usage(100_000, 0), "0.3"),
        ("openai-chatgpt", "gpt-5", Usage(1_000_000, 0), "1.25"),
        ("cohere", "command-r-08-2024", Usage(1_000_000, 0), "0.15"),
        ("openrouter", "no/such-model", Usage(5, 5, stated_nanousd=123), "0.000000123"),
    ],
)
def test_a_model_costs_what_its_seller_asks(
    provider: str, model: str, usage: Usage, dollars: str
) -> None:
    assert PRICES.cost(provider, model, usage) == int(Decimal(dollars) * 10**9)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("aws", "amazon.nova-micro-v1:0-evil"),
        ("aws", "evil-amazon.nova-micro-v1:0"),
        ("aws", "a.b.c.amazon.nova-micro-v1:0"),
        ("google", "gemini-2.0-flash-thinking-x"),
        ("google", "gemini-1.5-flash-8b"),
        ("ollama", "llama3"),
        ("llm.example:8000", "gpt-4o"),
        ("huggingface", "meta-llama/Llama-3.3-70B-Instruct"),
    ],
)
def test_what_only_resembles_a_model_has_no_price(provider: str, model: str) -> None:
    with pytest.raises(UnknownModel):
        PRICES.cost(provider, model, Usage(1, 1))


@pytest.mark.parametrize(
    ("provider", "model", "tier"),
    [
        ("aws", "amazon.nova-micro-v1:0", "priority"),
        ("aws", "amazon.nova-micro-v1:0", "optimized"),
        ("google", "gemini-2.0-flash-lite", "priority"),
        ("groq", "llama-3.3-70b-versatile", "performance"),
    ],
)
def test_a_tier_without_a_price_is_refused(provider: str, model: str, tier: str) -> None:
    with pytest.raises(UnknownTier):
        PRICES.cost(provider, model, Usage(1, 1), tier)


@pytest.mark.parametrize("tier", ["ON_DEMAND", "on_demand", "provisioned_throughput", "flex"])
def test_vertex_names_its_tiers_in_capitals(tier: str) -> None:
    standard = PRICES.cost("google", "gemini-2.5-flash", Usage(10**6, 0))
    assert PRICES.cost("google", "gemini-2.5-flash", Usage(10**6, 0), tier) <= standard


class TestAliases:
    CALL = openai("gpt-4o", provider="azure", model_is_alias=True)

    def test_a_deployment_has_no_bound_even_when_it_looks_like_a_model(self) -> None:
        with pytest.raises(UnknownModel):
            quote_for(PRICES, TokenCounter(), self.CALL)

    def test_a_mapping_says_which_model_it_is(self) -> None:
        prices = priced("""
            [[mappings]]
            provider = "azure"
            name = "gpt-4o"
            model = "gpt-4"
        """)
        quote = quote_for(prices, TokenCounter(), self.CALL)
        plain = replace(self.CALL, model="gpt-4", model_is_alias=False)
        assert quote.bound_nanousd == quote_for(PRICES, TokenCounter(), plain).bound_nanousd

    def test_so_does_a_rate_of_its_own(self) -> None:
        prices = priced('[rates.azure."gpt-4o"]\nfree = true')
        assert quote_for(prices, TokenCounter(), self.CALL).bound_nanousd == 0

    @pytest.mark.parametrize(("answered", "is_estimated"), [("gpt-4o-mini", False), ("new", True)])
    def test_the_answer_names_the_model_that_is_billed(
        self, answered: str, is_estimated: bool
    ) -> None:
        wire = format_named("openai.chat", "azure")
        reader = wire.answer_reader(self.CALL, {"content-type": "application/json"})
        body = f'{{"model":"{answered}","usage":{{"prompt_tokens":1000,"completion_tokens":0}}}}'
        reader.feed(body.encode())
        reader.close()
        charge = charge_for(PRICES, self.CALL, None, reader, 200)
        assert (charge.is_estimated, charge.nanousd) == (
            is_estimated,
            0 if is_estimated else 150_000,
        )

    def test_the_mapping_stands_in_the_version(self) -> None:
        assert priced("").version != PRICES.version


def test_the_bound_is_that_of_the_dearest_fallback() -> None:
    cheap = openai("openai/gpt-4o-mini", provider="openrouter")
    dear = openai("openai/gpt-4o", provider="openrouter")
    either = replace(cheap, fallback_models=("openai/gpt-4o",))
    bounds = [quote_for(PRICES, TokenCounter(), c).bound_nanousd for c in (cheap, dear, either)]
    assert bounds[0] < bounds[1] <= bounds[2]


def test_a_fallback_without_a_price_leaves_no_bound() -> None:
    call = openai("openai/gpt-4o", provider="openrouter", fallback_models=("no/such",))
    with pytest.raises(UnknownModel):
        quote_for(PRICES, TokenCounter(), call)


@pytest.mark.parametrize(
    ("cost", "is_byok", "upstream", "nanousd"),
    [
        (0.0000925, False, None, 92_500),
        (0.00000000001, False, None, 1),
        (0, True, 0.0000925, 92_500),
        (True, False, None, None),
        (-1, False, None, None),
        ("0.1", False, None, None),
        (1e300, False, None, None),
        (None, False, None, None),
    ],
)
def test_stated_dollars_are_read_strictly(
    cost: object, is_byok: bool, upstream: object, nanousd: int | None
) -> None:
    reported = {
        "prompt_tokens": 1,
        "cost": cost,
        "is_byok": is_byok,
        "cost_details": {"upstream_inference_cost": upstream},
    }
    usage = chat_usage(reported, None, "openrouter")
    assert usage is not None
    assert usage.stated_nanousd == nanousd
    other = chat_usage(reported, None, "together")
    assert other is not None
    assert other.stated_nanousd is None


@pytest.mark.parametrize(
    ("provider", "model", "limits"),
    [
        ("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Limits(200_000, 64_000)),
        ("azure", "gpt-4o", Limits(128_000, 16_384)),
        ("openrouter", "openai/gpt-4o:free", Limits(128_000, 16_384)),
        ("google", "gemini-2.5-pro", Limits(1_048_576, 65_536)),
        ("nowhere", "gpt-4o", UNKNOWN),
    ],
)
def test_limits_are_known_by_whoever_sells_the_model(
    provider: str, model: str, limits: Limits
) -> None:
    found = limits_of(provider, model)
    assert found.output_tokens == limits.output_tokens
    assert found.input_tokens >= limits.input_tokens


def test_each_prompt_of_a_completion_has_a_window_of_its_own() -> None:
    prompt = {"text_bytes": 10**6, "message_count": 3}
    call = openai("m", format="openai.completions", prompt=prompt)
    assert input_bound(call, PRICES.models_for(call), Limits(1000, 10)) == 3000


@pytest.mark.parametrize("provider", ["aws", "google", "github-copilot"])
def test_a_claude_counts_as_a_claude_whoever_sells_it(provider: str) -> None:
    name = "us.anthropic.claude-sonnet-4-5-v1:0" if provider == "aws" else "claude-sonnet-4-5"
    assert family_of(provider, name) == family_of("anthropic", "claude-sonnet-4-5")


@pytest.mark.parametrize(
    "usage",
    [
        Usage(10, 10, audio_seconds=3600),
        Usage(10**6, 0, cache_read_tokens=10**6, cache_read_audio_tokens=10**6),
        Usage(10**6, 0, input_image_tokens=10**6),
        Usage(0, 10**6, output_image_tokens=10**6),
    ],
)
def test_every_kind_of_token_costs_something(usage: Usage) -> None:
    assert PRICES.cost("google", "gemini-2.5-flash-image", usage) > 0

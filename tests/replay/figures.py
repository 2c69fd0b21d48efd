"""The provider's own usage in four figures, by the words of its own documentation, and what they cost
by genai-prices. Shares nothing with the readers and charges that it checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

import genai_prices
from genai_prices import Usage as Priced

from tests.replay.media import MEDIA, priced_of, told_of
from tests.replay.truth import Truth

type Figures = dict[str, int]
"""input, output, cache read, cache write."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a call was asked for, as far as its price depends on it."""

    wire: str
    provider: str
    service_tier: str | None
    is_annotated: bool = False
    """Pages are read for more than their text."""


class CannotSayError(Exception):
    """genai-prices has no price."""


def figures_of(asked: Asked, truth: Truth) -> Figures:
    usage = truth.usage

    def count(*path: str) -> int:
        value: Any = usage
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value if isinstance(value, int) else 0

    match asked.wire.split(".")[0]:
        case _ if asked.wire in MEDIA:
            return told_of(usage)
        case "openai" if asked.wire == "openai.responses":
            return _figures(
                count("input_tokens"),
                count("output_tokens"),
                count("input_tokens_details", "cached_tokens"),
                count("input_tokens_details", "cache_write_tokens"),
            )
        case "openai":
            beside = asked.provider in ("x-ai", "perplexity")
            thought = count("completion_tokens_details", "reasoning_tokens") if beside else 0
            parts = truth.breakdown
            return _figures(
                sum(part["usage"]["prompt_tokens"] for part in parts)
                or count("prompt_tokens")
                or count("total_tokens"),
                sum(part["usage"]["completion_tokens"] for part in parts)
                or count("completion_tokens") + thought,
                count("prompt_tokens_details", "cached_tokens")
                or count("prompt_cache_hit_tokens")
                or count("cached_tokens"),
                count("prompt_tokens_details", "cache_write_tokens"),
            )
        case "gemini":
            return _figures(
                count("promptTokenCount") + count("toolUsePromptTokenCount"),
                count("candidatesTokenCount") + count("thoughtsTokenCount"),
                count("cachedContentTokenCount"),
            )
        case "cohere":
            return _figures(count("input_tokens"), count("output_tokens"))
        case "ollama":
            return _figures(count("prompt_eval_count"), count("eval_count"))
        case _ if "inputTokens" in usage:
            read, written = count("cacheReadInputTokens"), count("cacheWriteInputTokens")
            return _figures(
                count("inputTokens") + read + written, count("outputTokens"), read, written
            )
        case _:
            samplings = usage.get("iterations") or [usage]

            def total(name: str) -> int:
                return sum(sampling.get(name) or 0 for sampling in samplings)

            read, written = total("cache_read_input_tokens"), total("cache_creation_input_tokens")
            return _figures(
                total("input_tokens") + read + written, total("output_tokens"), read, written
            )


def _figures(sent: int, made: int, read: int = 0, written: int = 0) -> Figures:
    return {"input": sent, "output": made, "cache read": read, "cache write": written}


def nanousd_of(asked: Asked, model: str, truth: Truth, at: datetime) -> int:
    """What the provider bills. Raises CannotSayError."""
    return int((_dollars(asked, model, truth, at) * 10**9).to_integral_value(ROUND_CEILING))


def _dollars(asked: Asked, model: str, truth: Truth, at: datetime) -> Decimal:
    stated = truth.usage.get("cost")
    if asked.provider == "openrouter" and stated is not None:  # What it states is the price.
        fee = Decimal(str(stated))
        if truth.usage.get("is_byok"):
            fee += Decimal(str(truth.usage["cost_details"]["upstream_inference_cost"] or 0))
        return fee
    samplings = [(part["model"], part["usage"]) for part in truth.breakdown] or [
        (part.get("model") or model, part) for part in truth.usage.get("iterations") or []
    ]
    if samplings:
        return sum(
            (_dollars(asked, name, Truth(usage=usage), at) for name, usage in samplings), Decimal()
        )
    found = _priced(asked, model, truth)
    tier = truth.usage.get("service_tier") or asked.service_tier
    try:
        return genai_prices.calc_price(
            found,
            model,
            provider_id=_SELLERS.get(asked.provider, asked.provider),
            genai_request_timestamp=at,
            price_context={"service_tier": tier} if tier in ("flex", "priority") else {},
        ).total_price
    except (LookupError, ValueError):
        raise CannotSayError("genai-prices cannot say") from None


_SELLERS = {"anthropic-aws": "anthropic", "anthropic-google": "anthropic"}
_FLAVORS = {
    "openai.chat": "chat",
    "openai.completions": "chat",
    "openai.responses": "responses",
    "openai.embeddings": "embeddings",
    "anthropic.messages": "anthropic",
}


def _priced(asked: Asked, model: str, truth: Truth) -> Priced:
    """By genai-prices' own extractor where it has one, else from the four figures."""
    provider = _SELLERS.get(asked.provider, asked.provider)
    if asked.wire in MEDIA:
        return priced_of(truth.usage, is_annotated=asked.is_annotated)
    told = figures_of(asked, truth)
    answer = {"model": model, "modelVersion": model}
    key = "usageMetadata" if asked.wire.startswith("gemini.") else "usage"
    is_native = asked.wire == "bedrock.invoke" and "input_tokens" in truth.usage
    flavor = "anthropic" if is_native else _FLAVORS.get(asked.wire, "default")
    if provider == "anthropic":
        flavor = "default"
    try:
        found = genai_prices.extract_usage(
            answer | {key: truth.usage}, provider_id=provider, api_flavor=flavor
        ).usage
        if told["cache read"]:  # It does not know every spelling of a cache hit.
            found.cache_read_tokens = told["cache read"]
    except (LookupError, ValueError, AttributeError):
        found = Priced(
            input_tokens=told["input"],
            output_tokens=told["output"],
            cache_read_tokens=told["cache read"],
            cache_write_tokens=told["cache write"],
        )
    searches = (truth.usage.get("server_tool_use") or {}).get("web_search_requests")
    if searches:
        found.web_searches = searches
    return found

"""What OpenAI's formats share, in every dialect: bounds, tiers, caches, usage (wire.md 1.2, 1.6;
pure)."""

from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

from proxy.providers.answer import as_count, as_list, as_object, as_text
from proxy.providers.body import Json, optional_object
from proxy.providers.call import MODEL_NAME, BadRequest
from proxy.providers.dialects import Dialect, dialect_of
from proxy.providers.format import list_of
from proxy.providers.usage import Usage, UsagePart, total_of

_FALLBACKS_MAX = 32
_PARTS_MAX = 256

_NEVER_REASON = ("gpt-3.5", "gpt-35", "gpt-4", "chatgpt-4o", "text-", "davinci", "babbage")


def may_reason(model: str, effort: Any) -> bool:
    """Every family after gpt-4 may bill tokens it never shows, unless told not to. Unknown ones may
    too."""
    if effort == "none":
        return False
    return not model.removeprefix("ft:").startswith(_NEVER_REASON)


def cache_reasons(members: Json) -> list[str]:
    """Cache writes kept 12 hours have no known price."""
    lifetime = optional_object(members, "prompt_cache_options").get("ttl")
    return [] if lifetime in (None, "30m") else ["cache_lifetime"]


def fallback_models(members: Json, dialect: Dialect) -> tuple[str, ...]:
    """Where a provider may answer with another model. Raises BadRequest for what is no name."""
    if not dialect.falls_back:
        return ()
    models = list_of(members, "models")
    if len(models) > _FALLBACKS_MAX:
        raise BadRequest(f"models may list at most {_FALLBACKS_MAX} models", "models")
    if not all(isinstance(model, str) and MODEL_NAME.fullmatch(model) for model in models):
        raise BadRequest("models must hold only model names", "models")
    return tuple(models)


def hosted_reasons(members: Json, model: str, dialect: Dialect) -> list[str]:
    """Work of the provider's own that this dialect starts without a tool being named."""
    reasons = [name for name in dialect.hosted_fields if members.get(name) not in (None, False, [])]
    if model.startswith(dialect.hosted) and dialect.hosted:
        reasons.append("hosted_model")
    if dialect.falls_back and model.endswith(":online"):
        reasons.append("web_search")
    return reasons


def chat_usage(
    reported: Any, service_tier: str | None, provider: str = "openai", breakdown: Any = None
) -> Usage | None:
    """Chat, completions and embeddings. Cached and written tokens are inside `prompt_tokens`.

    `breakdown`: Groq's `usage_breakdown`, one entry for every sampling of a compound call.
    """
    usage, dialect = as_object(reported), dialect_of(provider)
    inside = as_object(usage.get("prompt_tokens_details") or usage.get("prompt_token_details"))
    outside = as_object(usage.get("completion_tokens_details"))
    prompt = as_count(usage.get("prompt_tokens"))
    if prompt is None:  # Voyage and others embed without calling it a prompt.
        prompt = as_count(usage.get("total_tokens"))
    output = as_count(usage.get("completion_tokens")) or 0
    match dialect.reasoning:
        case "beside":
            beside = outside.get("reasoning_tokens", usage.get("reasoning_tokens"))
            output += (as_count(beside) or 0) + (as_count(usage.get("citation_tokens")) or 0)
        case "in_total":
            output = max(output, (as_count(usage.get("total_tokens")) or 0) - (prompt or 0))
        case "inside":
            pass
    if "cached_tokens" not in inside:
        cached = usage.get("prompt_cache_hit_tokens", usage.get("cached_tokens"))
        inside = {**inside, "cached_tokens": cached}
    folded = _folded(prompt, output, inside, outside, service_tier)
    if folded is None:
        return None
    folded = replace(
        folded,
        audio_seconds=as_count(usage.get("prompt_audio_seconds")) or 0,
        web_searches=as_count(usage.get("num_search_queries")) or 0,
        stated_nanousd=_stated(usage) if dialect.states_cost else None,
    )
    parts = tuple(
        UsagePart(as_text(sampling.get("model")), one)
        for sampling in map(as_object, as_list(as_object(breakdown).get("models"))[:_PARTS_MAX])
        if (one := chat_usage(sampling.get("usage"), None, provider)) is not None
    )
    return total_of(parts, folded) if parts else folded


def responses_usage(
    reported: Any, service_tier: str | None, provider: str = "openai"
) -> Usage | None:
    """Responses, in every dialect: reasoning is inside output here."""
    usage = as_object(reported)
    folded = _folded(
        as_count(usage.get("input_tokens")),
        as_count(usage.get("output_tokens")),
        as_object(usage.get("input_tokens_details")),
        as_object(usage.get("output_tokens_details")),
        service_tier,
    )
    if folded is None or not dialect_of(provider).states_cost:
        return folded
    return replace(folded, stated_nanousd=_stated(usage))


def tier_of(answer: dict[str, Any]) -> str | None:
    return as_text(answer.get("service_tier"))


def _stated(usage: dict[str, Any]) -> int | None:
    """Dollars as OpenRouter and Perplexity state them, rounded up. On a key of the caller's own
    OpenRouter bills a fee, and the upstream bills its price to that key: together they are the
    cost."""
    cost = usage.get("cost")
    if isinstance(cost, dict):
        cost = cost.get("total_cost")
    total = _dollars(cost)
    if total is not None and usage.get("is_byok") is True:
        total += _dollars(as_object(usage.get("cost_details")).get("upstream_inference_cost")) or 0
    return total


def _dollars(amount: Any) -> int | None:
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    if not 0 <= amount < _DOLLARS_MAX:
        return None
    nano = Decimal(repr(amount)) * 10**9
    return int(nano.to_integral_value(rounding=ROUND_CEILING))


_DOLLARS_MAX = 10**6
"""No single call costs a million; a figure above it is no figure."""


def _folded(
    total: int | None,
    output: int | None,
    inside: dict[str, Any],
    outside: dict[str, Any],
    service_tier: str | None,
) -> Usage | None:
    if total is None:
        return None
    read = min(as_count(inside.get("cached_tokens")) or 0, total)
    # OpenRouter may call the same tokens both read and written: they are priced as both.
    written = min(as_count(inside.get("cache_write_tokens")) or 0, total)
    by_lifetime = as_object(inside.get("cache_write_tokens_details"))
    long_lived = min(as_count(by_lifetime.get("ttl_12h_tokens")) or 0, written)
    audio_in = as_count(inside.get("audio_tokens")) or 0
    output = output or 0
    return Usage(
        input_tokens=total,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_5m_tokens=written - long_lived,
        cache_write_1h_tokens=long_lived,
        reasoning_tokens=min(as_count(outside.get("reasoning_tokens")) or 0, output),
        input_audio_tokens=min(audio_in, max(0, total - read - written)),
        output_audio_tokens=min(as_count(outside.get("audio_tokens")) or 0, output),
        service_tier=service_tier,
    )

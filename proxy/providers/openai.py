"""What OpenAI's formats share: bounds, tiers, caches, usage (wire.md 1.2; pure)."""

from typing import Any

from proxy.providers.answer import as_count, as_object, as_text
from proxy.providers.body import Json, optional_object
from proxy.providers.usage import Usage

OUTPUT_FIELDS = ("max_completion_tokens", "max_tokens", "max_output_tokens", "max_new_tokens")
"""Every name OpenAI or a compatible server gives to the output bound."""

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


def chat_usage(reported: Any, service_tier: str | None) -> Usage | None:
    """Chat, completions and embeddings. Cached and written tokens are inside `prompt_tokens`."""
    usage = as_object(reported)
    return _folded(
        as_count(usage.get("prompt_tokens")),
        as_count(usage.get("completion_tokens")),
        as_object(usage.get("prompt_tokens_details")),
        as_object(usage.get("completion_tokens_details")),
        service_tier,
    )


def responses_usage(reported: Any, service_tier: str | None) -> Usage | None:
    usage = as_object(reported)
    return _folded(
        as_count(usage.get("input_tokens")),
        as_count(usage.get("output_tokens")),
        as_object(usage.get("input_tokens_details")),
        as_object(usage.get("output_tokens_details")),
        service_tier,
    )


def tier_of(answer: dict[str, Any]) -> str | None:
    return as_text(answer.get("service_tier"))


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
    written = min(as_count(inside.get("cache_write_tokens")) or 0, total - read)
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
        input_audio_tokens=min(audio_in, total - read - written),
        output_audio_tokens=min(as_count(outside.get("audio_tokens")) or 0, output),
        service_tier=service_tier,
    )

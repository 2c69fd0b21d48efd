"""What a provider says a call used, folded to one meaning for all formats (pure)."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `input_tokens` is everything sent in: uncached, cache reads and cache
    writes.

    Providers differ: OpenAI counts cached tokens inside its input, Anthropic beside it. Readers add
    up, so that here the parts are always inside the whole, and reasoning is always inside output.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    """Writes at the provider's short lifetime: Anthropic's 5 minutes, OpenAI's 30."""
    cache_write_1h_tokens: int = 0
    """Writes at its long lifetime: Anthropic's hour, OpenAI's 12 hours."""
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    """Audio sent anew; what was read from the cache counts only there."""
    output_audio_tokens: int = 0
    cache_read_audio_tokens: int = 0
    """Inside `cache_read_tokens`."""
    input_image_tokens: int = 0
    """Images sent anew, and pages, which are read as images."""
    output_image_tokens: int = 0
    audio_seconds: int = 0
    """Audio billed by its length, beside any tokens; rounded up."""
    characters: int = 0
    """Text billed by its length, beside any tokens: what is spoken."""
    pages: int = 0
    """Pages read and billed by the piece; annotated ones have a price of their own."""
    annotated_pages: int = 0
    web_searches: int = 0
    """Searches billed by the piece, not by the token."""
    stated_nanousd: int | None = None
    """What the provider itself says this call cost. It is authoritative: no table is asked."""
    service_tier: str | None = None
    """The tier the answer says it was billed at; it overrides the tier asked for."""
    parts: "tuple[UsagePart, ...]" = ()
    """Present when one call was several billed samplings: then these are what is billed, each at
    its own model, and the counts above are their sum."""


@dataclass(frozen=True, slots=True)
class UsagePart:
    """One sampling of several. `model` is None when it ran on the call's own model."""

    model: str | None
    usage: Usage


_FACTS = ("stated_nanousd", "service_tier", "parts")
_COUNTS = tuple(f.name for f in fields(Usage) if f.name not in _FACTS)


def total_of(parts: tuple[UsagePart, ...], whole: Usage) -> Usage:
    """Several samplings as one usage; what only the whole reports (searches, tier) is kept from
    it."""
    sums = {name: sum(getattr(part.usage, name) for part in parts) for name in _COUNTS}
    sums["web_searches"] = whole.web_searches
    return replace(whole, **sums, parts=parts)

"""What Gemini answers: JSON, events or the elements of an array, and its usage folded (wire.md 1.4;
pure)."""

from typing import Any

from proxy.providers.answer import (
    Answer,
    as_count,
    as_list,
    as_object,
    as_text,
    parse_object,
    said,
    text_bytes,
)
from proxy.providers.sse import Event
from proxy.providers.usage import Usage

_IMAGES = ("IMAGE", "DOCUMENT")
"""Pages are priced as images are."""

_FINISHES = ("", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
_MODALITIES = ("", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")
_TRAFFIC = ("", "ON_DEMAND", "PROVISIONED_THROUGHPUT")
"""Vertex's Python client asks for the numbers of these names (`enum-encoding=int`)."""


def _named(value: Any, names: tuple[str, ...]) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return as_text(value)
    return names[value] if 0 <= value < len(names) else f"{value % 1000}"


class GenerateAnswer(Answer):
    """Every chunk has the shape of a whole answer. Chunks of one call may count less than those
    before: the largest figure of each field is what is billed."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._kinds: dict[tuple[str, str], int] = {}
        self._last: dict[str, Any] = {}
        self._is_wrapped = False

    def read_json(self, body: dict[str, Any]) -> None:
        self._read(body)
        self.is_complete = True

    def read_event(self, event: Event) -> bool:
        chunk = parse_object(event.data)
        if chunk is not None:
            self._read(chunk)
        return False

    def last_words(self) -> tuple[Event, ...]:
        """A chunk like the one before it, without words, at its limit."""
        if not self._last or self.is_complete:
            return ()
        silent = {"content": {"role": "model", "parts": [{"text": ""}]}, "index": 0}
        word = {
            "candidates": [silent | {"finishReason": "MAX_TOKENS"}],
            **{name: self._last[name] for name in _REPEATED if name in self._last},
        }
        return (said("", {"response": word} if self._is_wrapped else word),)

    def _read(self, chunk: dict[str, Any]) -> None:
        wrapped = as_object(chunk.get("response"))  # Code Assist wraps each.
        self._is_wrapped = bool(wrapped)
        chunk = self._last = wrapped or chunk
        if chunk.get("error") is not None:
            self.read_error(chunk["error"])
        self.response_id = as_text(chunk.get("responseId")) or self.response_id
        self.model = as_text(chunk.get("modelVersion")) or self.model
        blocked = _named(as_object(chunk.get("promptFeedback")).get("blockReason"), ())
        if blocked:
            self.finish_reason, self.is_complete = blocked, True
        for candidate in map(as_object, as_list(chunk.get("candidates"))):
            self.read_candidate(candidate)
        if chunk.get("usageMetadata") is not None:
            self.read_usage(as_object(chunk["usageMetadata"]))

    def read_candidate(self, candidate: dict[str, Any]) -> None:
        """Part of an answer."""
        for part in map(as_object, as_list(as_object(candidate.get("content")).get("parts"))):
            asked = as_object(part.get("functionCall"))
            if asked:
                self.add_tool(asked.get("id"), asked.get("name"))
                self.output_seen += text_bytes(asked.get("name"), str(asked.get("args")))
            code = as_object(part.get("executableCode")).get("code")
            self.output_seen += text_bytes(part.get("text"), code)
        if reason := _named(candidate.get("finishReason"), _FINISHES):
            self.finish_reason, self.is_complete = reason, True

    def read_usage(self, reported: dict[str, Any]) -> None:
        """The larger of what was and what is said."""
        for name, value in reported.items():
            if name in _COUNTS and (count := as_count(value)) is not None:
                self._counts[name] = max(count, self._counts.get(name, 0))
            elif name in _DETAILS:
                self._read_kinds(name, value)
        tier = as_text(reported.get("serviceTier")) or _tier(reported.get("trafficType"))
        self.service_tier = tier or self.service_tier
        self.usage = folded_usage(self._counts, self._kinds, self.service_tier) or self.usage

    def _read_kinds(self, name: str, value: Any) -> None:
        for detail in map(as_object, as_list(value)):
            kind, count = (
                _named(detail.get("modality"), _MODALITIES),
                as_count(detail.get("tokenCount")),
            )
            if kind in _KINDS and count is not None:
                self._kinds[name, kind] = max(count, self._kinds.get((name, kind), 0))


_REPEATED = ("usageMetadata", "modelVersion", "responseId")

_COUNTS = frozenset(
    [
        "promptTokenCount",
        "cachedContentTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
    ]
)
_DETAILS = frozenset(
    [
        "promptTokensDetails",
        "cacheTokensDetails",
        "candidatesTokensDetails",
        "toolUsePromptTokensDetails",
    ]
)
_KINDS = frozenset({"AUDIO", *_IMAGES})


def folded_usage(
    counts: dict[str, int], kinds: dict[tuple[str, str], int], tier: str | None
) -> Usage | None:
    """Thoughts are outside the candidates, a tool's prompt outside the prompt: both are billed."""
    if "promptTokenCount" not in counts:
        return None

    def of_kind(name: str, *names: str) -> int:
        return sum(kinds.get((name, kind), 0) for kind in names)

    total = counts["promptTokenCount"] + counts.get("toolUsePromptTokenCount", 0)
    cached = min(counts.get("cachedContentTokenCount", 0), total)
    heard_again = min(of_kind("cacheTokensDetails", "AUDIO"), cached)
    seen_again = min(of_kind("cacheTokensDetails", *_IMAGES), cached - heard_again)
    prompts = ("promptTokensDetails", "toolUsePromptTokensDetails")
    fresh = total - cached
    heard = min(max(0, sum(of_kind(name, "AUDIO") for name in prompts) - heard_again), fresh)
    seen = sum(of_kind(name, *_IMAGES) for name in prompts) - seen_again
    thoughts = counts.get("thoughtsTokenCount", 0)
    output = counts.get("candidatesTokenCount", 0) + thoughts
    spoken = min(of_kind("candidatesTokensDetails", "AUDIO"), output)
    return Usage(
        input_tokens=total,
        output_tokens=output,
        cache_read_tokens=cached,
        cache_read_audio_tokens=heard_again,
        reasoning_tokens=thoughts,
        input_audio_tokens=heard,
        input_image_tokens=min(max(0, seen), fresh - heard),
        output_audio_tokens=spoken,
        output_image_tokens=min(of_kind("candidatesTokensDetails", *_IMAGES), output - spoken),
        service_tier=tier,
    )


def _tier(traffic: Any) -> str | None:
    """Vertex: ON_DEMAND, ON_DEMAND_PRIORITY, PROVISIONED_THROUGHPUT …"""
    kind = _named(traffic, _TRAFFIC)
    return kind.lower().removeprefix("on_demand_") if kind else None


class EmbedAnswer(Answer):
    """Gemini counts in `usageMetadata`, Vertex's `predict` in each prediction's statistics."""

    def read_json(self, body: dict[str, Any]) -> None:
        self.is_complete = True
        if body.get("error") is not None:
            self.read_error(body["error"])
        reported = as_object(body.get("usageMetadata"))
        counts = {"promptTokenCount": as_count(reported.get("promptTokenCount"))}
        kinds = {
            ("promptTokensDetails", kind): count
            for name in ("promptTokensDetails", "promptTokenDetails")
            for detail in map(as_object, as_list(reported.get(name)))
            if (kind := as_text(detail.get("modality"))) in _KINDS
            and kind is not None
            and (count := as_count(detail.get("tokenCount"))) is not None
        }
        known = {name: count for name, count in counts.items() if count is not None}
        self.usage = folded_usage(known, kinds, None) or _predicted(body)

    def read_event(self, event: Event) -> bool:
        return False


def _predicted(body: dict[str, Any]) -> Usage | None:
    embedded = (as_object(one).get("embeddings") for one in as_list(body.get("predictions")))
    statistics = [as_object(as_object(each).get("statistics")) for each in embedded]
    counts = [as_count(each.get("token_count")) for each in statistics]
    whole = [count for count in counts if count is not None]
    return Usage(sum(whole), 0) if whole and len(whole) == len(counts) else None

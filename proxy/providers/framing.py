"""How an answer's bytes are cut into events: what every framing offers, and which one an answer has
(pure)."""

from collections.abc import Iterator
from typing import Protocol

from proxy.providers.event_stream import EventStreamParser
from proxy.providers.json_stream import JsonArrayParser, JsonLinesParser
from proxy.providers.sse import Event, SseParser

_EVENT_STREAM = "vnd.amazon.eventstream"
_LINES = ("ndjson", "jsonl", "json-lines", "stream+json", "json-seq")


class Framing(Protocol):
    """Bytes cut anywhere in, whole events out; linear time, bounded memory, no exceptions."""

    has_overflowed: bool
    """Reading gave up for good: an event too large, or bytes that are no framing of this kind."""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yields each event that this chunk completes. Consume it fully before feeding again."""
        ...

    @property
    def pending(self) -> int:
        """Bytes that passed of an event that has not ended."""
        ...

    def write(self, event: Event) -> bytes:
        """An event of our own, to be sent at the end of one of the provider's."""
        ...

    def finish(self) -> Event | None:
        """The last event, when what ends it never came."""
        ...

    def rest(self) -> bytes:
        """Raw bytes held back for an event that never ended; only where raw events are kept."""
        ...


def framing_of(content_type: str, start: bytes, *, keep_raw: bool) -> Framing | None:
    """None for one whole JSON value. `start` is the first bytes that are not white space; where the
    content type does not tell, they do."""
    kind = content_type.lower()
    if _EVENT_STREAM in kind:
        return EventStreamParser(keep_raw=keep_raw)
    if "event-stream" in kind:
        return SseParser(keep_raw=keep_raw)
    if any(name in kind for name in _LINES):
        return JsonLinesParser(keep_raw=keep_raw)
    if start.startswith(b"["):
        return JsonArrayParser(keep_raw=keep_raw)
    if start.startswith(b"{") or "json" in kind:
        return None
    return SseParser(keep_raw=keep_raw)


def tells_at_once(content_type: str) -> bool:
    """The framing is known before the first byte."""
    kind = content_type.lower()
    return _EVENT_STREAM in kind or "event-stream" in kind or any(name in kind for name in _LINES)

"""Server-sent events from bytes cut anywhere (WHATWG HTML 9.2.6), in linear time and bounded memory
(pure)."""

from collections.abc import Iterator
from typing import NamedTuple

EVENT_BYTES_MAX = 16 * 1024 * 1024
"""One event. A Responses stream ends with one that repeats all its output, so this is generous."""

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    name: str
    """The `event:` line, empty when there was none."""
    data: bytes
    """The `data:` lines joined with newlines."""
    raw: bytes
    """The event as it came, its blank line included; empty unless `keep_raw`."""


class SseParser:
    """Feed bytes, get whole events. After an event outgrows its cap `has_overflowed` is true for
    good."""

    def __init__(self, *, keep_raw: bool = False, event_bytes_max: int = EVENT_BYTES_MAX) -> None:
        self._keep_raw = keep_raw
        self._bytes_max = event_bytes_max
        self._line = bytearray()
        self._raw = bytearray()
        self._data: list[bytes] = []
        self._name = b""
        self._held = 0
        self._open = 0
        self._cr = b""
        self._is_first_line = True
        self.has_overflowed = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yields each event that this chunk completes. Consume it fully before feeding again."""
        if self.has_overflowed or not chunk:
            return
        # A line feed may follow in the next chunk, so a last carriage return waits for it.
        chunk = self._cr + chunk
        self._cr = b"\r" if chunk.endswith(b"\r") else b""
        lines = chunk.removesuffix(b"\r").splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            self._open += len(line)
            if self._keep_raw:
                self._raw += line
            if line.endswith((b"\n", b"\r")):
                event = self._end_line(line.rstrip(b"\r\n"))
                if event is not None:
                    yield event
            else:
                self._line += line
                self._held += len(line)
            if self._held > self._bytes_max:
                self._overflow(lines[number:])
                return

    def finish(self) -> Event | None:
        """The last event when its blank line never came. The standard drops it; a bill must not."""
        if self.has_overflowed:
            return None
        if self._keep_raw:
            self._raw += self._cr
        self._cr = b""
        if self._line:
            self._end_line(b"")
        return self._end_event()

    @property
    def pending(self) -> int:
        """Bytes of the event that has begun and not ended; those that passed, without `keep_raw`."""
        return 0 if self._keep_raw else self._open + len(self._cr)

    def write(self, event: Event) -> bytes:
        """An event as it goes over the wire; its data is one line."""
        name = b"event: " + event.name.encode() + b"\n" if event.name else b""
        return name + b"data: " + event.data + b"\n\n"

    def rest(self) -> bytes:
        """Raw bytes held back for an event that never ended (`keep_raw`)."""
        rest = bytes(self._raw)
        self._raw.clear()
        if self.has_overflowed:
            rest, self._cr = rest + self._cr, b""
        return rest

    def _end_line(self, tail: bytes) -> Event | None:
        line = tail
        if self._line:
            self._line += tail
            line = bytes(self._line)
            self._line.clear()
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._end_event()
        self._held += len(tail)
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._name = value.removeprefix(b" ")
        return None

    def _end_event(self) -> Event | None:
        data, name = self._data, self._name
        self._held = self._open = 0
        if not data and not self._keep_raw:
            self._name = b""
            return None
        self._data, self._name = [], b""
        raw = self.rest() if self._keep_raw else b""
        if not data and not raw:
            return None
        joined = data[0] if len(data) == 1 else b"\n".join(data)
        return Event(name.decode("utf-8", "replace"), joined, raw)

    def _overflow(self, unread: list[bytes]) -> None:
        self.has_overflowed = True
        if self._keep_raw:
            self._raw += b"".join(unread)
        self._line.clear()
        self._data.clear()

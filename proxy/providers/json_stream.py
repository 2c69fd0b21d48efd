"""Streams of JSON values: one a line (Ollama, Cohere v1), or the elements of one array (Gemini
without `alt=sse`), from bytes cut anywhere, in linear time and bounded memory (pure)."""

import re
from collections.abc import Iterator

from proxy.providers.sse import EVENT_BYTES_MAX, Event


class JsonLinesParser:
    """Every line that is not empty is an event."""

    def __init__(self, *, keep_raw: bool = False, event_bytes_max: int = EVENT_BYTES_MAX) -> None:
        self._keep_raw = keep_raw
        self._bytes_max = event_bytes_max
        self._line = bytearray()
        self.has_overflowed = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yields each line that this chunk ends."""
        if self.has_overflowed:
            return
        *ended, open_ = chunk.split(b"\n")
        for part in ended:
            event = self._end(part, b"\n")
            if event is not None:
                yield event
        self._line += open_
        self._check()

    @property
    def pending(self) -> int:
        """Bytes of the line that has begun and not ended."""
        return len(self._line)

    def write(self, event: Event) -> bytes:
        """A line."""
        return event.data + b"\n"

    def finish(self) -> Event | None:
        """The last line when its newline never came."""
        return None if self.has_overflowed else self._end(b"")

    def rest(self) -> bytes:
        """An open line is either an event or, too large, nothing that may be shown."""
        return b""

    def _end(self, part: bytes, end: bytes = b"") -> Event | None:
        """With `keep_raw` an empty line is an event too: without data, but with bytes."""
        self._line += part
        self._check()
        raw = bytes(self._line) + end if self._keep_raw else b""
        line = bytes(self._line).strip()
        self._line.clear()
        return Event("", line, raw) if (line or raw) and not self.has_overflowed else None

    def _check(self) -> None:
        if len(self._line) > self._bytes_max:
            self.has_overflowed = True
            self._line.clear()


_MARKS = re.compile(rb'["\\{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')


class JsonArrayParser:
    """Every object or array directly inside the outermost array is an event. Brackets are counted
    outside strings; whether an element is JSON is for its reader to say."""

    def __init__(self, *, keep_raw: bool = False, event_bytes_max: int = EVENT_BYTES_MAX) -> None:
        self._keep_raw = keep_raw
        self._bytes_max = event_bytes_max
        self._element = bytearray()
        self._raw = bytearray()
        self._depth = 0
        self._in_string = False
        self._skips_next = False
        self._open = 0
        self.has_overflowed = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yields each element that this chunk ends."""
        if self.has_overflowed or not chunk:
            return
        self._open += len(chunk)
        at = 1 if self._skips_next else 0  # The byte behind a backslash means nothing.
        self._skips_next = False
        kept_from = 0 if self._depth > 1 else None
        seen = 0
        while found := (_IN_STRING if self._in_string else _MARKS).search(chunk, at):
            at = found.end()
            mark = found[0]
            if mark == b'"':
                self._in_string = not self._in_string
            elif mark == b"\\":
                if self._in_string:
                    self._skips_next = at == len(chunk)
                    at += 1
            elif mark in b"{[":
                self._depth += 1
                if self._depth == 2:
                    kept_from = found.start()
            elif self._depth > 0:
                self._depth -= 1
                if self._depth == 1 and kept_from is not None:
                    self._element += chunk[kept_from:at]
                    kept_from = None
                    self._open = len(chunk) - at
                    if self._keep_raw:
                        self._raw += chunk[seen:at]
                        seen = at
                    yield Event("", bytes(self._element), bytes(self._raw))
                    self._element.clear()
                    self._raw.clear()
        if kept_from is not None:
            self._element += chunk[kept_from:]
        if self._keep_raw:
            self._raw += chunk[seen:]
        if max(len(self._element), len(self._raw)) > self._bytes_max:
            self.has_overflowed = True
            self._element.clear()

    @property
    def pending(self) -> int:
        """Bytes behind the element that ended last, be they a comma or half of the next one."""
        return self._open

    def write(self, event: Event) -> bytes:
        """The last element, and the end of the array."""
        return b",\n" + event.data + b"]"

    def finish(self) -> Event | None:
        """An element cut short says nothing."""
        return None

    def rest(self) -> bytes:
        """What came behind the last element (`keep_raw`): the end of the array, or half of an
        element."""
        rest = bytes(self._raw)
        self._raw.clear()
        return rest

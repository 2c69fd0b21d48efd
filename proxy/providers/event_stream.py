"""`application/vnd.amazon.eventstream` from bytes cut anywhere, both checksums checked (wire.md 1.5;
pure)."""

import zlib
from collections.abc import Iterator
from struct import Struct

from proxy.providers.sse import EVENT_BYTES_MAX, Event

EXCEPTION = "exception/"
"""Starts the name of an event that is an error; its type follows."""

_PRELUDE = Struct(">III")
_CRC = Struct(">I")
_FRAME_BYTES_MIN = _PRELUDE.size + _CRC.size
_NAME_KEPT_MAX = 256

_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header value by its type. 6 (bytes) and 7 (text) carry a length of their own."""
_BYTES, _TEXT = 6, 7


class EventStreamParser:
    """A frame is length, header length, CRC, headers, payload, CRC. A wrong checksum or an
    impossible length ends reading: behind it nothing can be found again."""

    def __init__(self, *, keep_raw: bool = False, event_bytes_max: int = EVENT_BYTES_MAX) -> None:
        self._keep_raw = keep_raw
        self._bytes_max = event_bytes_max
        self._held = bytearray()
        self.has_overflowed = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yields the event of each frame that this chunk completes."""
        if self.has_overflowed:
            return
        self._held += chunk
        at = 0
        while len(self._held) - at >= _PRELUDE.size:
            size, headers_size, crc = _PRELUDE.unpack_from(self._held, at)
            fits = headers_size + _FRAME_BYTES_MIN <= size <= self._bytes_max
            if not fits or zlib.crc32(self._held[at : at + 8]) != crc:
                self._give_up()
                return
            if len(self._held) - at < size:
                break
            frame = bytes(self._held[at : at + size])
            at += size
            if zlib.crc32(frame[:-4]) != _CRC.unpack_from(frame, size - 4)[0]:
                self._give_up()
                return
            split = _PRELUDE.size + headers_size
            name = _name(_headers(frame[_PRELUDE.size : split]))
            yield Event(name, frame[split:-4], frame if self._keep_raw else b"")
        del self._held[:at]

    @property
    def pending(self) -> int:
        """Bytes of the frame that has begun and not ended."""
        return len(self._held)

    def write(self, event: Event) -> bytes:
        """A frame as it goes over the wire, with both checksums."""
        headers = b"".join(
            bytes([len(name)]) + name + bytes([_TEXT]) + len(value).to_bytes(2, "big") + value
            for name, value in (
                (b":event-type", event.name.encode()),
                (b":content-type", b"application/json"),
                (b":message-type", b"event"),
            )
        )
        size = _FRAME_BYTES_MIN + len(headers) + len(event.data)
        prelude = Struct(">II").pack(size, len(headers))
        frame = prelude + _CRC.pack(zlib.crc32(prelude)) + headers + event.data
        return frame + _CRC.pack(zlib.crc32(frame))

    def finish(self) -> Event | None:
        """A frame cut short says nothing."""
        return None

    def rest(self) -> bytes:
        """Half a frame is nothing that may be shown."""
        return b""

    def _give_up(self) -> None:
        self.has_overflowed = True
        self._held.clear()


def _name(headers: dict[str, str]) -> str:
    kind = headers.get(":message-type", "event")
    if kind == "event":
        return headers.get(":event-type", "")[:_NAME_KEPT_MAX]
    what = headers.get(":exception-type") or headers.get(":error-code") or kind
    return EXCEPTION + what[:_NAME_KEPT_MAX]


def _headers(data: bytes) -> dict[str, str]:
    """The headers whose values are text; everything after a malformed one is left out."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        start = at + 1
        at = start + data[at]
        name, kind = data[start:at], data[at : at + 1]
        at += 1
        if not kind:
            return found
        if kind[0] in (_BYTES, _TEXT):
            size = int.from_bytes(data[at : at + 2], "big")
            at += 2
        elif kind[0] in _FIXED:
            size = _FIXED[kind[0]]
        else:
            return found
        if at + size > len(data):
            return found
        if kind[0] == _TEXT:
            found[name.decode("utf-8", "replace")] = data[at : at + size].decode("utf-8", "replace")
        at += size
    return found

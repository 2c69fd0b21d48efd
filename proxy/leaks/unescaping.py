"""A text read through its escapes, with the way back to where each byte stood (pure).

Only printable ASCII is undone: a secret is written in nothing else. Line ends and quotes stay as
they are, since they end a secret either way, and a text has too many of them.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import re2  # type: ignore[import-untyped]  # It ships no types.

_LATIN = re2.Options()
_LATIN.encoding = re2.Options.Encoding.LATIN1

# However often it was written into another string, the backslashes only add up.
_JSON = re2.compile(rb"\\+(?:u00[2-7][0-9a-fA-F]|/)", _LATIN)
_PERCENT = re.compile(rb"%[2-7][0-9a-fA-F]")
_HAS_JSON = re.compile(rb"\\u00|\\/")


@dataclass(frozen=True, slots=True)
class View:
    """A text, and for each place in it the place in the text that it was made from."""

    data: bytes
    seen: Sequence[int]
    """Where in `data` each undone escape stands, rising."""
    spans: Sequence[tuple[int, int]]
    """Where it was written, start and end, for each of them."""

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """A stretch of `data` as a stretch of the original; whole escapes."""
        return self._place(start)[0], self._place(end - 1)[1] if end > start else start

    def touches(self, start: int, end: int) -> bool:
        """Whether anything in this stretch had to be undone."""
        return bisect_right(self.seen, end - 1) > bisect_right(self.seen, start - 1)

    def _place(self, at: int) -> tuple[int, int]:
        index = bisect_right(self.seen, at) - 1
        if index < 0:
            return at, at + 1
        if self.seen[index] == at:
            return self.spans[index]
        place = self.spans[index][1] + at - self.seen[index] - 1
        return place, place + 1


def plain(data: bytes) -> View:
    """A text as it is."""
    return View(data, (), ())


def through_json(data: bytes) -> View:
    """JSON's escapes of ASCII undone, at any depth of strings in strings."""
    return _undone(data, _JSON) if _HAS_JSON.search(data) else plain(data)


def through_percent(data: bytes) -> View:
    """Percent escapes undone once."""
    return _undone(data, _PERCENT) if b"%" in data else plain(data)


def _undone(data: bytes, escapes: re2._Regexp | re.Pattern[bytes]) -> View:
    pieces: list[bytes] = []
    seen: list[int] = []
    spans: list[tuple[int, int]] = []
    last = size = 0
    for found in escapes.finditer(data):
        start, end = found.span()
        pieces += (data[last:start], _char(data[start:end]))
        size += start - last
        seen.append(size)
        spans.append((start, end))
        size += 1
        last = end
    if not seen:
        return plain(data)
    pieces.append(data[last:])
    return View(b"".join(pieces), seen, spans)


def _char(escape: bytes) -> bytes:
    return b"/" if escape.endswith(b"/") else bytes((int(escape[-2:], 16),))

"""Takes secrets out of a body and leaves every other byte where it was (pure)."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from proxy.leaks.formats import compiled
from proxy.leaks.leak import Leak
from proxy.leaks.rules import KINDS

_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_TOKENS = compiled(r'"(?:[^"\\]|\\[\x00-\xff])*"|[^\s,:\[\]{}"]+')
_ESCAPES = compiled(r"\\(?:u[0-9a-fA-F]{4}|[\x00-\xff])")

Edit = tuple[int, int, bytes]


def redact(body: bytes, leaks: Iterable[Leak]) -> bytes:
    """Puts `[redacted:kind]` in the place of each leak of the body. JSON stays JSON: only what is
    inside a string is replaced, and a number by a string."""
    spans = _merged([leak for leak in leaks if leak.where == "body"])
    if not spans:
        return body
    edits = _in_json(body, spans) if _is_json(body) else _in_text(spans)
    pieces: list[bytes] = []
    last = 0
    for start, end, text in edits:
        pieces += (body[last:start], text)
        last = end
    return b"".join([*pieces, body[last:]])


def _merged(leaks: list[Leak]) -> list[tuple[int, int, str]]:
    """Stretches that touch no other, each by the surest of its kinds."""
    spans: list[tuple[int, int, str]] = []
    for leak in sorted(leaks, key=lambda leak: (leak.start, leak.end)):
        if spans and leak.start < spans[-1][1]:
            start, end, kind = spans[-1]
            surest = min(kind, leak.kind, key=lambda each: _RANK.get(each, len(_RANK)))
            spans[-1] = (start, max(end, leak.end), surest)
        elif leak.end > leak.start:
            spans.append((leak.start, leak.end, leak.kind))
    return spans


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body.decode("utf-8"), parse_int=_unread, parse_float=_unread)
    except RecursionError:
        return True  # It reads as JSON as far as it goes.
    except ValueError:
        return False
    return True


def _unread(_: str) -> None:
    """Python refuses integers of many digits, which are JSON all the same."""


def _mark(kind: str) -> bytes:
    return f"[redacted:{kind}]".encode("ascii")


def _in_text(spans: Iterable[tuple[int, int, str]]) -> Iterator[Edit]:
    return ((start, end, _mark(kind)) for start, end, kind in spans)


def _in_json(body: bytes, spans: list[tuple[int, int, str]]) -> Iterator[Edit]:
    """Spans and tokens both rise, so one walk meets all pairs of them that overlap."""
    at = 0
    for token in _TOKENS.finditer(body):
        start, end = token.span()
        while at < len(spans) and spans[at][1] <= start:
            at += 1
        if at == len(spans):
            return
        inside: list[tuple[int, int, str]] = []
        for index in range(at, len(spans)):
            if spans[index][0] >= end:
                break
            inside.append(spans[index])
        if not inside:
            continue
        if body[start : start + 1] == b'"':
            yield from _in_string(body, start + 1, end - 1, inside)
        else:
            yield start, end, b'"' + _mark(inside[0][2]) + b'"'


def _in_string(
    body: bytes, start: int, end: int, spans: Iterable[tuple[int, int, str]]
) -> Iterator[Edit]:
    escapes = [hit.span() for hit in _ESCAPES.finditer(body, start, end)]
    done = start
    for first, last, kind in spans:
        first = max(_snapped(escapes, max(first, start), 0), done)
        last = _snapped(escapes, min(last, end), 1)
        if first < last:
            yield first, last, _mark(kind)
            done = last


def _snapped(escapes: list[tuple[int, int]], at: int, side: int) -> int:
    """A place that is inside of no escape: the one before it, or after it."""
    index = bisect_right(escapes, (at, -1)) - 1
    if index >= 0 and escapes[index][0] < at < escapes[index][1]:
        return escapes[index][side]
    return at

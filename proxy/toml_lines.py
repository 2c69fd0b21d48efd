"""On which line of a TOML file a value was written: what an error should name, and tomllib forgets
(pure)."""

import re
from collections.abc import Iterator, Sequence

_PART = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)'|([\w\-]+))\s*")
_ARRAY = re.compile(r"\s*\[\[(.+?)\]\]\s*(?:#.*)?$")
_TABLE = re.compile(r"\s*\[([^\[].*?)\]\s*(?:#.*)?$")


def line_of(location: Sequence[str], text: str) -> int | None:
    """The line, from 1, of the innermost part of `location` that has one; None when none has.

    Items of an array of tables go by their number, from 0.
    """
    best: int | None = None
    depth = 0
    for number, path in _written(text):
        shared = 0
        for ours, theirs in zip(path, location, strict=False):
            if ours != theirs:
                break
            shared += 1
        if shared == len(path) and shared > depth:
            best, depth = number, shared
    return best


def _written(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line and full path of every header and every key."""
    table: list[str] = []
    items: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if array := _ARRAY.match(line):
            name = _parts(array.group(1))
            item = items[tuple(name)] = items.get(tuple(name), -1) + 1
            table = [*name, str(item)]
            yield number, table
        elif header := _TABLE.match(line):
            table = _parts(header.group(1))
            yield number, table
        elif key := _parts(line, until="="):
            yield number, [*table, *key]


def _parts(text: str, until: str = "") -> list[str]:
    """A dotted key's parts, quotes taken off; empty when the text is no such key."""
    parts: list[str] = []
    at = 0
    while (part := _PART.match(text, at)) is not None:
        parts.append(next(each for each in part.groups() if each is not None))
        at = part.end()
        if text[at : at + 1] != ".":
            return parts if text[at : at + 1] == until else []
        at += 1
    return []

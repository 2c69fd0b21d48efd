"""What a model reads of its tools: names, descriptions, types and choices, without the JSON around
them (pure)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.providers.body import DEPTH_MAX


@dataclass(frozen=True, slots=True)
class Outline:
    """The tools and answer schemas of one call."""

    words: str
    """One word or sentence a line."""
    compact: str
    """The same JSON without white space, for models that read it as it is."""
    tools: int
    properties: int


NONE = Outline("", "", 0, 0)


def outline(tools_text: str) -> Outline:
    """Of JSON values one after the other. What cannot be read is taken as one tool's words."""
    words: list[str] = []
    compact: list[str] = []
    counts = {"tools": 0, "properties": 0}
    try:
        for value in _values(tools_text):
            compact.append(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
            _walk(value, words, counts)
    except (ValueError, RecursionError):
        return Outline(tools_text, tools_text, 1, 0)
    return Outline("\n".join(words), "\n".join(compact), counts["tools"], counts["properties"])


def _values(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        value, at = decoder.raw_decode(text, at)
        yield value


_PROPERTIES = frozenset({"properties", "$defs", "definitions", "parameter_definitions"})
_UNREAD = frozenset({"required", "title", "additionalProperties", "strict", "default", "$ref"})


def _walk(root: Any, words: list[str], counts: dict[str, int]) -> None:
    """Depth first, without recursion. Each entry: value, whether its members are properties, whether
    it describes one, depth."""
    stack: list[tuple[Any, bool, bool, int]] = [(root, False, False, 0)]
    while stack:
        value, holds, is_property, depth = stack.pop()
        if depth > DEPTH_MAX:
            raise ValueError("nested too deeply")
        if isinstance(value, list):
            stack.extend((item, False, is_property, depth + 1) for item in reversed(value))
        if not isinstance(value, dict):
            continue
        for name, child in value.items():
            if holds:
                counts["properties"] += 1
                words.append(name)
            elif isinstance(child, str):
                if name == "name":
                    counts["tools"] += 1
                if name in ("name", "description") or (is_property and name == "type"):
                    words.append(child)
            elif name == "enum" and isinstance(child, list):
                words.extend(map(str, child))
        if not holds:
            value = {name: child for name, child in value.items() if name not in _UNREAD}
        stack.extend(
            (child, not holds and name in _PROPERTIES, holds or is_property, depth + 1)
            for name, child in reversed(value.items())
        )

"""A request body read strictly: JSON that every parser reads alike, or a refusal (pure).

Two parsers that disagree are two prices: duplicate keys, NaN, a BOM or a second spelling of a field
let a caller show us one bound and the provider another (scenario R10).
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from json.scanner import make_scanner
from typing import Any, NoReturn

from proxy.providers.call import MODEL_NAME, TOKENS_MAX, BadRequest

Json = dict[str, Any]

DEPTH_MAX = 128
"""Nesting that the walk over messages follows; real conversations stay under 30."""

_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object, with where each of its own members stands in the text."""

    text: str
    members: Json
    spans: dict[str, tuple[int, int]]
    """Member name to the start and end of its value in `text`."""

    def source(self, name: str) -> str:
        """The JSON of one member as it was written; empty when it is absent."""
        span = self.spans.get(name)
        return self.text[span[0] : span[1]] if span else ""


@dataclass(frozen=True, slots=True)
class Items:
    """A JSON array, with where each of its own items stands in the text."""

    text: str
    values: list[Any]
    spans: list[tuple[int, int]]

    def source(self, number: int) -> str:
        """The JSON of one item as it was written."""
        start, end = self.spans[number]
        return self.text[start:end]


def read_body(data: bytes) -> Body:
    """Raises BadRequest on anything but one strict UTF-8 JSON object."""
    return _strictly(data, _members)


def read_items(data: bytes) -> Items:
    """Raises BadRequest on anything but one strict UTF-8 JSON array."""
    return _strictly(data, _items)


def _strictly[Read](data: bytes, read: Callable[[str], Read]) -> Read:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("the body is not valid UTF-8") from None
    if text.startswith("\ufeff"):
        raise BadRequest("the body starts with a byte order mark")
    try:
        return read(text)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except BadRequest:
        raise
    except (ValueError, StopIteration):
        raise BadRequest("the body is not valid JSON") from None


def _items(text: str) -> Items:
    """The outermost array by hand, as `_members` does it for an object."""
    end = _skip(text, 0)
    if text[end : end + 1] != "[":
        json.loads(text)
        raise BadRequest("the body is not a JSON array")
    items = Items(text, [], [])
    end = _skip(text, end + 1)
    is_open = text[end : end + 1] != "]"
    while is_open:
        start = _skip(text, end)
        value, end = _scan(text, start)
        items.values.append(value)
        items.spans.append((start, end))
        end = _skip(text, end)
        is_open = text[end : end + 1] == ","
        if is_open:
            end += 1
        elif text[end : end + 1] != "]":
            raise ValueError
    if _skip(text, end + 1) != len(text):
        raise ValueError
    return items


def _members(text: str) -> Body:
    """The outermost object by hand, its values by the C scanner: that is what gives us the
    spans."""
    end = _skip(text, 0)
    if text[end : end + 1] != "{":
        json.loads(text)
        raise BadRequest("the body is not a JSON object")
    members: Json = {}
    spans: dict[str, tuple[int, int]] = {}
    end = _skip(text, end + 1)
    if text[end : end + 1] == "}":
        return _finish(Body(text, members, spans), end + 1)
    while True:
        if text[end : end + 1] != '"':
            raise ValueError
        name, end = _scan(text, end)
        end = _skip(text, end)
        if text[end : end + 1] != ":":
            raise ValueError
        start = _skip(text, end + 1)
        value, end = _scan(text, start)
        if name in members:
            _refuse_duplicate(name)
        members[name] = value
        spans[name] = (start, end)
        end = _skip(text, end)
        mark = text[end : end + 1]
        if mark == "}":
            return _finish(Body(text, members, spans), end + 1)
        if mark != ",":
            raise ValueError
        end = _skip(text, end + 1)


def _finish(body: Body, end: int) -> Body:
    if _skip(body.text, end) != len(body.text):
        raise ValueError
    return body


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _refuse_duplicate(name: str) -> NoReturn:
    # The name may be anything the caller wrote, so only a plain one is repeated in a message.
    raise BadRequest("a JSON key appears twice", name if MODEL_NAME.fullmatch(name) else None)


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                _refuse_duplicate(name)
            seen.add(name)
    return members


def _refuse_constant(_: str) -> NoReturn:
    raise BadRequest("NaN and Infinity are not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise BadRequest("a number is too large")
    return number


_decoder: Any = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
)
_scan: Callable[[str, int], tuple[Any, int]] = make_scanner(_decoder)


def model_of(members: Json) -> str:
    """Raises BadRequest when the model is missing or not a name a provider could have given it."""
    model = members.get("model")
    if model is None:
        raise BadRequest("model is required", "model")
    if not isinstance(model, str) or not MODEL_NAME.fullmatch(model):
        raise BadRequest("model is not a valid model name", "model")
    return model


def whole_number(members: Json, name: str, *, least: int = 0, most: int = TOKENS_MAX) -> int | None:
    """An optional integer field; null counts as absent. Raises BadRequest for any other kind of
    value."""
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"{name} must be an integer", name)
    if not least <= value <= most:
        raise BadRequest(f"{name} must be between {least} and {most}", name)
    return value


def flag(members: Json, name: str) -> bool:
    """An optional boolean field; null counts as false."""
    value = members.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false", name)
    return value


def optional_text(members: Json, name: str) -> str | None:
    """An optional short string, such as a tier: safe to repeat in a record."""
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not MODEL_NAME.fullmatch(value):
        raise BadRequest(f"{name} is not a valid value", name)
    return value


def optional_object(members: Json, name: str) -> Json:
    """An optional object; null and absent are empty."""
    value = members.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"{name} must be an object", name)
    return value


def output_bound(members: Json, honoured: Iterable[str], alien: Iterable[str]) -> int | None:
    """The largest reading of every field that bounds output.

    A field this format does not know (`alien`) may be ignored upstream: it can raise the bound, but
    alone it bounds nothing.
    """
    bounds = [value for name in honoured if (value := whole_number(members, name)) is not None]
    raised = [value for name in alien if (value := whole_number(members, name)) is not None]
    return max(bounds + raised) if bounds else None


def refuse_lookalikes(members: Json, read: frozenset[str]) -> None:
    """A parser that ignores case would read these where ours does not: refuse `Max_Tokens`.

    Go's folds case as Unicode does: to it, a long s is an s.
    """
    for name in members:
        if name not in read and name.casefold() in read:
            raise BadRequest("a field is spelled in the wrong case", name.casefold())

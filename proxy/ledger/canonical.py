"""RFC 8785 bytes of a JSON value, by the C encoder of `json` (pure).

Our value space is null, booleans, integers, strings, lists and objects. In it the encoder's own
escapes are already the RFC's; what is left is the order of keys beyond the BMP and what to refuse.
"""

import json
import re
from collections.abc import Iterable, Mapping

type Json = bool | int | str | list[Json] | dict[str, Json] | None

INTEGER_MAX = 2**53 - 1
"""RFC 8785 numbers are IEEE doubles: an integer is exact only up to here."""

_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
).encode
_encode_as_is = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_beyond_bmp = re.compile("[\U00010000-\U0010ffff]").search


class NotCanonical(ValueError):  # noqa: N818  # a state of the value, not an accident
    """The value has no canonical form here: a float, a large integer, a key that is no string."""


class LoneSurrogate(NotCanonical):
    """A string that is not Unicode text; `clean` makes it so."""


def canonical(value: object) -> bytes:
    """The one byte string that stands for `value`. Raises NotCanonical."""
    _check(value)
    text = _encode(value)
    if not text.isascii() and _beyond_bmp(text):
        text = _encode_as_is(_in_utf16_order(value))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise LoneSurrogate(f"a string holds a lone surrogate: {error.reason}") from None


def clean(text: str) -> str:
    """The same text with each lone surrogate replaced by U+FFFD, and split pairs joined."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def cleaned(value: Json) -> Json:
    """`value` with `clean` applied to every string and key in it."""
    match value:
        case str():
            return clean(value)
        case list():
            return [cleaned(item) for item in value]
        case dict():
            return {clean(key): cleaned(item) for key, item in value.items()}
        case _:
            return value


def _check(value: object) -> None:
    # This walk is on every call's path: scalars are told apart in place, the commonest first.
    kind = type(value)
    if kind is dict:
        items: Iterable[object] = value.values()  # type: ignore[attr-defined]  # kind is dict
        for key in value:  # type: ignore[attr-defined]  # kind is dict
            if type(key) is not str:
                raise NotCanonical(f"the key {key!r} is not a string")
    elif kind is list or kind is tuple:
        items = value  # type: ignore[assignment]  # kind is list or tuple
    else:
        items = (value,)
    for item in items:
        kind = type(item)
        if kind is str or item is None:
            continue
        if kind is int:
            if not -INTEGER_MAX <= item <= INTEGER_MAX:  # type: ignore[operator]  # kind is int
                raise NotCanonical(f"{item} is beyond ±(2**53-1), where JSON numbers are inexact")
        elif kind is dict or kind is list or kind is tuple:
            _check(item)
        elif kind is not bool:
            raise NotCanonical(f"{item!r} ({kind.__name__}) has no place in a record")


def _in_utf16_order(value: object) -> object:
    # RFC 8785 3.2.3 sorts keys by UTF-16 code units; Python sorts by code points.
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _in_utf16_order(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_in_utf16_order(item) for item in value]
    return value

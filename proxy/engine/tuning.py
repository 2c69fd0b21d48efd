"""Where mitmproxy's message classes spend a call's time on nothing, and what is done about it.

Measured (docs/performance.md): looking headers up cost a quarter of a call, because each look-up
converts and compares every field; type checks of the engine's own messages cost another 40 µs. The
replacements mean the same; tests/engine/test_tuning.py holds them against the originals.
"""

from collections.abc import Callable
from typing import Any

from mitmproxy import http


def _table(headers: http.Headers) -> dict[bytes, list[bytes]]:
    """Lower-case name to values in order, made once per set of fields (fields are replaced, never
    changed in place)."""
    fields = headers.fields
    known = headers.__dict__
    if known.get("exeat_fields") is fields:
        table: dict[bytes, list[bytes]] = known["exeat_table"]
        return table
    table = {}
    for name, value in fields:
        table.setdefault(name.lower(), []).append(value)
    known["exeat_fields"], known["exeat_table"] = fields, table
    return table


def _key(name: str | bytes) -> bytes:
    if isinstance(name, str):
        name = name.encode("utf-8", "surrogateescape")
    return name.lower()


def _get_all(self: http.Headers, name: str | bytes) -> list[str]:
    values = _table(self).get(_key(name), ())
    return [value.decode("utf-8", "surrogateescape") for value in values]


def _contains(self: http.Headers, name: object) -> bool:
    return isinstance(name, str | bytes) and _key(name) in _table(self)


def _getitem(self: http.Headers, name: str | bytes) -> str:
    values = _table(self).get(_key(name))
    if values is None:
        raise KeyError(name)
    return b", ".join(values).decode("utf-8", "surrogateescape")


def _get(self: http.Headers, name: str | bytes, default: Any = None) -> Any:
    values = _table(self).get(_key(name))
    if values is None:
        return default
    return b", ".join(values).decode("utf-8", "surrogateescape")


def _unchecked(self: http.MessageData) -> None:
    """The types that mitmproxy would check here are mypy's to check."""


_REPLACEMENTS: tuple[tuple[type, str, Callable[..., Any]], ...] = (
    (http.Headers, "get_all", _get_all),
    (http.Headers, "__contains__", _contains),
    (http.Headers, "__getitem__", _getitem),
    (http.Headers, "get", _get),
    (http.MessageData, "__post_init__", _unchecked),
)


def tune() -> None:
    """Put the replacements in place, for the whole process. Idempotent."""
    for owner, name, replacement in _REPLACEMENTS:
        setattr(owner, name, replacement)

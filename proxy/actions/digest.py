"""What one tool call is told from every other by (pure)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

TEXT_MAX = 4_194_304
"""Characters that count of what JSON cannot hold."""


def digest_of(tool: str, raw: Any) -> str:
    """RFC 8785 bytes of the values JSON has, so that the same call always has the same digest."""
    try:
        value = json.dumps(_ordered([tool, raw]), ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        value = json.dumps([tool, repr(type(raw)), str(raw)[:TEXT_MAX]])
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _ordered(value: Any) -> Any:
    # RFC 8785 sorts keys by UTF-16 code units and writes a float that is whole as an integer.
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: str(key).encode("utf-16-be", "surrogatepass"))
        return {str(key): _ordered(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value

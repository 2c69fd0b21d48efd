"""What may be counted: whole numbers from 0 to 2**53 - 1, checked at the door (pure)."""

import re

AMOUNT_MAX = 2**53 - 1
"""Redis Lua's numbers are doubles, as are RFC 8785's: above this they are not exact."""

NOW_MS_MAX = 253_370_764_799_999
"""The last millisecond of the year 9998: a later one has a month whose end no calendar holds."""

_ORG = re.compile(r"[A-Za-z0-9._:@/-]{1,128}", re.ASCII)
TEXT_CHARS_MAX = 512


def checked(name: str, value: int, at_most: int = AMOUNT_MAX) -> int:
    """The value itself; ValueError when it is a bool, a float, negative or too large to count."""
    if type(value) is not int:
        raise ValueError(f"{name} must be an integer, not {type(value).__name__}")
    if not 0 <= value <= at_most:
        raise ValueError(f"{name} must be between 0 and {at_most}")
    return value


def checked_now(now_ms: int) -> int:
    """Unix milliseconds within the calendar; ValueError otherwise."""
    return checked("now_ms", now_ms, NOW_MS_MAX)


def checked_org(org: str) -> str:
    """An org's name as identity allows it; ValueError otherwise (a brace breaks the hash tag)."""
    if not isinstance(org, str) or _ORG.fullmatch(org) is None:
        raise ValueError("org must be 1 to 128 of A-Z a-z 0-9 . _ : @ / -")
    return org


def checked_text(name: str, value: str) -> str:
    """A name of 1 to 512 printable characters; ValueError otherwise."""
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_CHARS_MAX:
        raise ValueError(f"{name} must be 1 to {TEXT_CHARS_MAX} characters")
    if not value.isprintable():
        raise ValueError(f"{name} must be printable")
    return value


def saturated(amount: int) -> int:
    """The amount, or the largest that counts: a counter stops there, it never wraps."""
    return min(amount, AMOUNT_MAX)

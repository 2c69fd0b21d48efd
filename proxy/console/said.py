"""Figures as a person would say them: money, durations, sizes, counts, ids (pure).

What is shortened here stands whole in the page beside it: in a title, or in an export.
"""

import re
from datetime import UTC, datetime

from proxy.money import NANO

_CENT = NANO // 100
_SHORT = 8
_is_uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


def money(nanousd: int) -> str:
    """Dollars with as many digits as matter: "$1,204.50", "$0.0042", "<$0.0001"."""
    if nanousd == 0:
        return "$0"
    if nanousd < NANO // 10_000:
        return "<$0.0001"
    if nanousd >= NANO:
        cents = (nanousd + _CENT // 2) // _CENT
        return f"${cents // 100:,}.{cents % 100:02d}"
    return (
        f"$0.{(nanousd * 10_000 + NANO // 2) // NANO:04d}" if nanousd < NANO - 50_000 else "$1.00"
    )


def cents(nanousd: int) -> str:
    """Dollars in a column of sums: two digits behind the point, always."""
    if 0 < nanousd < _CENT:
        return "<$0.01"
    whole = (nanousd + _CENT // 2) // _CENT
    return f"${whole // 100:,}.{whole % 100:02d}"


def fine(nanousd: int) -> str:
    """Dollars in a column of single calls: four digits behind the point, always."""
    if 0 < nanousd < NANO // 10_000:
        return "<$0.0001"
    whole = (nanousd + NANO // 20_000) * 10_000 // NANO
    return f"${whole // 10_000:,}.{whole % 10_000:04d}"


def amount(value: int, unit: str) -> str:
    """So much of a budget's unit."""
    if unit == "usd":
        return money(value)
    word = unit.replace("_", " ")
    return f"{count(value)} {word[:-1] if value == 1 else word}"


def count(value: int) -> str:
    """A number of things: "12,440", "3.2 M"."""
    if value < 1_000_000:
        return f"{value:,}"
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if value >= size:
            return f"{value / size:,.1f} {letter}"
    raise AssertionError(value)


def duration(us: int) -> str:
    """Microseconds in the unit that fits: "840 µs", "38 ms", "1.2 s", "2 min 5 s", "3 h 20 min"."""
    if us < 1000:
        return f"{us} µs"
    if us < 10_000:
        return f"{us / 1000:.1f} ms"
    if us < 1_000_000:
        return f"{us // 1000} ms"
    if us < 60_000_000:
        return f"{us / 1_000_000:.1f} s"
    minutes, seconds = divmod(us // 1_000_000, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"


def size(octets: int) -> str:
    """Bytes: "812 B", "14.2 kB", "3.1 MB"."""
    if octets < 1000:
        return f"{octets} B"
    for unit, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if octets >= unit:
            return f"{octets / unit:.1f} {letter}B"
    raise AssertionError(octets)


def percent(part: int, whole: int) -> str:
    """A share, never rounded up to all of it: "0 %", "<1 %", "99 %"."""
    if whole <= 0 or part <= 0:
        return "0 %"
    share = part * 100 // whole
    return f"{share} %" if share else "<1 %"


def short(name: str) -> str:
    """The end of a UUID, which is what differs between two made at the same time; any other name is
    its own."""
    return f"…{name[-_SHORT:]}" if _is_uuid(name) else name


def iso(ms: int) -> str:
    """A moment for machines, UTC."""
    return f"{_moment(ms):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def utc(ms: int) -> str:
    """A moment for people, UTC, whole."""
    return f"{_moment(ms):%Y-%m-%d %H:%M:%S}.{ms % 1000:03d} UTC"


def clock(ms: int, now_ms: int) -> str:
    """A moment in a row of them, UTC: the day only where it is another."""
    at, now = _moment(ms), _moment(now_ms)
    if at.date() == now.date():
        return f"{at:%H:%M:%S}Z"
    day = f"{at.day} {at:%b}" if at.year == now.year else f"{at:%Y-%m-%d}"
    return f"{day} {at:%H:%M}Z"


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC)

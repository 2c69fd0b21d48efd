"""Where a budget's window starts and ends, in Unix milliseconds, UTC (pure)."""

from datetime import UTC, datetime
from typing import Literal, assert_never

from proxy.budgets.amounts import checked_now

Window = Literal["total", "minute", "hour", "day", "week", "month"]

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_WEEK_MS = 7 * _DAY_MS
_FIRST_MONDAY_MS = 4 * _DAY_MS
"""1 January 1970 was a Thursday."""


def window_start_ms(window: Window, now_ms: int) -> int:
    """The first millisecond of the window that holds now; 0 for `total`."""
    checked_now(now_ms)
    match window:
        case "total":
            return 0
        case "minute":
            return now_ms - now_ms % _MINUTE_MS
        case "hour":
            return now_ms - now_ms % _HOUR_MS
        case "day":
            return now_ms - now_ms % _DAY_MS
        case "week":
            return max(0, now_ms - (now_ms - _FIRST_MONDAY_MS) % _WEEK_MS)
        case "month":
            today = _date(now_ms)
            return _month_start_ms(today.year, today.month)
        case _:
            assert_never(window)


def window_end_ms(window: Window, now_ms: int) -> int | None:
    """The first millisecond after the window that holds now; None for `total`, which never ends."""
    checked_now(now_ms)
    match window:
        case "total":
            return None
        case "minute":
            return now_ms - now_ms % _MINUTE_MS + _MINUTE_MS
        case "hour":
            return now_ms - now_ms % _HOUR_MS + _HOUR_MS
        case "day":
            return now_ms - now_ms % _DAY_MS + _DAY_MS
        case "week":
            return now_ms - (now_ms - _FIRST_MONDAY_MS) % _WEEK_MS + _WEEK_MS
        case "month":
            today = _date(now_ms)
            return _month_start_ms(today.year + today.month // 12, today.month % 12 + 1)
        case _:
            assert_never(window)


def _date(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms // 1000, UTC)


def _month_start_ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000

"""Moments as people write them: "90s", "1h", "7d", "2026-11-21", "2026-11-21T06:00:00Z" (pure)."""

import re
from datetime import UTC, datetime

_span = re.compile(r"(\d{1,6})([smhdw])").fullmatch
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment_ms(text: str, now_ms: int) -> int:
    """So long before now, or an ISO 8601 date or time, UTC unless it says otherwise.

    Raises ValueError, saying what would have been understood.
    """
    span = span_ms(text)
    if span is not None:
        return now_ms - span
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write 90s, 30m, 1h, 7d, 2w, 2026-11-21 or 2026-11-21T06:00:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def span_ms(text: str) -> int | None:
    """How long "90s", "1h" or "7d" is; None for what is no such text."""
    span = _span(text.strip())
    return int(span[1]) * _SECONDS[span[2]] * 1000 if span else None

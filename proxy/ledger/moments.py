"""Moments as people write them: "90s", "1h", "7d", "2026-11-21", "2026-11-21T06:00:00Z" (pure)."""

import re
from datetime import UTC, datetime

_ago = re.compile(r"(\d{1,6})([smhdw])").fullmatch
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment_ms(text: str, now_ms: int) -> int:
    """So long before now, or an ISO 8601 date or time, UTC unless it says otherwise.

    Raises ValueError, saying what would have been understood.
    """
    ago = _ago(text.strip())
    if ago:
        return now_ms - int(ago[1]) * _SECONDS[ago[2]] * 1000
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write 90s, 30m, 1h, 7d, 2w, 2026-11-21 or 2026-11-21T06:00:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000

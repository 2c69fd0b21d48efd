"""How well those who answer have done lately: who rests, and how quick they are (pure).

The clock is the caller's. What is kept is bounded: names are partly the agents' to choose.
"""

from collections import OrderedDict
from dataclasses import dataclass

FAILURES = 3
"""In a row; then it rests."""
REST_MS = 30_000
"""At first; twice as long after each trial that fails."""
REST_MS_MAX = 300_000
_NAMES_MAX = 1024
_WEIGHT = 0.3
"""Of the newest latency in the running mean."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One who answers, as it stands now."""

    is_resting: bool = False
    latency_ms: int | None = None
    """To its first byte, lately; None while it has not answered."""


@dataclass(slots=True)
class _Past:
    failures: int = 0
    rest_ms: int = REST_MS
    rests_until_ms: int = 0
    is_on_trial: bool = False
    latency_ms: float | None = None


class Health:
    """A circuit breaker for each name. Who has rested is tried by one call at a time."""

    def __init__(self, names_max: int = _NAMES_MAX) -> None:
        self._past: OrderedDict[str, _Past] = OrderedDict()
        self._names_max = names_max

    def standing(self, name: str, now_ms: int) -> Standing:
        past = self._past.get(name)
        if past is None:
            return Standing()
        latency_ms = None if past.latency_ms is None else round(past.latency_ms)
        return Standing(now_ms < past.rests_until_ms, latency_ms)

    def begins(self, name: str, now_ms: int) -> None:
        """A call goes there. After a rest it is a trial, and others keep away until it has ended."""
        past = self._past.get(name)
        if past is not None and past.failures >= FAILURES:
            past.is_on_trial = now_ms >= past.rests_until_ms
            past.rests_until_ms = max(past.rests_until_ms, now_ms + past.rest_ms)

    def answered(self, name: str, latency_ms: int) -> None:
        """It did what it was asked."""
        past = self._of(name)
        past.failures, past.rest_ms, past.rests_until_ms = 0, REST_MS, 0
        past.is_on_trial = False
        known = past.latency_ms
        past.latency_ms = latency_ms if known is None else known + _WEIGHT * (latency_ms - known)

    def failed(self, name: str, now_ms: int, retry_after_s: int | None = None) -> None:
        """It did not. `retry_after_s`: how long it asks to be left alone, which is heard at once."""
        past = self._of(name)
        past.failures += 1
        if past.is_on_trial:  # Many calls that fail at once are one failure.
            past.rest_ms = min(2 * past.rest_ms, REST_MS_MAX)
            past.is_on_trial = False
        rest_ms = past.rest_ms if past.failures >= FAILURES else 0
        if retry_after_s is not None:
            rest_ms = max(rest_ms, min(retry_after_s * 1000, REST_MS_MAX))
        past.rests_until_ms = now_ms + rest_ms

    def __len__(self) -> int:
        return len(self._past)

    def _of(self, name: str) -> _Past:
        past = self._past.setdefault(name, _Past())
        self._past.move_to_end(name)
        if len(self._past) > self._names_max:
            self._past.popitem(last=False)
        return past

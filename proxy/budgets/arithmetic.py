"""What fits, which limit binds, which thresholds are reached (pure; the Lua says the same)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from proxy.budgets.amounts import saturated
from proxy.budgets.limits import Charge, Limit
from proxy.budgets.results import Exceeded
from proxy.budgets.windows import window_end_ms

THRESHOLDS_PERCENT = (50, 80, 90, 100)


class Shortfall(NamedTuple):
    """One limit that a call does not fit under, with its counter as it stood."""

    limit: Limit
    required: int
    settled: int
    held: int
    at_ms: int
    """A moment within the counter's window."""


def output_that_fits(charges: Sequence[Charge], rooms: Sequence[int], low: int, high: int) -> int:
    """The most output tokens up to `high` whose charges all fit; below `low` if none do."""
    output = high
    for charge, room in zip(charges, rooms, strict=True):
        if charge.fixed + charge.per_output * output <= room:
            continue
        if charge.per_output == 0 or room < charge.fixed:
            return low - 1
        output = (room - charge.fixed) // charge.per_output
    return output


def hardest(shortfalls: Iterable[Shortfall]) -> Exceeded:
    """The refusal to give: the limit that is last to make room; of equals, the shortest."""
    refusals = [_refusal(shortfall) for shortfall in shortfalls]
    return max(refusals, key=_hardness)


def _refusal(short: Shortfall) -> Exceeded:
    cap = short.limit.cap
    never = short.required > cap
    return Exceeded(
        limit=short.limit,
        required=saturated(short.required),
        remaining=max(0, cap - short.settled - short.held),
        held=short.held,
        resets_at_ms=None if never else window_end_ms(short.limit.window, short.at_ms),
    )


def _hardness(refusal: Exceeded) -> tuple[bool, int, int]:
    short = refusal.required - refusal.remaining
    return (refusal.resets_at_ms is None, refusal.resets_at_ms or 0, short)


def percent_reached(settled: int, cap: int) -> int:
    """The highest threshold the settled amount has reached, or 0. A cap of 0 has no thresholds."""
    if cap == 0:
        return 0
    return max((p for p in THRESHOLDS_PERCENT if settled * 100 >= cap * p), default=0)


def crossed_between(limit: Limit, fired: int, reached: int) -> tuple[tuple[Limit, int], ...]:
    """The events due once a counter has reached a threshold and events up to `fired` were given."""
    return tuple((limit, p) for p in THRESHOLDS_PERCENT if fired < p <= reached)

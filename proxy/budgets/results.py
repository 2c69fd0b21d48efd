"""What a budget answers: holds, refusals, settlements, balances, and its two errors."""

from dataclasses import dataclass, field

from proxy.budgets.limits import Limit


class CountersUnavailable(Exception):  # noqa: N818  # the word the operator reads
    """The counters did not answer, or could not be rebuilt: nothing may leave on their word."""


class HoldClosed(LookupError):  # noqa: N818  # as above
    """This hold is not open: settled, released, expired, or rebuilt without its prices."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a hold takes from one counter, in the limit's unit.

    `per_output` prices growth; None when the counter was rebuilt and the price is not known.
    """

    limit: Limit
    window_start_ms: int
    amount: int
    per_output: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """The call may leave with at most `output_tokens` of output; `amounts` are set aside for it."""

    id: str
    org: str
    output_tokens: int
    amounts: tuple[Held, ...]
    lease_until_ms: int
    seq: int
    remaining: tuple[int, ...] = field(default=(), compare=False)
    """What each limit had left behind it, in the order of `amounts`; empty where it was not asked
    for just now."""


@dataclass(frozen=True, slots=True)
class Exceeded:
    """The call does not fit, and nothing was changed. `limit` is the one that binds hardest:
    the last to make room again.

    `required` is the least the call needs, `remaining` what is neither settled nor held, `held`
    what calls in flight may still give back. `resets_at_ms` is None when no reset makes it fit.
    """

    limit: Limit
    required: int
    remaining: int
    held: int
    resets_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Unseeded:
    """These limits have no counter in the store: seed them from the ledger, then ask again."""

    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Stale:
    """The store lost or forgot what this process has seen of the org: reset, then ask again."""


type Crossed = tuple[tuple[Limit, int], ...]
"""Limits, and the percent of their caps that was reached for the first time."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a hold really cost, per limit. `already`: it was not open, and nothing was changed.

    `overran`: some amount was above what was held (and is charged all the same). `crossed` names
    the thresholds (50, 80, 90, 100 percent of the cap) that this settlement was the first to reach.
    """

    amounts: tuple[Held, ...]
    overran: bool
    already: bool
    crossed: Crossed
    seq: int


@dataclass(frozen=True, slots=True)
class ExpiredHold:
    """A hold whose lease ended unsettled; its whole bound has been charged."""

    id: str
    org: str
    amounts: tuple[Held, ...]
    crossed: Crossed


@dataclass(frozen=True, slots=True)
class Balance:
    """Where a limit stands in its current window."""

    limit: Limit
    settled: int
    held: int
    remaining: int
    resets_at_ms: int | None

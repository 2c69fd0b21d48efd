"""The budget port: counters that reserve, settle and forget, and the history they are rebuilt from.

Every store answers alike (tests/contracts/test_budgets.py). `seen_seq` is the highest `seq` the
asking process has seen of the org; a store that is behind it answers Stale and changes nothing.
Callers use `Accounts`, which keeps that number and rebuilds what a store has lost.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from proxy.budgets.limits import Limit, Reservation, Unit
from proxy.budgets.results import (
    Balance,
    Exceeded,
    ExpiredHold,
    Hold,
    Settlement,
    Stale,
    Unseeded,
)

OpenHold = tuple[str, int, int]
"""A hold's id, its amount in the limit's unit, and the moment its lease ends (Unix ms)."""

GENERATION = 2**32
"""How far a reset lifts `seq`: above all that any process can have seen of what was lost."""

ENDED_MS = 120_000
"""How long a settled hold's id is remembered: longer than its outcome takes to reach the ledger."""

RELEASED_MS = 3_600_000
"""How long a released id is remembered: a reservation may still sit in a hung store's socket."""

IDLE_MS = 3_600_000
"""A counter that holds nothing is dropped after this long: it can be seeded again."""


class Counters(Protocol):
    """Each method is one atomic step. All raise CountersUnavailable when the store cannot answer
    and ValueError for numbers that cannot be counted."""

    async def reserve(
        self, reservation: Reservation, now_ms: int, seen_seq: int = 0
    ) -> Hold | Exceeded | Unseeded | Stale:
        """Hold the most output in the asked range that fits every limit, or change nothing.

        The same hold id again returns the same hold. Raises HoldClosed for an id already ended.
        """
        ...

    async def settle(
        self, hold_id: str, org: str, actual: Mapping[Unit, int], now_ms: int, seen_seq: int = 0
    ) -> Settlement | Stale:
        """Charge what the call cost, once, in the windows where it was held.

        A unit that `actual` leaves out is charged as held.
        """
        ...

    async def release(self, hold_id: str, org: str, now_ms: int, seen_seq: int = 0) -> Stale | None:
        """The call never left: charge nothing, and refuse a reservation that comes late."""
        ...

    async def extend(
        self, hold_id: str, org: str, output_tokens_more: int, now_ms: int, seen_seq: int = 0
    ) -> Hold | Exceeded | Stale:
        """Grow a hold by so much output, or change nothing. Raises HoldClosed."""
        ...

    async def renew(
        self, org: str, hold_ids: Sequence[str], lease_until_ms: int, seen_seq: int = 0
    ) -> tuple[str, ...] | Stale:
        """Lengthen leases (never shorten them); returns the ids that are still open."""
        ...

    async def expire(
        self, org: str, now_ms: int, seen_seq: int = 0
    ) -> tuple[ExpiredHold, ...] | Stale:
        """Charge every hold whose lease has ended its whole bound, once; drop idle counters."""
        ...

    async def seed(
        self,
        org: str,
        limit: Limit,
        window_start_ms: int,
        settled: int,
        holds: Sequence[OpenHold],
        now_ms: int,
    ) -> bool:
        """Create the counter if it is absent; False when another has created it first.

        A listed hold that this store knows to have ended counts as it ended.
        """
        ...

    async def reset(self, org: str, seen_seq: int) -> None:
        """Forget a stale org, so that all of it is Unseeded, and lift its seq above `seen_seq`.

        Does nothing when the org is not stale (any more): another process has reset it.
        """
        ...

    async def balances(
        self, org: str, limits: Sequence[Limit], now_ms: int, seen_seq: int = 0
    ) -> list[Balance] | Unseeded | Stale:
        """Where each limit stands now; changes nothing."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class History(Protocol):
    """What the ledger knows of an org's spending: the truth that counters are a cache of.

    A call counts in the window in which it was held, not in which it ended. An outcome is recorded
    only after its hold was settled (or that settlement queued): `Accounts` relies on that order.
    """

    async def settled(self, org: str, limit: Limit, since_ms: int) -> int:
        """What calls held at `since_ms` or later, and ended, have cost in the limit's unit."""
        ...

    async def open_holds(self, org: str, limit: Limit, since_ms: int) -> Sequence[OpenHold]:
        """Calls held at `since_ms` or later that have a decision and no outcome."""
        ...

    async def last_seq(self, org: str) -> int:
        """The highest `seq` any record of the org carries; 0 when there is none."""
        ...

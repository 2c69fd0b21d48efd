"""One org's counters and holds in memory, and the moves between them (no clock, no await)."""

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from proxy.budgets.amounts import saturated
from proxy.budgets.arithmetic import crossed_between, percent_reached
from proxy.budgets.counters import ENDED_MS, IDLE_MS, RELEASED_MS, OpenHold
from proxy.budgets.limits import Limit, Unit, counter_name
from proxy.budgets.results import Held, Hold
from proxy.budgets.windows import window_end_ms

_SWEEP_MS = 60_000
"""Looking at every counter is not free: at most once in so long."""


@dataclass(slots=True)
class Counter:
    """settled + held <= cap holds here at every moment, unless a call cost more than was held."""

    settled: int
    held: int
    fired_percent: int
    touched_ms: int
    ends_ms: int | None

    def is_over(self, now_ms: int) -> bool:
        """It holds nothing, and its window is past or nobody has asked for long."""
        past = self.ends_ms is not None and self.ends_ms + ENDED_MS < now_ms
        return self.held == 0 and (past or self.touched_ms + IDLE_MS < now_ms)


@dataclass(slots=True)
class OpenRecord:
    """A hold that is open: what it takes from which counter. No output when it was rebuilt."""

    output_tokens: int | None
    lease_until_ms: int
    entries: dict[str, Held] = field(default_factory=dict)

    def price_of(self, unit: Unit) -> int | None:
        """What one more output token costs in this unit, if any of its limits tells."""
        prices = (held.per_output for held in self.entries.values() if held.limit.unit == unit)
        return next(prices, None)

    def as_hold(self, hold_id: str, org: str, seq: int) -> Hold:
        amounts = tuple(self.entries.values())
        return Hold(hold_id, org, self.output_tokens or 0, amounts, self.lease_until_ms, seq)


class Ended(NamedTuple):
    """How a hold ended, kept so that it ends once: None was released, else what each unit cost."""

    actual: dict[Unit, int] | None
    forget_at_ms: int


class Charged(NamedTuple):
    """What settling one hold moved."""

    amounts: tuple[Held, ...]
    overran: bool
    crossed: tuple[tuple[Limit, int], ...]


@dataclass(slots=True)
class Book:
    """All that is kept of one org."""

    seq: int = 0
    counters: dict[str, Counter] = field(default_factory=dict)
    open: dict[str, OpenRecord] = field(default_factory=dict)
    settled: OrderedDict[str, Ended] = field(default_factory=OrderedDict)
    released: OrderedDict[str, Ended] = field(default_factory=OrderedDict)
    _swept_ms: int = 0
    _leases: list[tuple[int, str]] = field(default_factory=list)
    """A heap with an entry at or before each open hold's lease end; entries may be outdated."""

    def hold(self, hold_id: str, record: OpenRecord) -> None:
        """Open a hold whose amounts are already counted."""
        self.open[hold_id] = record
        heapq.heappush(self._leases, (record.lease_until_ms, hold_id))
        self.seq += 1

    def charge(self, hold_id: str, actual: dict[Unit, int], now_ms: int) -> Charged | None:
        """Move a hold to settled; None when it is not open (remembered, lest it open later)."""
        record = self.open.pop(hold_id, None)
        if record is None:
            self._remember(hold_id, actual, now_ms)
            return None
        amounts: list[Held] = []
        crossed: tuple[tuple[Limit, int], ...] = ()
        overran = False
        for name, held in record.entries.items():
            counter = self.counters[name]
            cost = actual.get(held.limit.unit, held.amount)
            overran = overran or cost > held.amount
            counter.held -= held.amount
            counter.settled = saturated(counter.settled + cost)
            counter.touched_ms = max(counter.touched_ms, now_ms)
            reached = percent_reached(counter.settled, held.limit.cap)
            if reached > counter.fired_percent:
                crossed += crossed_between(held.limit, counter.fired_percent, reached)
                counter.fired_percent = reached
            amounts.append(Held(held.limit, held.window_start_ms, cost, held.per_output))
        self._remember(hold_id, actual, now_ms)
        return Charged(tuple(amounts), overran, crossed)

    def give_back(self, hold_id: str, now_ms: int) -> None:
        """End a hold without charging it; an unknown one is remembered as released."""
        record = self.open.pop(hold_id, None)
        if record is not None:
            for name, held in record.entries.items():
                self.counters[name].held -= held.amount
        self._remember(hold_id, None, now_ms)

    def renew(self, hold_ids: Sequence[str], lease_until_ms: int) -> tuple[str, ...]:
        """Lengthen the leases of those that are open, and name them."""
        alive = [hold_id for hold_id in hold_ids if hold_id in self.open]
        for hold_id in alive:
            record = self.open[hold_id]
            record.lease_until_ms = max(record.lease_until_ms, lease_until_ms)
        if alive:
            self.seq += 1
        return tuple(alive)

    def ended_leases(self, now_ms: int) -> list[str]:
        """The open holds whose lease has ended, earliest first."""
        due: list[tuple[int, str]] = []
        while self._leases and self._leases[0][0] <= now_ms:
            _, hold_id = heapq.heappop(self._leases)
            record = self.open.get(hold_id)
            if record is None:
                continue
            if record.lease_until_ms > now_ms:
                heapq.heappush(self._leases, (record.lease_until_ms, hold_id))
            else:
                due.append((record.lease_until_ms, hold_id))
        return [hold_id for _, hold_id in sorted(set(due))]

    def seed(
        self, limit: Limit, start_ms: int, settled: int, holds: Sequence[OpenHold], now_ms: int
    ) -> None:
        """Create a counter from history; holds that have ended meanwhile count as they ended."""
        name = counter_name(limit, start_ms)
        held_sum = 0
        for hold_id, amount, lease_until_ms in holds:
            if (ended := self.has_ended(hold_id)) is not None:
                settled += 0 if ended.actual is None else ended.actual.get(limit.unit, amount)
                continue
            record = self.open.get(hold_id)
            if record is None:
                record = OpenRecord(None, lease_until_ms)
                self.hold(hold_id, record)
            if name not in record.entries:
                record.entries[name] = Held(limit, start_ms, amount, record.price_of(limit.unit))
            held_sum += record.entries[name].amount
        settled = saturated(settled)
        ends_ms = window_end_ms(limit.window, start_ms)
        reached = percent_reached(settled, limit.cap)
        self.counters[name] = Counter(settled, saturated(held_sum), reached, now_ms, ends_ms)
        self.seq += 1

    def is_empty(self) -> bool:
        """Nothing is kept, so that the org itself can be forgotten."""
        return not (self.counters or self.open or self.settled or self.released)

    def has_ended(self, hold_id: str) -> Ended | None:
        """How a hold ended, as long as that is remembered."""
        return self.settled.get(hold_id) or self.released.get(hold_id)

    def forget(self, now_ms: int) -> None:
        """Drop what can be seeded again: counters that hold nothing, their window over or idle."""
        self._forget_ended(now_ms)
        if abs(now_ms - self._swept_ms) < _SWEEP_MS:
            return
        self._swept_ms = now_ms
        over = [name for name, counter in self.counters.items() if counter.is_over(now_ms)]
        for name in over:
            del self.counters[name]

    def _remember(self, hold_id: str, actual: dict[Unit, int] | None, now_ms: int) -> None:
        self.seq += 1
        if self.has_ended(hold_id) is not None:
            return
        if actual is None:
            self.released[hold_id] = Ended(None, now_ms + RELEASED_MS)
        else:
            self.settled[hold_id] = Ended(actual, now_ms + ENDED_MS)
        self._forget_ended(now_ms)

    def _forget_ended(self, now_ms: int) -> None:
        for kind in (self.settled, self.released):
            while kind and next(iter(kind.values())).forget_at_ms <= now_ms:
                kind.popitem(last=False)

"""MemoryCounters: the budget port for one process. No method awaits, so each is one atomic step."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from proxy.budgets.amounts import checked, checked_now, checked_org, saturated
from proxy.budgets.arithmetic import Shortfall, hardest, output_that_fits
from proxy.budgets.counters import GENERATION, OpenHold
from proxy.budgets.limits import Limit, Reservation, Unit, counter_name
from proxy.budgets.memory_book import Book, Counter, OpenRecord
from proxy.budgets.results import (
    Balance,
    Exceeded,
    ExpiredHold,
    Held,
    Hold,
    HoldClosed,
    Settlement,
    Stale,
    Unseeded,
)
from proxy.budgets.windows import window_end_ms, window_start_ms

_STALE = Stale()


class MemoryCounters:
    """Counters that live and die with the process."""

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}

    async def reserve(
        self, reservation: Reservation, now_ms: int, seen_seq: int = 0
    ) -> Hold | Exceeded | Unseeded | Stale:
        book = self._book(reservation.org)
        if book.seq < seen_seq:
            return _STALE
        hold_id = reservation.hold_id
        known = book.open.get(hold_id)
        if known is not None and known.output_tokens is not None:
            return known.as_hold(hold_id, reservation.org, book.seq)
        if known is not None or book.has_ended(hold_id) is not None:
            raise HoldClosed(hold_id)

        charges = reservation.charges
        starts = [window_start_ms(charge.limit.window, now_ms) for charge in charges]
        found = [
            book.counters.get(counter_name(charge.limit, start))
            for charge, start in zip(charges, starts, strict=True)
        ]
        counters = [counter for counter in found if counter is not None]
        if len(counters) < len(charges):
            missing = zip(charges, found, strict=True)
            return Unseeded(tuple(charge.limit for charge, counter in missing if counter is None))
        rooms = [
            max(0, charge.limit.cap - counter.settled - counter.held)
            for charge, counter in zip(charges, counters, strict=True)
        ]
        low = reservation.output_min
        output = output_that_fits(charges, rooms, low, reservation.output_max)
        if output < low:
            return hardest(
                Shortfall(charge.limit, charge.cost(low), counter.settled, counter.held, now_ms)
                for charge, counter, room in zip(charges, counters, rooms, strict=True)
                if charge.cost(low) > room
            )
        record = OpenRecord(output, saturated(now_ms + reservation.lease_ms))
        remaining: list[int] = []
        for charge, counter, start, room in zip(charges, counters, starts, rooms, strict=True):
            amount = charge.amount(output, room)
            counter.held += amount
            counter.touched_ms = now_ms
            remaining.append(charge.limit.cap - counter.settled - counter.held)
            held = Held(charge.limit, start, amount, charge.per_output)
            record.entries[counter_name(charge.limit, start)] = held
        book.hold(hold_id, record)
        hold = record.as_hold(hold_id, reservation.org, book.seq)
        return replace(hold, remaining=tuple(remaining))

    async def settle(
        self, hold_id: str, org: str, actual: Mapping[Unit, int], now_ms: int, seen_seq: int = 0
    ) -> Settlement | Stale:
        for amount in actual.values():
            checked("an actual amount", amount)
        checked_now(now_ms)
        book = self._book(org)
        if book.seq < seen_seq:
            return _STALE
        charged = book.charge(hold_id, dict(actual), now_ms)
        if charged is None:
            return Settlement((), overran=False, already=True, crossed=(), seq=book.seq)
        return Settlement(charged.amounts, charged.overran, False, charged.crossed, book.seq)

    async def release(self, hold_id: str, org: str, now_ms: int, seen_seq: int = 0) -> Stale | None:
        checked_now(now_ms)
        book = self._book(org)
        if book.seq < seen_seq:
            return _STALE
        book.give_back(hold_id, now_ms)
        return None

    async def extend(
        self, hold_id: str, org: str, output_tokens_more: int, now_ms: int, seen_seq: int = 0
    ) -> Hold | Exceeded | Stale:
        checked("output_tokens_more", output_tokens_more)
        checked_now(now_ms)
        book = self._book(org)
        if book.seq < seen_seq:
            return _STALE
        record = book.open.get(hold_id)
        if record is None or record.output_tokens is None:
            raise HoldClosed(hold_id)
        grown: dict[str, Held] = {}
        short: list[Shortfall] = []
        for name, held in record.entries.items():
            if held.per_output is None:
                raise HoldClosed(hold_id)
            more = held.per_output * output_tokens_more
            counter = book.counters[name]
            if more > held.limit.cap - counter.settled - counter.held and more > 0:
                at_ms = held.window_start_ms
                short.append(Shortfall(held.limit, more, counter.settled, counter.held, at_ms))
            grown[name] = Held(
                held.limit, held.window_start_ms, held.amount + more, held.per_output
            )
        if short:
            return hardest(short)
        for name, held in grown.items():
            counter = book.counters[name]
            counter.held += held.amount - record.entries[name].amount
            counter.touched_ms = max(counter.touched_ms, now_ms)
        record.entries = grown
        record.output_tokens += output_tokens_more
        book.seq += 1
        return record.as_hold(hold_id, org, book.seq)

    async def renew(
        self, org: str, hold_ids: Sequence[str], lease_until_ms: int, seen_seq: int = 0
    ) -> tuple[str, ...] | Stale:
        checked("lease_until_ms", lease_until_ms)
        book = self._book(org)
        if book.seq < seen_seq:
            return _STALE
        return book.renew(hold_ids, lease_until_ms)

    async def expire(
        self, org: str, now_ms: int, seen_seq: int = 0
    ) -> tuple[ExpiredHold, ...] | Stale:
        checked_now(now_ms)
        book = self._book(org)
        if book.seq < seen_seq:
            return _STALE
        expired: list[ExpiredHold] = []
        for hold_id in book.ended_leases(now_ms):
            charged = book.charge(hold_id, {}, now_ms)
            if charged is not None:
                expired.append(ExpiredHold(hold_id, org, charged.amounts, charged.crossed))
        book.forget(now_ms)
        if book.is_empty():
            del self._books[org]
        return tuple(expired)

    async def seed(
        self,
        org: str,
        limit: Limit,
        window_start_ms: int,
        settled: int,
        holds: Sequence[OpenHold],
        now_ms: int,
    ) -> bool:
        checked("window_start_ms", window_start_ms)
        checked("settled", settled)
        for _, amount, lease_until_ms in holds:
            checked("a hold's amount", amount)
            checked("a hold's lease", lease_until_ms)
        checked_now(now_ms)
        book = self._book(org)
        if counter_name(limit, window_start_ms) in book.counters:
            return False
        if book.seq == 0:
            book.seq = GENERATION
        book.seed(limit, window_start_ms, settled, holds, now_ms)
        return True

    async def reset(self, org: str, seen_seq: int) -> None:
        checked("seen_seq", seen_seq)
        book = self._book(org)
        if book.seq < seen_seq:
            self._books[org] = Book(seq=seen_seq + GENERATION)

    async def balances(
        self, org: str, limits: Sequence[Limit], now_ms: int, seen_seq: int = 0
    ) -> list[Balance] | Unseeded | Stale:
        book = self._book(org)
        if book.seq < seen_seq:
            return _STALE
        found = [
            (limit, book.counters.get(counter_name(limit, window_start_ms(limit.window, now_ms))))
            for limit in limits
        ]
        missing = tuple(limit for limit, counter in found if counter is None)
        if missing:
            return Unseeded(missing)
        return [_balance(limit, counter, now_ms) for limit, counter in found if counter is not None]

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _book(self, org: str) -> Book:
        book = self._books.get(org)
        if book is None:
            book = self._books[checked_org(org)] = Book()
        return book


def _balance(limit: Limit, counter: Counter, now_ms: int) -> Balance:
    remaining = max(0, limit.cap - counter.settled - counter.held)
    resets_at_ms = window_end_ms(limit.window, now_ms)
    return Balance(limit, counter.settled, counter.held, remaining, resets_at_ms)

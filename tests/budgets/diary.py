"""Diary: the ledger's part in budgets, in memory, and short ways to write limits and asks."""

import asyncio
from collections.abc import Mapping, Sequence

from proxy.budgets import (
    Accounts,
    Charge,
    Exceeded,
    Held,
    Hold,
    Limit,
    OpenHold,
    Reservation,
    Settlement,
    Unit,
    Window,
)

ORG = "acme"
NOW = 1_790_812_740_000
"""30 September 2026, 23:59:00 UTC: a minute before a month ends."""


def limit(cap: int, unit: Unit = "usd", window: Window = "total", **scope: str) -> Limit:
    return Limit(f"{unit} a {window}", tuple(scope.items()), unit, window, cap)


def ask(
    hold_id: str,
    *charges: Charge,
    output: tuple[int, int] = (0, 0),
    lease_ms: int = 60_000,
    org: str = ORG,
) -> Reservation:
    return Reservation(hold_id, org, charges, output[0], output[1], lease_ms)


class Diary:
    """Records each hold's decision and outcome as a ledger would; answers as `History`."""

    def __init__(self) -> None:
        self.open: dict[str, Hold] = {}
        self.closed: dict[str, tuple[Held, ...]] = {}
        self.seq = 0
        self.reads = 0

    def decided(self, hold: Hold) -> None:
        assert hold.id not in self.closed
        self.open[hold.id] = hold
        self.seq = max(self.seq, hold.seq)

    def ended(self, hold_id: str, amounts: tuple[Held, ...]) -> None:
        assert hold_id not in self.closed, "a hold is settled exactly once"
        del self.open[hold_id]
        self.closed[hold_id] = amounts

    def costs(self, hold_id: str, actual: Mapping[Unit, int]) -> tuple[Held, ...]:
        return tuple(
            Held(h.limit, h.window_start_ms, actual.get(h.limit.unit, h.amount), h.per_output)
            for h in self.open[hold_id].amounts
        )

    async def settled(self, org: str, limit: Limit, since_ms: int) -> int:
        self.reads += 1
        await asyncio.sleep(0)
        ended = (held for amounts in self.closed.values() for held in amounts)
        return sum(held.amount for held in ended if _counts(held, limit, since_ms))

    async def open_holds(self, org: str, limit: Limit, since_ms: int) -> Sequence[OpenHold]:
        await asyncio.sleep(0)
        return [
            (hold.id, held.amount, hold.lease_until_ms)
            for hold in self.open.values()
            for held in hold.amounts
            if _counts(held, limit, since_ms)
        ]

    async def last_seq(self, org: str) -> int:
        return self.seq


def _counts(held: Held, limit: Limit, since_ms: int) -> bool:
    return held.limit.key == limit.key and held.window_start_ms >= since_ms


class Caller:
    """One worker that does as the house does: reserve, record; settle, record."""

    def __init__(self, accounts: Accounts, diary: Diary) -> None:
        self.accounts = accounts
        self.diary = diary

    async def reserve(self, reservation: Reservation, now_ms: int = NOW) -> Hold | Exceeded:
        answer = await self.accounts.reserve(reservation, now_ms)
        if isinstance(answer, Hold):
            self.diary.decided(answer)
        return answer

    async def hold(self, reservation: Reservation, now_ms: int = NOW) -> Hold:
        answer = await self.reserve(reservation, now_ms)
        assert isinstance(answer, Hold), answer
        return answer

    async def settle(
        self, hold_id: str, actual: Mapping[Unit, int], now_ms: int = NOW
    ) -> Settlement:
        settlement = await self.accounts.settle(hold_id, ORG, actual, now_ms)
        self.diary.ended(hold_id, self.diary.costs(hold_id, actual))
        return settlement

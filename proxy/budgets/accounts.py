"""Accounts: how the house asks for money. Every answer comes from counters that match the ledger.

It seeds counters that the store does not have, rebuilds a store that was lost, waits for room that
is just being given back, and ends what a store that fell silent left half done.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from proxy.budgets.counters import Counters, History
from proxy.budgets.flight import Flight
from proxy.budgets.limits import Limit, Reservation, Unit
from proxy.budgets.rebuild import Rebuild
from proxy.budgets.results import (
    Balance,
    CountersUnavailable,
    Crossed,
    Exceeded,
    ExpiredHold,
    Hold,
    Settlement,
    Stale,
    Unseeded,
)
from proxy.budgets.unfinished import Ending, Unfinished
from proxy.patience import within

_ATTEMPTS_MAX = 8
"""A reset and one seeding make two; more only when other workers reset or sweep meanwhile."""

_ORGS_MAX = 20_000
"""Orgs whose seq is kept; one that is dropped starts from the ledger's again."""

Answer = TypeVar("Answer")


class Accounts:
    """One per process, over any `Counters`. Each call to the store may take `timeout_s`.

    `on_crossed` hears which hold took which limits past 50, 80, 90 and 100 percent, each once.
    Every method raises CountersUnavailable when the store does not answer: nothing may leave then.
    It asks the store anew each time, so it recovers when the store does.
    """

    def __init__(
        self,
        counters: Counters,
        history: History,
        timeout_s: float = 0.5,
        history_timeout_s: float = 5.0,
        *,
        on_crossed: Callable[[str, Crossed], None] | None = None,
    ) -> None:
        self._counters = counters
        self._on_crossed = on_crossed
        self._timeout_s = timeout_s
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._flight = Flight()
        self._rebuild = Rebuild(counters, history, self._flight, history_timeout_s)
        self._unfinished = Unfinished(self._finish)

    async def reserve(self, reservation: Reservation, now_ms: int) -> Hold | Exceeded:
        """Hold the most output that fits, or say what it does not fit under.

        When it raises, or is cancelled, the hold ends released, however late the store got the ask.
        """
        org = reservation.org
        asked = False

        async def ask(seen_seq: int) -> Hold | Exceeded | Unseeded | Stale:
            nonlocal asked
            asked = True
            return await self._counters.reserve(reservation, now_ms, seen_seq)

        try:
            answer: Hold | Exceeded = await self._answer(org, now_ms, ask)
            if isinstance(answer, Exceeded) and await self._flight.wait_for_settlements(
                org, self._timeout_s
            ):
                answer = await self._answer(org, now_ms, ask)
        except (CountersUnavailable, asyncio.CancelledError):
            if asked:
                self._flight.ended(org, reservation.hold_id, None)
                self._unfinished.add(Ending(reservation.hold_id, org, None, now_ms))
            raise
        if isinstance(answer, Hold):
            self._saw(org, answer.seq)
            self._flight.opened(answer)
        return answer

    async def settle(
        self, hold_id: str, org: str, actual: Mapping[Unit, int], now_ms: int
    ) -> Settlement:
        """Charge what the call cost, once; a unit not given is charged as held.

        When it raises CountersUnavailable, or is cancelled, the settlement is queued and will be
        applied once the store answers: record the outcome all the same.
        """
        ending = Ending(hold_id, org, dict(actual), now_ms)
        with self._flight.settling(org):
            self._flight.ended(org, hold_id, ending.actual)
            try:
                return await self._settle(ending)
            except (CountersUnavailable, asyncio.CancelledError):
                self._unfinished.add(ending)
                raise

    async def release(self, hold_id: str, org: str, now_ms: int) -> None:
        """The call never left: nothing is charged. Never fails: it is repeated until it is done."""
        ending = Ending(hold_id, org, None, now_ms)
        with self._flight.settling(org):
            self._flight.ended(org, hold_id, None)
            try:
                await self._finish(ending)
            except CountersUnavailable:
                self._unfinished.add(ending)
            except asyncio.CancelledError:
                self._unfinished.add(ending)
                raise

    async def extend(
        self, hold_id: str, org: str, output_tokens_more: int, now_ms: int
    ) -> Hold | Exceeded:
        """Grow a hold, or say what it does not fit under. Raises HoldClosed when it is not open."""

        async def ask(seen_seq: int) -> Hold | Exceeded | Stale:
            return await self._counters.extend(hold_id, org, output_tokens_more, now_ms, seen_seq)

        answer: Hold | Exceeded = await self._answer(org, now_ms, ask)
        if isinstance(answer, Exceeded) and await self._flight.wait_for_settlements(
            org, self._timeout_s
        ):
            answer = await self._answer(org, now_ms, ask)
        if isinstance(answer, Hold):
            self._saw(org, answer.seq)
            self._flight.opened(answer)
        return answer

    async def renew(
        self, org: str, hold_ids: Sequence[str], lease_until_ms: int
    ) -> tuple[str, ...]:
        """Lengthen the leases of live streams; returns the ids that are still open."""

        async def ask(seen_seq: int) -> tuple[str, ...] | Stale:
            return await self._counters.renew(org, hold_ids, lease_until_ms, seen_seq)

        self._flight.renewed(org, hold_ids, lease_until_ms)
        return await self._answer(org, lease_until_ms, ask)

    async def expire(self, org: str, now_ms: int) -> tuple[ExpiredHold, ...]:
        """Charge this org's orphans, once among all workers, and sweep its idle counters."""

        async def ask(seen_seq: int) -> tuple[ExpiredHold, ...] | Stale:
            return await self._counters.expire(org, now_ms, seen_seq)

        expired = await self._answer(org, now_ms, ask)
        for hold in expired:
            self._flight.ended(org, hold.id, {})
            self._tell(hold.id, hold.crossed)
        return expired

    async def expire_all(self, now_ms: int) -> tuple[ExpiredHold, ...]:
        """`expire` for every org this process knows: the reaper's round.

        When the store fails on the way, what was charged is still told; the rest comes next time.
        """
        expired: list[ExpiredHold] = []
        for org in list(self._seen):
            try:
                expired.extend(await self.expire(org, now_ms))
            except CountersUnavailable:
                if not expired:
                    raise
                break
        return tuple(expired)

    async def balances(self, org: str, limits: Sequence[Limit], now_ms: int) -> list[Balance]:
        """Where each limit stands now, seeded from the ledger where the store does not know."""

        async def ask(seen_seq: int) -> list[Balance] | Unseeded | Stale:
            return await self._counters.balances(org, limits, now_ms, seen_seq)

        return await self._answer(org, now_ms, ask)

    async def drained(self) -> None:
        """Returns when no settlement or release is left to repeat."""
        await self._unfinished.drained()

    async def aclose(self) -> None:
        """Stop repeating and let the store go."""
        await self._unfinished.aclose()
        await self._counters.aclose()

    async def _answer(
        self,
        org: str,
        now_ms: int,
        ask: Callable[[int], Coroutine[Any, Any, Answer | Unseeded | Stale]],
    ) -> Answer:
        for _ in range(_ATTEMPTS_MAX):
            seen_seq = self._seen.get(org)
            if seen_seq is None:
                seen_seq = await self._meet(org)
            answer = await self._within(ask(seen_seq))
            if isinstance(answer, Unseeded):
                await self._rebuild.seed(org, answer.limits, now_ms)
            elif isinstance(answer, Stale):
                await self._within(self._counters.reset(org, seen_seq))
            else:
                return answer
        raise CountersUnavailable(f"counters of {org} could not be rebuilt")

    async def _settle(self, ending: Ending) -> Settlement:
        async def ask(seen_seq: int) -> Settlement | Stale:
            return await self._counters.settle(
                ending.hold_id, ending.org, ending.actual or {}, ending.now_ms, seen_seq
            )

        settlement = await self._answer(ending.org, ending.now_ms, ask)
        self._saw(ending.org, settlement.seq)
        self._tell(ending.hold_id, settlement.crossed)
        return settlement

    def _tell(self, hold_id: str, crossed: Crossed) -> None:
        if crossed and self._on_crossed is not None:
            self._on_crossed(hold_id, crossed)

    async def _finish(self, ending: Ending) -> None:
        async def ask(seen_seq: int) -> Stale | None:
            return await self._counters.release(ending.hold_id, ending.org, ending.now_ms, seen_seq)

        if ending.actual is not None:
            await self._settle(ending)
        else:
            await self._answer(ending.org, ending.now_ms, ask)

    async def _meet(self, org: str) -> int:
        self._saw(org, await self._rebuild.last_seq(org))
        return self._seen[org]

    def _saw(self, org: str, seq: int) -> None:
        self._seen[org] = max(seq, self._seen.get(org, 0))
        self._seen.move_to_end(org)
        if len(self._seen) > _ORGS_MAX:
            self._seen.popitem(last=False)

    async def _within(self, call: Coroutine[Any, Any, Answer]) -> Answer:
        try:
            return await within(self._timeout_s, call)
        except TimeoutError as error:
            raise CountersUnavailable(
                f"the counters did not answer within {self._timeout_s} s"
            ) from error

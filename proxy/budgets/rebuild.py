"""Rebuild: seeds counters that the store does not have from the ledger's history, each once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from proxy.budgets.amounts import saturated
from proxy.budgets.counters import Counters, History, OpenHold
from proxy.budgets.flight import Flight
from proxy.budgets.limits import Limit, counter_name
from proxy.budgets.results import CountersUnavailable
from proxy.budgets.windows import window_start_ms

_GRACE_MS = 30_000
"""A rebuilt hold lives at least this long: the ledger knows the lease it began with, not its
renewals, and the worker that holds it needs the time to renew it again."""

_READS_MAX = 20
"""Two reads of the ledger agree when no outcome was recorded between them."""


class Rebuild:
    """Many calls may find the same counter missing at once; one of them reads the ledger."""

    def __init__(
        self, counters: Counters, history: History, flight: Flight, history_timeout_s: float
    ) -> None:
        self._counters = counters
        self._history = history
        self._flight = flight
        self._history_timeout_s = history_timeout_s
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def seed(self, org: str, limits: Sequence[Limit], now_ms: int) -> None:
        """Returns when every limit has a counter. Raises CountersUnavailable: a counter that
        cannot be rebuilt admits nothing."""
        tasks = [self._task(org, limit, now_ms) for limit in limits]
        await asyncio.wait(tasks)
        for task in tasks:
            task.result()

    async def last_seq(self, org: str) -> int:
        """The highest seq the ledger has recorded of the org."""
        async with self._or_unavailable():
            return await self._history.last_seq(org)

    def _task(self, org: str, limit: Limit, now_ms: int) -> asyncio.Task[None]:
        start_ms = window_start_ms(limit.window, now_ms)
        slot = (org, counter_name(limit, start_ms))
        task = self._under_way.get(slot)
        if task is None:
            task = asyncio.create_task(self._seed_one(org, limit, start_ms, now_ms))
            self._under_way[slot] = task
            task.add_done_callback(lambda done: self._over(slot, done))
        return task

    def _over(self, slot: tuple[str, str], task: asyncio.Task[None]) -> None:
        del self._under_way[slot]
        if not task.cancelled():
            task.exception()  # Retrieved here too: every waiter may have been cancelled.

    async def _seed_one(self, org: str, limit: Limit, start_ms: int, now_ms: int) -> None:
        async with self._or_unavailable():
            settled, holds = await self._read(org, limit, start_ms)
            settled, holds = self._flight.corrected(org, limit, start_ms, settled, holds)
            lasting = [(i, n, max(lease, now_ms + _GRACE_MS)) for i, n, lease in holds]
            await self._counters.seed(org, limit, start_ms, saturated(settled), lasting, now_ms)

    @asynccontextmanager
    async def _or_unavailable(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._history_timeout_s):
                yield
        except CountersUnavailable:
            raise
        except Exception as error:  # The ledger's errors are its own; whichever, fail closed.
            raise CountersUnavailable(f"not rebuilt: {type(error).__name__}") from error

    async def _read(self, org: str, limit: Limit, start_ms: int) -> tuple[int, list[OpenHold]]:
        """Open holds and settled sum of one moment; when outcomes keep coming, holds that ended in
        between count twice, which is never too little."""
        before = list(await self._history.open_holds(org, limit, start_ms))
        for _ in range(_READS_MAX):
            settled = await self._history.settled(org, limit, start_ms)
            after = list(await self._history.open_holds(org, limit, start_ms))
            if {hold[0] for hold in before} <= {hold[0] for hold in after}:
                return settled, after
            before = after
        return settled, before

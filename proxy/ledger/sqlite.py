"""The embedded ledger: one SQLite file, one process, one writing thread."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from proxy.ledger import opening
from proxy.ledger.file import LedgerFile
from proxy.ledger.holds import held_by
from proxy.ledger.reader import SqliteReader
from proxy.ledger.records import Record
from proxy.ledger.sequencer import Sequencer
from proxy.ledger.store import (
    Call,
    CostRow,
    Counted,
    Entry,
    Filed,
    Filter,
    LedgerUnavailable,
    Limit,
    OpenHold,
    Recovered,
    Spender,
    Spent,
)
from proxy.ledger.writer import BATCH_MAX, OnFiled, Waiting, Writer

QUEUE_MAX = 10_000
"""Records waiting for the disk. Beyond it the disk is not keeping up, and calls are refused rather
than queued behind it."""

LINGER_S = 0.004
"""How long a record that nobody waits for may wait for one that somebody does: an outcome then rides
in the next decision's transaction, and a call costs one sync instead of two."""

QUICK_S = 0.002
"""While a sync takes no longer, on the average of the last ten or so, it is waited for on the loop's
own thread, once per round of the loop: nothing else could leave before it anyway."""

SLOW_S = 1.0
"""While it does, the writer's thread does the waiting; this often the disk is tried again."""


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class SqliteLedger:
    """`proxy.ledger.store.Ledger` on one file; open it with `await SqliteLedger.open(path)`, on
    the loop that will append."""

    def __init__(
        self,
        path: Path,
        lock: int,
        file: LedgerFile,
        sequencer: Sequencer,
        recovered: tuple[Recovered, ...],
        on_filed: OnFiled | None = None,
    ) -> None:
        self.path = path
        self.recovered = recovered
        self._lock = lock
        self._sequencer = sequencer
        self._reader = SqliteReader(path)
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(file, sequencer, self._loop, on_filed)
        self._queue = self._writer.queue
        self._lingering: list[Waiting] = []
        self._linger: asyncio.TimerHandle | None = None
        self._is_sending = False
        self._slow_until = 0.0
        self._sync_s = 0.0
        self._is_closed = False
        self._writer.start()

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        now_ms: Callable[[], int] = _wall_clock_ms,
        on_filed: OnFiled | None = None,
    ) -> "SqliteLedger":
        """Raises LedgerBusy, LedgerUnavailable, LedgerCorrupt; the file is untouched then."""
        return cls(*await asyncio.to_thread(_opened, path, now_ms), on_filed)

    @property
    def problem(self) -> str | None:
        """Why nothing could be filed the last time it was tried; None while all is well."""
        return self._writer.problem

    @property
    def waiting(self) -> int:
        """Records that wait for the disk."""
        return self._writer.pending

    @property
    def sync_s(self) -> float:
        """How long the last commit took."""
        return self._writer.sync_s

    def submit(self, record: Record, *, is_urgent: bool = True) -> asyncio.Future[Filed]:
        if self._is_closed:
            raise LedgerUnavailable(f"{self.path}: the ledger is closed")
        if self._writer.pending >= QUEUE_MAX:
            raise LedgerUnavailable(
                f"{self.path}: {QUEUE_MAX} records wait for the disk; look what slows it"
            )
        future: asyncio.Future[Filed] = self._loop.create_future()
        self._writer.pending += 1
        self._lingering.append((record, future))
        if is_urgent and not self._is_sending:
            # Whatever else is submitted in this round of the loop shares the transaction.
            self._is_sending = True
            self._loop.call_soon(self._send)
        elif self._linger is None and not self._is_sending:
            self._linger = self._loop.call_later(LINGER_S, self._send)
        return future

    def _send(self) -> None:
        """File everything submitted so far, in order: here while the disk is quick and the writer
        has nothing to do, by the writer's thread otherwise."""
        self._is_sending = False
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        batch, self._lingering = self._lingering, []
        is_quick = self._loop.time() >= self._slow_until
        if is_quick and self._writer.pending == len(batch) <= BATCH_MAX:
            self._writer.file_here(batch)
            self._sync_s += (self._writer.sync_s - self._sync_s) / 10
            if self._sync_s > QUICK_S:
                self._slow_until = self._loop.time() + SLOW_S
                self._sync_s = QUICK_S * 0.9  # Then one more look: quick again, or out at once.
            return
        for waiting in batch:
            self._queue.put(waiting)

    async def append(self, record: Record) -> Filed:
        return await self.submit(record)

    async def settled(self, org: str, limit: Limit, since_ms: int) -> int:
        return await asyncio.to_thread(self._reader.settled, org, limit.scope, limit.unit, since_ms)

    async def open_holds(self, org: str, limit: Limit, since_ms: int) -> list[OpenHold]:
        # A copy of a dict is one step of the interpreter: the writer cannot come between.
        return held_by(self._sequencer.open.copy().values(), org, limit, since_ms)

    async def last_seq(self, org: str) -> int:
        return await asyncio.to_thread(self._reader.last_seq, org)

    async def find(
        self, wanted: Filter, limit: int = 100, before_seq: int | None = None
    ) -> list[Entry]:
        return await asyncio.to_thread(self._reader.find, wanted, limit, before_seq)

    async def after(self, seq: int, limit: int, since_ms: int | None = None) -> list[Entry]:
        return await asyncio.to_thread(self._reader.after, seq, limit, since_ms)

    async def events(self, kinds: Sequence[str], since_ms: int | None = None) -> list[Entry]:
        return await asyncio.to_thread(self._reader.events, kinds, since_ms)

    async def get(self, which: int | str) -> list[Entry]:
        return await asyncio.to_thread(self._reader.get, which)

    async def costs(
        self, by: Sequence[str], since_ms: int | None = None, until_ms: int | None = None
    ) -> list[CostRow]:
        return await asyncio.to_thread(self._reader.costs, by, since_ms, until_ms)

    async def calls(
        self, wanted: Filter, limit: int = 100, before_seq: int | None = None
    ) -> list[Call]:
        return await asyncio.to_thread(self._reader.calls, wanted, limit, before_seq)

    async def news(self, wanted: Filter, after_seq: int, limit: int = 100) -> list[Call]:
        return await asyncio.to_thread(self._reader.news, wanted, after_seq, limit)

    async def head(self) -> int:
        return await asyncio.to_thread(self._reader.head)

    async def spent(
        self, by: Sequence[str], width_ms: int, wanted: Filter, limit: int = 20_000
    ) -> list[Spent]:
        return await asyncio.to_thread(self._reader.spent, by, width_ms, wanted, limit)

    async def spenders(self, by: Sequence[str], wanted: Filter, limit: int = 1000) -> list[Spender]:
        return await asyncio.to_thread(self._reader.spenders, by, wanted, limit)

    async def refusals(self, by: Sequence[str], wanted: Filter) -> list[Counted]:
        return await asyncio.to_thread(self._reader.refusals, by, wanted)

    async def activity(self, width_ms: int, since_ms: int) -> list[Counted]:
        return await asyncio.to_thread(self._reader.activity, width_ms, since_ms)

    async def tools(self, wanted: Filter) -> list[Counted]:
        return await asyncio.to_thread(self._reader.tools, wanted)

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._send()
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        self._reader.close()
        os.close(self._lock)


def _opened(
    path: Path, now_ms: Callable[[], int]
) -> tuple[Path, int, LedgerFile, Sequencer, tuple[Recovered, ...]]:
    path = path.resolve()  # two names of one file must meet the same lock
    lock = opening.lock(path)
    try:
        opening.prepare(path)
        file = LedgerFile(path)
        try:
            return path, lock, file, *opening.resume(file, now_ms)
        except BaseException:
            file.close()
            raise
    except sqlite3.Error as error:
        os.close(lock)
        raise LedgerUnavailable(f"{path}: cannot be opened to append ({error})") from None
    except BaseException:
        os.close(lock)
        raise

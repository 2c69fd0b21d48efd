"""The outbox: what happened on the board, on its way into the ledger, and to whoever watches.

An event is kept in the same transaction as what it tells of. It is filed before anybody is answered,
and marked after; a crash in between files it again, which the ledger knows by its id.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from proxy.board.store import Change, Shelf, Store
from proxy.ledger.records import Record
from proxy.ledger.store import Filed

_AT_ONCE = 200
_SHOWN_AT_ONCE = 100


class Appends(Protocol):
    """The part of the ledger that is needed here."""

    async def append(self, record: Record) -> Filed: ...


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watcher hears: a change, or that some are not kept any more and everything should be
    listed again."""

    seq: int
    change: Change | None = None


class Outbox:
    """One per process and store."""

    def __init__(self, store: Store, ledger: Appends) -> None:
        self._store = store
        self._ledger = ledger
        self._turn = asyncio.Lock()
        self._bells: dict[str, set[asyncio.Event]] = {}

    async def run[T](self, work: Callable[[Shelf], T]) -> T:
        """Do `work` in the store; what it let happen is in the ledger on return. Raises
        LedgerUnavailable: it was done, and is filed as soon as that can be."""
        result = await self._store.run(work)
        await self.drain()
        return result

    async def look[T](self, work: Callable[[Shelf], T]) -> T:
        """The same for work that only reads."""
        return await self._store.run(work)

    async def drain(self) -> None:
        """File all that is not filed yet, in the order in which it happened."""
        async with self._turn:
            while changes := await self._store.run(lambda shelf: shelf.events.unfiled(_AT_ONCE)):
                await asyncio.gather(*(self._ledger.append(each.event) for each in changes))
                await self._mark(changes[-1].seq)
                for org in {each.event.org for each in changes}:
                    for bell in self._bells.get(org or "", ()):
                        bell.set()

    async def _mark(self, seq: int) -> None:
        await self._store.run(lambda shelf: shelf.events.filed(seq))

    def watchers(self, org: str) -> int:
        """How many watch this org now."""
        return len(self._bells.get(org, ()))

    async def watch(self, org: str, kind: str, after: int | None) -> AsyncGenerator[Watched]:
        """What happens in this org, as it is filed: everything behind number `after`, or from now on.

        Nothing is kept for who watches but the number that it has seen: one that is slow reads on from
        there, however much has happened meanwhile.
        """
        first, last = await self._store.run(lambda shelf: shelf.events.bounds())
        seen = last if after is None else after
        if seen < first - 1 or seen > last:
            seen = last
            yield Watched(last)
        with self._bell(org) as bell:
            while True:
                bell.clear()
                changes = await self._since(org, kind, seen)
                for change in changes:
                    yield Watched(change.seq, change)
                    seen = change.seq
                if not changes:
                    await bell.wait()

    async def _since(self, org: str, kind: str, seen: int) -> Sequence[Change]:
        return await self._store.run(
            lambda shelf: shelf.events.since(org, kind, seen, _SHOWN_AT_ONCE)
        )

    @contextmanager
    def _bell(self, org: str) -> Iterator[asyncio.Event]:
        bell = asyncio.Event()
        self._bells.setdefault(org, set()).add(bell)
        try:
            yield bell
        finally:
            self._bells[org].discard(bell)
            if not self._bells[org]:
                del self._bells[org]

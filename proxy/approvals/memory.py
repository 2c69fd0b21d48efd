"""MemoryApprovals: the port for one process alone."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from proxy.approvals.approval import Approval
from proxy.approvals.store import Changed


class MemoryApprovals:
    """Lives as long as the process, and begins with what the ledger says."""

    fresh_s: float | None = None

    def __init__(self) -> None:
        self._by_id: dict[str, Approval] = {}
        self._by_key: dict[str, str] = {}
        self._order: dict[str, int] = {}
        """The number of each one's latest change; the latest is last."""
        self._version = 0
        self._changed = asyncio.Event()

    async def begin(self, known: Iterable[Approval]) -> None:
        for it in sorted(known, key=lambda it: it.changed_ms):
            self._put(it)
            joined = self._by_id.get(self._by_key.get(it.wanted.key, ""))
            if joined is None or joined.asked_ms <= it.asked_ms:
                self._by_key[it.wanted.key] = it.id

    async def ask(self, fresh: Approval, now_ms: int, pending_max: int) -> Approval | None:
        known = self._by_id.get(self._by_key.get(fresh.wanted.key, ""))
        if known is not None and now_ms < known.joins_until_ms:
            return known
        waiting = sum(
            it.state == "pending" and now_ms < it.until_ms and it.wanted.org == fresh.wanted.org
            for it in self._by_id.values()
        )
        if waiting >= pending_max:
            return None
        self._put(fresh)
        self._by_key[fresh.wanted.key] = fresh.id
        return fresh

    async def swap(self, after: Approval) -> bool:
        known = self._by_id.get(after.id)
        if known is None or known.version != after.version - 1:
            return known == after
        self._put(after)
        return True

    async def get(self, approval_id: str) -> Approval | None:
        return self._by_id.get(approval_id)

    async def since(self, upto: int, life: str) -> Changed:
        found: list[Approval] = []
        for approval_id in reversed(self._order):
            if self._order[approval_id] <= upto:
                break
            found.append(self._by_id[approval_id])
        return Changed(tuple(reversed(found)), self._version)

    async def forget(self, approvals: Iterable[Approval]) -> None:
        for it in approvals:
            if self._by_id.get(it.id) == it:
                del self._by_id[it.id], self._order[it.id]
                if self._by_key.get(it.wanted.key) == it.id:
                    del self._by_key[it.wanted.key]

    async def changes(self) -> AsyncGenerator[None]:
        seen = self._version
        yield
        while True:
            while seen == self._version:
                await self._changed.wait()
            seen = self._version
            yield

    async def aclose(self) -> None:
        pass

    def _put(self, it: Approval) -> None:
        self._version += 1
        self._by_id[it.id] = it
        self._order.pop(it.id, None)
        self._order[it.id] = self._version
        self._changed.set()
        self._changed = asyncio.Event()

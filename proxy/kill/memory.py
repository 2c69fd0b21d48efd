"""MemoryStops: the port for one process alone."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from proxy.identity.scope import Scope
from proxy.kill.stops import Stop, Stops
from proxy.kill.store import Loaded


class MemoryStops:
    """Lives as long as the process, and begins with what the ledger says."""

    def __init__(self) -> None:
        self._stops = Stops()
        self._is_new = True
        self._version = 0
        self._changed = asyncio.Event()

    async def load(self, mine: Sequence[Stop], run: str) -> Loaded:
        if self._is_new:
            self._is_new = False
            for stop in mine:
                self._stops.add(stop)
        return Loaded(tuple(self._stops), "memory")

    async def put(self, stop: Stop) -> Stop:
        self._tell()
        return self._stops.add(stop)

    async def remove(self, scope: Scope) -> Stop | None:
        self._tell()
        return self._stops.remove(scope)

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

    def _tell(self) -> None:
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()

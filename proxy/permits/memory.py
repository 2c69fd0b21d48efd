"""MemoryPermits: the port for one process alone."""

import asyncio
from collections.abc import AsyncGenerator

from proxy.policy.permits import Permit

_EVERY_S = 1.0
"""How often somebody looks whether the time of one is over."""


class MemoryPermits:
    """Lives as long as the process, and begins with what the ledger says."""

    keeps = False

    def __init__(self) -> None:
        self._permits: dict[str, Permit] = {}

    async def load(self) -> tuple[Permit, ...]:
        return tuple(self._permits.values())

    async def put(self, permit: Permit) -> None:
        self._permits[permit.id] = permit

    async def remove(self, permit_id: str) -> Permit | None:
        return self._permits.pop(permit_id, None)

    async def changes(self) -> AsyncGenerator[None]:
        while True:
            yield
            await asyncio.sleep(_EVERY_S)

    async def aclose(self) -> None:
        pass

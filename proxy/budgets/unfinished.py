"""Unfinished: settlements and releases whose store did not answer, repeated until it does."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from proxy.budgets.limits import Unit
from proxy.budgets.results import CountersUnavailable

_QUEUE_MAX = 20_000
"""Beyond this the oldest is left to its lease: it will be charged at its bound, never lost."""

_PAUSE_FIRST_S = 0.02
_PAUSE_MAX_S = 1.0


@dataclass(frozen=True, slots=True)
class Ending:
    """One hold's end: what it cost, or None for a release. Both are safe to repeat."""

    hold_id: str
    org: str
    actual: Mapping[Unit, int] | None
    now_ms: int


class Unfinished:
    """A queue with one background task, which lives only while there is something to do."""

    def __init__(self, finish: Callable[[Ending], Awaitable[None]]) -> None:
        self._finish = finish
        self._queue: dict[tuple[str, str], Ending] = {}
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, ending: Ending) -> None:
        """Queue it; a settlement stands over a release of the same hold."""
        slot = (ending.org, ending.hold_id)
        queued = self._queue.get(slot)
        if queued is None or queued.actual is None:
            self._queue[slot] = ending
        if len(self._queue) > _QUEUE_MAX:
            del self._queue[next(iter(self._queue))]
        if (self._task is None or self._task.done()) and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._repeat())

    async def drained(self) -> None:
        """Returns when nothing is left to repeat."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def aclose(self) -> None:
        """Stop repeating; what is left ends with its lease."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _repeat(self) -> None:
        pause_s = _PAUSE_FIRST_S
        while self._queue:
            slot, ending = next(iter(self._queue.items()))
            try:
                await self._finish(ending)
            except CountersUnavailable:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)
                continue
            pause_s = _PAUSE_FIRST_S
            if self._queue.get(slot) is ending:
                del self._queue[slot]

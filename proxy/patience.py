"""A limit on waiting that costs nothing where nobody waits.

`asyncio.timeout` arms and disarms a timer, some 8 µs, and most answers on a call's path are there at
once. Here the coroutine is started first; only one that really waits gets a timer.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


async def within[T](timeout_s: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns. Raises TimeoutError when it waits for longer than `timeout_s`."""
    try:
        waits_for = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(timeout_s):
        return await _Begun(work, waits_for)


class _Begun[T]:
    """A coroutine that was started by hand, from where it first waits."""

    def __init__(self, work: Coroutine[Any, Any, T], waits_for: Any) -> None:
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    sent = yield waits_for
                except GeneratorExit:
                    self._work.close()
                    raise
                except BaseException as error:
                    waits_for = self._work.throw(error)
                else:
                    waits_for = self._work.send(sent)
        except StopIteration as done:
            result: T = done.value
            return result

"""A limit on waiting behaves as asyncio's own, and costs nothing where nobody waits."""

import asyncio
import contextlib
from typing import Any

import pytest

from proxy.patience import within


async def answer(value: Any, *, after: int = 0) -> Any:
    for _ in range(after):
        await asyncio.sleep(0)
    return value


@pytest.mark.parametrize("after", [0, 1, 5])
async def test_what_is_returned_is_returned(after):
    assert await within(1, answer("x", after=after)) == "x"


async def test_futures_wake_it_as_they_would_without():
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def wait_twice() -> str:
        return await future + await answer("!", after=2)

    task = asyncio.create_task(within(5, wait_twice()))
    await asyncio.sleep(0)
    future.set_result("now")
    assert await task == "now!"


@pytest.mark.parametrize("after", [0, 2])
async def test_what_is_raised_is_raised(after):
    async def fail() -> None:
        await answer(None, after=after)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await within(1, fail())


async def test_what_waits_too_long_is_cut_off_and_cleaned_up():
    cleaned = False

    async def hang() -> None:
        nonlocal cleaned
        try:
            await asyncio.Event().wait()
        finally:
            cleaned = True

    with pytest.raises(TimeoutError):
        await within(0.01, hang())
    assert cleaned


async def test_a_cancelled_caller_cancels_the_work():
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    task = asyncio.create_task(within(5, hang()))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert ended == ["cancelled"]


async def test_work_may_catch_what_it_was_waiting_for():
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def recover() -> str:
        try:
            await future
        except ValueError:
            return await answer("recovered", after=1)
        return "not"

    task = asyncio.create_task(within(5, recover()))
    await asyncio.sleep(0)
    future.set_exception(ValueError())
    assert await task == "recovered"


async def test_timeouts_nest():
    async def inner() -> str:
        try:
            return await within(0.01, answer("late", after=10**9))
        except TimeoutError:
            return "inner gave up"

    assert await within(5, inner()) == "inner gave up"

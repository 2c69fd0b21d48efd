"""The kill switch's port: memory and Redis answer alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from proxy.identity.scope import Scope
from proxy.kill.memory import MemoryStops
from proxy.kill.redis import RedisStops
from proxy.kill.stops import Stop
from proxy.kill.store import StopStore, StopsUnavailable
from proxy.redis import Redis
from tests.redis_server import RedisServer

AGENT = Scope("acme", "coder")
KILL = Stop("k1", AGENT, "kill", "ann", "“astray” \n", 1_795_000_000_123)
QUARANTINE = Stop("q1", AGENT, "quarantine", "trigger:strict", "odd", 1_795_000_000_456)
SESSION = Stop("k2", Scope("acme", "coder", '["#run"]'), "kill", "bob", "x", 9_007_199_254_740_993)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer.running() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def store(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[StopStore]:
    if request.param == "memory":
        yield MemoryStops()
        return
    redis_server.command("FLUSHALL")
    made = RedisStops(Redis(redis_server.url, timeout_s=10))
    yield made
    await made.aclose()


async def in_force(store: StopStore) -> set[Stop]:
    return set((await store.load((), (await store.load((), "")).run)).stops)


async def test_what_was_put_is_loaded_word_for_word(store: StopStore) -> None:
    assert await store.put(KILL) == KILL
    assert await store.put(SESSION) == SESSION
    assert await in_force(store) == {KILL, SESSION}


async def test_only_a_stricter_stop_takes_the_place_of_one(store: StopStore) -> None:
    assert await store.put(QUARANTINE) == QUARANTINE
    assert await store.put(KILL) == KILL
    assert await store.put(QUARANTINE) == KILL
    assert await in_force(store) == {KILL}


async def test_a_lifted_stop_is_gone_and_others_stay(store: StopStore) -> None:
    await store.put(KILL)
    await store.put(SESSION)
    assert await store.remove(AGENT) == KILL
    assert await store.remove(AGENT) is None
    assert await in_force(store) == {SESSION}


async def test_a_new_store_begins_with_what_the_first_process_knows(store: StopStore) -> None:
    loaded = await store.load((KILL, SESSION), "")
    assert set(loaded.stops) == {KILL, SESSION}
    assert loaded.run


async def test_what_a_later_process_read_from_an_old_ledger_does_not_count(
    store: StopStore,
) -> None:
    await store.load((KILL,), "")
    await store.remove(AGENT)
    assert (await store.load((KILL,), "")).stops == ()


async def test_a_process_that_knows_this_life_of_the_store_adds_nothing(store: StopStore) -> None:
    run = (await store.load((), "")).run
    assert (await store.load((KILL,), run)).stops == ()


async def test_a_listener_hears_of_every_change(store: StopStore) -> None:
    async with asyncio.timeout(10), aclosing(store.changes()) as changes:
        await anext(changes)
        for change in (store.put(KILL), store.remove(AGENT)):
            await change
            await anext(changes)


async def test_processes_racing_on_one_scope_leave_one_stop(store: StopStore) -> None:
    kills = [Stop(f"k{i}", AGENT, "kill", "ann", "x", i) for i in range(20)]
    answers = set(await asyncio.gather(*(store.put(each) for each in kills)))
    assert len(answers) == 1
    assert await in_force(store) == answers


async def test_a_store_that_lost_everything_gets_it_back_from_each_process(
    redis_server: RedisServer,
) -> None:
    redis_server.command("FLUSHALL")
    one, two = (RedisStops(Redis(redis_server.url)) for _ in range(2))
    try:
        run = (await one.load((), "")).run
        await one.put(KILL)
        await one.put(SESSION)
        redis_server.kill()
        redis_server.start()
        first = await one.load((KILL,), run)
        second = await two.load((SESSION,), run)
        assert set(first.stops) == {KILL}
        assert set(second.stops) == {KILL, SESSION}
        assert first.run == second.run != run
        redis_server.command("FLUSHALL")
        assert set((await one.load((KILL,), first.run)).stops) == {KILL}
    finally:
        await one.aclose()
        await two.aclose()


async def test_a_store_that_does_not_answer_says_so_and_listens_again_when_it_does(
    redis_server: RedisServer,
) -> None:
    store = RedisStops(Redis(redis_server.url, timeout_s=0.2))
    try:
        async with asyncio.timeout(20), aclosing(store.changes()) as changes:
            await anext(changes)
            redis_server.kill()
            await anext(changes)
            with pytest.raises(StopsUnavailable):
                await store.put(KILL)
            redis_server.start()
            while True:
                await anext(changes)
                try:
                    await store.put(KILL)
                except StopsUnavailable:
                    continue
                break
            await anext(changes)
    finally:
        await store.aclose()

"""The port of permits: memory and Redis answer alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from proxy.identity.scope import Scope
from proxy.permits.memory import MemoryPermits
from proxy.permits.redis import RedisPermits
from proxy.permits.store import PermitStore, PermitsUnavailable
from proxy.policy.permits import Bypass, Grant
from proxy.redis import Redis
from tests.redis_server import RedisServer

BYPASS = Bypass(
    id="b1",
    scope=Scope("acme", "coder", '["#run"]'),
    by="ann",
    reason="“outage” \n",
    from_ms=1_795_000_000_123,
    until_ms=9_007_199_254_740_993,
    rules=("safety/rules.no-push", "p/egress.*"),
)
GRANT = Grant(
    id="g1",
    scope=Scope("acme"),
    by="bob",
    reason="x",
    from_ms=1,
    until_ms=2,
    limit="usd.day/org=acme",
    budget="day",
    unit="usd",
    amount=9_007_199_254_740_993,
)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer.running() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def store(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[PermitStore]:
    if request.param == "memory":
        yield MemoryPermits()
        return
    redis_server.command("FLUSHALL")
    made = RedisPermits(Redis(redis_server.url, timeout_s=10))
    yield made
    await made.aclose()


async def test_what_was_put_is_loaded_word_for_word(store: PermitStore) -> None:
    await store.put(BYPASS)
    await store.put(GRANT)
    await store.put(GRANT)
    assert sorted(await store.load(), key=lambda it: it.id) == [BYPASS, GRANT]


async def test_what_is_taken_away_is_gone_and_others_stay(store: PermitStore) -> None:
    await store.put(BYPASS)
    await store.put(GRANT)
    assert await store.remove("b1") == BYPASS
    assert await store.remove("b1") is None
    assert await store.load() == (GRANT,)


async def test_somebody_who_watches_comes_round(store: PermitStore) -> None:
    async with aclosing(store.changes()) as changes:
        await anext(changes)
        await store.put(GRANT)
        await asyncio.wait_for(anext(changes), 5)
        assert await store.load() == (GRANT,)


async def test_a_server_that_is_away_is_told_as_that() -> None:
    store = RedisPermits(Redis("redis://127.0.0.1:1", timeout_s=1))
    with pytest.raises(PermitsUnavailable):
        await store.load()
    await store.aclose()

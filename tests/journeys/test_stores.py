"""D1, D3, D4, D5: a store that is away, frozen, emptied or full refuses; what was spent stays spent."""

import asyncio
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.house import (
    House,
    Process,
    chat,
    eventually,
    free_port,
    house,
    kill,
    policy,
    providers,
)
from tests.journeys.sums import CENT, exact
from tests.redis_server import RedisServer

CHAT = "/openai/v1/chat/completions"
CAP = policy('name: cap, usd: "0.05"')


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server to do harm to."""
    with RedisServer.running() as server:
        yield server


def spends(built: House) -> dict[str, Any]:
    """A call of one cent."""
    call = exact(CENT)
    built.says(input_tokens=call.input_tokens, output_tokens=call.output_tokens)
    return call.body


async def refused_at_once(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """Refused, within a second, as a fault."""
    started = time.monotonic()
    answer = await client.post(CHAT, json=body)
    took_s = time.monotonic() - started
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "governance_unavailable"
    assert took_s < 1


async def ready(built: House) -> tuple[int, dict[str, str]]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{built.console_port}/readyz")
    return answer.status_code, answer.json()["checks"]


async def test_d3_with_redis_configured_and_unreachable_everything_is_refused_loudly(
    place: Path,
) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    async with house(place, CAP, redis_url=url) as built, built.client() as client:
        for _ in range(3):
            await refused_at_once(client, chat())
        assert built.upstream_calls == 0
        status, checks = await ready(built)
        assert status == 503
        assert checks["counters"] != "ok"
        decisions = await built.records(kind="decision")
        assert [each["result"]["decision"] for each in decisions] == ["fault"] * 3


async def test_d4_what_was_settled_survives_a_kill_right_after(place: Path) -> None:
    (place / "policy.yaml").write_text(CAP)
    async with providers(place) as (plain, tls):
        process = Process(place, plain, tls, None)
        first = await process.start()
        body = spends(first)
        async with first.client() as client:
            for _ in range(4):
                assert (await client.post(CHAT, json=body)).status_code == 200
            await first.outcomes(4)
        await kill(first)
        second = await process.start()
        try:
            async with second.client() as client:
                answers = [await client.post(CHAT, json=body) for _ in range(3)]
            assert [each.status_code for each in answers] == [200, 429, 429]
            assert len(plain.seen) == 5
        finally:
            await kill(second)


async def test_d5_counters_of_an_emptied_redis_are_rebuilt_before_the_first_admit(
    place: Path, own_redis: RedisServer
) -> None:
    async with house(place, CAP, redis_url=own_redis.url) as built:
        body = spends(built)
        async with built.client() as client:
            for _ in range(4):
                assert (await client.post(CHAT, json=body)).status_code == 200
            await built.outcomes(4)
            own_redis.kill()
            own_redis.start()
            assert own_redis.command("DBSIZE") == ":0"
            answers = await asyncio.gather(*(client.post(CHAT, json=body) for _ in range(10)))
            admitted = [each for each in answers if each.status_code == 200]
            assert len(admitted) <= 1
            # A connection may have died with the server: then the call was refused, and may be
            # tried again. The fifth cent is there to be spent, the sixth is not.
            if not admitted:
                answer = await client.post(CHAT, json=body)
                assert answer.status_code == 200
            assert (await client.post(CHAT, json=body)).status_code == 429
        await built.outcomes(5)
        assert await built.spent() == 5 * CENT


async def test_d5_after_a_restart_of_both_the_ledger_says_what_was_spent(
    place: Path, own_redis: RedisServer
) -> None:
    for admitted in (4, 1, 0):
        async with house(place, CAP, redis_url=own_redis.url) as built, built.client() as client:
            body = spends(built)
            answers = [await client.post(CHAT, json=body) for _ in range(4)]
            assert [each.status_code for each in answers].count(200) == admitted
        own_redis.kill()
        own_redis.start()


async def test_d1_a_frozen_redis_refuses_within_a_second_and_thaws_without_a_restart(
    place: Path, own_redis: RedisServer
) -> None:
    async with house(place, CAP, redis_url=own_redis.url) as built, built.client() as client:
        body = spends(built)
        assert (await client.post(CHAT, json=body)).status_code == 200
        await built.outcomes(1)
        own_redis.freeze()
        try:
            await refused_at_once(client, body)
            await asyncio.gather(*(refused_at_once(client, body) for _ in range(5)))
            assert built.upstream_calls == 1
        finally:
            own_redis.thaw()

        async def passes() -> int:
            return (await client.post(CHAT, json=body)).status_code

        assert await eventually(passes, lambda status: status != 503) == 200
        found = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
        assert found[0]["settled"] == 2 * CENT


async def test_d1_a_redis_that_freezes_before_the_settlement_charges_once(
    place: Path, own_redis: RedisServer
) -> None:
    async with house(place, CAP, redis_url=own_redis.url) as built, built.client() as client:
        body = spends(built)
        built.says(delay_s=0.2)
        call = asyncio.create_task(client.post(CHAT, json=body))

        async def at_the_provider() -> int:
            return built.upstream_calls

        await eventually(at_the_provider, lambda count: count == 1)
        own_redis.freeze()
        try:
            assert (await call).status_code == 200
            await built.outcomes(1)
        finally:
            own_redis.thaw()

        async def stands() -> Any:
            try:
                return await built.budgets()
            except httpx.HTTPStatusError:
                return None

        found = await eventually(stands, lambda rows: rows is not None and rows[0]["settled"] > 0)
        assert (found[0]["settled"], found[0]["held"]) == (CENT, 0)


async def test_an_unwritable_ledger_lets_nothing_leave_until_there_is_room(place: Path) -> None:
    async with house(place) as built, built.client() as client:
        body = spends(built)
        assert (await client.post(CHAT, json=body)).status_code == 200
        await built.outcomes(1)
        wal = place / "state" / "ledger.sqlite-wal"
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))
        try:
            answer = await client.post(CHAT, json=body)
            assert answer.headers["x-exeat-decision"] == "governance_unavailable"
            assert built.upstream_calls == 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        async def passes() -> int:
            return (await client.post(CHAT, json=body)).status_code

        assert await eventually(passes, lambda status: status != 503) == 200


async def test_a_ledger_that_was_taken_away_lets_nothing_leave_until_it_is_back(
    place: Path,
) -> None:
    async with house(place) as built, built.client() as client:
        assert (await client.post(CHAT, json=chat())).status_code == 200
        await built.outcomes(1)
        here, away = place / "state" / "ledger.sqlite", place / "state" / "away.sqlite"
        here.rename(away)
        try:
            for call in (client.post(CHAT, json=chat()), client.get("/openai/v1/models")):
                assert (await call).status_code == 503
            assert built.upstream_calls == 1
        finally:
            away.rename(here)
        assert (await client.post(CHAT, json=chat())).status_code == 200

"""Rates in rules, on the running system: counted once for all processes, at every door, across restarts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.approving import ApprovalsSection
from tests.house import House, Process, chat, house, kill, policy, providers
from tests.journeys.test_tool_budgets import Asking, ask, asking, check, limited, mcp, released
from tests.redis_server import RedisServer

__all__ = ["asking"]

CHAT = "/openai/v1/chat/completions"


def rules(decision: str, more_than: int, match: str = "", per: str = "agent") -> str:
    rate = f"rate: {{more_than: {more_than}, window: day, per: {per}}}"
    return f"rules: [{{id: often, decision: {decision}, match: {{{match}{rate}}}}}]\n"


async def call(built: House, session: str = "s1") -> httpx.Response:
    async with built.client() as client:
        return await client.post(CHAT, json=chat(), headers={"x-session-id": session})


async def said(built: House) -> list[str]:
    """What the policy's stamp says on each decision, or the rule that refused it."""
    found = await built.records(kind="decision")
    stamps = [
        next((s["note"] for s in each["result"]["stamps"] if s["name"] == "policy"), None)
        for each in found
    ]
    return [note or each["rules"]["rule"] for note, each in zip(stamps, found, strict=True)]


@pytest.mark.parametrize(
    ("decision", "status", "note"),
    [
        ("warn", 200, "warn by test/rules.often"),
        ("deny", 403, "test/rules.often"),
        ("hold", 403, "hold by test/rules.often"),  # Nobody approves it meanwhile.
        ("redact", 200, "redact by test/rules.often"),
    ],
)
async def test_a_rule_with_a_rate_decides_what_comes_above_it(
    place: Path, decision: str, status: int, note: str
) -> None:
    nobody = ApprovalsSection(wait_s=0.1)
    async with house(place, policy(more=rules(decision, 2)), approvals=nobody) as built:
        answers = [await call(built, f"s{n}") for n in range(4)]
        assert [each.status_code for each in answers] == [200, 200, status, status]
        if status == 403:
            text = "comes above 2 per day of one agent"
            assert text in answers[3].json()["error"]["message"]
        notes = await said(built)
        assert [each == note for each in notes] == [False, False, True, True]
        over = [each["request"]["over"] for each in await built.records(kind="decision")]
        assert over == [[], [], ["test/rules.often"], ["test/rules.often"]]


@contextlib.asynccontextmanager
async def two(place: Path, redis: RedisServer, text: str) -> AsyncIterator[list[House]]:
    """Two processes' worth of Exeat on one Redis, each with its own ledger."""
    async with contextlib.AsyncExitStack() as stack:
        built = []
        for name in ("one", "two"):
            (place / name).mkdir()
            (place / name / "certs").symlink_to(place / "certs")
            each = await stack.enter_async_context(house(place / name, text, redis_url=redis.url))
            built.append(each)
        yield built


async def test_rule_3_two_processes_on_one_redis_let_through_the_limit_once(
    place: Path, redis: RedisServer
) -> None:
    async with two(place, redis, policy(more=rules("deny", 5, per="org"))) as houses:
        answers = await asyncio.gather(*(call(houses[n % 2], f"s{n}") for n in range(16)))
        statuses = [each.status_code for each in answers]
        assert (statuses.count(200), statuses.count(403)) == (5, 11)


async def test_d5_a_rate_is_counted_on_from_the_ledger_when_redis_was_emptied(
    place: Path, redis: RedisServer
) -> None:
    text = policy(more=rules("deny", 3))
    async with house(place, text, redis_url=redis.url) as built:
        assert [(await call(built)).status_code for _ in range(2)] == [200, 200]
        await built.outcomes(2)
        redis.command("FLUSHALL")
        assert [(await call(built)).status_code for _ in range(3)] == [200, 403, 403]


async def test_d4_a_rate_survives_a_kill(place: Path) -> None:
    (place / "policy.yaml").write_text(policy(more=rules("deny", 3)))
    async with providers(place) as (plain, tls):
        process = Process(place, plain, tls, None)
        first = await process.start()
        assert [(await call(first)).status_code for _ in range(2)] == [200, 200]
        await first.outcomes(2)
        await kill(first)
        second = await process.start()
        try:
            assert [(await call(second)).status_code for _ in range(3)] == [200, 403, 403]
        finally:
            await kill(second)


async def test_tool_calls_of_an_answer_above_the_rate_are_denied_in_their_place(
    place: Path, asking: Asking
) -> None:
    asking.at_once = 3
    text = rules("deny", 4, "kinds: [tool], tools: [look], ")
    async with limited(place, asking, rules=text) as built:
        assert [len(released(await ask(built, stream=True))) for _ in range(3)] == [3, 1, 0]
        await built.outcomes(3)
        filed = await built.records(kind="tool_call")
        assert [each["result"]["facts"]["over"] for each in filed[4:]] == ["test/rules.often"] * 5
        outcomes = await built.records(kind="outcome")
        counted = [[r["amount"] for r in each["resource"]["rates"]] for each in outcomes]
        assert counted == [[3], [1], []]


async def test_one_rate_is_counted_at_every_door(place: Path, asking: Asking) -> None:
    text = rules("deny", 3, "kinds: [tool], ")
    async with limited(place, asking, rules=text) as built:
        assert released(await ask(built)) == ["call_1_0"]
        await built.outcomes(1)
        assert (await check(built))["decision"] == "allow"
        await built.outcomes(2)
        assert (await mcp(built)).json()["result"] == {}
        assert (await check(built))["rule"] == "test/rules.often"
        assert (await mcp(built)).json()["error"]["data"]["exeat"]["rule"] == "test/rules.often"
        assert released(await ask(built)) == []


async def test_e7_what_was_decided_is_explained_and_replayed_the_same(place: Path) -> None:
    async with house(place, policy(more=rules("deny", 2))) as built:
        for _ in range(4):
            await call(built)
        await built.outcomes(2)
        decisions = await built.records(kind="decision")
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{built.console_port}",
            headers={"authorization": f"Bearer {built.token}"},
        ) as api:
            explained = [
                (await api.post("/api/policy/explain", json={"record": each["id"]})).json()
                for each in decisions
            ]
            replayed = (await api.post("/api/policy/replay", json={})).json()
        passes = [each["result"]["decision"] == "allow" for each in decisions]
        assert [each["passes"] for each in explained] == passes == [True, True, False, False]
        assert explained[3]["ruled"]["rule"] == decisions[3]["rules"]["rule"] == "test/rules.often"
        assert (replayed["calls"], replayed["changes"]) == (4, [])


async def test_rule_1_without_its_counters_a_rule_with_a_rate_lets_nothing_through(
    place: Path, redis: RedisServer
) -> None:
    text = policy(more=rules("deny", 9))
    async with house(place, text, redis_url="redis://127.0.0.1:1/0") as built:
        answer: Any = await call(built)
        assert answer.status_code == 503
        assert built.upstream_calls == 0

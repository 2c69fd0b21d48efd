"""Metrics over HTTP, as Prometheus asks."""

import asyncio
import time
from pathlib import Path
from typing import Any

from proxy.approving import ApprovalsSection
from proxy.metrics.reading import read
from tests.console.conftest import Desk
from tests.house import House, chat, eventually, house, policy


async def test_a_viewer_reads_them_and_nobody_else_does(desk: Desk) -> None:
    token = f"Bearer {desk.tokens['viewer']}"
    answer = await desk.get("/metrics", authorization=token)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# TYPE exeat_calls_total counter" in answer.body
    assert (await desk.get("/metrics", authorization="")).status == 401


async def _figures(built: House) -> object:
    return read(await built.text("/metrics"))


async def test_what_a_house_did_is_in_its_metrics(tmp_path: Path) -> None:
    text = policy("name: day, usd: 1", more='models: {allow: ["gpt-4o*"]}\n')
    async with house(tmp_path, text) as built, built.client() as client:
        await asyncio.gather(
            *(client.post("/openai/v1/chat/completions", json=chat()) for _ in range(3)),
            client.post("/openai/v1/chat/completions", json=chat("o3")),
        )
        found = await eventually(
            lambda: _figures(built), lambda it: it.of("exeat_calls_total") >= 4
        )
        spent = await built.spent()

    assert found.of("exeat_refusals_total") == 1
    assert found.of("exeat_cost_nanousd_total") == spent > 0
    assert found.of("exeat_tokens_total") == 3 * (12 + 8)
    assert found.of("exeat_added_seconds_count") == 4
    assert (found.of("exeat_holds"), found.of("exeat_policies")) == (0, 1)


ASKS = """policy: test
version: 1
egress:
  default: allow
budgets:
  - {name: day, window: day, per: [agent], usd: "0.10", on_exceed: hold}
rules:
  - {id: deploy, decision: hold, match: {tools: [deploy]}}
"""
DEAR = chat("gpt-4o", max_tokens=16_000)


async def _waiting(built: House) -> dict[str, int]:
    lines = (await built.text("/metrics")).splitlines()
    name = 'exeat_approvals_waiting{kind="'
    found = [line.removeprefix(name).split('"} ') for line in lines if line.startswith(name)]
    return {kind: int(float(count)) for kind, count in found if float(count)}


async def _question(built: House) -> Any:
    found = await eventually(lambda: built.api("/api/approvals?state=pending"), _is_asked)
    return found["approvals"][0]["id"]


def _is_asked(found: Any) -> bool:
    return bool(found["approvals"])


async def test_what_waits_for_a_person_is_counted_and_their_time_is_not_exeats(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, ASKS) as built, built.client() as client:
        began = time.monotonic()
        call = client.post("/openai/v1/chat/completions", json=DEAR, timeout=60)
        waiting = asyncio.create_task(call)
        which = await _question(built)
        assert await _waiting(built) == {"budget": 1}
        asked = time.monotonic()
        await eventually(_now, lambda now: now > asked + 0.5)
        await built.post(f"/api/approvals/{which}/approve", reason="I looked")
        assert (await waiting).status_code == 200
        found = await eventually(
            lambda: _figures(built), lambda it: it.of("exeat_calls_total") >= 1
        )
        whole = time.monotonic() - began
        assert await _waiting(built) == {}

    assert 0.5 <= found.of("exeat_approval_wait_seconds_sum") <= whole
    assert found.of("exeat_added_seconds_sum") <= whole - 0.5
    assert found.of("exeat_first_byte_seconds_sum") <= whole - 0.5


async def _now() -> float:
    return time.monotonic()


async def test_a_question_is_counted_also_after_whoever_asked_was_told_to_wait(
    tmp_path: Path,
) -> None:
    check = {"runtime": "claude-code", "tool": "deploy", "arguments": {}}
    async with house(tmp_path, ASKS, approvals=ApprovalsSection(wait_s=0)) as built:
        async with built.client() as client:
            answer = await client.post("/openai/v1/chat/completions", json=DEAR)
            assert answer.json()["error"]["code"] == "approval_pending"
        async with built.through() as client:
            told = await client.post("http://exeat.internal/v1/tool-calls/check", json=check)
            assert told.json()["decision"] == "hold"
        assert await _waiting(built) == {"budget": 1, "tool": 1}

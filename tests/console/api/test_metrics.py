"""Metrics over HTTP, as Prometheus asks."""

import asyncio
from pathlib import Path

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

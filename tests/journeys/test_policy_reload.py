"""A policy that changes while Exeat runs: whole or not at all, and for what is under way, too."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

import proxy.rounds
from proxy.ledger.store import LedgerUnavailable
from tests.house import House, chat, eventually, house, policy
from tests.journeys.test_kill import CHAT, STREAM, URL, is_cut, nothing_is_held, streaming
from tests.journeys.test_sockets import RESPONSES, built_with, connected, create

CAP = policy('name: cap, usd: "10.00"')
NARROWER = CAP.replace("version: 1", "version: 2") + 'models: {deny: ["gpt-4o"]}\n'
DENIES_ALL = "policy: test\nversion: 3\n"


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy.rounds, "_ROUND_S", 0.05)


async def changes(built: House, count: int = 1) -> list[dict[str, Any]]:
    return await eventually(
        lambda: built.records(kind="policy_change"), lambda found: len(found) >= count
    )


def write(built: House, text: str) -> None:
    (built.directory / "policy.yaml").write_text(text)


async def test_streams_and_tunnels_that_the_new_version_refuses_end_and_others_go_on(
    place: Path,
) -> None:
    async with house(place, CAP) as built:
        built.says(words=60, pause_s=0.02, output_tokens=60)
        other = chat("gpt-4o-mini", stream=True, max_tokens=4_000)
        async with (
            built.client() as direct,
            built.through() as tunnel,
            built.through(http2=True) as tunnel2,
            streaming(direct, CHAT) as first,
            streaming(tunnel, URL) as second,
            streaming(tunnel2, URL) as third,
            direct.stream("POST", CHAT, json=other) as fourth,
        ):
            write(built, NARROWER)
            for pieces in (first, second, third):
                await is_cut(pieces)
            assert b"[DONE]" in await fourth.aread()
        (change,) = await changes(built)
        assert change["result"]["facts"]["severed"] == 3
        outcomes = await built.outcomes(4)
        ended = sorted((each["result"]["status"], each["result"]["note"]) for each in outcomes)
        assert ended[1:] == [("killed", "policy_denied")] * 3
        assert ended[0][0] == "answered"
        await nothing_is_held(built)


async def test_a_websocket_that_the_new_version_refuses_ends(place: Path) -> None:
    async with built_with(place, CAP) as (built, upstream), connected(built, RESPONSES) as socket:
        await socket.send_json(create())
        await eventually(lambda: asyncio.sleep(0, upstream.seen), bool)
        write(built, DENIES_ALL)
        word = await socket.receive(timeout=5)
        assert word.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)
        outcomes = await built.outcomes(2)
        assert {each["result"]["note"] for each in outcomes} == {"policy_denied"}
        await nothing_is_held(built)


BROKEN = {
    "half-written": NARROWER[: len(NARROWER) - 9],
    "empty": "",
    "no yaml": "policy: [",
    "unknown word": CAP + "modles: {}\n",
    "missing": None,
}


async def test_a_file_that_cannot_be_used_changes_nothing_and_api_and_log_say_so(
    place: Path,
) -> None:
    async with house(place, CAP) as built, built.client() as client:
        before = (await built.api("/api/policies"))["policies"]
        for name, text in BROKEN.items():
            with capture_logs() as logs:
                if text is None:
                    (place / "policy.yaml").unlink()
                else:
                    write(built, text)
                told = await eventually(
                    lambda: built.api("/api/policies"), lambda found: bool(found["problem"])
                )
            assert "policy.yaml" in told["problem"], name
            assert told["policies"] == before, name
            said = [each for each in logs if each["event"].startswith("policy not loaded")]
            assert [each["problem"] for each in said] == [told["problem"]], name
            assert (await client.post(CHAT, json=chat("gpt-4o"))).status_code == 200, name
            write(built, CAP)
            await eventually(
                lambda: built.api("/api/policies"), lambda found: found["problem"] is None
            )
        assert await built.records(kind="policy_change") == []


async def test_rule_1_a_change_that_cannot_be_filed_yet_is_in_force_and_rounds_go_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(place, CAP) as built, built.client() as client:
        files = proxy.rounds.note
        tried = asyncio.Event()

        async def full(*_: Any, **__: Any) -> None:
            tried.set()
            raise LedgerUnavailable("the disk is full")

        monkeypatch.setattr(proxy.rounds, "note", full)
        write(built, NARROWER)
        await asyncio.wait_for(tried.wait(), 5)
        assert (await client.post(CHAT, json=STREAM)).status_code == 403
        monkeypatch.setattr(proxy.rounds, "note", files)
        await changes(built, 1)
        write(built, DENIES_ALL)
        first, second = await changes(built, 2)
        assert first["result"]["facts"]["policies"].startswith("policy:test:2:")
        assert second["result"]["facts"]["policies"].startswith("policy:test:3:")


async def test_f4_a_budget_whose_window_is_changed_while_in_use_goes_on_from_what_was_spent(
    place: Path,
) -> None:
    daily = policy('name: cap, window: day, usd: "10.00"')
    async with house(place, daily) as built, built.client() as client:
        assert (await client.post(CHAT, json=chat())).status_code == 200
        (before,) = await built.budgets()
        assert before["settled"] > 0
        write(built, daily.replace("window: day", "window: week"))
        await changes(built)
        (after,) = await built.budgets()
        assert after["window"] == "week"
        assert (after["settled"], after["remaining"]) == (before["settled"], before["remaining"])
        assert (await client.post(CHAT, json=chat())).status_code == 200
        assert (await built.budgets())[0]["settled"] == 2 * before["settled"]

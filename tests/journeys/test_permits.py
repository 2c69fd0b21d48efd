"""What people allow for a time: it lets pass what is named, is on file, and ends by itself."""

from pathlib import Path
from typing import Any

import pytest

import proxy.permits.memory
from proxy.identity.scope import Scope
from tests.house import House, chat, eventually, house, policy
from tests.journeys.test_kill import CHAT, is_cut, nothing_is_held, streaming
from tests.redis_server import RedisServer

DENIED = policy(
    'name: day, window: day, per: [agent], usd: "1.00"',
    more=(
        "rules:\n- {id: no-4o, decision: deny, reason: Too dear., match: {models: [gpt-4o]}}\n"
        "- {id: no-push, decision: deny, match: {tools: [push]}}\n"
    ),
)
BYPASS = {"org": "acme", "agent": "coder", "minutes": 30, "reason": "An outage."}


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy.permits.memory, "_EVERY_S", 0.05)


async def bypass(built: House, *rules: str, **more: Any) -> Any:
    return await built.post("/api/permits/bypass", **{**BYPASS, "rules": list(rules), **more})


async def revoke(built: House, which: str) -> None:
    await built.post("/api/permits/revoke", id=which, reason="Mended.")


async def test_h4_a_bypass_lets_pass_what_it_names_and_nothing_else_until_it_is_revoked(
    place: Path,
) -> None:
    async with house(place, DENIED) as built, built.client() as client:
        assert (await client.post(CHAT, json=chat("gpt-4o"))).status_code == 403
        made = await bypass(built, "test/rules.no-4o")
        assert (await client.post(CHAT, json=chat("gpt-4o"))).status_code == 200
        other = {**built.headers, "x-agent-id": "writer"}
        answer = await client.post(CHAT, json=chat("gpt-4o"), headers=other)
        assert answer.json()["error"]["code"] == "policy_denied"
        await revoke(built, made["id"])
        assert (await client.post(CHAT, json=chat("gpt-4o"))).status_code == 403
        decisions = await built.records(kind="decision")
        (let,) = [each for each in decisions if each["result"]["decision"] == "allow"]
        note = next(it["note"] for it in let["result"]["stamps"] if it["name"] == "policy")
        assert note == f"warn by test/rules.no-4o; passes by the bypass {made['id']}"
        (given,) = await built.records(kind="bypass")
        assert given["id"] == made["id"]
        assert given["result"]["facts"]["until_ms"] == made["until_ms"]
        (end,) = await built.records(kind="permit_end")
        assert end["reference"]["decision_id"] == made["id"]


async def test_h4_it_ends_by_itself_and_cuts_what_it_let_through(place: Path) -> None:
    async with house(place, DENIED) as built, built.client() as client:
        built.says(words=2_000, pause_s=0.01, output_tokens=2_000)
        assert built.here is not None
        await built.here.permits.bypass(
            Scope("acme", "coder"), ["test/rules.no-4o"], 1, "ann", "An outage."
        )
        async with streaming(client, CHAT) as pieces:
            await is_cut(pieces)
        assert (await client.post(CHAT, json=chat("gpt-4o"))).status_code == 403
        (end,) = await eventually(lambda: built.records(kind="permit_end"), bool)
        assert (end["result"]["status"], end["result"]["facts"]["severed"]) == ("expired", 1)
        (outcome,) = await built.outcomes(1)
        assert outcome["result"]["status"] == "killed"
        await nothing_is_held(built)


async def test_h4_a_tool_call_passes_by_a_bypass_and_its_record_names_it(place: Path) -> None:
    async with house(place, DENIED) as built, built.client() as client:
        built.says(tool="push", arguments="{}")
        made = await bypass(built, "test/rules.no-push", session="s1")
        answer = (await client.post(CHAT, json=chat())).json()
        (call,) = answer["choices"][0]["message"]["tool_calls"]
        assert call["function"]["name"] == "push"
        (event,) = await eventually(lambda: built.records(kind="tool_call"), bool)
        facts = event["result"]["facts"]
        assert (event["result"]["status"], facts["rule"]) == ("warn", "test/rules.no-push")
        assert facts["bypass"] == made["id"]


async def test_e7_explain_and_the_data_path_agree_on_a_bypass(place: Path) -> None:
    async with house(place, DENIED) as built:
        asked = {"org": "acme", "agent": "coder", "session": "s1", "model": "gpt-4o"}
        asked |= {"host": "api.openai.com", "method": "POST"}
        before = await built.post("/api/policy/explain", **asked)
        assert not before["passes"]
        made = await bypass(built, "test/*")
        after = await built.post("/api/policy/explain", **asked)
        assert after["passes"]
        assert after["ruled"]["bypass"] == made["id"]


async def test_a_restart_keeps_what_is_not_over(place: Path) -> None:
    async with house(place, DENIED) as built:
        made = await bypass(built, "test/rules.no-4o")
    async with house(place, DENIED) as built, built.client() as client:
        assert [each["id"] for each in (await built.api("/api/permits"))["permits"]] == [made["id"]]
        assert (await client.post(CHAT, json=chat("gpt-4o"))).status_code == 200


async def test_h4_a_bypass_holds_in_every_process_and_so_does_its_end(
    tmp_path: Path, place: Path
) -> None:
    (tmp_path / "other").mkdir()
    with RedisServer.running() as server:
        async with (
            house(place, DENIED, redis_url=server.url) as built,
            house(tmp_path / "other", DENIED, redis_url=server.url) as other,
            other.client() as client,
        ):
            made = await bypass(built, "test/rules.no-4o")

            async def status() -> int:
                return (await client.post(CHAT, json=chat("gpt-4o"))).status_code

            await eventually(status, lambda found: found == 200)
            await revoke(built, made["id"])
            await eventually(status, lambda found: found == 403)
            assert [each["id"] for each in await other.records(kind="bypass")] == [made["id"]]
            (end,) = await other.records(kind="permit_end")
            assert end["result"]["status"] == "revoked"


async def test_a_grant_lets_more_be_spent_for_a_time_and_agents_see_it(place: Path) -> None:
    async with house(place, DENIED.replace("gpt-4o]", "o1]")) as built, built.client() as client:
        dear = chat("gpt-4o", max_tokens=16_000, n=8)
        answer = await client.post(CHAT, json=dear)
        assert answer.json()["error"]["code"] == "insufficient_quota"
        made = await built.post(
            "/api/permits/grant",
            org="acme", agent="coder", budget="day", amount="5.00", minutes=30, reason="A release.",
        )  # fmt: skip
        assert (await client.post(CHAT, json=dear)).status_code == 200
        (day,) = await built.budgets()
        assert day["limit"] == 6_000_000_000
        await revoke(built, made["id"])
        (day,) = await built.budgets()
        assert day["limit"] == 1_000_000_000
        assert (await client.post(CHAT, json=dear)).status_code == 429
        (given,) = await built.records(kind="grant")
        assert given["result"]["facts"]["amount"] == "5000000000"

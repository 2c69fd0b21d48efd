"""exeat.internal through real sockets: an upstream like any other, behind the same corridor."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.seal import HEADER
from tests.house import NO_TLS, House, chat, house, policy
from tests.journeys.test_byte_exact import talking

ME = {"org": "acme", "agent": "coder", "session": "s1"}


def is_me(answer: httpx.Response) -> bool:
    told = answer.json()
    return answer.status_code == 200 and {name: told[name] for name in ME} == ME


async def test_one_server_answers_by_every_door(open_house: House) -> None:
    async with open_house.through() as client:
        assert is_me(await client.get("http://exeat.internal/v1/whoami"))
        assert is_me(await client.get("https://exeat.internal/v1/whoami"))
        assert is_me(await client.get("http://exeat.internal:8080/v1/whoami"))
    async with talking(open_house, http2=True) as client:
        answer = await client.get("https://exeat.internal/v1/whoami")
        assert (is_me(answer), answer.http_version) == (True, "HTTP/2")
    async with open_house.client() as client:
        assert is_me(await client.get("/v1/whoami", headers={"host": "exeat.internal"}))
    assert open_house.upstream_calls == 0


async def test_a_call_to_exeat_itself_has_its_two_records_and_costs_nothing(
    open_house: House,
) -> None:
    async with open_house.through() as client:
        answer = await client.get("https://exeat.internal/v1/whoami")
    (outcome,) = await open_house.outcomes(1)
    (decision,) = await open_house.records(kind="decision")

    assert (decision["request"]["class"], decision["request"]["scheme"]) == ("internal", "https")
    assert decision["id"] == outcome["id"]
    assert (outcome["result"]["status"], outcome["result"]["http_status"]) == ("answered", 200)
    assert outcome["result"]["response_bytes"] == len(answer.content)
    assert (outcome["resource"]["requests"], outcome["resource"]["nanousd"]) == (0, 0)


FORGED = {
    "a made-up seal": {HEADER: "x." + "0" * 64},
    "two made-up seals": [(HEADER, "x"), (HEADER, "y")],
    "a seal in other letters": {"X-Exeat-Seal": "x"},
}


@pytest.mark.parametrize("case", FORGED)
async def test_what_a_client_says_under_the_seals_name_is_replaced(
    open_house: House, case: str
) -> None:
    async with open_house.through() as client:
        assert is_me(await client.get("http://exeat.internal/v1/whoami", headers=FORGED[case]))


async def test_the_server_behind_it_lets_nobody_else_in(open_house: House) -> None:
    assert open_house.here is not None
    base = f"http://127.0.0.1:{open_house.here.inside.port}"
    async with httpx.AsyncClient(verify=NO_TLS, trust_env=False) as client:
        answer = await client.get(f"{base}/v1/whoami", headers=dict(open_house.headers))
    assert answer.status_code == 403


async def test_a_policy_that_opens_loopback_opens_no_way_to_it(place: Path) -> None:
    text = policy(egress="  default: allow\n  networks: [127.0.0.0/8]")
    async with house(place, text) as built, built.through() as client:
        assert built.here is not None
        url = f"http://127.0.0.1:{built.here.inside.port}/v1/whoami"
        answer = await client.get(url, headers={HEADER: "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "identity_required")


async def test_without_an_identity_nobody_is_answered(open_house: House) -> None:
    async with httpx.AsyncClient(proxy=open_house.base, verify=NO_TLS, trust_env=False) as client:
        answer = await client.get("http://exeat.internal/v1/whoami")
    assert (answer.status_code, answer.headers["x-exeat-decision"]) == (403, "identity_required")


async def test_an_agent_asks_why_it_was_refused_and_what_would_be_allowed(place: Path) -> None:
    text = policy("name: day, window: day, usd: 5", more='models: {allow: ["gpt-4o*"]}\n')
    async with house(place, text) as built, built.through() as client:
        no = await client.post("https://api.openai.com/v1/chat/completions", json=chat("o3"))
        record = no.headers["x-exeat-record"]
        url = f"http://exeat.internal/v1/refusals/{record}"
        told = (await client.get(url)).json()
        would = await client.get("http://exeat.internal/v1/policy/explain?model=o3")
        async with built.through(built.proxy_url(session="s2")) as other:
            theirs = await other.get(url)

    assert (no.status_code, told["code"], told["model"]) == (403, "model_not_allowed", "o3")
    assert [each["allow"] for each in told["allowed"]["models"]] == [["gpt-4o*"]]
    assert (would.json()["passes"], would.json()["ruled"]["rule"]) == (False, told["rule"])
    assert theirs.status_code == 404


async def test_rule_1_when_nobody_answers_inside_it_is_a_fault_and_no_decision(
    place: Path,
) -> None:
    async with house(place) as built:
        assert built.here is not None
        await built.here.inside.stop()
        async with built.through() as client:
            answer = await client.get("http://exeat.internal/v1/whoami")
    assert (answer.status_code, answer.headers["x-exeat-decision"]) == (
        503,
        "governance_unavailable",
    )


async def test_o2_what_remains_is_told_with_an_answer_and_on_asking(place: Path) -> None:
    def rows(answer: httpx.Response) -> dict[str, Any]:
        return {row["budget"]: row for row in answer.json()["budgets"]}

    async with (
        house(place, policy("name: day, window: day, usd: 5")) as built,
        built.through() as client,
    ):
        before = rows(await client.get("http://exeat.internal/v1/budget"))
        answer = await client.post("https://api.openai.com/v1/chat/completions", json=chat())
        await built.outcomes(2)
        after = rows(await client.get("http://exeat.internal/v1/budget"))
    assert before["day"]["remaining"] == 5 * 10**9
    spent = before["day"]["remaining"] - after["day"]["remaining"]
    assert 0 < spent == after["day"]["settled"]
    told = answer.headers["x-exeat-budget-remaining"]
    assert "$4.99" in told, "the whole bound is set aside while the call is away"

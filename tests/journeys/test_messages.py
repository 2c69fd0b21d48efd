"""Rule 7: a policy may have a refused model call told by an assistant's message. Real SDKs read it as
any answer; nothing leaves, nothing is held, and the record says what became of it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.house import House, chat, house, policy
from tests.journeys.sdks import SDKS
from tests.journeys.sdks.act import Sdk
from tests.journeys.standin import Standin
from tests.journeys.test_kill import CHAT, nothing_is_held
from tests.journeys.test_sdks import nobodys_environment, through

__all__ = ["nobodys_environment"]

TELLS = policy(
    'name: day, usd: "1.00"',
    more=(
        "answers: {refusals: message}\n"
        "rules:\n- {id: not-now, decision: deny, reason: Ask again tomorrow., match: {kinds: [llm]}}\n"
    ),
)
ACTS = [
    pytest.param(sdk, act, door, id=f"{sdk.name}, {act}, {door}")
    for sdk in SDKS.values()
    for act in ("answers", "streams")
    for door in sdk.doors
]


@pytest.mark.parametrize(("sdk", "act", "door"), ACTS)
async def test_rule_7_an_sdk_reads_the_reason_as_its_models_answer(
    telling_house: House,
    aimock: Standin,
    monkeypatch: pytest.MonkeyPatch,
    sdk: Sdk,
    act: str,
    door: str,
) -> None:
    await aimock.seen()
    told = await through(telling_house, sdk, act, door, monkeypatch)
    said = json.dumps(told.data)
    assert "is not on the list of models" in said
    assert "Rule test/models.allow." in said
    assert told.tools in ((), [])
    assert await aimock.seen() == 0
    (decision,) = await telling_house.records(kind="decision")
    assert decision["result"]["decision"] == "deny"
    assert decision["result"]["code"] == "model_not_allowed"
    assert decision["result"]["told_by"] == "message"
    assert decision["resource"]["hold"] is None


@pytest.fixture
async def built(place: Path) -> AsyncIterator[House]:
    async with house(place, TELLS) as one:
        yield one


async def test_rule_7_a_header_says_that_it_is_no_models_answer(built: House) -> None:
    async with built.client() as client:
        answer = await client.post(CHAT, json=chat())
    assert answer.status_code == 200
    assert answer.headers["x-exeat-answer"] == "message"
    assert answer.headers["x-exeat-decision"] == "policy_denied"
    (decision,) = await built.records(kind="decision")
    assert answer.headers["x-exeat-record"] == decision["id"]
    assert decision["id"] in answer.json()["id"]
    assert built.upstream_calls == 0
    await nothing_is_held(built)


async def test_rule_7_identity_budgets_and_other_traffic_stay_errors(place: Path) -> None:
    text = TELLS.replace("kinds: [llm]", "models: [o1]").replace('"1.00"', '"0.000001"')
    text += "  - {name: none, requests: 0}\n"
    async with house(place, text) as built, built.client() as client:
        spent = await client.post(CHAT, json=chat())
        assert (spent.status_code, spent.json()["error"]["code"]) == (429, "insufficient_quota")
        nobody = await client.post(CHAT, json=chat(), headers={"x-agent-id": ""})
        assert nobody.status_code == 403
        decisions = await built.records(kind="decision")
        assert not any("told_by" in each["result"] for each in decisions)


async def test_a_rule_says_otherwise_than_its_policy(place: Path) -> None:
    text = TELLS.replace("decision: deny,", "decision: deny, answer: error,")
    async with house(place, text) as built, built.client() as client:
        assert (await client.post(CHAT, json=chat())).status_code == 403


async def test_a_model_that_is_on_no_list_is_told_so_in_a_message(place: Path) -> None:
    text = policy(more="answers: {refusals: message}\nmodels: {allow: [o1]}\n")
    async with house(place, text) as built, built.client() as client:
        answer = await client.post(CHAT, json=chat())
        (choice,) = answer.json()["choices"]
        assert "is not on the list of models" in choice["message"]["content"]
        assert "Rule test/models.allow." in choice["message"]["content"]

"""Real SDKs through Exeat, before providers that somebody else wrote: what they are told is what they
are told without it, the ledger has the same figures, and a refusal is one request and the exception
that their users already catch."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, eventually, policy
from tests.journeys.sdks import SDKS
from tests.journeys.sdks.act import Door, Refused, Sdk, Told
from tests.journeys.standin import Standin, governed

ACTS = [
    pytest.param(sdk, act, door, id=f"{sdk.name}, {act}, {door}")
    for sdk in SDKS.values()
    for act in sdk.acts
    for door in sdk.doors
]
TOOLS = [each for each in ACTS if "tool" in str(each.id)]
REFUSED = [
    pytest.param(sdk, act, door, id=f"{sdk.name}, {act}, {door}")
    for sdk in SDKS.values()
    for act in sdk.refused_acts
    for door in sdk.doors
]
UNPRICED = ("ollama",)
"""Their models are of one's own machine, and have no price: no money is held or spent."""
_told_directly: dict[tuple[str, str], Told] = {}


@pytest.fixture(autouse=True)
def nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, key or address of whoever runs the tests."""
    marks = ("_PROXY", "_API_KEY", "_BASE_URL", "AWS_", "GOOGLE_", "OLLAMA_HOST", "CO_API_URL")
    for name in list(os.environ):
        if any(mark in name.upper() for mark in marks):
            monkeypatch.delenv(name)


async def do(
    sdk: Sdk, act: str, door: Door, environment: Mapping[str, str], patch: pytest.MonkeyPatch
) -> Told:
    """An act in a thread of its own, with that environment."""
    with patch.context() as here:
        for name, value in {**environment, **sdk.variables}.items():
            here.setenv(name, value)
        return await asyncio.to_thread(sdk.acts[act], door)


async def directly(sdk: Sdk, act: str, behind: Standin, patch: pytest.MonkeyPatch) -> Told:
    """What the provider itself says."""
    if (sdk.name, act) not in _told_directly:
        told = await do(sdk, act, Door(behind.base(sdk.route)), {}, patch)
        _told_directly[sdk.name, act] = told
        await behind.seen()
    return _told_directly[sdk.name, act]


async def through(built: House, sdk: Sdk, act: str, door: str, patch: pytest.MonkeyPatch) -> Told:
    """The same by Exeat: with its address, or with nothing but what `exeat env` prints."""
    if door == "base_url":
        by_route = Door(f"{built.base}/{sdk.route}", built.headers)
        return await do(sdk, act, by_route, {}, patch)
    ours = {name: value for name, value in built.env().items() if os.environ.get(name) != value}
    return await do(sdk, act, Door(), ours, patch)


@pytest.mark.parametrize(("sdk", "act", "door"), ACTS)
async def test_s6_an_sdk_is_told_what_the_provider_says_and_the_ledger_has_its_figures(
    aimock_house: House,
    aimock: Standin,
    monkeypatch: pytest.MonkeyPatch,
    sdk: Sdk,
    act: str,
    door: str,
) -> None:
    expected = await directly(sdk, act, aimock, monkeypatch)
    told = await through(aimock_house, sdk, act, door, monkeypatch)
    assert told == expected
    assert await aimock.seen() == 1

    (outcome,) = await aimock_house.outcomes(1)
    (decision,) = await aimock_house.records(kind="decision")
    assert decision["result"]["decision"] == "allow"
    assert decision["request"]["host"] == (sdk.host if door == "tunnel" else "aimock.test")
    strength = "proxy_credentials" if door == "tunnel" else "headers"
    assert decision["role"]["identity"]["strength"] == strength
    # An SDK may hang up at the last event, before the last byte.
    ended = ("answered", "client_gone") if "streams" in act else ("answered",)
    assert outcome["result"]["status"] in ended
    if act in sdk.free:
        return
    resource = outcome["resource"]
    assert decision["request"]["provider"] == sdk.provider
    assert decision["request"]["model"] == sdk.models.get(act, sdk.model)
    assert not resource["estimated"] or sdk.provider in UNPRICED
    used = resource["usage"]
    if told.input + told.output:
        assert (used["input"], used["output"]) == (told.input, told.output)
        assert resource["tokens"] == told.input + told.output
    else:  # Exeat asked for what the caller had not asked for, and the caller did not see it.
        assert resource["tokens"] > 0
    assert [call["name"] for call in outcome["result"]["tool_calls"]] == list(told.tools)
    assert bool(told.tools) == ("tool" in act)
    assert resource["nanousd"] > 0 or sdk.provider in UNPRICED


@pytest.mark.parametrize(("sdk", "act", "door"), TOOLS)
async def test_an_sdk_reads_on_after_a_tool_call_that_is_denied(
    toolless_house: House,
    aimock: Standin,
    monkeypatch: pytest.MonkeyPatch,
    sdk: Sdk,
    act: str,
    door: str,
) -> None:
    told = await through(toolless_house, sdk, act, door, monkeypatch)
    assert list(told.tools) == [], "it is shown no call"
    assert "[Exeat: the tool call " in json.dumps(told.data), "it is told why"
    (call,) = await eventually(lambda: toolless_house.records(kind="tool_call"), bool)
    assert call["result"]["status"] == "deny"


async def refused(
    built: House,
    behind: Standin,
    sdk: Sdk,
    act: str,
    door: str,
    patch: pytest.MonkeyPatch,
    expected: Refused,
    code: str,
) -> None:
    """The SDK's own exception, with the reason in it, after one request that never left."""
    await behind.seen()
    with pytest.raises(Exception) as caught:  # Each SDK has another.
        await through(built, sdk, act, door, patch)
    assert type(caught.value).__name__ in (expected.kind, "NodeError")
    assert getattr(caught.value, "name", expected.kind) == expected.kind
    assert sdk.status_of(caught.value) == expected.status
    decisions = await built.records(kind="decision")
    assert [each["result"]["code"] for each in decisions] == [code]
    assert decisions[0]["result"]["reason"] in str(caught.value)
    assert await behind.seen() == 0


@pytest.mark.parametrize(("sdk", "act", "door"), REFUSED)
async def test_a1_a_spent_budget_is_one_request_and_the_sdks_own_exception(
    broke_house: House,
    rationed_house: House,
    aimock: Standin,
    monkeypatch: pytest.MonkeyPatch,
    sdk: Sdk,
    act: str,
    door: str,
) -> None:
    built = rationed_house if sdk.provider in UNPRICED else broke_house
    about = (sdk, act, door, monkeypatch, sdk.budget, "budget_exceeded")
    await refused(built, aimock, *about)


@pytest.mark.parametrize(("sdk", "act", "door"), REFUSED)
async def test_a1_a_denied_model_is_one_request_and_the_sdks_own_exception(
    denying_house: House,
    aimock: Standin,
    monkeypatch: pytest.MonkeyPatch,
    sdk: Sdk,
    act: str,
    door: str,
) -> None:
    about = (sdk, act, door, monkeypatch, sdk.policy, "model_not_allowed")
    await refused(denying_house, aimock, *about)


async def raised(built: House, sdk: str, door: Door, patch: pytest.MonkeyPatch) -> Any:
    """The exception, and that it took one request."""
    with pytest.raises(Exception) as caught:
        await do(SDKS[sdk], "answers", door, {}, patch)
    assert len(await built.records(kind="decision")) == 1
    return caught.value


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
async def test_a1_without_an_identity_an_sdk_raises_permission_denied_once(
    aimock_house: House, monkeypatch: pytest.MonkeyPatch, sdk: str
) -> None:
    door = Door(f"{aimock_house.base}/{SDKS[sdk].route}")
    error = await raised(aimock_house, sdk, door, monkeypatch)
    assert (type(error).__name__, error.status_code) == ("PermissionDeniedError", 403)
    assert "org, agent, session" in str(error)


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
async def test_a1_a_denied_host_raises_permission_denied_once(
    place: Path, aimock: Standin, monkeypatch: pytest.MonkeyPatch, sdk: str
) -> None:
    async with governed(place, policy(egress="  default: deny"), aimock) as built:
        door = Door(f"{built.base}/{SDKS[sdk].route}", built.headers)
        error = await raised(built, sdk, door, monkeypatch)
    assert (type(error).__name__, error.status_code) == ("PermissionDeniedError", 403)


async def test_a1_claude_code_is_told_451_so_that_it_does_not_speak_of_authentication(
    denying_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = {"user-agent": "claude-cli/2.1.197 (external, sdk-cli)"}
    door = Door(f"{denying_house.base}/anthropic", {**denying_house.headers, **agent})
    error = await raised(denying_house, "anthropic", door, monkeypatch)
    assert error.status_code == 451


async def test_a2_a_spent_budget_tells_openais_users_what_was_needed_and_what_remains(
    broke_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(f"{broke_house.base}/openai", broke_house.headers)
    error = await raised(broke_house, "openai", door, monkeypatch)
    assert (error.code, error.type) == ("insufficient_quota", "insufficient_quota")
    facts = error.body["exeat"]
    assert (facts["budget"], facts["remaining"]) == ("tiny", 100)
    assert facts["required"] > 100
    assert "retry-after" not in error.response.headers


async def test_a2_a_spent_budget_tells_anthropics_users_what_was_needed_and_what_remains(
    broke_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(f"{broke_house.base}/anthropic", broke_house.headers)
    error = await raised(broke_house, "anthropic", door, monkeypatch)
    (decision,) = await broke_house.records(kind="decision")
    assert error.body["type"] == "error"
    assert error.body["request_id"] == decision["id"]
    assert error.body["error"]["type"] == "billing_error"
    facts = error.body["error"]["exeat"]
    assert (facts["budget"], facts["remaining"]) == ("tiny", 100)


SIGNED = SDKS["boto3, signing"]


async def test_a_call_to_bedrock_that_is_signed_for_the_base_url_says_what_to_do_instead(
    aimock_house: House, aimock: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Exception, match="Call by HTTPS_PROXY"):
        await through(aimock_house, SIGNED, "answers", "base_url", monkeypatch)
    decisions = await aimock_house.records(kind="decision")
    assert [each["result"]["code"] for each in decisions] == ["signature_broken"]
    assert await aimock.seen() == 0


async def test_the_operators_key_lets_signed_calls_to_bedrock_come_by_base_url(
    place: Path, aimock: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"credentials": {"aws": "bedrock-key"}}
    async with governed(place, policy(), aimock, **keys) as built:
        for act in SIGNED.acts:
            expected = await directly(SIGNED, act, aimock, monkeypatch)
            assert await through(built, SIGNED, act, "base_url", monkeypatch) == expected
        outcomes = await built.outcomes(len(SIGNED.acts))
    assert {each["resource"]["tokens"] for each in outcomes} == {18}

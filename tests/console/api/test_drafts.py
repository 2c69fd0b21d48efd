"""Drafts of policies over the JSON API."""

import asyncio
from typing import Any

import pytest

from tests.console.conftest import Desk, decision_id

DRAFT = "policy: draft\nversion: 1\negress: {default: allow}\nmodels: {deny: ['*-mini']}\n"


async def post(desk: Desk, what: str, body: Any, token: str | None = None) -> tuple[int, Any]:
    url = f"http://127.0.0.1:{desk.port}/api/policy/{what}"
    given = {"authorization": f"Bearer {desk.token if token is None else token}"}
    async with desk.session.post(url, json=body, headers=given) as answer:
        return answer.status, await answer.json()


async def test_a_draft_explains_a_call(desk: Desk) -> None:
    status, told = await post(desk, "explain", {"drafts": [DRAFT], "model": "gpt-4o-mini"})
    assert (status, told["passes"], told["ruled"]["rule"]) == (200, False, "draft/models.deny")


async def test_without_a_draft_the_policies_in_force_explain(desk: Desk) -> None:
    status, told = await post(desk, "explain", {"host": "a.test"})
    assert (status, told["ruled"]["rule"]) == (200, "p/egress.default")


async def test_a_tool_call_and_a_record_are_explained(desk: Desk) -> None:
    asked = {"drafts": [DRAFT], "tool": "Bash", "arguments": '{"command": "ls"}'}
    assert (await post(desk, "explain", asked))[1]["passes"] is True
    asked = {"drafts": [DRAFT], "record": decision_id(1)}
    assert (await post(desk, "explain", asked))[1]["ruled"]["rule"] == "draft/models.deny"


async def test_a_draft_is_replayed_over_the_history(desk: Desk) -> None:
    status, told = await post(desk, "replay", {"drafts": [DRAFT]})
    assert status == 200
    assert told["skipped"] == 4, "three have no policy's stamp, one has no agent"


async def test_two_drafts_are_held_against_each_other(desk: Desk) -> None:
    status, told = await post(desk, "diff", {"one": [DRAFT], "other": [DRAFT]})
    assert (status, told["changes"]) == (200, [])
    other = DRAFT.replace("'*-mini'", "'*'")
    told = (await post(desk, "diff", {"one": [DRAFT], "other": [other]}))[1]
    assert told["calls"] > 0
    assert told["refused_calls"] == sum(each["count"] for each in told["changes"])


async def test_a_draft_is_checked_and_a_problem_is_told_with_its_place(desk: Desk) -> None:
    status, told = await post(desk, "check", {"drafts": [DRAFT]})
    assert (status, told["problem"]) == (200, None)
    assert told["policies"][0].startswith("policy:draft:1:")
    status, told = await post(desk, "check", {"drafts": [DRAFT, DRAFT.replace("deny", "dney")]})
    assert (status, told["policies"]) == (200, [])
    assert "draft-2.yaml:4:" in told["problem"]


async def test_a_large_draft_keeps_nobody_waiting(desk: Desk) -> None:
    rules = "".join(
        f"  - {{id: r{n}, decision: deny, match: {{tools: [t{n}]}}}}\n" for n in range(900)
    )
    checking = asyncio.create_task(post(desk, "check", {"drafts": [f"{DRAFT}rules:\n{rules}"]}))
    between = 0
    while not checking.done():
        async with desk.session.get(f"http://127.0.0.1:{desk.port}/healthz") as answer:
            between += answer.status == 200
    assert (await checking)[0] == 200
    assert between > 5, "others were answered meanwhile"


async def test_a_policy_is_learned_of_what_was_seen_and_can_be_checked(desk: Desk) -> None:
    status, told = await post(desk, "learn", {})
    assert status == 200
    assert told["calls"] > 0
    assert (await post(desk, "check", {"drafts": [told["policy"]]}))[1]["problem"] is None
    status, told = await post(desk, "learn", {"org": "nobody"})
    assert (status, told["error"]["code"]) == (404, "nothing_seen")


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("explain", {}),
        ("explain", {"host": "a.test", "colour": 1}),
        ("explain", {"drafts": ["policy: ["], "host": "a.test"}),
        ("explain", {"record": "x"}),
        ("explain", {"record": "0" * 20}),
        ("replay", {"since": "yesterday"}),
        ("replay", []),
        ("diff", {"one": ["policy: ["], "other": []}),
        ("learn", {"since": "yesterday"}),
    ],
)
async def test_what_cannot_be_read_is_a_400_that_says_why(desk: Desk, what: str, body: Any) -> None:
    status, told = await post(desk, what, body)
    assert (status, told["error"]["code"]) == (400, "bad_query")
    assert told["error"]["message"]


async def test_drafts_need_the_token_too(desk: Desk) -> None:
    assert (await post(desk, "replay", {"drafts": [DRAFT]}, token="x"))[0] == 401

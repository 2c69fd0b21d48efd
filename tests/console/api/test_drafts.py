"""Drafts of policies over the JSON API."""

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
    ],
)
async def test_what_cannot_be_read_is_a_400_that_says_why(desk: Desk, what: str, body: Any) -> None:
    status, told = await post(desk, what, body)
    assert (status, told["error"]["code"]) == (400, "bad_query")
    assert told["error"]["message"]


async def test_drafts_need_the_token_too(desk: Desk) -> None:
    assert (await post(desk, "replay", {"drafts": [DRAFT]}, token="x"))[0] == 401

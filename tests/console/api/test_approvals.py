"""Approvals over the API: who may, what they see, and what they are told when it does not count."""

from typing import Any

import pytest

from proxy.approvals.approval import Approval
from tests.approvals.questions import wanted
from tests.console.conftest import Asked, Desk


@pytest.fixture
async def one(ports: Any) -> Approval:
    it: Approval = await ports.approvals.ask(wanted(), "call-1")
    return it


async def say(
    desk: Desk, which: str, verb: str = "approve", role: Any = "approver", reason: Any = "Looked"
) -> Asked:
    body = {} if reason is None else {"reason": reason}
    token = f"Bearer {desk.tokens[role]}"
    path = f"/api/approvals/{which}/{verb}"
    return await desk.get(path, method="POST", body=body, authorization=token)


async def test_a_viewer_sees_what_waits_and_cannot_decide(desk: Desk, one: Approval) -> None:
    token = f"Bearer {desk.tokens['viewer']}"
    found = await desk.get("/api/approvals?state=pending", authorization=token)
    (seen,) = found.body["approvals"]
    assert (seen["id"], seen["state"], seen["rule"]) == (one.id, "pending", "p/rules.r")
    assert {"name": "target", "value": "/srv"} in seen["summary"]
    assert (await desk.get(f"/api/approvals/{one.id}", authorization=token)).body == seen
    assert (await say(desk, one.id, role="viewer")).status == 403


async def test_an_approver_decides_once_and_may_say_it_again(desk: Desk, one: Approval) -> None:
    done = await say(desk, one.id)
    assert (done.status, done.body["state"]) == (200, "approved")
    assert [(v["by"], v["reason"]) for v in done.body["votes"]] == [("approver", "Looked")]
    assert (await say(desk, one.id)).body == done.body
    late = await say(desk, one.id, "deny", role="admin")
    assert (late.status, late.body["error"]["code"]) == (409, "approval_decided")
    assert "approved by approver" in late.body["error"]["message"]
    assert (await desk.get("/api/approvals?state=pending")).body["approvals"] == []
    assert len((await desk.get("/api/approvals")).body["approvals"]) == 1


async def test_what_nobody_asked_is_404_and_what_is_over_is_410(
    desk: Desk, ports: Any, one: Approval
) -> None:
    assert (await say(desk, "A-none")).status == 404
    assert (await desk.get("/api/approvals/A-none")).status == 404
    ports.approvals._now_ms = lambda: one.until_ms
    late = await say(desk, one.id)
    assert (late.status, late.body["error"]["code"]) == (410, "approval_expired")


async def test_nobody_decides_under_the_name_of_who_asks(desk: Desk, ports: Any) -> None:
    mine = await ports.approvals.ask(wanted(agent="Approver"), "call-1")
    answer = await say(desk, mine.id)
    assert (answer.status, answer.body["error"]["code"]) == (403, "own_request")
    assert (await say(desk, mine.id, role="admin")).status == 200


@pytest.mark.parametrize("reason", [None, "", "a\nb", "x" * 501, 7])
async def test_without_a_reason_nothing_is_decided(desk: Desk, one: Approval, reason: Any) -> None:
    assert (await say(desk, one.id, reason=reason)).status == 400
    assert (await desk.get(f"/api/approvals/{one.id}")).body["state"] == "pending"

"""Approvals over the API: who may, what they see, and what they are told when it does not count."""

import asyncio
from typing import Any

import pytest

from proxy.approvals.approval import Approval, NotDecided, Short
from proxy.approving import ApprovalsSection
from proxy.budgets import Limit
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


# --- more of a budget, given with a yes ---------------------------------------------------------


async def grant(desk: Desk, which: str, role: Any = "approver", **given: Any) -> Asked:
    body = {"reason": "Looked", "grant": {"amount": "5.00", "minutes": 30, **given}}
    path = f"/api/approvals/{which}/approve"
    token = f"Bearer {desk.tokens[role]}"
    return await desk.get(path, method="POST", body=body, authorization=token)


@pytest.fixture
async def short(ports: Any) -> Approval:
    limit = Limit("day", (("org", "acme"),), "usd", "day", 10**9)
    asked = wanted(kind="budget", rule="budget:day", short=Short(limit, 250))
    it: Approval = await ports.approvals.ask(asked, "call-1")
    return it


async def test_a_yes_to_a_budget_that_ran_out_gives_what_was_missing(desk, ports, short) -> None:
    seen = (await say(desk, short.id)).body
    assert seen["short"] == {
        "budget": "day", "scope": {"org": "acme"}, "unit": "usd", "window": "day",
        "limit": 10**9, "missing": 250,
    }  # fmt: skip
    (given,) = ports.permits.in_force
    assert (given.amount, given.limit, given.by) == (250, "usd.day/org=acme", "approver")
    assert given.reason == f"{short.id}: Looked"
    assert given.until_ms - given.from_ms == ports.approvals.claim_s * 1000


async def test_a_yes_may_give_more_for_longer_and_said_again_it_gives_once(
    desk, ports, short
) -> None:
    assert (await grant(desk, short.id)).body["state"] == "approved"
    assert (await grant(desk, short.id)).body["state"] == "approved"
    (given,) = ports.permits.in_force
    assert given.amount == 5 * 10**9
    assert given.until_ms - given.from_ms == 30 * 60_000


async def test_any_yes_may_lift_a_budget_of_whoever_asks(desk, ports, one) -> None:
    assert (await grant(desk, one.id, budget="day")).body["state"] == "approved"
    (given,) = ports.permits.in_force
    assert (given.budget, given.scope.org) == ("day", "acme")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "budget is missing"),
        ({"budget": "weekly"}, "day (usd), mine (tokens)"),
        ({"budget": "mine", "amount": "1.5"}, "amount=1.5 of tokens"),
        ({"budget": "day", "amount": "0"}, "nothing would be granted"),
        ({"budget": "day", "minutes": 1441}, "minutes"),
    ],
)
async def test_what_cannot_be_granted_decides_nothing(desk, ports, one, given, says) -> None:
    done = await grant(desk, one.id, **given)
    assert done.status == 400
    assert says in done.body["error"]["message"]
    assert ports.approvals.known(one.id).votes == ()
    assert ports.permits.in_force == ()


async def test_of_two_that_must_agree_only_the_last_gives(desk, ports) -> None:
    ports.approvals._terms = ApprovalsSection(needed=2)
    it = await ports.approvals.ask(wanted(), "call-1")
    assert (await grant(desk, it.id, budget="day")).body["state"] == "pending"
    assert ports.permits.in_force == ()
    assert (await grant(desk, it.id, "admin", budget="day")).body["state"] == "approved"
    assert [each.by for each in ports.permits.in_force] == ["admin"]


async def test_rule_5_of_two_that_say_yes_at_once_one_gives(desk, ports, monkeypatch) -> None:
    ports.approvals._terms = ApprovalsSection(needed=2)
    it = await ports.approvals.ask(wanted(), "call-1")
    foreseen, both = ports.approvals.foreseen, asyncio.Barrier(2)

    async def together(*given: Any) -> Approval:
        found = await foreseen(*given)
        await both.wait()
        return found

    monkeypatch.setattr(ports.approvals, "foreseen", together)
    async with asyncio.timeout(10):
        done = await asyncio.gather(
            grant(desk, it.id, budget="day"), grant(desk, it.id, "admin", budget="day")
        )
    assert sorted(each.body["state"] for each in done) == ["approved", "pending"]
    assert len(ports.permits.in_force) == 1, "whoever was last after all"


async def test_who_asks_grants_themselves_nothing(desk, ports) -> None:
    it = await ports.approvals.ask(wanted(agent="Approver"), "call-1")
    assert (await grant(desk, it.id, budget="day")).status == 403
    assert ports.permits.in_force == ()


async def test_a_yes_that_came_too_late_takes_its_grant_back(desk, ports, one, monkeypatch) -> None:
    async def late(*_: Any) -> Approval:
        raise NotDecided("decided", "It was decided before: denied by bob.")

    monkeypatch.setattr(ports.approvals, "decide", late)
    assert (await grant(desk, one.id, budget="day")).status == 409
    assert ports.permits.in_force == ()
    kinds = [each.body["kind"] for each in await ports.ledger.events(("grant", "permit_end"))]
    assert kinds == ["grant", "permit_end"]

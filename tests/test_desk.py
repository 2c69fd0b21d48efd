"""The desk where runtimes ask about tools of their own: the same rules, the same decision, on file."""

from typing import Any

import pytest

from proxy.desk import Desk
from proxy.endpoint import Asked, Nothing, Problem
from proxy.hooks.contract import ToolCallCheck, ToolCallReport
from proxy.ledger.records import Event
from proxy.policy import PolicyBook
from proxy.policy.released import Released
from proxy.slip import Identity, Slip
from tests.addons.slips import MemoryLedger, approvals, triggers
from tests.policy.texts import policy

RULES = policy(
    """
rules:
  - {id: no-rm, decision: deny, reason: Not here., match: {commands: [rm]}}
  - {id: ask, decision: hold, match: {commands: [deploy]}}
  - {id: look, decision: warn, match: {commands: [curl]}}
  - {id: circles, decision: deny, match: {repeats_more_than: 1}}
"""
)
HASH = "0" * 64


def caller(session: str = "s1") -> Slip:
    slip = Slip("call", 0, 0, "internal", "POST", "/v1/tool-calls/check")
    slip.identity = Identity("acme", "coder", session)
    slip.terms = PolicyBook([RULES]).terms("acme", "coder")
    return slip


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def desk(ledger: MemoryLedger) -> Desk:
    return Desk(ledger, Released(), triggers(), approvals(ledger))  # type: ignore[arg-type]


def bash(command: str, session: str = "s1", **more: Any) -> Asked[Slip, Nothing, ToolCallCheck]:
    asked = {"runtime": "claude-code", "tool": "Bash", "arguments": {"command": command}}
    return Asked(caller(session), Nothing(), ToolCallCheck.model_validate(asked | more))


def report(session: str = "s1", **more: Any) -> Asked[Slip, Nothing, ToolCallReport]:
    told = {"runtime": "claude-code", "status": "ok", "output_sha256": HASH, "output_bytes": 3}
    return Asked(caller(session), Nothing(), ToolCallReport.model_validate(told | more))


@pytest.mark.parametrize(
    ("command", "decision", "rule"),
    [
        ("ls", "allow", "p/tools.default"),
        ("rm a", "deny", "p/rules.no-rm"),
        ("deploy now", "hold", "p/rules.ask"),
        ("curl x", "warn", "p/rules.look"),
    ],
)
async def test_a_check_is_decided_by_the_rules_and_filed(
    desk: Desk, ledger: MemoryLedger, command: str, decision: str, rule: str
) -> None:
    told = await desk.check(bash(command))

    assert (told.decision, told.rule) == (decision, rule)
    event = ledger.filed[-1]
    assert len(ledger.filed) == (2 if decision == "hold" else 1)
    assert (event.kind, event.status, event.id) == ("tool_call", decision, told.record)


async def test_what_is_held_is_asked_of_a_person_and_passes_once_when_it_is_approved(
    ledger: MemoryLedger,
) -> None:
    people = approvals(ledger)
    desk = Desk(ledger, Released(), triggers(), people)  # type: ignore[arg-type]
    first = await desk.check(bash("deploy now"))
    assert first.approval is not None
    assert f"Approval {first.approval} is pending" in first.reason
    assert (await desk.check(bash("deploy now"))).approval == first.approval
    other = await desk.check(bash("deploy  now!"))
    await people.decide(first.approval, "ann", True, "ok")
    assert other.approval is not None
    await people.decide(other.approval, "ann", False, "Not today")
    assert (await desk.check(bash("deploy now"))).decision == "allow"
    again = await desk.check(bash("deploy now"))
    assert (again.decision, again.approval != first.approval) == ("hold", True)
    no = await desk.check(bash("deploy  now!"))
    assert (no.decision, "Not today" in no.reason) == ("deny", True)


async def test_the_same_again_is_a_circle(desk: Desk) -> None:
    said = [(await desk.check(bash("ls"))).decision for _ in range(3)]
    assert said == ["allow", "allow", "deny"]


async def test_what_came_of_it_is_filed_by_record_or_by_the_runtimes_own_id(
    desk: Desk, ledger: MemoryLedger
) -> None:
    told = await desk.check(bash("ls", call_id="toolu_1"))
    for name in ({"record": told.record}, {"call_id": "toolu_1"}):
        await desk.report(report(**name))
        event = ledger.records[-1]
        assert isinstance(event, Event)
        assert (event.kind, event.decision_id) == ("tool_result", told.record)
        assert event.facts["output_sha256"] == HASH


async def test_nobody_reports_for_another(desk: Desk) -> None:
    told = await desk.check(bash("ls"))
    with pytest.raises(Problem) as raised:
        await desk.report(report("s2", record=told.record))
    assert raised.value.status == 404


async def test_rule_2_what_is_not_on_file_is_not_said(desk: Desk, ledger: MemoryLedger) -> None:
    ledger.is_down = True
    with pytest.raises(Exception, match="disk full"):
        await desk.check(bash("ls"))

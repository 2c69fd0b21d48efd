"""Why a call was refused, and what would be allowed: for the one who made it."""

from types import SimpleNamespace
from typing import Any

import pytest

from proxy.actions import action_of
from proxy.budgets import Accounts, MemoryCounters
from proxy.endpoint import Problem
from proxy.inside.budget import Purse
from proxy.inside.refusals import Refusals
from proxy.ledger.filing import decision_of, tool_call_of
from proxy.ledger.r6 import r6
from proxy.ledger.records import Record
from proxy.refusals import Code, Refusal
from proxy.slip import Ruled
from tests.addons.slips import ELSEWHERE, NoAllowances
from tests.addons.slips import slip as slip_to
from tests.budgets.diary import Diary
from tests.inside.callers import asks, caller

RULES = """
egress: {allow: [{host: api.openai.com}], deny: [{host: bad.test}]}
models: {allow: ["gpt-4o*"], deny: ["*-audio"]}
budgets: [{name: day, window: day, usd: 1}]
"""


class OnFile:
    """A ledger of a few records."""

    def __init__(self, *records: Record) -> None:
        self._bodies = [r6(record, seq, None, None, None) for seq, record in enumerate(records)]

    async def get(self, which: str) -> list[Any]:
        if len(which) < 4:
            raise ValueError("too short")
        found = [body for body in self._bodies if str(body["id"]).startswith(which)]
        return [SimpleNamespace(body=body) for body in found]


def refused(code: Code) -> Record:
    slip = slip_to(ELSEWHERE)
    slip.refusal = Refusal(code, "No. Ask.", rule="p/x")
    return decision_of(slip)


def desk(*records: Record) -> Refusals:
    purse = Purse(Accounts(MemoryCounters(), Diary()), NoAllowances())
    return Refusals(OnFile(*records), purse)  # type: ignore[arg-type]


INSTEAD = {
    Code.HOST_NOT_ALLOWED: "places",
    Code.MODEL_NOT_ALLOWED: "models",
    Code.BUDGET_EXCEEDED: "budgets",
    Code.RATE_LIMITED: "budgets",
    Code.BAD_REQUEST: None,
}


@pytest.mark.parametrize("code", INSTEAD)
async def test_the_reason_comes_with_what_would_be_allowed(code):
    told = await desk(refused(code)).refusal(asks(caller(RULES), record="call-1"))

    assert (told.record, told.code, told.reason, told.rule) == ("call-1", code, "No. Ask.", "p/x")
    assert (told.method, told.host, told.path) == ("GET", "a.test", "/x")
    said = {name for name, value in told.allowed.model_dump().items() if value is not None}
    assert said == ({INSTEAD[code]} if INSTEAD[code] else set())


async def test_the_lists_are_those_of_the_callers_own_terms():
    told = await desk(refused(Code.HOST_NOT_ALLOWED)).refusal(asks(caller(RULES), record="call-1"))
    (places,) = told.allowed.places
    assert [route.host for route in places.allow] == ["api.openai.com"]
    assert [route.host for route in places.deny] == ["bad.test"]

    told = await desk(refused(Code.MODEL_NOT_ALLOWED)).refusal(asks(caller(RULES), record="call-1"))
    (models,) = told.allowed.models
    assert (list(models.allow), list(models.deny)) == (["gpt-4o*"], ["*-audio"])


async def test_a_tool_that_was_denied_has_its_reason_too():
    ruled = Ruled("deny", "p/rules.no-rm", "Not here.")
    action = action_of("Bash", {"command": "rm x"})
    event = tool_call_of(slip_to(ELSEWHERE), "toolu_1", action, ruled, "", 0)
    told = await desk(event).refusal(asks(caller(RULES), record=event.id))

    assert (told.code, told.rule, told.tool) == ("policy_denied", "p/rules.no-rm", "Bash")


ABSENT = {
    "another session's": (refused(Code.HOST_NOT_ALLOWED), "call-1", "s2"),
    "one that was let through": (decision_of(slip_to(ELSEWHERE)), "call-1", "s1"),
    "one that is not there": (refused(Code.HOST_NOT_ALLOWED), "call-2", "s1"),
    "no id at all": (refused(Code.HOST_NOT_ALLOWED), "x", "s1"),
}


@pytest.mark.parametrize("case", ABSENT)
async def test_nothing_is_told_of_a_record_that_is_not_the_callers_own_refusal(case):
    record, which, session = ABSENT[case]
    with pytest.raises(Problem) as raised:
        await desk(record).refusal(asks(caller(RULES, session), record=which))
    assert raised.value.status == 404

"""The desk at exeat.internal where runtimes ask before they run a tool of their own, and say what came
of it: the same decision as for the tools that a model's answer asks for."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from proxy.actions import action_of
from proxy.approvals.approval import Taken
from proxy.approvals.approvals import Approvals
from proxy.approvals.wanted import of_tool
from proxy.approvals.words import of_taken
from proxy.endpoint import Asked, Endpoint, Nothing, Problem
from proxy.hooks.contract import (
    CHECK_PATH,
    REPORT_PATH,
    ToolCallCheck,
    ToolCallReport,
    ToolCallVerdict,
)
from proxy.kill.triggers import Triggers
from proxy.ledger.filing import tool_call_of
from proxy.ledger.records import Event
from proxy.ledger.store import Ledger
from proxy.policy.rates import Circles, over
from proxy.policy.released import Released
from proxy.policy.words import now, ruled_tool
from proxy.slip import Ruled, Slip, new_id

_CHECKED_MAX = 20_000
"""Checks whose report is waited for; the oldest is forgotten, and its report then names no record."""


class Desk:
    """Answers identified callers only. What it says is on file before it is said."""

    def __init__(
        self, ledger: Ledger, released: Released, triggers: Triggers, approvals: Approvals
    ) -> None:
        self._ledger = ledger
        self._released = released
        self._approvals = approvals
        self._triggers = triggers
        self._circles = Circles()
        self._checked: OrderedDict[tuple[str, ...], str] = OrderedDict()

    async def check(self, asked: Asked[Slip, Nothing, ToolCallCheck]) -> ToolCallVerdict:
        """Whether a tool may be run with these arguments, by the same rules as any other."""
        slip, tool = asked.who, asked.body
        who, terms = slip.identity, slip.terms
        assert who is not None
        assert terms is not None
        action = action_of(tool.tool, tool.arguments, cwd=tool.cwd)
        repeats = self._circles.before(who, action.digest, now())
        approved = self._released.take(who, tool.call_id)
        self._triggers.saw_repeats(slip, repeats)
        ruled, counted = ruled_tool(slip, action, repeats, is_counted=approved is None)
        event = tool_call_of(slip, tool.call_id or "", action, ruled, "", repeats, over(counted))
        taken = None
        if ruled.decision == "hold" and approved == action.digest:
            taken = Taken(None, is_granted=True)  # The answer that asked for it has used the yes.
        elif ruled.decision == "hold" and not ruled.passes:
            taken = await self._approvals.take(of_tool(slip, ruled, action), slip.id)
            facts = {"approval": taken.approval.id if taken.approval else None}
            event = replace(event, facts={**event.facts, **facts, "granted": taken.is_granted})
        await self._ledger.append(event)
        for name in (event.id, tool.call_id):
            if name is not None:
                self._remember((who.org, who.agent, who.session, name), event.id)
        return ToolCallVerdict(
            decision=_said(ruled, taken),
            reason=_reason(ruled, taken),
            rule=ruled.rule,
            policy=terms.policy_ids[0] if terms.policy_ids else None,
            record=event.id,
            approval=taken.approval.id if taken and taken.approval else None,
        )

    async def report(self, asked: Asked[Slip, Nothing, ToolCallReport]) -> Nothing:
        """What came of a tool that was checked. Only the one who asked may say."""
        told, who = asked.body, asked.who.identity
        assert who is not None
        named = told.record or told.call_id or ""
        record = self._checked.get((who.org, who.agent, who.session, named))
        if record is None:
            raise Problem(404, "not_found", "No check of this session has this name.")
        await self._ledger.append(
            Event(
                kind="tool_result",
                id=new_id(),
                ts_ms=time.time_ns() // 1_000_000,
                org=who.org,
                agent=who.agent,
                session=who.session,
                task=who.task,
                decision_id=record,
                status=told.status,
                facts={
                    "runtime": told.runtime,
                    "tool": told.tool,
                    "duration_ms": told.duration_ms,
                    "output_sha256": told.output_sha256,
                    "output_bytes": told.output_bytes,
                },
            )
        )
        return Nothing()

    def endpoints(self) -> Sequence[Endpoint[Slip]]:
        """Both."""
        return [
            Endpoint(
                "POST",
                CHECK_PATH,
                "agent",
                self.check,
                ToolCallVerdict,
                body=ToolCallCheck,
                tag="tools",
            ),
            Endpoint(
                "POST",
                REPORT_PATH,
                "agent",
                self.report,
                Nothing,
                body=ToolCallReport,
                problems=(404,),
                tag="tools",
            ),
        ]

    def _remember(self, key: tuple[str, ...], record: str) -> None:
        self._checked[key] = record
        if len(self._checked) > _CHECKED_MAX:
            self._checked.popitem(last=False)


def _said(ruled: Ruled, taken: Taken | None) -> Literal["allow", "deny", "hold", "warn"]:
    """What is only watched, or redacted where there is nothing to redact, is allowed; so is what a person
    approved, once."""
    if taken is not None:
        is_open = taken.approval is None or taken.approval.state != "denied"
        return "allow" if taken.is_granted else "hold" if is_open else "deny"
    if ruled.decision == "redact" or (ruled.passes and ruled.decision != "warn"):
        return "allow"
    return ruled.decision


def _reason(ruled: Ruled, taken: Taken | None) -> str:
    if taken is None or taken.is_granted:
        return ruled.reason
    return of_taken(taken, ruled, "It").message

"""The desk at exeat.internal where runtimes ask before they run a tool of their own, and say what came
of it: the same decision as for the tools that a model's answer asks for."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from proxy.actions import action_of
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

    def __init__(self, ledger: Ledger, released: Released, triggers: Triggers) -> None:
        self._ledger = ledger
        self._released = released
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
        is_counted = not self._released.take(who, tool.call_id)
        self._triggers.saw_repeats(slip, repeats)
        ruled, facts = ruled_tool(slip, action, repeats, is_counted=is_counted)
        event = tool_call_of(slip, tool.call_id or "", action, ruled, "", repeats, over(facts))
        await self._ledger.append(event)
        for name in (event.id, tool.call_id):
            if name is not None:
                self._remember((who.org, who.agent, who.session, name), event.id)
        return ToolCallVerdict(
            decision=_said(ruled),
            reason=ruled.reason,
            rule=ruled.rule,
            policy=terms.policy_ids[0] if terms.policy_ids else None,
            record=event.id,
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


def _said(ruled: Ruled) -> Literal["allow", "deny", "hold", "warn"]:
    """What is only watched, or redacted where there is nothing to redact, is allowed."""
    if ruled.decision == "redact" or (ruled.passes and ruled.decision != "warn"):
        return "allow"
    return ruled.decision

"""The desk at exeat.internal where runtimes ask before they run a tool of their own, and say what came
of it: the same decision as for the tools that a model's answer asks for."""

import time
from collections import OrderedDict
from typing import Literal

from pydantic import ValidationError

from proxy.actions import action_of
from proxy.hooks.contract import ToolCallCheck, ToolCallReport, ToolCallVerdict
from proxy.ledger.filing import tool_call_of
from proxy.ledger.records import Event
from proxy.ledger.store import Ledger
from proxy.policy.rates import Circles, over
from proxy.policy.released import Released
from proxy.policy.words import now, ruled_tool
from proxy.slip import Ruled, Slip, new_id

_CHECKED_MAX = 20_000
"""Checks whose report is waited for; the oldest is forgotten, and its report then names no record."""

type Reply = tuple[int, dict[str, object]]


class Desk:
    """Answers identified callers only. What it says is on file before it is said."""

    def __init__(self, ledger: Ledger, released: Released) -> None:
        self._ledger = ledger
        self._released = released
        self._circles = Circles()
        self._checked: OrderedDict[tuple[str, ...], str] = OrderedDict()

    async def check(self, slip: Slip, body: bytes) -> Reply:
        """May this tool be run?"""
        try:
            asked = ToolCallCheck.model_validate_json(body)
        except ValidationError as error:
            return 400, _problem(error)
        who, terms = slip.identity, slip.terms
        assert who is not None
        assert terms is not None
        action = action_of(asked.tool, asked.arguments, cwd=asked.cwd)
        repeats = self._circles.before(who, action.digest, now())
        is_counted = not self._released.take(who, asked.call_id)
        ruled, facts = ruled_tool(slip, action, repeats, is_counted=is_counted)
        event = tool_call_of(slip, asked.call_id or "", action, ruled, "", repeats, over(facts))
        await self._ledger.append(event)
        for name in (event.id, asked.call_id):
            if name is not None:
                self._remember((who.org, who.agent, who.session, name), event.id)
        verdict = ToolCallVerdict(
            decision=_said(ruled),
            reason=ruled.reason,
            rule=ruled.rule,
            policy=terms.policy_ids[0] if terms.policy_ids else None,
            record=event.id,
        )
        return 200, verdict.model_dump()

    async def report(self, slip: Slip, body: bytes) -> Reply:
        """What came of it. Only the one who asked may say."""
        try:
            told = ToolCallReport.model_validate_json(body)
        except ValidationError as error:
            return 400, _problem(error)
        who = slip.identity
        assert who is not None
        named = told.record or told.call_id or ""
        record = self._checked.get((who.org, who.agent, who.session, named))
        if record is None:
            return 404, {"error": "not_found", "detail": "no check of this session has this name"}
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
        return 200, {}

    def _remember(self, key: tuple[str, ...], record: str) -> None:
        self._checked[key] = record
        if len(self._checked) > _CHECKED_MAX:
            self._checked.popitem(last=False)


def _said(ruled: Ruled) -> Literal["allow", "deny", "hold", "warn"]:
    """What is only watched, or redacted where there is nothing to redact, is allowed."""
    if ruled.decision == "redact" or (ruled.passes and ruled.decision != "warn"):
        return "allow"
    return ruled.decision


def _problem(error: ValidationError) -> dict[str, object]:
    """Which field and what is wrong with it; never its value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return {"error": "bad_request", "detail": f"{where}: {first['msg']}" if where else first["msg"]}

"""Has a person said yes? What a rule holds waits here for one, before anything is sent."""

from collections.abc import Coroutine
from typing import Any

from mitmproxy import http

from proxy.anew import Anew
from proxy.approvals.approval import Approval as Asked
from proxy.approvals.approval import Wanted
from proxy.approvals.approvals import Approvals
from proxy.approvals.store import ApprovalsUnavailable
from proxy.approvals.waiting import WAIT_MAX_S, waited
from proxy.approvals.wanted import of_call
from proxy.approvals.words import refusal_of, refusal_of_too_many
from proxy.engine.opening import has_body
from proxy.mcp.errors import refused
from proxy.mcp.headers import is_answered_elsewhere
from proxy.refusals import Code, Refusal
from proxy.slip import NeedsBody, Ruled, Slip, Stamp

_UNAVAILABLE = Refusal(
    Code.GOVERNANCE_UNAVAILABLE,
    "It cannot be read what people approved, so nothing that is held leaves. Try again shortly.",
    retry_after_s=5,
)


class Approval:
    """Asks a person about what is held, waits as long as the client does, and claims their yes once."""

    name = "approval"

    def __init__(self, approvals: Approvals, anew: Anew, wait_s: float) -> None:
        self._approvals = approvals
        self._anew = anew
        self._wait_s = min(wait_s, WAIT_MAX_S)

    def depart(
        self, slip: Slip, flow: http.HTTPFlow
    ) -> Stamp | Refusal | NeedsBody | Coroutine[Any, Any, Stamp | Refusal]:
        """Yes, when nothing is held, or by whom it was approved."""
        if slip.held_for is None:
            return Stamp("not held")
        if slip.socket is None and has_body(flow) and not slip.reads_body:
            return NeedsBody()  # It is bound to every byte of it.
        return self._held(slip, flow, slip.held_for)

    def patience_s(self, slip: Slip) -> float:
        """As long as a person may take."""
        return self._wait_s if slip.held_for is not None else 0.0

    async def refused(self, slip: Slip) -> None:
        """The call does not leave: what it claimed is there for another."""
        await self._give_back(slip)

    async def settle(self, slip: Slip) -> None:
        """The same when it ended before a byte of it left."""
        if not slip.left:
            await self._give_back(slip)

    async def _give_back(self, slip: Slip) -> None:
        if slip.approval is not None:
            await self._approvals.give_back(slip.approval, slip.id)
            slip.approval = None

    async def _held(self, slip: Slip, flow: http.HTTPFlow, ruled: Ruled) -> Stamp | Refusal:
        try:
            verdict = await self._asked(slip, flow, ruled)
        except ApprovalsUnavailable:
            return _UNAVAILABLE
        if isinstance(verdict, Refusal) and slip.mcp is not None:
            _answer_mcp(slip, flow, verdict)
        return verdict

    async def _asked(self, slip: Slip, flow: http.HTTPFlow, ruled: Ruled) -> Stamp | Refusal:
        wanted = of_call(slip, ruled, slip.held_tools)
        it = await self._approvals.ask(wanted, slip.id)
        if it is None:
            return refusal_of_too_many(ruled, _what(slip))
        if it.state == "pending":
            it = await waited(self._approvals, slip, it, flow.request.headers.get, self._wait_s)
        if slip.is_over:
            if it.state == "pending":
                await self._approvals.left(it, slip.id)
            return refusal_of(it, _what(slip))
        if it.state == "claimed":
            return await self._asked_anew(slip, wanted)
        if it.state != "approved":
            return refusal_of(it, _what(slip))
        no = self._anew.no(slip, _what(slip), wanted.key)
        if no is not None:
            return no
        done = await self._approvals.claim(it, slip.id)
        if done is None:
            return await self._asked_anew(slip, wanted)
        slip.approval = done
        return await self._used(slip, done)

    async def _asked_anew(self, slip: Slip, wanted: Wanted) -> Refusal:
        """Another call of the same was quicker to use the yes."""
        again = await self._approvals.ask(wanted, slip.id)
        if again is None:
            assert slip.held_for is not None
            return refusal_of_too_many(slip.held_for, _what(slip))
        return refusal_of(again, _what(slip))

    async def _used(self, slip: Slip, it: Asked) -> Stamp | Refusal:
        if slip.is_over:  # It went while the claim was filed.
            await self._give_back(slip)
            return refusal_of(it, _what(slip))
        return Stamp(f"{it.id}, approved by {', '.join(v.by for v in it.votes if v.says_yes)}")


def _what(slip: Slip) -> str:
    return "This call" if slip.mcp is None else "This tool"


def _answer_mcp(slip: Slip, flow: http.HTTPFlow, no: Refusal) -> None:
    """In the words of its protocol."""
    assert slip.mcp is not None
    elsewhere = is_answered_elsewhere(list(flow.request.headers.items(multi=True)))
    told = {n: no for n, call in enumerate(slip.mcp.calls) if call.tool is not None} or {0: no}
    slip.own_answer = refused(slip.mcp, told, slip.id, is_answered_elsewhere=elsewhere)

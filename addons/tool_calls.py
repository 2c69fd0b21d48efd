"""May it do what the model asks? Every tool call of an answer is decided before the agent can act."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from mitmproxy import http

from proxy.actions import Action, action_of
from proxy.approvals.approvals import Approvals
from proxy.approvals.wanted import of_tool
from proxy.approvals.words import of_taken
from proxy.budgets import CountersUnavailable
from proxy.counting import RateCounts
from proxy.engine.answers import Filter, open_length
from proxy.kill.triggers import Triggers
from proxy.ledger.filing import tool_call_of
from proxy.ledger.store import Ledger
from proxy.policy.decide import decide
from proxy.policy.rates import Circles, over
from proxy.policy.released import Released
from proxy.policy.words import now, refusal_of, ruled_tool, tool_facts, uncounted
from proxy.providers.decoding import ContentDecoder
from proxy.providers.recognise import Socket
from proxy.providers.tool_gate import Asked, Ruling, ToolGate
from proxy.providers.tool_gate_socket import SocketGate
from proxy.providers.tool_gate_sockets import SOCKET_SIEVES
from proxy.refusals import Refusal
from proxy.reserving import tool_calls_ahead
from proxy.slip import Ruled, Slip, Stamp

UNREAD = "unread"
"""Stands for a rule where a call could not be read, or not decided."""


class ToolCalls:
    """Holds a tool call back while it is written, and lets it through or puts the reason in its place."""

    name = "tool_calls"

    def __init__(
        self,
        ledger: Ledger,
        released: Released,
        rates: RateCounts,
        triggers: Triggers,
        approvals: Approvals,
    ) -> None:
        self._ledger = ledger
        self._rates = rates
        self._released = released
        self._approvals = approvals
        self._triggers = triggers
        self._circles = Circles()

    async def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes; and where a rule may refuse a tool, its answer must come so that we can edit it."""
        try:
            if (ahead := tool_calls_ahead(slip)) and slip.terms is not None and slip.terms.counts:
                await self._rates.hold_for_tools(slip, ahead)
        except CountersUnavailable:
            return uncounted()
        seen = slip.recognised
        if isinstance(seen, Socket) and slip.socket is None:
            slip.gate = SocketGate(SOCKET_SIEVES[seen.dialogue], self._rule, unasked=self._unread)
        if not slip.gates_tools:
            return Stamp("no tool is refused")
        if slip.call is not None:
            flow.request.headers["accept-encoding"] = "identity"
        elif not isinstance(seen, Socket):
            return Stamp("no model answers")
        return self._hosted(slip) or Stamp("held until decided")

    def _hosted(self, slip: Slip) -> Refusal | None:
        """Tools that the provider runs are decided when they are offered to it: later nobody asks."""
        assert slip.terms is not None
        for name in slip.call.hosted_tools if slip.call is not None else ():
            ruled = decide(slip.terms, tool_facts(slip, action_of(name, {})))
            if not ruled.passes:
                return refusal_of(ruled, f"The tool {name}, which runs at the provider,")
        return None

    def screen(self, slip: Slip, flow: http.HTTPFlow) -> Filter | None:
        """Read what the model asks for, and decide."""
        if not slip.gates_tools or flow.response is None:
            return None
        gate = self._gate(slip, flow, flow.response.headers)
        if gate is None:
            return None
        slip.shows_whole_events = True
        open_length(flow)  # What stands in a refused call's place has a length of its own.
        return lambda chunk: gate.feed(chunk) if chunk else gate.close()

    def answer(self, slip: Slip, flow: http.HTTPFlow) -> Filter | None:
        """Where nothing can be refused, the answer passes as it is, and what it asks for is filed."""
        call = slip.call
        if slip.gates_tools or flow.response is None or call is None:
            return None
        if not call.prompt.may_lead_to_tools:
            return None
        headers = flow.response.headers.copy()
        decoder = ContentDecoder(headers.pop("content-encoding", ""))
        gate = self._gate(slip, flow, headers)
        if gate is None:
            return None

        def watch(chunk: bytes) -> bytes:
            if not chunk:
                gate.close()
            elif decoded := decoder.feed(chunk):
                gate.feed(decoded)
            return chunk

        return watch

    def _gate(self, slip: Slip, flow: http.HTTPFlow, headers: Mapping[str, str]) -> ToolGate | None:
        call, response = slip.call, flow.response
        if call is None or response is None or response.status_code >= 400:
            return None
        return ToolGate(
            call.format,
            call.provider,
            headers,
            partial(self._rule, slip),
            unasked=partial(self._unread, slip),
        )

    async def settle(self, slip: Slip) -> None:
        """What was asked for though nobody had given it a tool: by name, as nobody read it."""
        if slip.gates_tools or slip.tool_events or slip.terms is None:
            return
        for id_, name in slip.tool_calls:
            action = replace(action_of(name, {}), is_understood=False)
            ruled, facts = ruled_tool(slip, action)
            event = tool_call_of(slip, id_, action, ruled, "", 0, over(facts))
            slip.tool_events.append(event)

    async def refused(self, slip: Slip) -> None:
        """What was decided about tools that the call would have used itself."""
        await self.file(slip)

    async def file(self, slip: Slip) -> None:
        """What was decided about each tool."""
        for event in slip.tool_events:
            await self._ledger.submit(event, is_urgent=False)

    def _rule(self, slip: Slip, asked: Asked) -> Ruling:
        action = action_of(asked.name, asked.arguments)
        who = slip.identity
        assert who is not None
        repeats = self._circles.before(who, action.digest, now())
        self._triggers.saw_repeats(slip, repeats)
        came_over: tuple[str, ...] = ()
        if slip.stopped is not None:
            ruled = Ruled("deny", slip.stopped.code.value, slip.stopped.message)
        else:
            ruled, facts = ruled_tool(slip, action, repeats)
            came_over = over(facts)
        event = tool_call_of(slip, asked.id, action, ruled, asked.intent, repeats, came_over)
        slip.tool_events.append(event)
        if slip.stopped is not None:
            return Ruling(False, f"[Exeat: {ruled.reason}]")
        if ruled.passes:
            self._released.add(who, asked.id)
            return Ruling(True)
        if ruled.decision == "hold":
            return self._held(slip, ruled, action, asked)
        reason = ruled.reason or "The policy of this Exeat does not allow it."
        return _no(f"the tool call {asked.name} is not allowed. {reason}", ruled)

    def _unread(self, slip: Slip, asked: Asked, ruling: Ruling) -> None:
        """A call of which it could not be known what it is: on file like any other."""
        ruled = Ruled("deny", UNREAD, ruling.text, enforced=slip.gates_tools)
        action = action_of(asked.name, asked.arguments)
        slip.tool_events.append(tool_call_of(slip, asked.id, action, ruled, asked.intent, 0))

    def _held(self, slip: Slip, ruled: Ruled, action: Action, asked: Asked) -> Ruling:
        """An answer does not wait: it passes what was approved before, once, and asks for the rest."""
        taken = self._approvals.take_now(of_tool(slip, ruled, action), slip.id)
        event = slip.tool_events[-1]
        facts = {"approval": taken.approval.id if taken.approval else None}
        slip.tool_events[-1] = replace(
            event, facts={**event.facts, **facts, "granted": taken.is_granted}
        )
        if taken.is_granted:
            assert slip.identity is not None
            self._released.add(slip.identity, asked.id, action.digest)
            return Ruling(True)
        return _no(of_taken(taken, ruled, f"the tool call {asked.name}").message, ruled)


def _no(text: str, ruled: Ruled) -> Ruling:
    return Ruling(False, f"[Exeat: {text} Rule {ruled.rule}.]")

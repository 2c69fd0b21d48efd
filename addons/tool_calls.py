"""May it do what the model asks? Every tool call of an answer is decided before the agent can act."""

from dataclasses import replace

from mitmproxy import http

from proxy.actions import Action, action_of
from proxy.approvals.approvals import Approvals
from proxy.approvals.wanted import of_tool
from proxy.approvals.words import of_taken
from proxy.engine.answers import Filter, open_length
from proxy.kill.triggers import Triggers
from proxy.kill.words import refusal_of_stop
from proxy.ledger.filing import tool_call_of
from proxy.ledger.store import Ledger
from proxy.policy.decide import decide
from proxy.policy.rates import Circles
from proxy.policy.words import now, refusal_of, tool_facts
from proxy.providers.recognise import Socket
from proxy.providers.tool_gate import Asked, Ruling, ToolGate
from proxy.providers.tool_gate_socket import SocketGate
from proxy.providers.tool_gate_sockets import SOCKET_SIEVES
from proxy.refusals import Code, Refusal
from proxy.slip import Ruled, Slip, Stamp

_REOPEN = Refusal(
    Code.POLICY_DENIED,
    "A rule is about tools since this WebSocket was opened, and what it asks for was not held back. "
    "Connect again.",
)


class ToolCalls:
    """Holds a tool call back while it is written, and lets it through or puts the reason in its place."""

    name = "tool_calls"

    def __init__(self, ledger: Ledger, triggers: Triggers, approvals: Approvals) -> None:
        self._ledger = ledger
        self._approvals = approvals
        self._triggers = triggers
        self._circles = Circles()

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes; and where a rule may refuse a tool, its answer must come so that we can edit it."""
        if not slip.gates_tools:
            return Stamp("no tool is refused")
        seen = slip.recognised
        if isinstance(seen, Socket):
            if slip.socket is None:
                slip.gate = SocketGate(SOCKET_SIEVES[seen.dialogue], self._rule)
            elif slip.gate is None:
                return _REOPEN
        elif slip.call is not None:
            flow.request.headers["accept-encoding"] = "identity"
        else:
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
        call, response = slip.call, flow.response
        if call is None or response is None or not _is_gated(slip) or response.status_code >= 400:
            return None
        slip.shows_whole_events = True
        gate = ToolGate(
            call.format, call.provider, response.headers, lambda asked: self._rule(slip, asked)
        )
        open_length(flow)  # What stands in a refused call's place has a length of its own.
        return lambda chunk: gate.feed(chunk) if chunk else gate.close()

    async def file(self, slip: Slip) -> None:
        """What was decided about each tool."""
        for event in slip.tool_events:
            await self._ledger.submit(event, is_urgent=False)

    def _rule(self, slip: Slip, asked: Asked) -> Ruling:
        assert slip.terms is not None
        action = action_of(asked.name, asked.arguments)
        who = slip.identity
        assert who is not None
        repeats = self._circles.before(who, action.digest, now())
        self._triggers.saw_repeats(slip, repeats)
        ruled = decide(slip.terms, tool_facts(slip, action, repeats))
        event = tool_call_of(slip, asked.id, action, ruled, asked.intent, repeats)
        slip.tool_events.append(event)
        if slip.stopped is not None:
            return Ruling(False, f"[Exeat: {refusal_of_stop(slip.stopped).message}]")
        if ruled.passes:
            return Ruling(True)
        if ruled.decision == "hold":
            return self._held(slip, ruled, action, asked.name)
        reason = ruled.reason or "The policy of this Exeat does not allow it."
        return _no(f"the tool call {asked.name} is not allowed. {reason}", ruled)

    def _held(self, slip: Slip, ruled: Ruled, action: Action, name: str) -> Ruling:
        """An answer does not wait: it passes what was approved before, once, and asks for the rest."""
        taken = self._approvals.take_now(of_tool(slip, ruled, action), slip.id)
        event = slip.tool_events[-1]
        facts = {"approval": taken.approval.id if taken.approval else None}
        slip.tool_events[-1] = replace(
            event, facts={**event.facts, **facts, "granted": taken.is_granted}
        )
        if taken.is_granted:
            return Ruling(True)
        return _no(of_taken(taken, ruled, f"the tool call {name}").message, ruled)


def _no(text: str, ruled: Ruled) -> Ruling:
    return Ruling(False, f"[Exeat: {text} Rule {ruled.rule}.]")


def _is_gated(slip: Slip) -> bool:
    return slip.call is not None and slip.gates_tools

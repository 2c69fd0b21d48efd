"""May this tool of that server be used? MCP over HTTP: calls, lists and results."""

from mitmproxy import http

from proxy.actions import Action, action_of
from proxy.engine.answers import Filter, open_length
from proxy.kill.triggers import Triggers
from proxy.ledger.filing import tool_call_of
from proxy.mcp.answers import AnswerFilter
from proxy.mcp.calls import Id, McpCall, McpRequest, read_request
from proxy.mcp.errors import mismatched, refused, unreadable
from proxy.mcp.headers import is_answered_elsewhere, is_declared, mismatch
from proxy.mcp.tools import ToolPins
from proxy.policy.decide import decide
from proxy.policy.rates import Circles
from proxy.policy.words import now, refusal_of, tool_facts
from proxy.providers.body import Json
from proxy.providers.call import BadRequest
from proxy.providers.decoding import decode_body
from proxy.refusals import Code, Refusal
from proxy.slip import Ruled, Slip, Stamp


class Mcp:
    """Decides each call by the same rules as any tool, shows only tools that may be used, and knows them
    again by their descriptions."""

    name = "mcp"

    def __init__(self, body_bytes_max: int, result_bytes_max: int, triggers: Triggers) -> None:
        self._triggers = triggers
        self._body_bytes_max = body_bytes_max
        self._result_bytes_max = result_bytes_max
        self._pins = ToolPins()
        self._circles = Circles()

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, when every message of it may be answered."""
        request = flow.request
        is_read = slip.reads_body and slip.call is None and request.method == "POST"
        if slip.door == "internal" or not is_read:
            return Stamp("no MCP")
        headers = list(request.headers.items(multi=True))
        try:
            coding = request.headers.get("content-encoding", "")
            body = request.raw_content or b""
            body = decode_body(body, coding, self._body_bytes_max) if coding else body
            asked = read_request(body, is_declared=is_declared(headers))
        except BadRequest as error:
            slip.own_answer = unreadable(error, slip.id)
            return Refusal(Code.BAD_REQUEST, f"The MCP message cannot be read: {error.reason}.")
        if asked is None:
            return Stamp("no MCP")
        found = mismatch(headers, asked)
        if found is not None:
            slip.own_answer = mismatched(asked, found, slip.id)
            return Refusal(Code.BAD_REQUEST, found.message)
        held, refusals = self._decided(slip, asked)
        if refusals:
            elsewhere = is_answered_elsewhere(headers)
            slip.own_answer = refused(asked, refusals, slip.id, is_answered_elsewhere=elsewhere)
            return next(iter(refusals.values()))
        slip.mcp = asked
        if held and slip.held_for is None:
            slip.held_for, slip.held_tools = held[0][0], tuple(action for _, action in held)
        # What may not be seen is taken out of the answer, which takes one that we can edit.
        request.headers["accept-encoding"] = "identity"
        methods = ", ".join(sorted({call.method or "answer" for call in asked.calls}))
        return Stamp(methods[:200])

    def screen(self, slip: Slip, flow: http.HTTPFlow) -> Filter | None:
        """Read what the server answers."""
        response = flow.response
        if slip.mcp is None or response is None:
            return None
        asked: set[Id] = set(slip.mcp.ids)
        screen = AnswerFilter(
            response.headers.get("content-type", ""),
            asked,
            lambda tool: self._admits(slip, tool),
            result_bytes_max=self._result_bytes_max,
        )
        open_length(flow)
        return screen

    def _decided(
        self, slip: Slip, asked: McpRequest
    ) -> tuple[list[tuple[Ruled, Action]], dict[int, Refusal]]:
        """What waits for a person, and what is refused, by its number."""
        held, refusals = [], {}
        for number, call in enumerate(asked.calls):
            if call.tool is None:
                continue
            ruled, action = self._ruled(slip, call, call.tool)
            if ruled.passes:
                continue
            if ruled.decision == "hold":
                held.append((ruled, action))
            else:
                refusals[number] = refusal_of(ruled, f"The tool {call.tool}")
        return held, refusals

    def _ruled(self, slip: Slip, call: McpCall, tool: str) -> tuple[Ruled, Action]:
        who = slip.identity
        assert who is not None
        assert slip.terms is not None
        action = action_of(tool, call.arguments)
        repeats = self._circles.before(who, action.digest, now())
        self._triggers.saw_repeats(slip, repeats)
        ruled = decide(slip.terms, tool_facts(slip, action, repeats))
        may_pass = ruled.passes or ruled.decision == "hold"
        if self._pins.is_changed(_server(slip), tool) and may_pass:
            ruled = _CHANGED
        event = tool_call_of(slip, str(call.id or ""), action, ruled, "", repeats)
        slip.tool_events.append(event)
        return ruled, action

    def _admits(self, slip: Slip, tool: Json) -> bool:
        """Is it the tool that it was, and could a call of it be allowed?"""
        assert slip.terms is not None
        sight = self._pins.see(_server(slip), tool)
        bare = action_of(str(tool.get("name")), {})
        ruled = decide(slip.terms, tool_facts(slip, bare))
        return sight in ("new", "same") and (ruled.passes or ruled.decision == "hold")


_CHANGED = Ruled(
    "deny",
    "mcp.pins",
    "its description is not what it was when it was first seen. Ask the operator to look at it",
)


def _server(slip: Slip) -> str:
    assert slip.destination is not None
    return slip.destination.authority + slip.path.partition("?")[0]

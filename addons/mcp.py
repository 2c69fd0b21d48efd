"""May this tool of that server be used? MCP over HTTP: calls, lists and results."""

from collections.abc import Coroutine
from functools import partial
from typing import Any

from mitmproxy import http

from proxy.actions import Action, action_of
from proxy.budgets import CountersUnavailable
from proxy.counting import RateCounts
from proxy.engine.answers import Filter, decoded, open_length
from proxy.engine.facts import facts_of
from proxy.kill.triggers import Triggers
from proxy.ledger.filing import tool_call_of
from proxy.mcp.answers import AnswerFilter
from proxy.mcp.calls import Id, McpCall, McpRequest, read_request
from proxy.mcp.errors import mismatched, refused, refused_on_stream, unreadable
from proxy.mcp.headers import is_answered_elsewhere, is_declared, mismatch, opens_stream
from proxy.mcp.streams import McpStream, McpStreams
from proxy.pinning import PinBook
from proxy.policy.decide import decide
from proxy.policy.rates import Circles, over
from proxy.policy.words import now, refusal_of, tool_facts, uncounted
from proxy.providers.body import Json
from proxy.providers.call import BadRequest
from proxy.providers.decoding import decode_body
from proxy.providers.recognise import NotModel
from proxy.refusals import Code, Refusal
from proxy.slip import Ruled, Slip, Stamp


class Mcp:
    """Decides each call by the same rules as any tool, shows only tools that may be used, and knows them
    again by their descriptions."""

    name = "mcp"

    def __init__(
        self,
        body_bytes_max: int,
        result_bytes_max: int,
        rates: RateCounts,
        triggers: Triggers,
        pins: PinBook,
    ) -> None:
        self._rates = rates
        self._triggers = triggers
        self._body_bytes_max = body_bytes_max
        self._result_bytes_max = result_bytes_max
        self._pins = pins
        self._streams = McpStreams()
        self._open: dict[str, McpStream] = {}
        """Streams by the call that they answer."""
        self._circles = Circles()

    def depart(
        self, slip: Slip, flow: http.HTTPFlow
    ) -> Stamp | Refusal | Coroutine[Any, Any, Stamp | Refusal]:
        """Yes, when every message of it may be answered."""
        request = flow.request
        is_read = slip.reads_body and slip.call is None and request.method == "POST"
        headers = list(request.headers.items(multi=True))
        if _may_stream(slip) and opens_stream(request.method, headers):
            request.headers["accept-encoding"] = "identity"
            return Stamp("a stream of events")
        if slip.door == "internal" or not is_read:
            return Stamp("no MCP")
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
        return self._decide(slip, flow, asked)

    async def _decide(self, slip: Slip, flow: http.HTTPFlow, asked: McpRequest) -> Stamp | Refusal:
        request = flow.request
        try:
            held, refusals = await self._decided(slip, asked)
        except CountersUnavailable:
            return uncounted()
        if refusals:
            headers = list(request.headers.items(multi=True))
            self._say_no(slip, asked, refusals, headers)
            return next(iter(refusals.values()))
        slip.mcp = asked
        if held and slip.held_for is None:
            slip.held_for, slip.held_tools = held[0][0], tuple(action for _, action in held)
        stream = self._stream_of(slip)
        if stream is not None:
            stream.asked.update(asked.ids)
            stream.slip = slip
        # What may not be seen is taken out of the answer, which takes one that we can edit.
        request.headers["accept-encoding"] = "identity"
        methods = ", ".join(sorted({call.method or "answer" for call in asked.calls}))
        return Stamp(methods[:200])

    def screen(self, slip: Slip, flow: http.HTTPFlow) -> Filter | None:
        """Read what the server answers."""
        response = flow.response
        if response is None:
            return None
        kind = response.headers.get("content-type", "")
        is_events = kind.partition(";")[0].strip().lower() == "text/event-stream"
        if slip.mcp is not None:
            asked: set[Id] = set(slip.mcp.ids)
            screen = AnswerFilter(
                kind,
                asked,
                lambda tool: self._admits(slip, tool, _server(slip)),
                result_bytes_max=self._result_bytes_max,
            )
        elif is_events and _may_stream(slip):
            screen = self._stream(slip, flow, kind)
        else:
            return None
        open_length(flow)
        return decoded(response.headers, screen)

    async def settle(self, slip: Slip) -> None:
        """Its stream is over, if it had one."""
        stream = self._open.pop(slip.id, None)
        if stream is not None:
            self._streams.close(stream)

    def _stream(self, slip: Slip, flow: http.HTTPFlow, kind: str) -> AnswerFilter:
        """What comes on a stream is screened by the terms of whoever asked last on it."""
        tell, who = facts_of(flow.client_conn).tell, slip.identity
        assert tell is not None
        assert who is not None
        stream = McpStream(_server(slip), partial(tell, slip.id), slip)
        self._open[slip.id] = stream
        return AnswerFilter(
            kind,
            stream.asked,
            lambda tool: self._admits(stream.slip, tool, stream.server),
            result_bytes_max=self._result_bytes_max,
            is_certain=slip.declares_mcp,
            on_endpoint=lambda endpoint: self._streams.name(stream, who, _url(slip), endpoint),
        )

    def _stream_of(self, slip: Slip) -> McpStream | None:
        assert slip.identity is not None
        return self._streams.of(slip.identity, _url(slip))

    def _say_no(
        self,
        slip: Slip,
        asked: McpRequest,
        refusals: dict[int, Refusal],
        headers: list[tuple[str, str]],
    ) -> None:
        """As an answer; or where answers are awaited on a stream, there."""
        stream = self._stream_of(slip)
        if stream is not None and asked.ids:
            slip.own_answer = 202, b""
            told = refused_on_stream(asked, refusals, slip.id)
            slip.also_told = partial(stream.tell, told)
            return
        elsewhere = is_answered_elsewhere(headers)
        slip.own_answer = refused(asked, refusals, slip.id, is_answered_elsewhere=elsewhere)

    async def _decided(
        self, slip: Slip, asked: McpRequest
    ) -> tuple[list[tuple[Ruled, Action]], dict[int, Refusal]]:
        """What waits for a person, and what is refused, by its number."""
        held, refusals = [], {}
        for number, call in enumerate(asked.calls):
            if call.act is None:
                continue
            ruled, action = await self._ruled(slip, call, *call.act)
            if ruled.passes:
                continue
            if ruled.decision == "hold":
                held.append((ruled, action))
            else:
                refusals[number] = refusal_of(ruled, f"The tool {call.act[0]}")
        return held, refusals

    async def _ruled(
        self, slip: Slip, call: McpCall, tool: str, arguments: Json
    ) -> tuple[Ruled, Action]:
        who = slip.identity
        assert who is not None
        assert slip.terms is not None
        action = action_of(tool, arguments)
        repeats = self._circles.before(who, action.digest, now())
        self._triggers.saw_repeats(slip, repeats)
        facts = await self._rates.answered(slip, tool_facts(slip, action, repeats))
        ruled = decide(slip.terms, facts)
        may_pass = ruled.passes or ruled.decision == "hold"
        stream = self._stream_of(slip)
        server = stream.server if stream is not None else _server(slip)
        problem = self._pins.problem(server, tool)
        if problem is not None and may_pass:
            ruled = Ruled("deny", "mcp.pins", problem)
        event = tool_call_of(slip, str(call.id or ""), action, ruled, "", repeats, over(facts))
        slip.tool_events.append(event)
        return ruled, action

    def _admits(self, slip: Slip, tool: Json, server: str) -> bool:
        """Is it the tool that it was, and could a call of it be allowed?"""
        assert slip.terms is not None
        is_known = self._pins.see(server, tool)
        bare = action_of(str(tool.get("name")), {})
        ruled = decide(slip.terms, tool_facts(slip, bare))
        return is_known and (ruled.passes or ruled.decision == "hold")


def _may_stream(slip: Slip) -> bool:
    return slip.method == "GET" and isinstance(slip.recognised, NotModel)


def _url(slip: Slip) -> str:
    assert slip.destination is not None
    return f"{slip.destination.scheme}://{slip.destination.authority}{slip.path}"


def _server(slip: Slip) -> str:
    assert slip.destination is not None
    return slip.destination.authority + slip.path.partition("?")[0]

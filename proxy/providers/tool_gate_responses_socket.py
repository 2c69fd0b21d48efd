"""Tool calls on OpenAI's Responses socket: each stream's response as over HTTP, one after the other
(pure).

The provider keeps the conversation and refuses to go on from a response with a call that has no
result. The client has not seen a denied call, so its next message is given that call's result.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from proxy.providers.amend import amend_members
from proxy.providers.answer import as_object, as_text, parse_object
from proxy.providers.body import Body, read_body
from proxy.providers.tool_gate_items import result_of
from proxy.providers.tool_gate_responses import ResponsesSieve
from proxy.providers.tool_gate_sieve import UNFINISHED, Call, Judge, Piece, json_text
from proxy.providers.tool_gate_socket import CALLS_KEPT_MAX, SocketSieve

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


class ResponsesSocketSieve(SocketSieve):
    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._streams: dict[str, ResponsesSieve] = {}
        self._writer = ResponsesSieve(judge)
        self._results: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        """A response or a conversation to the results that its denied calls still lack."""

    def lane(self, piece: Piece) -> str:
        return as_text(piece.fields.get("stream_id")) or ""

    def open_calls(self) -> Iterable[Call]:
        return [call for stream in self._streams.values() for call in stream.open_calls()]

    def passes_at_once(self, piece: Piece) -> bool:
        return self._writer.passes_at_once(piece)

    def read(self, piece: Piece) -> Sequence[Call]:
        lane, kind = self.lane(piece), as_text(piece.fields.get("type"))
        if kind == "response.created":
            self._end(lane)
        stream = self._streams.setdefault(lane, ResponsesSieve(self.judge))
        calls = stream.read(piece)
        if kind in _ENDS:
            self._keep_results(as_object(piece.fields.get("response")), stream)
            self._end(lane)
        return calls

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        return self._writer.write(piece, calls)

    def sent(self, data: bytes) -> bytes:
        message = parse_object(data)
        if message is None or message.get("type") != "response.create":
            return data
        conversation = message.get("conversation")
        named = (conversation, as_object(conversation).get("id"))
        before = as_text(message.get("previous_response_id"))
        results = list(self._results.get(before or "", ()))
        for name in filter(None, map(as_text, named)):
            results += self._results.pop(name, [])  # It has no second end to go on from.
        if not results:
            return data
        return _with(results, read_body(data))

    def _end(self, lane: str) -> None:
        """A response of this stream is over: the next numbers its items anew."""
        stream = self._streams.pop(lane, None)
        for call in stream.open_calls() if stream else ():
            self.judge.refuse(call, UNFINISHED)
        self.judge.forget_said()

    def _keep_results(self, response: dict[str, Any], stream: ResponsesSieve) -> None:
        results = [each for each in map(result_of, stream.denied) if each is not None]
        names = (response.get("id"), as_object(response.get("conversation")).get("id"))
        for name in filter(None, map(as_text, names)) if results else ():
            self._results[name] = [*self._results.pop(name, ()), *results]
            if len(self._results) > CALLS_KEPT_MAX:
                self._results.popitem(last=False)


def _with(results: list[dict[str, Any]], body: Body) -> bytes:
    """The message with these before its own input, of which not a byte is changed."""
    given = body.members.get("input")
    if not isinstance(given, list):
        own = {"type": "message", "role": "user", "content": given}
        return amend_members(body, {"input": [*results, own] if given else results})
    start = body.spans["input"][0] + len("[")
    added = ",".join([*map(json_text, results), *([""] if given else [])])
    return (body.text[:start] + added + body.text[start:]).encode()

"""Whatever order text, calls and pings come in, and wherever they are cut: exactly the allowed calls
come out, and everything in its order."""

import json
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.providers.tool_gate import Asked, Ruling, ToolGate
from proxy.providers.tool_gate_chat import ChatSieve
from proxy.providers.tool_gate_events import EventGate
from proxy.providers.tool_gate_messages import MessagesSieve
from proxy.providers.tool_gate_sieve import Judge, Piece, carries_calls
from tests.providers.bodies import chunk, frame, sse
from tests.providers.test_tool_gate import REQUESTS, read
from tests.providers.tool_answers import (
    FRAMES,
    LINES,
    SSE,
    Case,
    chat_chunk,
    gemini_chunk,
    messages_events,
    ollama_line,
    response_of,
)

PING = b": alive\n\n"


@dataclass(frozen=True, slots=True)
class Op:
    """Something an answer says: some text, or a call of a tool."""

    at: int
    is_call: bool
    allowed: bool

    @property
    def name(self) -> str:
        return f"tool{self.at}."

    @property
    def mark(self) -> str:
        return f"<{'call' if self.is_call else 'text'}-{self.at}>"

    @property
    def arguments(self) -> str:
        return json.dumps({"mark": self.mark})

    @property
    def pieces(self) -> tuple[str, str]:
        return self.arguments[:4], self.arguments[4:]


def chat(op: Op) -> list[bytes]:
    if not op.is_call:
        return [sse(chat_chunk({"content": op.mark}))]
    begun = {"index": op.at, "id": op.name, "function": {"name": op.name, "arguments": ""}}
    more = [{"index": op.at, "function": {"arguments": piece}} for piece in op.pieces]
    return [sse(chat_chunk({"tool_calls": [part]})) for part in [begun, *more]]


def responses(op: Op) -> list[bytes]:
    where = {"output_index": op.at, "item_id": f"i_{op.at}"}
    kind = "response.function_call_arguments"
    if not op.is_call:
        return [sse({"type": "response.output_text.delta", "delta": op.mark} | where)]
    item = responses_item(op)
    return [
        sse({"type": "response.output_item.added", "item": item | {"arguments": ""}} | where),
        *(sse({"type": f"{kind}.delta", "delta": piece} | where) for piece in op.pieces),
        sse({"type": "response.output_item.done", "item": item} | where),
    ]


def responses_item(op: Op) -> dict[str, Any]:
    item = {"type": "function_call", "id": f"i_{op.at}", "call_id": op.name, "name": op.name}
    return item | {"arguments": op.arguments}


def blocks(op: Op) -> list[dict[str, Any]]:
    given = {"type": "tool_use", "id": op.name, "name": op.name, "input": {"mark": op.mark}}
    block = given if op.is_call else {"type": "text", "text": op.mark}
    return [event | {"index": op.at} for event in messages_events([block])[2:-2]]


def messages(op: Op) -> list[bytes]:
    return [sse(event, named=True) for event in blocks(op)]


def invoked(op: Op) -> list[bytes]:
    return [chunk(event) for event in blocks(op)]


def gemini(op: Op) -> list[bytes]:
    asked = {"functionCall": {"name": op.name, "args": {"mark": op.mark}}}
    return [sse(gemini_chunk([asked if op.is_call else {"text": op.mark}]), end=b"\r\n\r\n")]


def interactions(op: Op) -> list[bytes]:
    if op.is_call:
        step: dict[str, Any] = {"type": "function_call", "id": op.name, "name": op.name}
        deltas = [{"type": "arguments_delta", "arguments": piece} for piece in op.pieces]
    else:
        step, deltas = {"type": "model_output"}, [{"type": "text", "text": op.mark}]
    events: list[dict[str, Any]] = [
        {"event_type": "step.start", "step": step},
        *({"event_type": "step.delta", "delta": delta} for delta in deltas),
        {"event_type": "step.stop"},
    ]
    return [sse(event | {"index": op.at}) for event in events]


def converse(op: Op) -> list[bytes]:
    where = {"contentBlockIndex": op.at}
    if not op.is_call:
        deltas: list[dict[str, Any]] = [{"text": op.mark}]
    else:
        deltas = [{"toolUse": {"input": piece}} for piece in op.pieces]
    start = {"start": {"toolUse": {"toolUseId": op.name, "name": op.name}}}
    return [
        *([frame("contentBlockStart", where | start)] if op.is_call else []),
        *(frame("contentBlockDelta", where | {"delta": delta}) for delta in deltas),
        frame("contentBlockStop", where),
    ]


def ollama(op: Op) -> list[bytes]:
    asked = {"tool_calls": [{"function": {"name": op.name, "arguments": {"mark": op.mark}}}]}
    said = asked if op.is_call else {"content": op.mark}
    return [json.dumps(ollama_line(said)).encode() + b"\n"]


def cohere(op: Op) -> list[bytes]:
    where = {"index": op.at}

    def event(kind: str, name: str, value: Any) -> bytes:
        return sse({"type": kind, "delta": {"message": {name: value}}} | where, named=True)

    if not op.is_call:
        return [
            event("content-start", "content", {"type": "text", "text": ""}),
            event("content-delta", "content", {"text": op.mark}),
            sse({"type": "content-end"} | where, named=True),
        ]
    begun = {"id": op.name, "function": {"name": op.name, "arguments": ""}}
    parts = [{"function": {"arguments": piece}} for piece in op.pieces]
    return [
        event("tool-call-start", "tool_calls", begun),
        *(event("tool-call-delta", "tool_calls", part) for part in parts),
        sse({"type": "tool-call-end"} | where, named=True),
    ]


def ends(wire: str, ops: list[Op]) -> list[bytes]:
    asks = any(op.is_call for op in ops)
    match wire:
        case "openai.chat":
            return [sse(chat_chunk({}, "tool_calls" if asks else "stop")), b"data: [DONE]\n\n"]
        case "openai.responses":
            output = [responses_item(op) for op in ops if op.is_call]
            return [sse({"type": "response.completed", "response": response_of(output)})]
        case "anthropic.messages":
            return [sse(event, named=True) for event in messages_events([])[-2:]]
        case "bedrock.invoke":
            return [chunk(event) for event in messages_events([])[-2:]]
        case "bedrock.converse":
            return [frame("messageStop", {"stopReason": "tool_use"}), frame("metadata", {})]
        case "gemini.interactions":
            ended = {"id": "v", "status": "requires_action"}
            return [sse({"event_type": "interaction.completed", "interaction": ended})]
        case "ollama.chat":
            return [json.dumps(ollama_line({}, done=True, done_reason="stop")).encode()]
        case "cohere.chat":
            delta = {"finish_reason": "TOOL_CALL"}
            return [sse({"type": "message-end", "delta": delta}, named=True)]
        case _:
            return [sse(gemini_chunk([], finishReason="STOP"), end=b"\r\n\r\n")]


WIRES: dict[str, tuple[Callable[[Op], list[bytes]], str, bool]] = {
    # format: (what an op is, content type, whether the parts of several may mix)
    "openai.chat": (chat, SSE, True),
    "openai.responses": (responses, SSE, True),
    "anthropic.messages": (messages, SSE, True),
    "bedrock.invoke": (invoked, FRAMES, True),
    "bedrock.converse": (converse, FRAMES, True),
    "gemini.generate": (gemini, SSE, False),
    "gemini.interactions": (interactions, SSE, True),
    "ollama.chat": (ollama, LINES, False),
    "cohere.chat": (cohere, SSE, True),
}


@st.composite
def said(draw: st.DrawFn, wire: str) -> tuple[list[Op], list[bytes]]:
    kinds = draw(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6))
    ops = [Op(at, is_call, allowed) for at, (is_call, allowed) in enumerate(kinds)]
    written, content_type, mixes = WIRES[wire]
    lanes = [written(op) for op in ops]
    events: list[bytes] = []
    while any(lanes):
        open_ = [lane for lane in lanes if lane]
        # What begins first stays first; what has begun may mix.
        begun = sum(
            len(lane) < len(written(op)) for lane, op in zip(lanes, ops, strict=True) if lane
        )
        choices = open_[: begun + 1] if mixes else open_[:1]
        events.append(draw(st.sampled_from(choices)).pop(0))
        if content_type == SSE and draw(st.integers(0, 3)) == 0:
            events.append(PING)
    return ops, [*events, *ends(wire, ops)]


def plain(data: bytes) -> str:
    inside = [b64decode(found) for found in re.findall(rb'"bytes": ?"([^"]+)"', data)]
    return (b"\n".join([*inside, data]) if inside else data).decode("utf-8", "replace")


@pytest.mark.parametrize("wire", WIRES)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_exactly_the_allowed_calls_come_out(wire: Any, data: st.DataObject) -> None:
    ops, events = data.draw(said(wire))
    answer = b"".join(events)
    by_name = {op.name: op for op in ops}
    case = Case(wire, wire, wire.partition(".")[0], WIRES[wire][1], answer)
    sizes = st.lists(st.integers(1, 60), max_size=20)
    cuts = sorted({min(sum(found), len(answer)) for found in [data.draw(sizes)] for _ in found})
    pieces = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True)]

    def decide(asked: Asked) -> Ruling:
        return Ruling(by_name[asked.name].allowed, f"denied {by_name[asked.name].at};")

    gate = ToolGate(wire, case.provider, case.headers, decide)
    shown = b"".join(map(gate.feed, pieces)) + gate.close()

    calls = [op for op in ops if op.is_call]
    assert sorted(asked.name for asked, _ in gate.rulings) == sorted(op.name for op in calls)
    assert not gate.unreadable
    text = plain(shown)
    for op in ops:
        assert (op.mark.replace('"', "") in text.replace("\\", "")) or op.is_call
        if op.is_call:
            assert (f"denied {op.at};" in text) is not op.allowed
    assert {call.name for call in read(case, shown).tool_calls} == {
        op.name for op in calls if op.allowed
    }
    again = ToolGate(wire, case.provider, case.headers, lambda _: Ruling(True))
    assert (again.feed(shown) + again.close()).replace(PING, b"") == shown.replace(PING, b"")
    assert {asked.name: json.loads(asked.arguments)["mark"] for asked, _ in again.rulings} == {
        op.name: op.mark for op in calls if op.allowed
    }
    texts = [op.mark for op in ops if not op.is_call]
    came = re.findall(r"<text-\d+>", plain(answer))
    assert re.findall(r"<text-\d+>", text) == came
    assert sorted(came) == sorted(texts)
    if all(op.allowed for op in calls):
        assert shown.replace(PING, b"") == answer.replace(PING, b"")
        assert shown.count(PING) == answer.count(PING)
    assert wire in REQUESTS


def test_the_same_logic_reads_messages_that_are_no_bytes_of_a_stream() -> None:
    judge = Judge(lambda asked: Ruling(asked.name == "get_weather", "No."))
    gate = EventGate(MessagesSieve(judge))
    out: list[Piece] = []
    for event in messages_events():
        out += gate.take(Piece("", event, json.dumps(event).encode()))
    out += gate.close()
    starts = [piece.fields for piece in out if piece.fields["type"] == "content_block_start"]
    kinds = [start["content_block"]["type"] for start in starts]
    assert kinds == ["thinking", "text", "server_tool_use", "tool_use", "text"]
    assert [ruling.allowed for _, ruling in judge.rulings] == [True, False]


def test_what_waits_behind_a_call_has_a_bound() -> None:
    judge = Judge(lambda _: Ruling(True), held_bytes_max=1000)
    gate = EventGate(ChatSieve(judge))
    call = chat_chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "x"}}]})
    gate.take(Piece("", call, b"x" * 100))
    shown: list[Piece] = []
    for _ in range(20):
        shown += gate.take(Piece("", chat_chunk({"content": "a"}, index=1), b"y" * 100))
    assert len(shown) == 21, "the call is denied and the text behind it goes on"
    assert [ruling.allowed for _, ruling in judge.rulings] == [False]


@pytest.mark.parametrize(
    ("value", "carries"),
    [
        ({"a": [{"tool_calls": [1]}]}, True),
        ({"tool_calls": None}, False),
        ({"tool_calls": []}, False),
        ({"b": {"type": "new_call"}}, True),
        ({"type": "web_search_call"}, False),
        ({"type": "server_tool_use"}, False),
        ({"text": "tool_calls"}, False),
        ([[[]]], False),
    ],
)
def test_what_looks_like_a_call(value: Any, carries: bool) -> None:
    assert carries_calls(value) is carries


def test_what_is_nested_too_deeply_to_be_looked_through_may_be_a_call() -> None:
    value: Any = {}
    for _ in range(100):
        value = {"a": value}
    assert carries_calls(value)

"""Tool calls in what Bedrock answers: Converse's blocks, and native answers in their envelope
(pure)."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from typing import Any

from proxy.providers.answer import as_list, as_object, as_text, parse_object
from proxy.providers.event_stream import EXCEPTION
from proxy.providers.tool_gate_chat import ChatSieve
from proxy.providers.tool_gate_cohere import CohereSieve
from proxy.providers.tool_gate_messages import MessagesSieve
from proxy.providers.tool_gate_sieve import (
    UNFINISHED,
    Call,
    Judge,
    Piece,
    Sieve,
    json_text,
    without,
)


def _asked(block: dict[str, Any]) -> dict[str, Any] | None:
    """What a block asks the client for; what the provider ran itself has a type that says so."""
    asked = block.get("toolUse")
    if asked is None or as_object(asked).get("type") == "server_tool_use":
        return None
    return as_object(asked)


class ConverseSieve(Sieve):
    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._open: dict[str, Call] = {}
        self._passing: set[str] = set()
        self._allowed = self._denied = 0

    def open_calls(self) -> Iterable[Call]:
        return self._open.values()

    def read(self, piece: Piece) -> Sequence[Call]:
        if piece.name.startswith(EXCEPTION):
            return ()
        event, index = piece.fields, str(piece.fields.get("contentBlockIndex"))
        match piece.name:
            case "contentBlockStart":
                return self._begin(index, as_object(event.get("start")))
            case "contentBlockDelta":
                return self._read_delta(index, as_object(event.get("delta")))
            case "contentBlockStop":
                call = self._open.pop(index, None)
                if call is None:
                    return ()
                if not call.parts:
                    call.add("{}")
                self.judge.rule(call)
                return (call,)
            case "messageStop":
                for call in self._open.values():
                    self.judge.refuse(call, UNFINISHED)
                self._open.clear()
                self.distrust(event)
            case _:
                self.distrust(event)
        return ()

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        if not calls:
            event = self._with_reason(piece.fields) if piece.name == "messageStop" else piece.fields
            return [piece if event is piece.fields else piece.saying(event)]
        call = calls[0]
        if piece.name == "contentBlockStart":
            self._count(call)
        if not call.is_denied:
            return [piece]
        if call.is_told:
            return []
        call.is_told = True
        at = {"contentBlockIndex": piece.fields.get("contentBlockIndex")}
        return [
            piece.saying(at | {"delta": {"text": call.text}}, "contentBlockDelta"),
            piece.saying(at, "contentBlockStop"),
        ]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        output = as_object(body.get("output"))
        message = as_object(output.get("message"))
        self.distrust(without(body, "output"))
        self.distrust(without(output, "message"))
        self.distrust(without(message, "content"))
        blocks: list[Any] = []
        for block in as_list(message.get("content")):
            fields = as_object(block)
            asked = _asked(fields)
            if asked is None:
                self.distrust(without(fields, "toolUse", "toolResult"))
                self.judge.hear(fields.get("text"))
                blocks.append(block)
                continue
            call = self.judge.call(asked.get("toolUseId"), asked.get("name"))
            call.add(json_text(asked.get("input")))
            self.judge.rule(call)
            self._count(call)
            blocks.append({"text": call.text} if call.is_denied else block)
        if not self._denied:
            return body
        said = output | {"message": message | {"content": blocks}}
        return self._with_reason(body) | {"output": said}

    def _begin(self, index: str, start: dict[str, Any]) -> Sequence[Call]:
        earlier = self._open.pop(index, None)
        if earlier is not None:
            self.judge.refuse(earlier, UNFINISHED)
        asked = _asked(start)
        self._passing.discard(index)
        if asked is None:
            self._passing.add(index)
            self.distrust(without(start, "toolUse", "toolResult"))
            return ()
        self.distrust(without(start, "toolUse"))
        call = self._open[index] = self.judge.call(asked.get("toolUseId"), asked.get("name"))
        return (call,)

    def _read_delta(self, index: str, delta: dict[str, Any]) -> Sequence[Call]:
        call = self._open.get(index)
        asked = delta.get("toolUse")
        if call is None:
            self.judge.hear(delta.get("text"))
            if asked is not None and index not in self._passing:
                self.judge.lose_event()  # More of a call that is over, or never began.
            return ()
        call.add(as_object(asked).get("input"))
        return (call,)

    def _count(self, call: Call) -> None:
        self._denied += call.is_denied
        self._allowed += not call.is_denied

    def _with_reason(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Without a tool left to run the turn is over."""
        if not self._denied or self._allowed or fields.get("stopReason") != "tool_use":
            return fields
        return fields | {"stopReason": "end_turn"}


class InvokeSieve(Sieve):
    """A model's native answer. Which model's it is its first event shows."""

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._native: Sieve | None = None

    def open_calls(self) -> Iterable[Call]:
        return self._native.open_calls() if self._native else ()

    def finish(self) -> None:
        if self._native is not None:
            self._native.finish()

    def passes_at_once(self, piece: Piece) -> bool:
        inner = _inner(piece)
        return bool(inner and self._native and self._native.passes_at_once(inner))

    def read(self, piece: Piece) -> Sequence[Call]:
        if piece.name.startswith(EXCEPTION):
            return ()
        self.judge.open_event(b"")  # What is coded shows no names.
        inner = _inner(piece)
        self.distrust(without(piece.fields, "bytes"))
        if inner is None:
            self.judge.lose_event()
            return ()
        return self._of(inner.fields).read(inner)

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        inner = None if piece.name.startswith(EXCEPTION) else _inner(piece)
        if inner is None or self._native is None:
            return [piece]
        return [_wrapped(piece, word) for word in self._native.write(inner, calls)]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._of(body).whole(body)

    def _of(self, fields: dict[str, Any]) -> Sieve:
        if self._native is None or isinstance(self._native, ConverseSieve):
            wanted = _kind(fields)
            if self._native is None or wanted is not ConverseSieve:
                self._native = wanted(self.judge)
        return self._native


def _kind(fields: dict[str, Any]) -> type[Sieve]:
    """Anything that is none of the others is Nova's, or has no tools at all."""
    if isinstance(fields.get("type"), str):
        return MessagesSieve
    if isinstance(fields.get("choices"), list):
        return ChatSieve
    if "event_type" in fields or "tool_calls" in fields or "generation_id" in fields:
        return CohereSieve
    return ConverseSieve


def _inner(piece: Piece) -> Piece | None:
    """The model's own event. Nova's is an object of one member, which is its name."""
    coded = as_text(piece.fields.get("bytes"))
    if coded is None:
        return None
    try:
        fields = parse_object(b64decode(coded, validate=True))
    except ValueError:
        return None
    if fields is None:
        return None
    name = next((name for name in fields if name in _NOVA), "")
    others = without(fields, name)
    if name and isinstance(fields[name], dict) and not set(others) - {_METRICS}:
        return Piece(name, fields[name] | others, piece.raw)
    return Piece("", fields, piece.raw)


def _wrapped(piece: Piece, word: Piece) -> Piece:
    if not word.is_ours:
        return piece
    fields = word.fields
    if word.name in _NOVA:
        fields = {word.name: without(fields, _METRICS)}
        fields |= {_METRICS: word.fields[_METRICS]} if _METRICS in word.fields else {}
    return piece.saying({"bytes": b64encode(json.dumps(fields).encode()).decode()})


_METRICS = "amazon-bedrock-invocationMetrics"
_NOVA = frozenset(
    [
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
)

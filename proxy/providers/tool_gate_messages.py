"""Tool calls in Anthropic's messages: a block is held from its start to its stop (pure)."""

from collections.abc import Iterable, Sequence
from typing import Any

from proxy.providers.answer import as_list, as_object
from proxy.providers.tool_gate_sieve import (
    UNFINISHED,
    Call,
    Judge,
    Piece,
    Sieve,
    carries_calls,
    json_text,
    without,
)


def _acts(block: dict[str, Any]) -> bool:
    kind = block.get("type")
    is_use = isinstance(kind, str) and kind.endswith("tool_use")
    return is_use and kind not in ("server_tool_use", "mcp_tool_use")


def _is_own(block: dict[str, Any]) -> bool:
    """Blocks of kinds we know to ask for nothing; their contents may hold any JSON."""
    kind = block.get("type")
    return isinstance(kind, str) and (
        kind in ("text", "thinking", "redacted_thinking", "server_tool_use", "mcp_tool_use")
        or kind.endswith("_tool_result")
    )


class MessagesSieve(Sieve):
    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._open: dict[Any, Call] = {}
        self._starts: dict[Any, dict[str, Any]] = {}
        self._passing: set[str] = set()
        self._allowed = self._denied = 0

    def passes_at_once(self, piece: Piece) -> bool:
        return piece.fields.get("type") == "ping" and not carries_calls(piece.fields)

    def open_calls(self) -> Iterable[Call]:
        return self._open.values()

    def read(self, piece: Piece) -> Sequence[Call]:
        event, index = piece.fields, str(piece.fields.get("index"))
        match event.get("type"):
            case "content_block_start":
                return self._begin(index, as_object(event.get("content_block")))
            case "content_block_delta" | "content_block_stop" as kind:
                call = self._open.get(index)
                delta = as_object(event.get("delta"))
                if call is None:
                    self.judge.hear(delta.get("text"))
                    if delta.get("partial_json") and index not in self._passing:
                        self.judge.lose_event()  # More of a call that is over, or never began.
                    return ()
                call.add(delta.get("partial_json"))
                if kind == "content_block_stop":
                    self._end(index, call)
                return (call,)
            case "message_delta" | "message_stop" | "error":
                # A message that is over has no blocks that go on.
                for call in self._open.values():
                    self.judge.refuse(call, UNFINISHED)
                self._open.clear()
                self.distrust(event)
            case _:
                self.distrust(event)
        return ()

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        event = piece.fields
        if not calls:
            return [self._corrected(piece)] if event.get("type") == "message_delta" else [piece]
        call = calls[0]
        if event.get("type") == "content_block_start":
            self._count(call)
        if not call.is_denied:
            return [piece]
        if call.is_told:
            return []
        call.is_told = True
        at = {"index": event.get("index")}
        return [
            piece.saying({"type": kind} | at | more, kind)
            for kind, more in (
                ("content_block_start", {"content_block": {"type": "text", "text": ""}}),
                ("content_block_delta", {"delta": {"type": "text_delta", "text": call.text}}),
                ("content_block_stop", {}),
            )
        ]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        blocks: list[Any] = []
        for block in as_list(body.get("content")):
            fields = as_object(block)
            if _acts(fields):
                call = self._call(fields)
                call.add(json_text(fields.get("input")))
                self.judge.rule(call)
                self._count(call)
                denied = {"type": "text", "text": call.text}
                blocks.append(denied if call.is_denied else block)
                continue
            if not _is_own(fields):
                self.distrust(fields)
            self.judge.hear(fields.get("text"))
            blocks.append(block)
        self.distrust(without(body, "content") if isinstance(body.get("content"), list) else body)
        if not self._denied:
            return body
        return self._with_reason(body) | {"content": blocks}

    def _begin(self, index: str, block: dict[str, Any]) -> Sequence[Call]:
        earlier = self._open.pop(index, None)
        if earlier is not None:
            self.judge.refuse(earlier, UNFINISHED)
        self._passing.discard(index)
        if not _acts(block):
            self._passing.add(index)
            if not _is_own(block):
                self.distrust(block)
            self.judge.hear(block.get("text"))
            return ()
        call = self._open[index] = self._call(block)
        self._starts[index] = block
        return (call,)

    def _end(self, index: str, call: Call) -> None:
        """Without fragments the input stands in the block's start."""
        del self._open[index]
        start = self._starts.pop(index)
        if not call.parts:
            call.add(json_text(start.get("input")))
        self.judge.rule(call)

    def _call(self, block: dict[str, Any]) -> Call:
        return self.judge.call(block.get("id"), block.get("name"))

    def _count(self, call: Call) -> None:
        self._denied += call.is_denied
        self._allowed += not call.is_denied

    def _corrected(self, piece: Piece) -> Piece:
        delta = as_object(piece.fields.get("delta"))
        corrected = self._with_reason(delta)
        if corrected is delta:
            return piece
        return piece.saying(piece.fields | {"delta": corrected}, "message_delta")

    def _with_reason(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Without a tool left to run the turn is over."""
        if not self._denied or self._allowed or fields.get("stop_reason") != "tool_use":
            return fields
        return fields | {"stop_reason": "end_turn"}

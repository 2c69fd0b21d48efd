"""The items of a response that ask the client to act, and the message that stands for one (pure)."""

from typing import Any

from proxy.providers.answer import as_count, as_text
from proxy.providers.tool_gate_sieve import Call, Piece, json_text, without

_ENVELOPE = (
    "type",
    "id",
    "call_id",
    "status",
    "name",
    "namespace",
    "created_by",
    "caller",
    "agent",
)
_TEXTS = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "mcp_approval_request": "arguments",
}
"""Where arguments are text."""


class Item(Call):
    __slots__ = ("is_text", "item_id", "last", "streamed", "told_name")

    def __init__(self, intent: str, item: dict[str, Any]) -> None:
        kind = as_text(item.get("type")) or ""
        self.told_name = as_text(item.get("name"))
        name = self.told_name or kind.removesuffix("_call")
        super().__init__(intent, as_text(item.get("call_id")) or item.get("id"), name)
        self.item_id = as_text(item.get("id")) or self.id
        self.last: int | None = None
        """Sequence number of the last event it was seen in."""
        self.is_text = kind in _TEXTS
        """Its arguments are streamed as they stand in the whole item."""
        self.streamed = self.parts

    def take(self, item: dict[str, Any]) -> None:
        """Its whole form. What was streamed of it must be the same."""
        if self.ruling is not None:
            return
        streamed = "".join(self.streamed)
        given = arguments_of(item) or ""
        self.is_contradicted |= bool(streamed and given and streamed != given)
        name = as_text(item.get("name"))
        if name is not None and self.told_name is None:
            self.name = self.told_name = name
        self.is_contradicted |= name not in (None, self.told_name)
        self.parts = [given or streamed]

    def is_like(self, item: dict[str, Any]) -> bool:
        """A copy of what was decided."""
        given, name = arguments_of(item), as_text(item.get("name"))
        is_same = given is None or given == "".join(self.parts)
        return is_same and name in (None, self.told_name)

    @property
    def message(self) -> dict[str, Any]:
        """The item that stands in its place."""
        part = {"type": "output_text", "text": self.text, "annotations": [], "logprobs": []}
        message = {"type": "message", "status": "completed", "role": "assistant", "content": [part]}
        return {"id": f"msg_{self.item_id.rpartition('_')[2]}"} | message


def arguments_of(item: dict[str, Any]) -> str | None:
    """None when the item does not have them."""
    kind = item.get("type")
    text = _TEXTS.get(kind) if isinstance(kind, str) else None
    given = item.get(text) if text else without(item, *_ENVELOPE) or None
    return given if isinstance(given, str) or given is None else json_text(given)


def told(piece: Piece, item: Item) -> list[Piece]:
    """The events of a message at the call's place. Their numbers are those of the events they stand
    for, so that whoever resumes a stream by number misses nothing."""
    message = item.message
    part = message["content"][0]
    begun = message | {"status": "in_progress", "content": []}
    inside = {"item_id": message["id"], "content_index": 0}
    words: list[tuple[str, dict[str, Any]]] = [
        ("response.output_item.added", {"item": begun}),
        ("response.content_part.added", inside | {"part": part | {"text": ""}}),
        ("response.output_text.delta", inside | {"delta": item.text, "logprobs": []}),
        ("response.output_text.done", inside | {"text": item.text, "logprobs": []}),
        ("response.content_part.done", inside | {"part": part}),
        ("response.output_item.done", {"item": message}),
    ]
    kept = {name: piece.fields[name] for name in _KEPT if name in piece.fields}
    first = as_count(piece.fields.get("sequence_number"))
    pieces: list[Piece] = []
    for number, (kind, fields) in enumerate(words):
        at = {} if first is None else {"sequence_number": min(first + number, item.last or first)}
        pieces.append(piece.saying({"type": kind} | at | kept | fields, kind))
    return pieces


_KEPT = ("output_index", "stream_id", "response_id")

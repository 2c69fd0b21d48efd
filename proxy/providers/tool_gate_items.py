"""The items of a response that ask the client to act, the message that stands for one, and the result
that its provider is told (pure)."""

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
    __slots__ = ("is_text", "item_id", "kind", "last", "streamed", "told_name")

    def __init__(self, begun: Call, item: dict[str, Any]) -> None:
        self.kind = kind = as_text(item.get("type")) or ""
        self.told_name = as_text(item.get("name"))
        name = self.told_name or kind.removesuffix("_call")
        id_ = as_text(item.get("call_id")) or item.get("id")
        super().__init__(begun.decide, begun.intent, id_, name)
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


def result_of(item: Item) -> dict[str, Any] | None:
    """The result of a call that is not made, in the words of its kind. None where a result must be
    what nobody can make up (a picture of a screen), or the kind is not known."""
    text, call = item.text, {"call_id": item.id}
    match item.kind:
        case "function_call" | "custom_tool_call":
            return {"type": f"{item.kind}_output"} | call | {"output": text}
        case "local_shell_call":
            return {"type": "local_shell_call_output", "id": item.id, "output": text}
        case "shell_call":
            failed = {"stdout": "", "stderr": text, "outcome": {"type": "exit", "exit_code": 126}}
            return {"type": "shell_call_output"} | call | {"output": [failed]}
        case "apply_patch_call":
            return {"type": "apply_patch_call_output"} | call | {"status": "failed", "output": text}
        case "tool_search_call":
            none = {"execution": "client", "status": "completed", "tools": []}
            return {"type": "tool_search_output"} | call | none
        case "mcp_approval_request":
            no = {"approval_request_id": item.item_id, "approve": False, "reason": text}
            return {"type": "mcp_approval_response"} | no
    return None


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

"""Tool calls among the items of OpenAI's responses: an item is held from its start to its end, and
its copy at the end of the response follows the same ruling (pure)."""

from collections.abc import Iterable, Sequence
from typing import Any

from proxy.providers.answer import as_count, as_list, as_object, as_text
from proxy.providers.openai_responses import acts
from proxy.providers.tool_gate_items import Item, told
from proxy.providers.tool_gate_sieve import (
    UNFINISHED,
    Call,
    Judge,
    Piece,
    Sieve,
    without,
)

_ECHOES = ("output", "tools", "tool_choice", "input", "instructions", "metadata", "text", "prompt")
"""Members of a response: what it says, and what it repeats of the request."""


class ResponsesSieve(Sieve):
    spoken: frozenset[str] = frozenset({"response.output_text.delta"})
    """Events that carry what the model says."""
    item_of: type[Item] = Item

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._items: dict[tuple[str, Any], Item] = {}
        """By place, by id and by call."""
        self._open: list[Item] = []

    @property
    def denied(self) -> list[Item]:
        """Every call so far that was not allowed, once."""
        return list({id(item): item for item in self._items.values() if item.is_denied}.values())

    def open_calls(self) -> Iterable[Call]:
        return list(self._open)

    def passes_at_once(self, piece: Piece) -> bool:
        return piece.fields.get("type") == "keepalive" and len(piece.fields) <= 3

    def read(self, piece: Piece) -> Sequence[Call]:
        event = piece.fields
        kind = as_text(event.get("type")) or piece.name
        if isinstance(event.get("response"), dict):
            self.distrust(without(event, "response"))
            return self._read_response(event["response"], kind)
        if "item" in event:
            return self._read_item(event, kind)
        item = self._find(event.get("output_index"), event.get("item_id"))
        if item is not None:
            self._read_part(item, event)
            return (item,)
        if kind == "error":
            self._abandon()
        if kind in self.spoken:
            self.judge.hear(event.get("delta"))
        elif "arguments" in kind or kind.startswith("response.custom_tool_call"):
            self._distrust_part(event, kind)
        self.distrust(event)
        return ()

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        event = piece.fields
        if isinstance(event.get("response"), dict):
            written = _written(event["response"], calls)
            is_same = written is event["response"]
            return [piece if is_same else piece.saying(event | {"response": written})]
        item = calls[0] if calls else None
        if not isinstance(item, Item) or not item.is_denied:
            return [piece]
        if item.is_told:
            return []
        item.is_told = True
        return told(piece, item)

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        return _written(body, self._read_response(body, "response.completed"))

    def _read_response(self, response: dict[str, Any], kind: str) -> Sequence[Call]:
        self.distrust(without(response, *_ECHOES))
        output = response.get("output")
        if output is not None and not isinstance(output, list):
            self.distrust(output)
        is_new = not self._items
        calls: list[Call] = []
        for fields in map(as_object, as_list(output)):
            if not self._asks(fields):
                if is_new:
                    parts = map(as_object, as_list(fields.get("content")))
                    self.judge.hear(*(part.get("text") for part in parts))
                continue
            item = self._find(None, fields.get("id"), fields.get("call_id"))
            if item is None or (item.ruling and not item.is_denied and not item.is_like(fields)):
                item = self._begin(fields, None)
            item.take(fields)
            self._end(item)
            calls.append(item)
        if kind not in ("response.created", "response.in_progress", "response.queued"):
            self._abandon()
        return calls

    def _read_item(self, event: dict[str, Any], kind: str) -> Sequence[Call]:
        fields = as_object(event["item"])
        self.distrust(without(event, "item"))
        if not self._asks(fields):
            if not isinstance(event["item"], dict):
                self.distrust(event["item"])
            return ()
        place = event.get("output_index")
        item = self._find(place, fields.get("id"), fields.get("call_id"))
        if kind == "response.output_item.added" or item is None:
            if item is not None:
                self.judge.lose_event()  # One place, two calls.
                return ()
            item = self._begin(fields, place)
        elif item.ruling and not item.is_denied and not item.is_like(fields):
            self.judge.lose_event()  # A copy of an allowed call that says something else.
            return ()
        item.last = as_count(event.get("sequence_number"))
        if kind != "response.output_item.added":
            item.take(fields)
            self._end(item)
        return (item,)

    def _read_part(self, item: Item, event: dict[str, Any]) -> None:
        item.last = as_count(event.get("sequence_number"))
        delta, done = event.get("delta"), event.get("arguments", event.get("input"))
        if item.ruling is None:
            if item.is_text and isinstance(delta, str):
                item.streamed.append(delta)
            elif item.is_text and isinstance(done, str):
                item.is_contradicted |= bool(item.streamed) and done != "".join(item.streamed)
                item.parts = item.streamed = [done]
        elif not item.is_denied and (delta or done not in (None, "".join(item.parts))):
            self.judge.lose_event()  # More of a call that was decided as it stood.

    def _distrust_part(self, event: dict[str, Any], kind: str) -> None:
        """Arguments of an item we have not seen; those of a remote MCP tool are the provider's."""
        if not kind.startswith("response.mcp_call") and (
            event.get("delta") or event.get("arguments") or event.get("input")
        ):
            self.judge.lose_event()

    def _asks(self, item: dict[str, Any]) -> bool:
        """Of a kind of item we do not know, its contents decide whether it may pass."""
        if not str(item.get("type")).endswith("_call"):
            self.distrust(without(item, "type"))
        return asks(item)

    def _find(self, place: Any, *ids: Any) -> Item | None:
        keys = [("id", id_) for id_ in ids if isinstance(id_, str) and id_]
        if isinstance(place, int):
            keys.append(("place", str(place)))
        return next((self._items[key] for key in keys if key in self._items), None)

    def _begin(self, fields: dict[str, Any], place: Any) -> Item:
        item = self.item_of(self.judge.call(), fields)
        for id_ in (fields.get("id"), fields.get("call_id")):
            if isinstance(id_, str) and id_:
                self._items["id", id_] = item
        if isinstance(place, int):
            self._items["place", str(place)] = item
        self._open.append(item)
        return item

    def _end(self, item: Item) -> None:
        self.judge.rule(item)
        if item in self._open:
            self._open.remove(item)

    def _abandon(self) -> None:
        """The response is over."""
        for item in self._open:
            self.judge.refuse(item, UNFINISHED)
        self._open.clear()


def asks(item: dict[str, Any]) -> bool:
    kind = item.get("type")
    return isinstance(kind, str) and acts(kind, item)


def _written(response: dict[str, Any], calls: Sequence[Call]) -> dict[str, Any]:
    read = iter(calls)
    output = []
    for fields in as_list(response.get("output")):
        item = next(read) if asks(as_object(fields)) else None
        is_denied = isinstance(item, Item) and item.is_denied
        output.append(item.message if isinstance(item, Item) and is_denied else fields)
    return response | {"output": output} if any(call.is_denied for call in calls) else response

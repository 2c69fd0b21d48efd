"""Tool calls in OpenAI's realtime sessions: items that are told of twice, in their response and in the
conversation (pure).

The conversation is the provider's. It is given the result of each denied call, so that the model
knows why; what it says of that result is kept from the client, which never saw the call.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from proxy.providers.answer import as_object, as_text, parse_object
from proxy.providers.tool_gate_items import Item, result_of
from proxy.providers.tool_gate_responses import ResponsesSieve, asks
from proxy.providers.tool_gate_sieve import UNFINISHED, Call, Judge, Piece, without
from proxy.providers.tool_gate_socket import CALLS_KEPT_MAX, SocketSieve

_OURS = "event_exeat_"
_BEGINS = ("response.output_item.added", "conversation.item.added", "conversation.item.created")
_KEPT = ("response_id", "output_index")


class RealtimeItem(Item):
    __slots__ = ("is_answered", "lane", "place")

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.lane = ""
        """Its response."""
        self.place: dict[str, Any] = {}
        """What its response's events say of where it stands."""
        self.is_answered = False

    def stand_in(self, lane: str, event: dict[str, Any], begun: Call) -> None:
        """The response tells of it; the conversation may have told of it before."""
        if lane != self.lane:
            self.lane, self.intent, self.decide = lane, begun.intent, begun.decide
        self.place = {name: event[name] for name in _KEPT if name in event}

    @property
    def message(self) -> dict[str, Any]:
        """It keeps the id by which the provider knows it."""
        part = {"type": "output_text", "text": self.text}
        return self._envelope("completed") | {"content": [part]}

    @property
    def begun(self) -> dict[str, Any]:
        return self._envelope("in_progress") | {"content": []}

    def _envelope(self, status: str) -> dict[str, Any]:
        said = {"type": "message", "status": status, "role": "assistant"}
        return {"id": self.item_id, "object": "realtime.item"} | said


class RealtimeSieve(ResponsesSieve, SocketSieve):
    spoken = frozenset(
        f"response.{kind}.delta"
        for kind in ("output_text", "output_audio_transcript", "text", "audio_transcript")
    )
    item_of = RealtimeItem

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._known: OrderedDict[str, RealtimeItem] = OrderedDict()
        """By id and by call."""
        self._clients_own: OrderedDict[tuple[str, ...], None] = OrderedDict()
        """Calls that the client itself put into the conversation, as it spelled them."""
        self._apart: set[str] = set()
        """Open responses that are no part of the conversation."""
        self._hidden: OrderedDict[str, Any] = OrderedDict()
        """Items that the client does not know of, each with the one that it stands behind."""

    def lane(self, piece: Piece) -> str:
        event = piece.fields
        response = event.get("response_id") or as_object(event.get("response")).get("id")
        if isinstance(response, str):
            return response
        fields = as_object(event.get("item"))
        item = self._find(None, fields.get("id"), fields.get("call_id"), event.get("item_id"))
        if item is not None:
            return item.lane
        return f"item {fields.get('id')}" if asks(fields) else ""

    def sent(self, data: bytes) -> bytes:
        message = parse_object(data) or {}
        item = as_object(message.get("item"))
        if message.get("type") == "conversation.item.create" and asks(item):
            self._clients_own[_spelled(item)] = None
            if len(self._clients_own) > CALLS_KEPT_MAX:
                self._clients_own.popitem(last=False)
        return data

    def passes_at_once(self, piece: Piece) -> bool:
        return piece.fields.get("type") == "ping" and "item" not in piece.fields

    def read(self, piece: Piece) -> Sequence[Any]:
        event = piece.fields
        kind = as_text(event.get("type")) or ""
        if kind.startswith("session."):
            self.distrust(without(event, "session"))  # It repeats what the client asked for.
            return ()
        response = as_object(event.get("response"))
        if kind == "response.created" and response.get("conversation_id", "") is None:
            self._apart.add(self.judge.lane)
        calls = super().read(piece)
        if kind == "response.done":
            self._apart.discard(self.judge.lane)
            self.judge.forget_said()
        return calls

    def write(self, piece: Piece, calls: Sequence[Any]) -> list[Piece]:
        event = piece.fields
        if self._hides(event):
            return []
        before = as_text(event.get("previous_item_id"))
        if before is not None and before in self._hidden:
            event = event | {"previous_item_id": self._hidden[before]}
            piece = piece.saying(event)
        item = calls[0] if calls else None
        if "response" in event or item is None or not item.is_denied:
            return super().write(piece, calls)
        return self._instead(piece, item, event, as_text(event.get("type")) or "")

    def _read_item(self, event: dict[str, Any], kind: str) -> Sequence[Any]:
        fields = as_object(event["item"])
        item = self._find(None, fields.get("id"), fields.get("call_id"))
        is_copy = kind.startswith("conversation.") and item is None
        if is_copy and _spelled(fields) in self._clients_own:
            self.distrust(without(event, "item"))
            return ()
        if not self._asks(fields):
            return super()._read_item(event, kind)
        self.distrust(without(event, "item"))
        if item is None:
            item = self._begin(fields, None)
        is_whole = kind not in _BEGINS or fields.get("status") not in (None, "in_progress")
        if is_whole and item.ruling and not item.is_denied and not item.is_like(fields):
            self.judge.lose_event()  # A copy of an allowed call that says something else.
            return ()
        if kind.startswith("response."):
            item.stand_in(self.judge.lane, event, self.judge.call())
        if is_whole:
            item.take(fields)
            self._end(item)
        return (item,)

    def _find(self, place: Any, *ids: Any) -> RealtimeItem | None:
        """Places are of no use: x.ai counts every item of a response as its first."""
        known = (self._known.get(id_) for id_ in ids if isinstance(id_, str))
        return next((item for item in known if item is not None), None)

    def _begin(self, fields: dict[str, Any], place: Any) -> RealtimeItem:
        item = RealtimeItem(self.judge.call(), fields)
        item.lane = self.judge.lane
        for id_ in (fields.get("id"), fields.get("call_id")):
            if isinstance(id_, str) and id_:
                self._known[id_] = item
        while len(self._known) > 2 * CALLS_KEPT_MAX:
            self._known.popitem(last=False)
        self._open.append(item)
        return item

    def _end(self, item: Item) -> None:
        super()._end(item)
        assert isinstance(item, RealtimeItem)
        if not item.is_denied or item.is_answered or item.lane in self._apart:
            return
        item.is_answered = True
        result = result_of(item)
        if result is not None:
            number = f"{_OURS}{item.id}"
            create = {"type": "conversation.item.create", "event_id": number, "item": result}
            self.replies.append(create)

    def _abandon(self) -> None:
        """One response is over, or something went wrong with a message of the client's."""
        for item in list(self._open):
            if isinstance(item, RealtimeItem) and item.lane == self.judge.lane:
                self.judge.refuse(item, UNFINISHED)
                self._open.remove(item)

    def _hides(self, event: dict[str, Any]) -> bool:
        """Whether it speaks of what only we and the provider know."""
        error, item = as_object(event.get("error")), as_object(event.get("item"))
        if str(error.get("event_id")).startswith(_OURS):
            return True
        about = item.get("approval_request_id") or item.get("call_id")
        if not str(item.get("type")).endswith(("_output", "_response")):
            return False
        call = self._find(None, about)
        if call is None or not call.is_answered:
            return False
        self._hidden[str(item.get("id"))] = event.get("previous_item_id")
        if len(self._hidden) > CALLS_KEPT_MAX:
            self._hidden.popitem(last=False)
        return True

    def _instead(
        self, piece: Piece, item: RealtimeItem, event: dict[str, Any], kind: str
    ) -> list[Piece]:
        """The events of a message in the place of the call's, as the provider orders its own."""
        is_begin = kind in _BEGINS
        if kind == "response.output_item.added":
            return [piece.saying(event | {"item": item.begun})]
        words = [] if is_begin or item.is_told or not item.place else self._words(piece, item)
        item.is_told = item.is_told or bool(words)
        if "item" not in event:
            return words
        status = as_object(event["item"]).get("status")
        shown = item.begun if is_begin and status == "in_progress" else item.message
        return [*words, piece.saying(event | {"item": shown})]

    def _words(self, piece: Piece, item: RealtimeItem) -> list[Piece]:
        where = item.place | {"item_id": item.item_id, "content_index": 0}
        part = {"type": "text", "text": item.text}
        words: list[tuple[str, dict[str, Any]]] = [
            ("response.content_part.added", {"part": part | {"text": ""}}),
            ("response.output_text.delta", {"delta": item.text}),
            ("response.output_text.done", {"text": item.text}),
            ("response.content_part.done", {"part": part}),
        ]
        return [
            piece.saying({"type": kind, "event_id": f"{_OURS}{item.id}_{n}"} | where | more)
            for n, (kind, more) in enumerate(words)
        ]


def _spelled(item: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(item.get(name)) for name in ("type", "call_id", "name", "arguments"))

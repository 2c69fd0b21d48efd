"""Tool calls in Gemini's Live sessions: whole in one message, several at once (pure).

The model waits for a response to each call. For one that is not allowed it gets the reason, so that
it goes on; its client gets the reason as a part of the model's turn.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from proxy.providers.answer import as_list, as_object, as_text
from proxy.providers.tool_gate_gemini import GeminiSieve, are_objects, parts_written
from proxy.providers.tool_gate_sieve import UNFINISHED, Call, Judge, Piece, without
from proxy.providers.tool_gate_socket import CALLS_KEPT_MAX, SocketSieve

_READ = ("serverContent", "toolCall")


class LiveSieve(GeminiSieve, SocketSieve):
    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._denied: OrderedDict[str, None] = OrderedDict()
        """Ids of calls that the client has not seen."""

    def instead(self, piece: Piece) -> list[Piece]:
        return []

    def sent(self, data: bytes) -> bytes:
        return data

    def read(self, piece: Piece) -> Sequence[Call]:
        message = piece.fields
        self.distrust(without(message, *_READ))
        for name in ("serverContent", "toolCall"):
            if not isinstance(message.get(name, {}), dict | None):
                self.judge.lose_event()
        calls = self._read_content(as_object(message.get("serverContent")))
        asked = as_object(message.get("toolCall"))
        self._distrust_rest(asked, "functionCalls")
        for each in map(as_object, as_list(asked.get("functionCalls"))):
            calls += self._read_part("toolCall", {"functionCall": each})
        self._answer(calls)
        if "toolCallCancellation" in message:
            self._give_up()
        return calls

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        message = piece.fields
        cancelled = as_object(message.get("toolCallCancellation")).get("ids")
        if isinstance(cancelled, list) and any(map(self._is_denied, cancelled)):
            return self._cancelling(piece, cancelled)
        if not any(call.is_denied for call in calls):
            return [piece]
        rest, read = dict(message), iter(calls)
        content = as_object(message.get("serverContent"))
        turn = as_object(content.get("modelTurn"))
        if turn.get("parts"):
            shown = parts_written({"content": turn}, read)
            rest["serverContent"] = content | {"modelTurn": turn | {"parts": shown}}
        asked = as_object(rest.pop("toolCall", None))
        kept, told = _sorted_out(as_list(asked.get("functionCalls")), read)
        if kept:
            rest["toolCall"] = asked | {"functionCalls": kept}
        if not told:
            return [piece.saying(rest)] if rest else []
        says = {"modelTurn": {"role": "model", "parts": [{"text": text} for text in told]}}
        if kept or "serverContent" in rest:
            return [piece.saying({"serverContent": says}), piece.saying(rest)]
        return [piece.saying(rest | {"serverContent": says})]

    def _read_content(self, content: dict[str, Any]) -> list[Call]:
        self.distrust(without(content, "modelTurn"))
        turn = as_object(content.get("modelTurn"))
        self._distrust_rest(turn, "parts")
        calls: list[Call] = []
        for part in map(as_object, as_list(turn.get("parts"))):
            calls += self._read_part("modelTurn", part)
        self.judge.hear(as_object(content.get("outputTranscription")).get("text"))
        if content.get("turnComplete") or content.get("interrupted"):
            self._give_up()
            self.judge.forget_said()
        return calls

    def _distrust_rest(self, fields: dict[str, Any], name: str) -> None:
        self.distrust(without(fields, name) if are_objects(fields.get(name)) else fields)

    def _give_up(self) -> None:
        for where in list(self._open):
            self.judge.refuse(self._open.pop(where), UNFINISHED)

    def _answer(self, calls: Sequence[Call]) -> None:
        """To the provider, in the place of the client."""
        responses = []
        for call in calls:
            if not call.is_denied or call.id in self._denied:
                continue
            response = {"name": call.name, "response": {"error": call.text}}
            responses.append(response | ({"id": call.id} if call.id else {}))
            if call.id:
                self._denied[call.id] = None
        while len(self._denied) > CALLS_KEPT_MAX:
            self._denied.popitem(last=False)
        if responses:
            self.replies.append({"toolResponse": {"functionResponses": responses}})

    def _is_denied(self, id_: Any) -> bool:
        return as_text(id_) in self._denied

    def _cancelling(self, piece: Piece, ids: list[Any]) -> list[Piece]:
        """Without those calls that the client has not seen."""
        rest = without(piece.fields, "toolCallCancellation")
        seen = [id_ for id_ in ids if not self._is_denied(id_)]
        if seen:
            rest["toolCallCancellation"] = piece.fields["toolCallCancellation"] | {"ids": seen}
        return [piece.saying(rest)] if rest else []


def _sorted_out(asked: list[Any], read: Any) -> tuple[list[Any], list[str]]:
    """The calls that stay, and what is said in the place of the others."""
    kept: list[Any] = []
    told: list[str] = []
    for each in asked:
        call = next(read)
        if not call.is_denied:
            kept.append(each)
        elif not call.is_told:
            call.is_told = True
            told.append(call.text)
    return kept, told

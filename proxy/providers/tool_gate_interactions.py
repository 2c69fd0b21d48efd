"""Tool calls among the steps of Gemini's interactions: a step is held from its start to its stop
(pure)."""

from collections.abc import Iterable, Sequence
from typing import Any

from proxy.providers.answer import as_list, as_object
from proxy.providers.tool_gate_sieve import (
    UNFINISHED,
    Call,
    Judge,
    Piece,
    Sieve,
    json_text,
    without,
)

_RUN_BY_GOOGLE = frozenset(
    [
        "code_execution_call",
        "file_search_call",
        "google_maps_call",
        "google_search_call",
        "mcp_server_tool_call",
        "url_context_call",
    ]
)
_LISTS = ("steps", "outputs")
"""Where a whole interaction has its steps; the second in an older form."""


class InteractionsSieve(Sieve):
    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._open: dict[str, tuple[Call, dict[str, Any]]] = {}
        """By place: the call, and the step it began with."""
        self._passing: set[str] = set()
        self._by_id: dict[str, Call] = {}
        self._allowed = self._denied = 0

    def open_calls(self) -> Iterable[Call]:
        return [call for call, _ in self._open.values()]

    def read(self, piece: Piece) -> Sequence[Call]:
        event, index = piece.fields, str(piece.fields.get("index"))
        match event.get("event_type"):
            case "step.start":
                self.distrust(without(event, "step"))
                return self._begin(index, as_object(event.get("step")))
            case "step.delta" | "step.stop" as kind:
                return self._go_on(index, kind, as_object(event.get("delta")))
            case "interaction.completed" | "error":
                for call in self.open_calls():
                    self.judge.refuse(call, UNFINISHED)
                self._open.clear()
        if isinstance(event.get("interaction"), dict):
            self.distrust(without(event, "interaction"))
            return self._read_whole(event["interaction"])
        self.distrust(event)
        return ()

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        event = piece.fields
        if isinstance(event.get("interaction"), dict):
            written = self._written(event["interaction"], calls)
            is_same = written is event["interaction"]
            return [piece if is_same else piece.saying(event | {"interaction": written})]
        if not calls:
            corrected = self._with_status(event)
            return [piece if corrected is event else piece.saying(corrected)]
        call = calls[0]
        if event.get("event_type") == "step.start":
            self._count(call)
        if not call.is_denied:
            return [piece]
        if call.is_told:
            return []
        call.is_told = True
        at = {"index": event.get("index")}
        return [
            piece.saying({"event_type": kind} | at | more, kind)
            for kind, more in (
                ("step.start", {"step": {"type": "model_output"}}),
                ("step.delta", {"delta": {"type": "text", "text": call.text}}),
                ("step.stop", {}),
            )
        ]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._written(body, self._read_whole(body))

    def _begin(self, index: str, step: dict[str, Any]) -> Sequence[Call]:
        earlier = self._open.pop(index, None)
        if earlier is not None:
            self.judge.refuse(earlier[0], UNFINISHED)
        self._passing.discard(index)
        if not self._asks(step):
            self._passing.add(index)
            self._hear(step)
            return ()
        call = self._call(step)
        self._open[index] = call, step
        return (call,)

    def _go_on(self, index: str, kind: str, delta: dict[str, Any]) -> Sequence[Call]:
        if index not in self._open:
            self.judge.hear(delta.get("text"))
            if delta.get("arguments") and index not in self._passing:
                self.judge.lose_event()  # More of a call that is over, or never began.
            if str(delta.get("type")) not in _RUN_BY_GOOGLE:
                self.distrust(delta)
            return ()
        call, step = self._open[index]
        given = delta.get("arguments")
        call.add(given if isinstance(given, str) or given is None else json_text(given))
        if kind == "step.stop":
            del self._open[index]
            if not call.parts:
                call.add(json_text(step.get("arguments") or {}))
            self.judge.rule(call)
        return (call,)

    def _read_whole(self, interaction: dict[str, Any]) -> Sequence[Call]:
        """Steps that were streamed are said again here; a copy has the ruling of its id."""
        self.distrust(without(interaction, *_LISTS, "input", "tools"))
        calls: list[Call] = []
        for step in (each for name in _LISTS for each in as_list(interaction.get(name))):
            fields = as_object(step)
            if not self._asks(fields):
                self._hear(fields)
                continue
            given = json_text(fields.get("arguments") or {})
            call = self._by_id.get(str(fields.get("id")))
            if call is None or not (call.is_denied or given == "".join(call.parts)):
                call = self._call(fields)
                call.add(given)
                self.judge.rule(call)
                self._count(call)
            calls.append(call)
        return calls

    def _written(self, interaction: dict[str, Any], calls: Sequence[Call]) -> dict[str, Any]:
        read = iter(calls)
        written = dict(interaction)
        for name in _LISTS:
            if not isinstance(interaction.get(name), list):
                continue
            shown = []
            for step in interaction[name]:
                call = next(read) if _is_call(as_object(step)) else None
                text = {"type": "text", "text": call.text} if call else {}
                said = text if name == "outputs" else {"type": "model_output", "content": [text]}
                shown.append(said if call is not None and call.is_denied else step)
            written[name] = shown
        is_same = not any(call.is_denied for call in calls)
        return self._with_status(interaction if is_same else written)

    def _asks(self, step: dict[str, Any]) -> bool:
        if str(step.get("type")) not in _RUN_BY_GOOGLE:
            self.distrust(without(step, "type", "result"))
        return _is_call(step)

    def _hear(self, step: dict[str, Any]) -> None:
        if step.get("type") in ("model_output", "text"):
            parts = map(as_object, as_list(step.get("content")))
            self.judge.hear(step.get("text"), *(part.get("text") for part in parts))

    def _call(self, step: dict[str, Any]) -> Call:
        call = self.judge.call(step.get("id"), step.get("name"))
        if call.id:
            self._by_id[call.id] = call
        return call

    def _count(self, call: Call) -> None:
        self._denied += call.is_denied
        self._allowed += not call.is_denied

    def _with_status(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Without a tool left to run there is nothing to wait for."""
        is_waiting = fields.get("status") == "requires_action"
        if not self._denied or self._allowed or not is_waiting:
            return fields
        return fields | {"status": "completed"}


def _is_call(step: dict[str, Any]) -> bool:
    """A call of a kind we do not know is one that asks the client."""
    kind = step.get("type")
    return isinstance(kind, str) and kind.endswith("_call") and kind not in _RUN_BY_GOOGLE

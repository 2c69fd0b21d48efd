"""Tool calls in Cohere's answers: v2 streams each from its start to its end, v1 says them all at
once (pure)."""

from collections.abc import Iterable, Sequence
from typing import Any

from proxy.providers.answer import as_list, as_object, as_text
from proxy.providers.tool_gate_sieve import (
    UNFINISHED,
    Call,
    Judge,
    Piece,
    Sieve,
    json_text,
    without,
)

_ASKED, _OVER = ("TOOL_CALL", "TOOL_CALLS"), "COMPLETE"


class CohereSieve(Sieve):
    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._open: dict[str, Call] = {}
        self._drafts: list[Call] = []
        """v1: calls that are being written; the whole ones are said again behind them."""
        self._texts = 0
        self._gone: dict[str, int] = {}
        """Calls denied before the one at each place."""
        self._allowed = self._denied = 0
        self._known: dict[tuple[str, str], Call] = {}
        """v1 has no ids, so a copy is one that asks for the same."""

    def open_calls(self) -> Iterable[Call]:
        return [*self._open.values(), *self._drafts]

    def read(self, piece: Piece) -> Sequence[Call]:
        event, index = piece.fields, str(piece.fields.get("index"))
        delta = as_object(event.get("delta"))
        message = as_object(delta.get("message"))
        match event.get("type") or event.get("event_type"):
            case "tool-call-start":
                asked = as_object(message.get("tool_calls"))
                if index in self._open:
                    self.judge.refuse(self._open[index], UNFINISHED)
                call = self._open[index] = self.judge.call(
                    asked.get("id"), _function(asked, "name")
                )
                call.add(_function(asked, "arguments"))
                return (call,)
            case "tool-call-delta" | "tool-call-end" as kind:
                return self._go_on(index, kind, as_object(message.get("tool_calls")))
            case "tool-plan-delta":
                self.judge.hear(message.get("tool_plan"))
            case "content-start" | "content-delta":
                self.judge.hear(as_object(message.get("content")).get("text"))
                self.distrust(event)
            case "text-generation":
                self.judge.hear(event.get("text"))
            case "tool-calls-chunk":
                self.judge.hear(event.get("text"))
                return self._draft(event)
            case "tool-calls-generation":
                self.judge.hear(event.get("text"))
                return self._generated(event)
            case "message-end" | "stream-end":
                for call in self.open_calls():
                    self.judge.refuse(call, UNFINISHED)
                self._open.clear()
                self._drafts.clear()
                self.distrust(without(event, "response"))
                return self._copies(as_object(event.get("response")))
            case _:
                self.distrust(event)
        return ()

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        event = piece.fields
        match event.get("type") or event.get("event_type"):
            case "content-start":
                self._texts += 1
            case "tool-call-start" | "tool-call-delta" | "tool-call-end" as kind:
                return self._written(piece, kind, calls[0]) if calls else [piece]
            case "tool-calls-chunk":
                if any(call.is_denied for call in calls):
                    return []
            case "tool-calls-generation":
                return self._written_all(piece, calls)
            case "message-end":
                delta = self._with_reason(as_object(event.get("delta")))
                if delta is not event.get("delta") and delta:
                    return [piece.saying(event | {"delta": delta})]
            case "stream-end":
                response = self._without_denied(as_object(event.get("response")))
                ended = self._with_reason(event)
                if response is not event.get("response") and response:
                    ended = ended | {"response": self._with_reason(response)}
                return [piece if ended is event else piece.saying(ended)]
            case _:
                pass
        return [piece]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        message = as_object(body.get("message"))
        holder = message or body
        content = holder.get("content")
        self.judge.hear(holder.get("text"), holder.get("tool_plan"))
        self.judge.hear(*(as_object(block).get("text") for block in as_list(content)))
        self.distrust(without(body, "message", "tool_calls", "chat_history"))
        self.distrust(without(message, "tool_calls"))
        self._rule_all(holder)
        if message:
            self._copies(without(body, "message"))
        else:
            self._copies({"chat_history": body.get("chat_history")})
        if not self._denied:
            return body
        written = self._without_denied(holder)
        words = [call.text for call in self._known.values() if call.is_denied]
        if message:
            blocks = [{"type": "text", "text": text} for text in words]
            written = written | {"content": [*as_list(content), *blocks]}
            return self._with_reason(self._without_denied(body)) | {"message": written}
        said = as_text(holder.get("text"))
        text = "\n\n".join(([said] if said else []) + words)
        return self._with_reason(written) | {"text": text}

    def _go_on(self, index: str, kind: str, asked: dict[str, Any]) -> Sequence[Call]:
        call = self._open.get(index)
        if call is None:
            if asked:
                self.judge.lose_event()  # More of a call that is over, or never began.
            return ()
        call.add(_function(asked, "arguments"))
        if kind == "tool-call-end":
            del self._open[index]
            self.judge.rule(call)
        return (call,)

    def _draft(self, event: dict[str, Any]) -> Sequence[Call]:
        """Held until the whole calls are said, which is when they are decided."""
        self.distrust(without(event, "tool_call_delta"))
        if event.get("tool_call_delta") is None:
            return ()
        if not self._drafts:
            self._drafts.append(self.judge.call())
        draft = self._drafts[0]
        draft.add(json_text(event["tool_call_delta"]))
        return (draft,)

    def _generated(self, event: dict[str, Any]) -> Sequence[Call]:
        self.distrust(without(event, "tool_calls"))
        calls = self._rule_all(event)
        for draft in self._drafts:
            refused = [call.ruling for call in calls if call.is_denied and call.ruling]
            allowed = [call.ruling for call in calls if call.ruling]
            draft.ruling = draft.ruling or next(iter(refused or allowed), None)
            if draft.ruling is None:
                self.judge.refuse(draft, UNFINISHED)
        self._drafts.clear()
        return calls

    def _rule_all(self, holder: dict[str, Any]) -> list[Call]:
        items = holder.get("tool_calls")
        if items is not None and not isinstance(items, list):
            self.judge.lose_event()
        calls = []
        for item in map(as_object, as_list(items)):
            call = self.judge.call(item.get("id"), _function(item, "name"))
            given = _function(item, "arguments", "parameters")
            call.add(given if isinstance(given, str) else json_text(given))
            self.judge.rule(call)
            self._known[_same(item)] = call
            self._count(call)
            calls.append(call)
        return calls

    def _copies(self, response: dict[str, Any]) -> Sequence[Call]:
        """Calls that are said again at the end; one that was not said before is decided now."""
        self.distrust(without(response, "tool_calls", "chat_history"))
        for holder in (response, *map(as_object, as_list(response.get("chat_history")))):
            self.distrust(without(holder, "tool_calls", "chat_history", "tool_results"))
        items = map(as_object, as_list(response.get("tool_calls")))
        new = [item for item in items if _same(item) not in self._known]
        return self._rule_all({"tool_calls": new})

    def _written(self, piece: Piece, kind: str, call: Call) -> list[Piece]:
        """Texts and calls are counted apart, so those that stay move up."""
        index = piece.fields.get("index")
        if kind == "tool-call-start":
            self._count(call)
            self._gone[str(index)] = self._denied
        if not call.is_denied:
            gone = self._gone.get(str(index), 0)
            if not gone or not isinstance(index, int):
                return [piece]
            return [piece.saying(piece.fields | {"index": index - gone})]
        if call.is_told:
            return []
        call.is_told = True
        at = {"index": self._texts}
        self._texts += 1
        return [
            piece.saying({"type": kind} | at | more, kind)
            for kind, more in (
                ("content-start", _content({"type": "text", "text": ""})),
                ("content-delta", _content({"text": call.text})),
                ("content-end", {}),
            )
        ]

    def _written_all(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        words: list[Piece] = []
        for call in calls:
            if call.is_denied and not call.is_told:
                call.is_told = True
                word = {"is_finished": False, "event_type": "text-generation", "text": call.text}
                words.append(piece.saying(word))
        event = self._without_denied(piece.fields)
        if event is piece.fields:
            return [piece]
        return [*words, piece.saying(event)] if event.get("tool_calls") else words

    def _without_denied(self, holder: dict[str, Any]) -> dict[str, Any]:
        written = holder
        if isinstance(holder.get("tool_calls"), list):
            items = holder["tool_calls"]
            kept = [item for item in items if self._is_kept(as_object(item))]
            if len(kept) < len(items):
                written = without(holder, "tool_calls") | ({"tool_calls": kept} if kept else {})
        if isinstance(holder.get("chat_history"), list):
            turns = holder["chat_history"]
            shown = [
                self._without_denied(turn) if isinstance(turn, dict) else turn for turn in turns
            ]
            if any(new is not old for new, old in zip(shown, turns, strict=True)):
                written = written | {"chat_history": shown}
        return written

    def _is_kept(self, item: dict[str, Any]) -> bool:
        call = self._known.get(_same(item))
        return call is None or not call.is_denied

    def _count(self, call: Call) -> None:
        self._denied += call.is_denied
        self._allowed += not call.is_denied

    def _with_reason(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Without a tool left to run the turn is over."""
        is_asking = fields.get("finish_reason") in _ASKED
        if not self._denied or self._allowed or not is_asking:
            return fields
        return fields | {"finish_reason": _OVER}


def _function(item: dict[str, Any], *names: str) -> Any:
    """v2 has the function inside the call, v1 beside its type."""
    asked = as_object(item.get("function")) or item
    return next((asked[name] for name in names if asked.get(name) is not None), None)


def _same(item: dict[str, Any]) -> tuple[str, str]:
    id_ = as_text(item.get("id"))
    return ("id", id_) if id_ else ("same", json_text(item))


def _content(block: dict[str, Any]) -> dict[str, Any]:
    return {"delta": {"message": {"content": block}}}

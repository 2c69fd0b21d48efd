"""Tool calls in Ollama's answers: whole in a line, with arguments that are an object (pure)."""

from collections.abc import Iterable, Sequence
from typing import Any

from proxy.providers.answer import as_list, as_object
from proxy.providers.tool_gate_sieve import Call, Judge, Piece, Sieve, json_text, without


class OllamaSieve(Sieve):
    """`/api/chat` has calls in its message, `/api/generate` beside its response."""

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._has_text = False

    def open_calls(self) -> Iterable[Call]:
        return ()

    def read(self, piece: Piece) -> Sequence[Call]:
        chunk = piece.fields
        message = chunk.get("message")
        if message is not None and not isinstance(message, dict):
            self.distrust(message)
        self.judge.hear(chunk.get("response"), as_object(message).get("content"))
        self.distrust(without(chunk, "message", "tool_calls"))
        self.distrust(without(as_object(message), "tool_calls"))
        return [*self._calls(as_object(message)), *self._calls(chunk)]

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        chunk, message = piece.fields, as_object(piece.fields.get("message"))
        ours = len(as_list(message.get("tool_calls")))
        spoken = self._written(message, "content", calls[:ours])
        written = self._written(chunk, "response", calls[ours:])
        if not any(call.is_denied for call in calls):
            return [piece]
        return [piece.saying(written | {"message": spoken} if message else written)]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        piece = Piece("", body, b"")
        return self.write(piece, self.read(piece))[0].fields

    def _calls(self, holder: dict[str, Any]) -> list[Call]:
        items = holder.get("tool_calls")
        if items is not None and not isinstance(items, list):
            self.distrust({"tool_calls": items})
        found = []
        for item in map(as_object, as_list(items)):
            asked = as_object(item.get("function"))
            call = self.judge.call(item.get("id"), asked.get("name"))
            call.add(json_text(asked.get("arguments")))
            self.judge.rule(call)
            found.append(call)
        return found

    def _written(self, holder: dict[str, Any], text: str, calls: Sequence[Call]) -> dict[str, Any]:
        said = holder.get(text)
        said = said if isinstance(said, str) else ""
        denied = [call.text for call in calls if call.is_denied]
        follows = self._has_text or bool(said)
        self._has_text = follows or bool(denied)
        if not denied:
            return holder
        items = as_list(holder.get("tool_calls"))
        kept = [item for item, call in zip(items, calls, strict=True) if not call.is_denied]
        words = ("\n\n" if follows else "") + "\n\n".join(denied)
        written = without(holder, "tool_calls") | {text: said + words}
        return written | {"tool_calls": kept} if kept else written

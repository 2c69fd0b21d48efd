"""Tool calls in Gemini's answers: parts beside parts of text, whole or in pieces (pure)."""

from collections.abc import Iterable, Iterator, Sequence
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

_SILENT: dict[str, Any] = {"text": ""}


class GeminiSieve(Sieve):
    """Every chunk has the shape of a whole answer, wrapped or not (Code Assist)."""

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._open: dict[str, Call] = {}
        """Candidate to the call whose arguments go on (`willContinue`)."""
        self._partial: dict[str, dict[str, Any]] = {}
        """Its arguments so far."""

    def open_calls(self) -> Iterable[Call]:
        return self._open.values()

    def instead(self, piece: Piece) -> list[Piece]:
        """An array's elements cannot simply go missing."""
        return [piece.saying({})] if piece.lead else []

    def read(self, piece: Piece) -> Sequence[Call]:
        chunk = piece.fields
        inner = _inner(chunk)
        if inner is not chunk:
            self.distrust(without(chunk, "response"))
        known = are_objects(inner.get("candidates"))
        self.distrust(without(inner, "candidates") if known else inner)
        touched: list[Call] = []
        for candidate in map(as_object, as_list(inner.get("candidates"))):
            content = as_object(candidate.get("content"))
            known = are_objects(content.get("parts"))
            self.distrust(without(content, "parts") if known else content)
            self.distrust(without(candidate, "content"))
            where = str(candidate.get("index") or 0)
            for part in map(as_object, as_list(content.get("parts"))):
                touched += self._read_part(where, part)
            if candidate.get("finishReason") and where in self._open:
                self.judge.refuse(self._open.pop(where), UNFINISHED)
        return touched

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        if not any(call.is_denied for call in calls):
            return [piece]
        read = iter(calls)
        chunk, inner = piece.fields, _inner(piece.fields)
        candidates = [
            candidate
            | {"content": candidate["content"] | {"parts": parts_written(candidate, read)}}
            if as_object(candidate.get("content")).get("parts")
            else candidate
            for candidate in map(as_object, as_list(inner.get("candidates")))
        ]
        written = inner | {"candidates": candidates}
        return [piece.saying(written if inner is chunk else chunk | {"response": written})]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        piece = Piece("", body, b"")
        calls = self.read(piece)
        for call in list(self._open.values()):
            self.judge.refuse(call, UNFINISHED)
        return self.write(piece, calls)[0].fields

    def _read_part(self, where: str, part: dict[str, Any]) -> Iterator[Call]:
        asked = part.get("functionCall")
        if asked is None:
            self.distrust(part)
            if not part.get("thought"):
                self.judge.hear(part.get("text"))
            return
        self.distrust(without(part, "functionCall"))
        asked = as_object(asked)
        call = self._open.pop(where, None)
        if call is None:
            call = self.judge.call(asked.get("id"), asked.get("name"))
        elif asked.get("name"):
            call.name_more(asked["name"])
        if "args" in asked:
            call.add(json_text(asked["args"]))
        partial = self._partial.setdefault(where, {})
        for piece in map(as_object, as_list(asked.get("partialArgs"))):
            _put(partial, piece)
        if asked.get("willContinue") is True:
            self._open[where] = call
        else:
            if partial or not call.parts:
                call.add(json_text(partial))
            del self._partial[where]
            self.judge.rule(call)
        yield call


def _put(arguments: dict[str, Any], piece: dict[str, Any]) -> None:
    """Arguments that come in parts are kept by their paths; text goes on where it ended."""
    path = str(piece.get("jsonPath"))
    value = next((piece[name] for name in piece if name.endswith("Value")), None)
    before = arguments.get(path)
    is_more = isinstance(before, str) and isinstance(value, str)
    arguments[path] = f"{before}{value}" if is_more else value


def _inner(chunk: dict[str, Any]) -> dict[str, Any]:
    return as_object(chunk.get("response")) or chunk


def are_objects(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and all(isinstance(item, dict) for item in value)
    )


def parts_written(candidate: dict[str, Any], read: Iterator[Call]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for part in as_list(as_object(candidate.get("content")).get("parts")):
        if as_object(part).get("functionCall") is None:
            parts.append(part)
            continue
        call = next(read)
        if not call.is_denied:
            parts.append(part)
        elif not call.is_told:
            call.is_told = True
            parts.append({"text": call.text})
    return parts or [_SILENT]

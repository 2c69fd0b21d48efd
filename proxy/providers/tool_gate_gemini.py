"""Tool calls in Gemini's answers: parts beside parts of text, whole or in pieces (pure)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from proxy.providers.answer import as_list, as_object, parse_object
from proxy.providers.tool_gate_sieve import (
    UNFINISHED,
    UNREADABLE,
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
            self._finish(call, self._partial.pop(where))
        yield call

    def _finish(self, call: Call, partial: dict[str, Any]) -> None:
        """What came by paths is read as what the client makes of it."""
        call.is_contradicted |= len(call.parts) > 1
        given = parse_object(call.parts[0].encode()) if call.parts else {}
        made = nested(partial)
        if partial and (given is None or made is None):
            self.judge.refuse(call, UNREADABLE)
        elif partial and given is not None and made is not None:
            call.parts = [json_text(given | made)]
        elif not call.parts:
            call.add("{}")
        self.judge.rule(call)


def _put(arguments: dict[str, Any], piece: dict[str, Any]) -> None:
    """Arguments that come in parts are kept by their paths; text goes on where it ended."""
    path = str(piece.get("jsonPath"))
    names = (name for name in piece if name.endswith("Value"))
    value = next((piece[name] if name != "nullValue" else None for name in names), None)
    before = arguments.get(path)
    is_more = isinstance(before, str) and isinstance(value, str)
    arguments[path] = f"{before}{value}" if is_more else value


_STEP = re.compile(r"\.(\w+)|\[(\d{1,4})\]|\['([^'\\]*)'\]|\[\"([^\"\\]*)\"\]")
_PATH_MAX = 256
_PATH = re.compile(rf"\$(?:{_STEP.pattern})+")


def nested(flat: Mapping[str, Any]) -> dict[str, Any] | None:
    """Values by their JSON paths (RFC 9535), `$.files[0].name`, as the arguments that they make up.
    None when a path is of another kind, or two of them cannot both be."""
    root: dict[str | int, Any] = {}
    for path, value in flat.items():
        if len(path) > _PATH_MAX or not _PATH.fullmatch(path):
            return None
        steps = [int(step[1]) if step[1] else "".join(step) for step in _STEP.findall(path)]
        at = root
        for step in steps[:-1]:
            at = at.setdefault(step, {})
            if not isinstance(at, dict):
                return None
        if steps[-1] in at:
            return None
        at[steps[-1]] = value
    made = _listed(root)
    return made if isinstance(made, dict) else None


def _listed(value: Any) -> Any:
    """Places that are numbered become a list."""
    if not isinstance(value, dict):
        return value
    items = {step: _listed(inner) for step, inner in value.items()}
    is_list = bool(items) and all(isinstance(step, int) for step in items)
    return (
        [items[step] for step in sorted(items)]
        if is_list
        else {str(k): v for k, v in items.items()}
    )


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

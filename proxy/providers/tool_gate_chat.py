"""Tool calls in chat completions, in every dialect: a choice's calls are held until it finishes (pure)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from proxy.providers.answer import TOOLS_KEPT_MAX, as_list, as_object, as_text
from proxy.providers.tool_gate_sieve import Call, Judge, Piece, Sieve, json_text, without

_ASKS = ("tool_calls", "function_call")
_OVER = {"tool_calls": "stop", "function_call": "stop"}


class _Choice:
    """One of the answers of a stream."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        """As they began."""
        self.has_text = False
        self._by_index: dict[str, Call] = {}
        self._by_id: dict[str, Call] = {}
        self._indices: dict[Call, Any] = {}
        self._moved: dict[Call, Any] = {}

    def call_of(self, judge: Judge, item: dict[str, Any]) -> Call:
        """`index` names a call, and a new id at the same index another one; without an index an id
        does; without both it is the last one."""
        id_, index = as_text(item.get("id")) or "", item.get("index")
        if index is not None:
            found = self._by_index.get(str(index))
            if found is not None and id_ and found.id not in ("", id_):
                found = None
            same = self._by_id.get(id_)
            if found is None and same is not None and self._indices[same] is None:
                found = same
        elif id_:
            found = self._by_id.get(id_)
        else:
            found = self.calls[-1] if self.calls else None
        if found is None:
            found = judge.call(id_)
            self.calls.append(found)
            self._indices[found] = index
        found.id = found.id or id_
        if index is not None:
            self._by_index[str(index)] = found
        if found.id:
            self._by_id[found.id] = found
        return found

    def moved(self, call: Call) -> Any:
        """The index of a call when those that were denied before it are gone."""
        if call not in self._moved:
            index = self._indices[call]
            if isinstance(index, int):
                numbers = [(each, self._indices[each]) for each in self.calls]
                before = [(each, n) for each, n in numbers if isinstance(n, int) and n < index]
                kept = {n for each, n in before if not each.is_denied}
                index -= len({n for _, n in before} - kept)
            self._moved[call] = index
        return self._moved[call]


class ChatSieve(Sieve):
    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self._choices: dict[str, _Choice] = {}

    def open_calls(self) -> Iterable[Call]:
        calls = (call for choice in self._choices.values() for call in choice.calls)
        return (call for call in calls if call.ruling is None)

    def read(self, piece: Piece) -> Sequence[Call]:
        chunk = piece.fields
        self.distrust(without(chunk, "choices") if _has_choices(chunk) else chunk)
        touched: list[Call] = []
        for fields in map(as_object, as_list(chunk.get("choices"))):
            choice = self._choices.setdefault(_key(fields), _Choice())
            self.distrust(without(fields, *_PARTS))
            for part in _PARTS:
                touched += self._read_part(choice, fields.get(part), part)
            if fields.get("finish_reason") is not None or isinstance(fields.get("message"), dict):
                for call in choice.calls:
                    self.judge.rule(call)
        return touched

    def finish(self) -> None:
        """`[DONE]`: some servers finish no choice."""
        for call in self.open_calls():
            self.judge.rule(call)

    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        chunk, choices = piece.fields, []
        read = iter(calls)
        changes, is_silent = False, True
        for raw in as_list(chunk.get("choices")):
            fields = as_object(raw)
            written = self._written(self._choices.get(_key(fields)), fields, read)
            changes = changes or written is not fields
            is_silent = is_silent and _says_nothing(written)
            choices.append(written if written is not fields else raw)
        if not changes:
            return [piece]
        if is_silent and not chunk.get("usage"):
            return []
        return [piece.saying(chunk | {"choices": choices})]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        piece = Piece("", body, b"")
        calls = self.read(piece)
        self.finish()
        written = [] if self.judge.is_event_lost else self.write(piece, calls)
        return written[0].fields if written else body

    def _read_part(self, choice: _Choice, said: Any, part: str) -> Iterator[Call]:
        if not _is_known(said):
            self.judge.lose_event()
            return
        said = as_object(said)
        self.distrust(without(said, *_ASKS))
        self.judge.hear(*_texts(said.get("content")))
        for item, asked in _asked(said):
            if len(choice.calls) >= TOOLS_KEPT_MAX:
                self.judge.lose_event()
                return
            call = choice.call_of(self.judge, item)
            given = asked.get("arguments", asked.get("input"))
            text = given if isinstance(given, str) or given is None else json_text(given)
            if part == "message" and (call.parts or call.ruling):
                is_same = (text or "") == "".join(call.parts) and asked.get("name") == call.name
                call.is_contradicted |= not is_same
                is_more = not is_same
            else:
                is_more = bool(asked)
                call.name_more(asked.get("name"))
                call.add(text)
            if is_more and call.ruling is not None and not call.is_denied:
                self.judge.lose_event()  # More of a call that was decided as it stood.
            yield call

    def _written(
        self, choice: _Choice | None, fields: dict[str, Any], read: Iterator[Call]
    ) -> dict[str, Any]:
        if choice is None:
            return fields
        changed = fields
        for part in _PARTS:
            said = as_object(fields.get(part))
            written = _without_denied(choice, said, part, read)
            choice.has_text = choice.has_text or bool(written.get("content"))
            if written is not said:
                changed = changed | {part: written}
                if fields.get("logprobs"):
                    changed["logprobs"] = None  # They spell the call.
        why = as_text(fields.get("finish_reason"))
        if choice.calls and all(call.is_denied for call in choice.calls) and why in _OVER:
            changed = changed | {"finish_reason": _OVER[why]}
        return changed


def _without_denied(
    choice: _Choice, said: dict[str, Any], part: str, read: Iterator[Call]
) -> dict[str, Any]:
    items = [(item, next(read)) for item, _ in _asked(said)]
    if not any(call.is_denied for call in choice.calls):
        return said
    written = without(said, *_ASKS)
    kept = [_moved(choice, item, call) for item, call in items if not call.is_denied]
    calls = [item for item in kept if item is not _LEGACY]
    if calls:
        written["tool_calls"] = calls
    if len(calls) < len(kept):
        written["function_call"] = said["function_call"]
    for _, call in items:
        if call.is_denied and (not call.is_told or part == "message"):
            call.is_told = True
            written["content"] = _joined(written.get("content"), call.text, choice.has_text)
            choice.has_text = True
    return written if written != said else said


def _moved(choice: _Choice, item: dict[str, Any], call: Call) -> dict[str, Any]:
    moved = choice.moved(call)
    is_same = item is _LEGACY or "index" not in item or item["index"] == moved
    return item if is_same else item | {"index": moved}


_LEGACY: dict[str, Any] = {"index": "function_call"}
"""There is one legacy call a choice, and it has no id."""

_PARTS = ("message", "delta")


def _key(fields: dict[str, Any]) -> str:
    return str(fields.get("index") or 0)


def _is_known(said: Any) -> bool:
    """The parts of a choice in which calls stand have the types they should."""
    if not isinstance(said, dict):
        return said is None
    calls, legacy = said.get("tool_calls"), said.get("function_call")
    are_objects = isinstance(calls, list) and all(isinstance(call, dict) for call in calls)
    return (calls is None or are_objects) and (legacy is None or isinstance(legacy, dict))


def _asked(said: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What names each call, and what it asks for."""
    for item in map(as_object, as_list(said.get("tool_calls"))):
        yield item, as_object(item.get("function") or item.get("custom"))
    if isinstance(said.get("function_call"), dict):
        yield _LEGACY, said["function_call"]


def _has_choices(chunk: dict[str, Any]) -> bool:
    choices = chunk.get("choices")
    return isinstance(choices, list) and all(isinstance(choice, dict) for choice in choices)


def _texts(content: Any) -> list[Any]:
    """Mistral's content may be a list of parts."""
    parts = content if isinstance(content, list) else [{"text": content}]
    return [as_object(part).get("text") for part in parts]


def _joined(content: Any, text: str, follows: bool) -> Any:
    if isinstance(content, list):
        return [*content, {"type": "text", "text": text}]
    before = content if isinstance(content, str) else ""
    return before + ("\n\n" if follows or before else "") + text


def _says_nothing(choice: dict[str, Any]) -> bool:
    is_silent = not any(as_object(choice.get("delta")).values())
    return is_silent and choice.get("finish_reason") is None and "message" not in choice

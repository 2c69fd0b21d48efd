"""What every wire format offers, and what formats of one family share (pure)."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from proxy.providers.answer import AnswerReader
from proxy.providers.body import Body, Json
from proxy.providers.call import BadRequest, FormatName, ModelCall


class Format(Protocol):
    """One wire format as one provider serves it. Instances hold no state between calls."""

    name: FormatName
    provider: str

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        """Raises BadRequest. `data` is content-decoded; `path` is for formats that name the model
        there, `content_type` for those that are sent as a form: it holds the boundary."""
        ...

    def answer_reader(
        self,
        call: ModelCall,
        headers: Mapping[str, str],
        *,
        hide_usage: bool = False,
    ) -> AnswerReader:
        """`headers`: the answer's, names in lower case or their case ignored. `hide_usage`: `amend`
        asked for usage that the caller did not ask for and shall not see."""
        ...

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """The body with every output bound at most `output_tokens` (one is added where none
        stands), and usage asked for in the stream. Every other byte stays."""
        ...


def clamped(
    members: Json, fields: Iterable[str], default: str, output_tokens: int
) -> dict[str, Any]:
    """The changes that bring every bound in `fields` down; `default` is set when it would bound
    nothing."""
    changes: dict[str, Any] = {}
    has_bound = False
    for name in fields:
        value = members.get(name)
        if value is None:
            continue
        has_bound = True
        if value > output_tokens:
            changes[name] = output_tokens
    if not has_bound:
        changes[default] = output_tokens
    return changes


def lowered(members: Json, fields: Iterable[str], output_tokens: int) -> dict[str, Any]:
    """The changes that bring down those bounds that are there and too high."""
    return {
        name: output_tokens
        for name in fields
        if members.get(name) is not None and members[name] > output_tokens
    }


def list_of(members: Json, name: str) -> list[Any]:
    """An optional array; null and absent are empty. Raises BadRequest otherwise."""
    value = members.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRequest(f"{name} must be an array", name)
    return value


def objects_of(members: Json, name: str) -> list[Json]:
    """An optional array of objects."""
    items = list_of(members, name)
    if not all(isinstance(item, dict) for item in items):
        raise BadRequest(f"{name} must hold only objects", name)
    return items


def kind_of(item: Json) -> str:
    """The `type` of a tool or item; empty when it has none. Anything odd becomes "?"."""
    kind = item.get("type", "")
    return kind if isinstance(kind, str) and len(kind) <= 64 and kind.isascii() else "?"


def sources(body: Body, names: Iterable[str]) -> str:
    """The JSON of several members, one after the other, as the provider will see it."""
    return "\n".join(source for name in names if (source := body.source(name)))

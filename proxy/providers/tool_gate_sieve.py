"""Tool calls that ask the client to act: what is asked about one, and what every format's sieve does
with an answer's events (pure)."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.providers.openai_responses import RUN_BY_PROVIDER

INTENT_MAX = 2000
"""Characters of what was said before a call."""

HELD_BYTES_MAX = 1024 * 1024
"""Of one answer, while a call in it has not come to its end."""

DENIED = "This tool call was not allowed."
TOO_LARGE = "This tool call was not allowed: it is too large to be read before it is made."
UNFINISHED = "This tool call was not allowed: it never came to its end."
UNDECIDED = "This tool call was not allowed: no decision could be made."
UNREADABLE = "This tool call was not allowed: the answer could not be read."
AMBIGUOUS = "This tool call was not allowed: the answer says two different things about it."


@dataclass(frozen=True, slots=True)
class Asked:
    """One tool call, whole."""

    id: str
    name: str
    arguments: str = field(repr=False)
    """JSON, or the free text of a custom tool, as the client would see it."""
    intent: str = field(repr=False)
    """The end of what the answer said before the call."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a tool call."""

    allowed: bool
    text: str = ""
    """What stands in the place of a call that is not allowed."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One event or message of an answer."""

    name: str
    """The name its framing gives it; its own `type` often repeats it."""
    fields: dict[str, Any]
    raw: bytes
    """As it came."""
    lead: bytes = b""
    """The part of `raw` before the value itself, where a framing has one that must stay."""
    is_ours: bool = False
    """`raw` is what it was made from, no longer what it says."""

    def saying(self, fields: Mapping[str, Any], name: str | None = None) -> "Piece":
        """Another event in the place of this one."""
        return Piece(self.name if name is None else name, dict(fields), self.raw, self.lead, True)


type Decide = Callable[[Asked], Ruling]
type Unasked = Callable[[Asked, Ruling], None]
"""Told of a call that was refused without a decision, because it could not be known what it is."""


class Call:
    """One tool call while its parts arrive."""

    __slots__ = ("decide", "id", "intent", "is_contradicted", "is_told", "name", "parts", "ruling")

    def __init__(self, decide: Decide, intent: str, id_: Any = None, name: Any = None) -> None:
        self.decide = decide
        self.id = id_ if isinstance(id_, str) else ""
        self.name = name if isinstance(name, str) else ""
        self.intent = intent
        self.parts: list[str] = []
        self.ruling: Ruling | None = None
        self.is_told = False
        """The client has been told that it was not allowed."""
        self.is_contradicted = False

    @property
    def is_denied(self) -> bool:
        return self.ruling is not None and not self.ruling.allowed

    @property
    def text(self) -> str:
        """What stands in its place. Never empty: providers refuse empty blocks of text when the
        conversation comes back to them."""
        return (self.ruling.text if self.ruling else "") or DENIED

    def add(self, part: Any) -> None:
        """A fragment of the arguments; of a call that is decided nothing more is kept."""
        if isinstance(part, str) and part and self.ruling is None:
            self.parts.append(part)

    def name_more(self, part: Any) -> None:
        """Names come whole; one that comes in parts is joined, as SDKs do."""
        if isinstance(part, str) and self.ruling is None and part != self.name:
            self.name += part


class Judge:
    """Asks about each call once, in the order in which they are whole, and remembers."""

    def __init__(
        self,
        decide: Decide,
        held_bytes_max: int = HELD_BYTES_MAX,
        unasked: Unasked | None = None,
    ) -> None:
        self.decide = decide
        """Who decides about calls that begin now: on a socket, somebody else for each turn."""
        self.unasked = unasked
        self._said: dict[str, str] = {}
        self.lane = ""
        """Of the event being read."""
        self.held_bytes_max = held_bytes_max
        self.rulings: list[tuple[Asked, Ruling]] = []
        self.is_unreadable = False
        """Something could not be read, so no later call is allowed."""
        self.is_event_lost = False
        """The event being read is one that may not pass."""
        self.is_plain = False
        """No word in the event being read could name a call."""

    def hear(self, *texts: Any) -> None:
        """Text of the answer, kept as the intent of calls that follow in its lane."""
        for text in texts:
            if isinstance(text, str) and text:
                said = self._said.get(self.lane, "")
                self._said[self.lane] = (said + text[-INTENT_MAX:])[-INTENT_MAX:]

    def forget_said(self) -> None:
        """What was said in this lane belongs to an answer that is over."""
        self._said.pop(self.lane, None)

    def open_event(self, raw: bytes, lane: str = "") -> None:
        """Most events are a few words of text; those need not be looked through."""
        self.lane = lane
        self.is_event_lost = False
        self.is_plain = bool(raw) and not _MARKS.search(raw)

    def call(self, id_: Any = None, name: Any = None) -> Call:
        """A call that begins here."""
        return Call(self.decide, self._said.get(self.lane, ""), id_, name)

    def rule(self, call: Call) -> None:
        """The call is whole."""
        if call.ruling is not None:
            return
        if self.is_unreadable:
            self.refuse(call, UNREADABLE)
        elif call.is_contradicted:
            self.refuse(call, AMBIGUOUS)
        elif sum(map(len, call.parts)) > self.held_bytes_max:
            self.refuse(call, TOO_LARGE)
        else:
            asked = Asked(call.id, call.name, "".join(call.parts), call.intent)
            try:
                call.ruling = call.decide(asked)
            except Exception:  # Whatever it was: without a decision nothing is allowed.
                call.ruling = Ruling(False, UNDECIDED)
                self._tell(asked, call.ruling)
            self.rulings.append((asked, call.ruling))

    def lose_event(self) -> None:
        """The event that is being read may not pass."""
        self.is_unreadable = self.is_event_lost = True

    def refuse(self, call: Call, why: str) -> None:
        """Without asking: it cannot be known what the call is."""
        if call.ruling is None:
            arguments = "".join(call.parts)[: self.held_bytes_max]
            call.ruling = Ruling(False, why)
            asked = Asked(call.id, call.name, arguments, call.intent)
            self.rulings.append((asked, call.ruling))
            self._tell(asked, call.ruling)

    def _tell(self, asked: Asked, ruling: Ruling) -> None:
        if self.unasked is not None:
            self.unasked(asked, ruling)


class Sieve(ABC):
    """What one format's events and answers say of tool calls. `read` sees every event as it comes;
    `write` sees it again, in the same order, when all its calls are decided."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    @abstractmethod
    def read(self, piece: Piece) -> Sequence[Call]:
        """The calls this event belongs to. Whole ones are ruled."""

    @abstractmethod
    def write(self, piece: Piece, calls: Sequence[Call]) -> list[Piece]:
        """What the client gets for this event: itself where nothing in it changes."""

    @abstractmethod
    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        """An answer that is no stream: itself where nothing in it changes."""

    @abstractmethod
    def open_calls(self) -> Iterable[Call]:
        """Calls that have begun and are not whole."""

    def passes_at_once(self, piece: Piece) -> bool:
        """It only keeps the connection alive, so it does not wait behind a call."""
        return False

    def lane(self, piece: Piece) -> str:
        """Events wait only behind those of their own lane. An HTTP answer has one."""
        return ""

    def instead(self, piece: Piece) -> list[Piece]:
        """What stands for an event that cannot be read."""
        return []

    def finish(self) -> None:  # noqa: B027  # Most formats end with an event of their own.
        """The stream's end was seen, so what has begun is whole."""

    def distrust(self, value: Any) -> None:
        """Something we do not know: it may pass when nothing in it looks like a tool call."""
        if not self.judge.is_plain and carries_calls(value):
            self.judge.lose_event()


_NAMES = frozenset(
    [
        "tool_calls",
        "tool_call",
        "tool_call_delta",
        "tool_use",
        "toolUse",
        "function_call",
        "functionCall",
        "functionCalls",
        "function_calls",
        "toolCall",
    ]
)
_PROVIDERS_OWN = frozenset({"server_tool_use", "mcp_tool_use", *RUN_BY_PROVIDER})
_KINDS = ("_call", "tool_use", "tool-call")
_MARKS = re.compile(rb"tool|function|_call|\\u")
"""In every name and kind above; an escape may hide any of them."""
_DEPTH_MAX = 64


def carries_calls(value: Any, depth: int = 0) -> bool:
    """Whether a value looks as if it asked for a tool, wherever in it. Deeper than anything we know
    it does."""
    if depth > _DEPTH_MAX:
        return True
    if isinstance(value, dict):
        kind = value.get("type")
        if isinstance(kind, str) and kind.endswith(_KINDS) and kind not in _PROVIDERS_OWN:
            return True
        return any(
            (name in _NAMES and bool(inner)) or carries_calls(inner, depth + 1)
            for name, inner in value.items()
        )
    return isinstance(value, list) and any(carries_calls(item, depth + 1) for item in value)


def without(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def json_text(value: Any) -> str:
    """Arguments that came as JSON and not as text."""
    return json.dumps(value, separators=(",", ":"))

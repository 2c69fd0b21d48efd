"""Descriptions of tools, pinned at first sight, and which of them look different now (pure).

A tool's description is text that a model obeys. A server that was reviewed once can change it later;
so what was seen first is kept, and what differs from it is reported until a person accepts it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from proxy.mcp.calls import NAME_CHARS_MAX
from proxy.mcp.tools import UNREAD, fingerprint
from proxy.providers.body import Json

Sight = Literal["new", "same", "changed", "restored", "full"]
"""How a tool looks beside its pin. "restored": as it was pinned, after it looked different. "full": there
is no room for another pin, so it was not compared."""

PINS_MAX = 100_000
"""Servers name the tools, so somebody must say where it ends."""
SERVER_PINS_MAX = 1_000
"""Of one server: a list of new tools is as many records at once."""
WORDS_MAX = 8_192
"""Characters kept of a description, and of a schema."""
KEPT_CHARS_MAX = 16_000_000
"""Of all words that are kept; the oldest are forgotten first."""

_ENTRY_CHARS = 256

type Key = tuple[str, str]
"""Server and tool. A server is what the caller says it is: a host and a path."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a tool said of itself: the server's text, to be shown and never to be trusted."""

    title: str
    description: str
    rest: str
    """All else that is read of it, schemas among it, as JSON."""
    is_cut: bool
    """More was said than is kept."""

    @property
    def chars(self) -> int:
        """What keeping them costs; few words are not free."""
        return _ENTRY_CHARS + len(self.title) + len(self.description) + len(self.rest)


@dataclass(frozen=True, slots=True)
class Pin:
    """One tool of one server: what was agreed to, and what it is now when that differs."""

    server: str
    tool: str
    fingerprint: str
    changed: str | None
    """The fingerprint that was seen last, when it is another."""
    words: Words | None
    """Of the pinned one; None when it was not seen since the start, or is forgotten."""
    changed_words: Words | None


class ToolPins:
    """The pinned fingerprint of every tool of every server, and what looks different now."""

    def __init__(self, *, pins_max: int = PINS_MAX, server_pins_max: int = SERVER_PINS_MAX) -> None:
        self._pinned: dict[Key, str] = {}
        self._changed: dict[Key, str] = {}
        self._of_server: dict[str, int] = {}
        self._words: dict[tuple[str, str, str], Words] = {}
        self._chars = 0
        self._pins_max = pins_max
        self._server_pins_max = server_pins_max

    def see(self, server: str, tool: Json) -> Sight:
        """Compare a tool of a list with its pin; the first sight of it pins it."""
        name = str(tool.get("name"))
        key, found = (server, name), fingerprint(tool)
        pin = self._pinned.get(key)
        if pin is None:
            if not self._has_room(key):
                return "full"
            self._pin(key, found)
            self._keep(key, found, tool)
            return "new"
        self._keep(key, found, tool)
        if pin == found:
            return "same" if self._changed.pop(key, None) is None else "restored"
        self._changed[key] = found
        return "changed"

    def is_changed(self, server: str, tool: str) -> bool:
        """Whether the tool looked different when it was last seen: a call of it goes to what nobody
        has agreed to."""
        return (server, tool) in self._changed

    def accept(self, server: str, tool: str, accepted: str) -> None:
        """A person has looked at that fingerprint: it is the pin. What looks different from it still
        does."""
        key = (server, tool)
        was = self._pinned.get(key)
        if was is not None and was != accepted:
            self._forget((*key, was))
        self._pin(key, accepted)
        if self._changed.get(key) == accepted:
            del self._changed[key]

    def get(self, server: str, tool: str) -> Pin | None:
        """One pin, with what is known of it."""
        key = (server, tool)
        pin = self._pinned.get(key)
        if pin is None:
            return None
        changed = self._changed.get(key)
        words = self._words.get((*key, pin))
        changed_words = self._words.get((*key, changed)) if changed else None
        return Pin(server, tool, pin, changed, words, changed_words)

    def keys(self, *, only_changed: bool = False, server: str | None = None) -> list[Key]:
        """Which tools are pinned, in the order in which they were first seen; or those that look
        different, in the order in which that was noticed."""
        among = self._changed if only_changed else self._pinned
        return [key for key in among if server in (None, key[0])]

    def restore(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """What `mcp_pin` records say, in the order in which they were filed: the last one of a tool says
        all of it."""
        for body in bodies:
            facts = body["result"]["facts"]
            key, seen = (facts["server"], facts["tool"]), facts["fingerprint"]
            self._pin(key, facts["pinned"])
            if seen == facts["pinned"]:
                self._changed.pop(key, None)
            else:
                self._changed[key] = seen

    def _has_room(self, key: Key) -> bool:
        server, name = key
        return (
            len(name) <= NAME_CHARS_MAX
            and len(self._pinned) < self._pins_max
            and self._of_server.get(server, 0) < self._server_pins_max
        )

    def _pin(self, key: Key, found: str) -> None:
        if key not in self._pinned:
            self._of_server[key[0]] = self._of_server.get(key[0], 0) + 1
        self._pinned[key] = found

    def _keep(self, key: Key, found: str, tool: Json) -> None:
        """The words of what is pinned and of what was seen last."""
        before = self._changed.get(key)
        if before not in (None, found):
            self._forget((*key, str(before)))
        name = (*key, found)
        if name in self._words:
            return
        words = words_of(tool)
        self._words[name] = words
        self._chars += words.chars
        while self._chars > KEPT_CHARS_MAX:
            self._forget(next(iter(self._words)))

    def _forget(self, name: tuple[str, str, str]) -> None:
        words = self._words.pop(name, None)
        self._chars -= words.chars if words else 0


def words_of(tool: Json) -> Words:
    """What a tool says of itself, as far as it is kept."""
    rest = {
        name: value
        for name, value in tool.items()
        if name not in UNREAD | {"name", "title", "description"}
    }
    title, description = (_text(tool.get(name)) for name in ("title", "description"))
    schema = json.dumps(rest, sort_keys=True)
    is_cut = max(len(title), len(description), len(schema)) > WORDS_MAX
    return Words(title[:WORDS_MAX], description[:WORDS_MAX], schema[:WORDS_MAX], is_cut)


def _text(value: object) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return text.encode("utf-8", "backslashreplace").decode()

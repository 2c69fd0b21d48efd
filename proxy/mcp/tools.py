"""What a server says of its tools: lists without those that are denied, and descriptions pinned (pure).

A tool's description is text that a model obeys. A server that was reviewed once can change it later;
so what was seen first is kept, and what differs from it is reported.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Literal

from proxy.mcp.calls import is_unicode
from proxy.providers.body import Items, Json, read_body, read_items, refuse_lookalikes
from proxy.providers.call import BadRequest

Sight = Literal["new", "same", "changed", "full"]
"""How a tool looks beside its pin. "full": there is no room for another pin, so it was not compared."""

PINS_MAX = 100_000
"""Servers name the tools, so somebody must say where it ends."""

_UNREAD = frozenset({"_meta", "icons"})
"""Neither a model nor the one who permits a call reads these as words."""
_READ = frozenset({"name", "title", "description", "inputSchema", "outputSchema", "annotations"})


def fingerprint(tool: Json) -> str:
    """SHA-256 of all that is read of a tool, however its members are ordered and spaced."""
    read = {name: value for name, value in tool.items() if name not in _UNREAD}
    canonical = json.dumps(read, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class ToolPins:
    """The first fingerprint of every tool of every server, and which of them looks different now.

    A server is what the caller says it is: a host, or a host and a path where many share one.
    """

    def __init__(
        self, pinned: Mapping[tuple[str, str], str] | None = None, *, pins_max: int = PINS_MAX
    ) -> None:
        self._pinned = dict(pinned or {})
        self._changed: dict[tuple[str, str], str] = {}
        self._pins_max = pins_max

    @property
    def pinned(self) -> Mapping[tuple[str, str], str]:
        """(server, tool) to fingerprint: what to keep over a restart."""
        return self._pinned

    def see(self, server: str, tool: Json) -> Sight:
        """Compare a tool of a list with its pin; the first sight of it pins it."""
        key = (server, str(tool.get("name")))
        found = fingerprint(tool)
        pin = self._pinned.get(key)
        if pin is None:
            if len(self._pinned) >= self._pins_max:
                return "full"
            self._pinned[key] = found
            return "new"
        if pin == found:
            self._changed.pop(key, None)
            return "same"
        self._changed[key] = found
        return "changed"

    def is_changed(self, server: str, tool: str) -> bool:
        """Whether the tool looked different when it was last seen: a call of it goes to what nobody
        has agreed to."""
        return (server, tool) in self._changed

    def accept(self, server: str, tool: str) -> None:
        """A person has looked at the change: pin what was seen last."""
        found = self._changed.pop((server, tool), None)
        if found is not None:
            self._pinned[server, tool] = found


def without_denied(
    source: str, members: Json, admits: Callable[[Json], bool]
) -> tuple[str, list[str]] | None:
    """The source of a result without the tools that are not admitted, and the names of those.

    None when nothing was taken out: what passes, passes as it was written. A tool without a readable
    name is taken out under the name "?". Raises BadRequest when a list could be read in two ways.
    """
    refuse_lookalikes(members, frozenset({"tools"}))
    if not isinstance(members.get("tools"), list):
        return None
    body = read_body(source.encode())
    start, end = body.spans["tools"]
    items = read_items(source[start:end].encode())
    denied: dict[int, str] = {}
    for number, tool in enumerate(items.values):
        name = _name(tool)
        if name is None or not admits(tool):
            denied[number] = "?" if name is None else name
    if not denied:
        return None
    return source[:start] + _rest(items, denied) + source[end:], list(denied.values())


def _name(tool: object) -> str | None:
    if not isinstance(tool, dict):
        return None
    try:
        refuse_lookalikes(tool, _READ)
    except BadRequest:
        return None
    name = tool.get("name")
    return name if isinstance(name, str) and is_unicode(name) else None


def _rest(items: Items, denied: Mapping[int, str]) -> str:
    """The array with only what stays, each item and the space around the first and last as written."""
    stays = [items.source(number) for number in range(len(items.values)) if number not in denied]
    opening = items.text[: items.spans[0][0]]
    closing = items.text[items.spans[-1][1] :]
    between = items.text[items.spans[0][1] : items.spans[1][0]] if len(items.spans) > 1 else ","
    return opening + between.join(stays) + closing

"""What a server says of its tools: lists without those that are denied, and fingerprints (pure)."""

import hashlib
import json
from collections.abc import Callable, Mapping

from proxy.mcp.calls import is_unicode
from proxy.providers.body import Items, Json, read_body, read_items, refuse_lookalikes
from proxy.providers.call import BadRequest

UNREAD = frozenset({"_meta", "icons"})
"""Neither a model nor the one who permits a call reads these as words."""
_READ = frozenset({"name", "title", "description", "inputSchema", "outputSchema", "annotations"})


def fingerprint(tool: Json) -> str:
    """SHA-256 of all that is read of a tool, however its members are ordered and spaced."""
    read = {name: value for name, value in tool.items() if name not in UNREAD}
    canonical = json.dumps(read, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


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

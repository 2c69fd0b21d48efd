"""Changes a few members of a JSON body and leaves every other byte where it was (pure)."""

import json
from typing import Any

from proxy.providers.body import Body


def amend_members(body: Body, changes: dict[str, Any]) -> bytes:
    """Replaces members that are there in place; puts new ones first, where they need no
    look-back."""
    edits: list[tuple[int, int, str]] = []
    added: list[str] = []
    for name, value in changes.items():
        source = json.dumps(value, separators=(",", ":"))
        span = body.spans.get(name)
        if span is None:
            added.append(f"{json.dumps(name)}:{source}")
        else:
            edits.append((*span, source))
    text = body.text
    for start, end, source in sorted(edits, reverse=True):
        text = text[:start] + source + text[end:]
    if added:
        opening = text.index("{") + 1
        comma = "," if body.members else ""
        text = text[:opening] + ",".join(added) + comma + text[opening:]
    return text.encode("utf-8")

"""MCP: the tools that were seen, which of them changed, and accepting a change."""

from typing import Annotated, Literal

from pydantic import Field

from proxy.console.access import Viewer
from proxy.console.api.asked import Count, Text
from proxy.console.api.kills import Reason
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.mcp.pins import Pin, Words
from proxy.pinning import NotAccepted, PinBook

_PAGE_MAX = 500

Name = Annotated[str, Field(min_length=1, max_length=8192)]


class PinQuery(Model):
    """Which pins, and how many of them."""

    state: Literal["all", "changed"] = "all"
    server: Text | None = None
    limit: Annotated[Count, Field(le=_PAGE_MAX)] = 100
    page: Count = 1


class ToolWords(Model):
    """What a tool says of itself. It is the server's text: show it as text, and do not obey it."""

    title: str
    description: str
    rest: str
    """All else that is read of it, its schemas among it, as JSON."""
    is_cut: bool
    """More was said than is kept: ask the server before you accept."""


class PinnedTool(Model):
    """One tool of one server."""

    server: str
    """Its host and path."""
    tool: str
    state: Literal["pinned", "changed"]
    fingerprint: str
    """SHA-256 of what was agreed to."""
    changed: str | None
    """The fingerprint that was seen last, when it is another: the one to accept."""
    words: ToolWords | None
    """What was agreed to. Words are kept in memory only: null when they were not seen since the start."""
    changed_words: ToolWords | None
    """What it says now; null also when no list has shown it since the start."""


class PinsPage(Model):
    """In the order in which the tools were first seen, or in which their changes were noticed."""

    pins: list[PinnedTool]
    total: int
    """On all pages."""


class AcceptAsked(Model):
    """The change that a person has looked at, and why it is accepted."""

    server: Name
    tool: Name
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """What was looked at. A tool that changed again since is not accepted."""
    reason: Reason


_STATUS = {"unknown": (404, "not_found"), "not_changed": (409, "not_changed")}


def endpoints(pins: PinBook) -> list[Endpoint[Viewer]]:
    """What can be asked of the tools of MCP servers."""

    async def listed(asked: Asked[Viewer, PinQuery, Nothing]) -> PinsPage:
        """Tools of MCP servers, and which of them are not what they were."""
        query = asked.query
        keys = pins.pins.keys(only_changed=query.state == "changed", server=query.server)
        start = (query.page - 1) * query.limit
        found = [pins.pins.get(*key) for key in keys[start : start + query.limit]]
        return PinsPage(pins=[told(pin) for pin in found if pin is not None], total=len(keys))

    async def accept(asked: Asked[Viewer, Nothing, AcceptAsked]) -> PinnedTool:
        """Accept what a tool says of itself now: it may be shown and called again."""
        return told(await accepted(pins, asked.body, asked.who.name))

    path, tag = "/api/mcp/pins", "mcp"
    return [
        Endpoint("GET", path, "viewer", listed, PinsPage, query=PinQuery, tag=tag),
        Endpoint(
            "POST",
            "/api/mcp/pins/accept",
            "admin",
            accept,
            PinnedTool,
            body=AcceptAsked,
            problems=(404, 409),
            tag=tag,
        ),
    ]


async def accepted(pins: PinBook, asked: AcceptAsked, by: str) -> Pin:
    """A change that is agreed to, by the API or by form. Raises Problem 404 and 409."""
    try:
        return await pins.accept(asked.server, asked.tool, asked.fingerprint, by, asked.reason)
    except NotAccepted as error:
        status, code = _STATUS.get(error.code, (409, error.code))
        raise Problem(status, code, str(error)) from None


def told(pin: Pin) -> PinnedTool:
    """A pin as it is shown. Words only where there is something to compare."""
    is_changed = pin.changed is not None
    return PinnedTool(
        server=pin.server,
        tool=pin.tool,
        state="changed" if is_changed else "pinned",
        fingerprint=pin.fingerprint,
        changed=pin.changed,
        words=_words(pin.words) if is_changed else None,
        changed_words=_words(pin.changed_words),
    )


def _words(words: Words | None) -> ToolWords | None:
    if words is None:
        return None
    return ToolWords(
        title=words.title, description=words.description, rest=words.rest, is_cut=words.is_cut
    )

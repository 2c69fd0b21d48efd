"""Tools of MCP servers: which describe themselves anew, their words before and after, and accepting those."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from proxy.console.access.guard import VIEWER
from proxy.console.api.mcp import AcceptAsked, accepted
from proxy.console.links import url
from proxy.console.pages.forms import form_of, read
from proxy.console.pages.page import Page, frame, page
from proxy.console.ports import Ports
from proxy.mcp.pins import Pin

PATH = "/mcp-tools"
SIZE = 100
CHANGED_MAX = 20
"""So many changes are shown at once, each with all its words."""


@dataclass(frozen=True, slots=True)
class PinsView:
    """What waits for a person, and what was agreed to."""

    changed: Sequence[Pin]
    changed_total: int
    pinned: Sequence[Pin]
    total: int
    server: str
    following: str | None
    first: str | None


def look(ports: Ports, query: Mapping[str, str]) -> PinsView:
    """One page of the tools; of one server where it is named."""
    pins, server = ports.pins.pins, query.get("server", "")[:8192]
    given = query.get("page", "")[:6]
    number = max(1, int(given)) if given.isdecimal() else 1
    keys = pins.keys(server=server or None)
    changed = pins.keys(only_changed=True, server=server or None)
    shown = [pins.get(*key) for key in keys[(number - 1) * SIZE : number * SIZE]]
    told = [pins.get(*key) for key in changed[:CHANGED_MAX]]
    among = {"server": server or None}
    return PinsView(
        changed=[pin for pin in told if pin is not None],
        changed_total=len(changed),
        pinned=[pin for pin in shown if pin is not None],
        total=len(keys),
        server=server,
        following=url(PATH, among, page=number + 1) if len(keys) > number * SIZE else None,
        first=url(PATH, among) if number > 1 else None,
    )


def pages(ports: Ports) -> list[Page]:
    """The list, and the form that accepts a change."""

    async def show(request: web.Request) -> web.Response:
        around = frame(ports, request, "MCP tools", "policies")
        return page("mcp.html", around, look(ports, request.query))

    async def accept(request: web.Request) -> web.StreamResponse:
        asked = read(AcceptAsked, await form_of(request))
        await accepted(ports.pins, asked, request[VIEWER].name)
        raise web.HTTPSeeOther(PATH)

    return [Page("GET", PATH, "viewer", show), Page("POST", f"{PATH}/accept", "admin", accept)]

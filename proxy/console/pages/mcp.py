"""Tools of MCP servers: which describe themselves anew, their words before and after, and accepting those."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from proxy.console.access.guard import VIEWER
from proxy.console.api.mcp import AcceptAsked, accepted
from proxy.console.links import url
from proxy.console.pages.exports import export_pages
from proxy.console.pages.forms import form_of, read
from proxy.console.pages.page import Page, frame, page
from proxy.console.ports import Ports
from proxy.csv_rows import Cell
from proxy.mcp.pins import Pin

PATH = "/mcp-tools"
SIZE = 100
COLUMNS = ("server", "tool", "state", "fingerprint", "changed")
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
    as_csv: str
    as_lines: str


def look(ports: Ports, query: Mapping[str, str]) -> PinsView:
    """One page of the tools; of one server where it is named."""
    pins, server = ports.pins.pins, _server(query)
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
        as_csv=url(f"{PATH}.csv", among),
        as_lines=url(f"{PATH}.jsonl", among),
    )


def _server(query: Mapping[str, str]) -> str:
    return query.get("server", "")[:8192]


def exported(pin: Pin) -> dict[str, Cell]:
    """A tool as a flat row, by COLUMNS. Its own words are in no file."""
    return {
        "server": pin.server,
        "tool": pin.tool,
        "state": "changed" if pin.changed else "pinned",
        "fingerprint": pin.fingerprint,
        "changed": pin.changed,
    }


def pages(ports: Ports) -> list[Page]:
    """The list, and the form that accepts a change."""

    async def show(request: web.Request) -> web.Response:
        around = frame(ports, request, "MCP tools", "policies")
        return page("mcp.html", around, look(ports, request.query))

    async def rows(request: web.Request) -> AsyncIterator[Iterator[dict[str, Cell]]]:
        pins = ports.pins.pins
        keys = pins.keys(server=_server(request.query) or None)
        found = (pins.get(*key) for key in keys)
        yield (exported(pin) for pin in found if pin is not None)

    async def accept(request: web.Request) -> web.StreamResponse:
        asked = read(AcceptAsked, await form_of(request))
        await accepted(ports.pins, asked, request[VIEWER].name)
        raise web.HTTPSeeOther(PATH)

    return [
        Page("GET", PATH, "viewer", show),
        *export_pages(PATH, COLUMNS, rows),
        Page("POST", f"{PATH}/accept", "admin", accept),
    ]

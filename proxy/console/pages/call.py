"""A call, opened as its slip; while it is under way, the slip is drawn anew as it goes on."""

from collections.abc import Mapping

from aiohttp import web

from proxy.console.feed import News, Source, Told
from proxy.console.links import url
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.slip import SlipView, slip_view
from proxy.console.ports import Ports
from proxy.console.templates import render
from proxy.endpoint import Problem


async def look_up(ports: Ports, which: str) -> SlipView:
    """The slip of a call, by its id or the beginning of it. Raises Problem 404."""
    try:
        entries = await ports.ledger.get(which)
    except ValueError:
        entries = []
    found = slip_view(entries, ports.questions)
    if found is None:
        raise Problem(404, "not_found", "No call on file has this id.")
    return found


def pages(ports: Ports) -> list[Page]:
    """The slip of a call."""

    async def show(request: web.Request) -> web.Response:
        head = await ports.ledger.head()
        view = await look_up(ports, request.match_info["which"])
        is_open = view.row.state.name == "open"
        feed = url("/feed", page="call", which=view.row.id, after=head) if is_open else None
        around = frame(ports, request, f"Call {view.row.id[-8:]}", "calls", feed=feed)
        return page("slip.html", around, view)

    return [Page("GET", "/calls/{which}", "viewer", show)]


def source(ports: Ports) -> Source:
    """The slip, drawn anew."""

    async def news(query: Mapping[str, str], after: int) -> News:
        head = await ports.ledger.head()
        if head <= after:
            return News((), after)
        view = await look_up(ports, query.get("which", ""))
        drawn = render("slip_body.html", view=view, frame={"now_ms": ports.now_ms()})
        return News([Told("panel", f'<div id="slip" data-panel>{drawn}</div>')], head)

    return news

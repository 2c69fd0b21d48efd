"""The way into mitmproxy's own viewer: a page that warns of what it shows, and a form that opens it."""

from dataclasses import dataclass

from aiohttp import web

from proxy.console.pages.page import Page, frame, page
from proxy.console.ports import Ports
from proxy.endpoint import Problem

PATH = "/raw-view"


@dataclass(frozen=True, slots=True)
class RawViewPage:
    """Whether there is anything to open."""

    is_on: bool
    url: str | None = None
    """Where it opens, once. A link, as no form may lead to another origin."""


def pages(ports: Ports) -> list[Page]:
    """A page for whoever was told of it; the rail shows it only where the viewer is on."""

    def drawn(request: web.Request, address: str | None = None) -> web.Response:
        view = RawViewPage(ports.raw_view is not None, address)
        return page("raw_view.html", frame(ports, request, "Raw view", "raw"), view)

    async def show(request: web.Request) -> web.Response:
        return drawn(request)

    async def open_it(request: web.Request) -> web.Response:
        if ports.raw_view is None:
            raise Problem(404, "not_open", "The raw view is off. Start Exeat with --mitmweb.")
        return drawn(request, ports.raw_view.url())

    return [Page("GET", PATH, "viewer", show), Page("POST", PATH, "admin", open_it)]

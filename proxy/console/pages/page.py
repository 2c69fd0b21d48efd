"""A page: who may see it, what frames it, and how it is drawn."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from proxy.console.access import Viewer
from proxy.console.access.guard import CSRF, VIEWER
from proxy.console.ports import Ports
from proxy.console.templates import render
from proxy.endpoint import Method, Role
from proxy.policy.permits import Bypass
from proxy.serving import Handler, Who

type Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Page:
    """One path of the console that people look at, or a form that they send."""

    method: Method
    path: str
    role: Role
    handle: Handle


def routes(pages: Iterable[Page], who: Who[Viewer]) -> list[web.RouteDef]:
    """A route for each, which asks who looks before anything else."""
    return [
        web.route(page.method, page.path, _handler(page, who), allow_head=False)
        if page.method == "GET"
        else web.route(page.method, page.path, _handler(page, who))
        for page in pages
    ]


def _handler(page: Page, who: Who[Viewer]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        await who(request, page.role)
        return await page.handle(request)

    return handle


@dataclass(frozen=True, slots=True)
class Item:
    """A page in the rail."""

    name: str
    word: str
    href: str
    key: str
    """Typed behind `g`, it goes there."""
    starts_group: bool = False


NAV = (
    Item("now", "Now", "/", "n"),
    Item("calls", "Calls", "/calls", "c"),
    Item("approvals", "Approvals", "/approvals", "v"),
    Item("agents", "Agents & sessions", "/agents", "a", starts_group=True),
    Item("costs", "Costs", "/costs", "s"),
    Item("policies", "Policies", "/policies", "p", starts_group=True),
    Item("tasks", "Tasks", "/tasks", "t"),
    Item("ledger", "Ledger", "/ledger", "l"),
    Item("api", "API", "/api/docs", "d", starts_group=True),
)
RAW_VIEW = Item("raw", "Raw view", "/raw-view", "r")
"""In the rail only where it is on, and for whoever may open it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that everybody should see on every page."""

    tone: Literal["no", "wait", "good"]
    title: str
    text: str
    href: str | None = None
    """Where something can be done about it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page."""

    title: str
    here: str
    """The name of its item in the rail."""
    viewer: Viewer | None
    csrf: str
    now_ms: int
    alerts: Sequence[Alert]
    proxy_url: str
    feed: str | None = None
    """Where its live feed is."""
    nav: Sequence[Item] = NAV
    waiting: int = 0
    """How many questions wait for a person."""
    passed_over: Sequence[Alert] = ()
    """What people should know of that policies do not say."""


def frame(
    ports: Ports, request: web.Request, title: str, here: str, *, feed: str | None = None
) -> Frame:
    """Around a page, for whoever looks."""
    viewer = request.get(VIEWER)
    now_ms = ports.now_ms()
    sees_bodies = ports.raw_view is not None and viewer is not None and viewer.may("admin")
    return Frame(
        title=title,
        here=here,
        viewer=viewer,
        csrf=request.get(CSRF, ""),
        now_ms=now_ms,
        alerts=_alerts(ports),
        proxy_url=ports.proxy_url,
        feed=feed,
        passed_over=_passed_over(ports),
        waiting=sum(it.state == "pending" and now_ms < it.until_ms for it in ports.approvals.all),
        nav=(*NAV, RAW_VIEW) if sees_bodies else NAV,
    )


def _alerts(ports: Ports) -> list[Alert]:
    found = []
    if ports.ledger.problem:
        found.append(Alert("no", "Nothing can be filed, so nothing leaves.", ports.ledger.problem))
    if ports.policies.problem:
        stays = "The old version stays in force." if ports.policies.policies else ""
        title = f"A policy was not loaded. {stays}".strip()
        tone: Literal["no", "wait"] = "wait" if ports.policies.policies else "no"
        found.append(Alert(tone, title, ports.policies.problem))
    elif not ports.policies.policies:
        found.append(Alert("no", "No policy is in force.", "Everything is refused."))
    if ports.calls.is_stopping:
        found.append(Alert("wait", "Exeat is stopping.", "No new call leaves."))
    return found


def _passed_over(ports: Ports) -> list[Alert]:
    """Rules that are let pass for a time, and tools that are not what they were."""
    found = []
    if passed := sum(isinstance(each, Bypass) for each in ports.permits.in_force):
        text = "What those rules refuse passes for a time, flagged."
        found.append(Alert("wait", f"Rules are passed over ({passed}).", text, "/permits"))
    if changed := len(ports.pins.pins.keys(only_changed=True)):
        title = f"MCP tools describe themselves anew ({changed})."
        text = "No agent sees or calls them until an admin accepts their new words."
        found.append(Alert("wait", title, text, "/mcp-tools"))
    return found


def page(template: str, around: Frame, view: object, status: int = 200) -> web.Response:
    """The answer: a template drawn with its frame and its view."""
    html = render(template, frame=around, view=view)
    return web.Response(status=status, text=html, content_type="text/html")

"""The guard: who asks, on every request, before any handler is reached.

Put `guard(…)` into an application's middlewares. Behind it stand on every request

- `request[VIEWER]`: who asks; `NOBODY` where anyone may,
- `request[CSRF]`: what each form must carry in a field `csrf`, and each request by script other than
  GET in a header `x-csrf-token`; empty for who came with a token and no cookie,
- `request[STILL]`: asks whether they would still be let in, for a feed that outlives a visit.

Nothing is open without a viewer but what `is_open` says. Who is not known is led from a page to
`/login?next=…`, and told a 401 everywhere else. `who` is what routes of endpoints and pages ask.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Middleware

from proxy.console.access.access import Access
from proxy.console.access.cookies import Cookies
from proxy.console.access.origin import is_cross_site_visit, is_same_origin, local_path
from proxy.console.access.tokens import bearer
from proxy.console.access.viewer import Viewer
from proxy.console.access.visits import csrf_of, is_csrf
from proxy.console.templates import render
from proxy.endpoint import Problem, Role
from proxy.serving import Handler, read_form

VIEWER = web.RequestKey("viewer", Viewer)
CSRF = web.RequestKey("csrf", str)
STILL: web.RequestKey[Callable[[], Awaitable[bool]]] = web.RequestKey("still", Callable)  # type: ignore[arg-type]
NOBODY = Viewer("", "anyone")

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_READS = ("GET", "HEAD")
_HOW = "Log in, or send Authorization: Bearer with a token; `exeat console token` makes one."


def guard(
    access: Access,
    is_open: Callable[[web.Request], bool],
    now_ms: Callable[[], int],
    cookies: Cookies,
    hosts: frozenset[str] = frozenset(),
    is_by_itself: Callable[[web.Request], bool] = lambda _: False,
) -> Middleware:
    """Raises Problem 401 for who is not known, and 403 for what a page from elsewhere made a browser
    send. `hosts` are names (`host[:port]`) of this console beside the one that was asked. What
    `is_by_itself` is asked by an open page and no person: it does not keep a visit going."""

    @web.middleware
    async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_open(request):
            request[VIEWER], request[CSRF] = NOBODY, ""
            return await handler(request)
        authorization = request.headers.get("authorization")
        secret = request.cookies.get(cookies.visit, "")
        if authorization is not None:
            token = bearer(authorization) or ""
            viewer = await access.viewer(token, now_ms())
            request[CSRF] = ""
            request[STILL] = lambda: _is(access.viewer(token, now_ms()))
        else:
            is_there = not is_by_itself(request)
            viewer = None
            if secret:
                viewer = await access.visitor(secret, now_ms(), is_there=is_there)
            request[CSRF] = csrf_of(secret)
            request[STILL] = lambda: _is(access.visitor(secret, now_ms(), is_there=False))
        if viewer is None:
            return _nobody(request)
        if authorization is None and request.method not in _READS:
            await check_form(request, secret, hosts)
        request[VIEWER] = viewer
        return await handler(request)

    return identify


async def who(request: web.Request, role: Role) -> Viewer:
    """The viewer that the guard found. Raises Problem 403 when that is less than `role`."""
    viewer = request[VIEWER]
    if not viewer.may(role):
        raise Problem(403, "role_required", f"This needs the role {role}; yours is {viewer.role}.")
    return viewer


async def check_form(request: web.Request, secret: str, hosts: frozenset[str]) -> None:
    """A browser adds the cookie to whatever it is made to send: so more is asked of it. Raises
    Problem 403."""
    check_origin(request, hosts)
    given = request.headers.get("x-csrf-token")
    if given is None and request.content_type in _FORMS:
        given = (await read_form(request)).get("csrf")
    if not is_csrf(secret, given or ""):
        raise Problem(403, "csrf_required", "Open the page again and send it once more.")


def check_origin(request: web.Request, hosts: frozenset[str]) -> None:
    """Raises Problem 403 for what a page from elsewhere sent."""
    if not is_same_origin(request.headers, hosts | {request.host}):
        raise Problem(403, "cross_origin", "A page from elsewhere sent this.")


def onward(path: str) -> web.Response:
    """A page that leads on by itself: unlike a redirect, that is a step from here, so that a browser
    sends the visit's cookie along (`SameSite=Strict`)."""
    return web.Response(text=render("onward.html", to=path), content_type="text/html")


def _nobody(request: web.Request) -> web.Response:
    is_page = "text/html" in request.headers.get("accept", "")
    if request.path.startswith("/api/") or not is_page:
        raise Problem(401, "token_required", _HOW)
    path = local_path(request.path_qs) if request.method in _READS else "/"
    if request.method in _READS and is_cross_site_visit(request.headers):
        return onward(path)
    to = "/login" if path == "/" else f"/login?next={quote(path, safe='')}"
    return web.Response(status=303, headers={"location": to})


async def _is(found: Awaitable[Viewer | None]) -> bool:
    return await found is not None

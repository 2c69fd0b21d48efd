"""The guard: who asks, on every request, before any handler is reached.

Put `guard(…)` into an application's middlewares. Behind it `request[VIEWER]` is the viewer; nothing
is open without one but what `is_open` says. `who` is what routes of endpoints ask.
"""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from proxy.console.access.access import Access
from proxy.console.access.tokens import bearer
from proxy.console.access.viewer import Viewer
from proxy.endpoint import Problem, Role
from proxy.serving import Handler

VIEWER = web.RequestKey("viewer", Viewer)
NOBODY = Viewer("", "anyone")


def guard(
    access: Access, is_open: Callable[[web.Request], bool], now_ms: Callable[[], int]
) -> Middleware:
    """Raises Problem 401 for who is not known; what is open is asked by nobody."""

    @web.middleware
    async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_open(request):
            request[VIEWER] = NOBODY
        else:
            secret = bearer(request.headers.get("authorization", ""))
            viewer = await access.viewer(secret, now_ms()) if secret else None
            if viewer is None:
                raise Problem(401, "token_required", _HOW)
            request[VIEWER] = viewer
        return await handler(request)

    return identify


_HOW = "Send Authorization: Bearer with a token; `exeat console token` makes one."


async def who(request: web.Request, role: Role) -> Viewer:
    """The viewer that the guard found. Raises Problem 403 when that is less than `role`."""
    viewer = request[VIEWER]
    if not viewer.may(role):
        raise Problem(403, "role_required", f"This needs the role {role}; yours is {viewer.role}.")
    return viewer

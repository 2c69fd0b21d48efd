"""Logging in by a token, and out: `/login`, `/logout`. Paths of `OPEN` are asked by anyone."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from aiohttp import web

from proxy.console.access.access import Access
from proxy.console.access.attempts import Attempts
from proxy.console.access.cookies import Cookies
from proxy.console.access.guard import check_origin
from proxy.console.access.origin import local_path
from proxy.console.templates import render
from proxy.serving import read_form

log = structlog.get_logger()

OPEN = frozenset(["/login"])


@dataclass(frozen=True, slots=True)
class LoginView:
    """What the login page shows."""

    next: str
    """Where to go then: a path of this console."""
    problem: str | None = None
    """Why it did not work, for a person to read."""
    by_issuer: bool = False
    """Is there an issuer to log in by, at `/login/issuer?next=…`?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What logging in is made of."""

    access: Access
    cookies: Cookies
    now_ms: Callable[[], int]
    attempts: Attempts
    by_issuer: bool = False
    hosts: frozenset[str] = frozenset()
    """Names of this console, beside the one that was asked."""

    def routes(self) -> list[web.RouteDef]:
        """`GET` and `POST /login`, `POST /logout`."""
        return [
            web.get("/login", self.show, allow_head=False),
            web.post("/login", self.enter),
            web.post("/logout", self.leave),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The login page."""
        return self.page(request.query.get("next", "/"))

    async def enter(self, request: web.Request) -> web.Response:
        """A token, from the page's form (`token`, `next`)."""
        check_origin(request, self.hosts)
        form = await read_form(request)
        then, token = form.get("next", "/"), form.get("token", "").strip()
        address = request.remote or ""
        wait_ms = self.attempts.take(address, self.now_ms())
        if wait_ms:
            return self.too_many(then, wait_ms)
        secret = await self.access.enter_by_token(token, self.now_ms())
        if secret is None:
            log.warning("login refused", address=address)
            return self.page(
                then, "This token opens nothing: it is wrong, expired or revoked.", 403
            )
        self.attempts.give_back(address)
        await self.end_visit(request)
        response = web.Response(status=303, headers={"location": local_path(then)})
        self.cookies.begin_visit(response, secret)
        return response

    async def leave(self, request: web.Request) -> web.Response:
        """End the visit."""
        await self.end_visit(request)
        response = web.Response(status=303, headers={"location": "/login"})
        self.cookies.end(response, self.cookies.visit)
        return response

    async def end_visit(self, request: web.Request) -> None:
        """The one whose cookie came along, if any."""
        secret = request.cookies.get(self.cookies.visit)
        if secret:
            await self.access.leave(secret)

    def page(self, then: str, problem: str | None = None, status: int = 200) -> web.Response:
        """The login page, with why it did not work."""
        view = LoginView(local_path(then), problem, self.by_issuer)
        text = render("login.html", login=view)
        return web.Response(status=status, text=text, content_type="text/html")

    def too_many(self, then: str, wait_ms: int) -> web.Response:
        """The login page, to be sent again later."""
        wait_s = math.ceil(wait_ms / 1000)
        response = self.page(then, f"Too many attempts. Wait {wait_s} s.", 429)
        response.headers["retry-after"] = str(wait_s)
        return response

"""Logging in by an issuer: `/login/issuer` leads there, `/login/back` is where it leads back to."""

import hmac
import secrets
from dataclasses import dataclass

import structlog
from aiohttp import web

from proxy.console.access.guard import onward
from proxy.console.access.issuer import Issuer, IssuerUnavailable
from proxy.console.access.login import Login
from proxy.console.access.oidc import (
    PENDING_MS,
    NotVouched,
    Pending,
    PendingLogins,
    authorization_url,
    verified,
    viewer_of,
)
from proxy.console.access.origin import local_path
from proxy.listening import Oidc

log = structlog.get_logger()

BACK = "/login/back"
OPEN = frozenset(["/login/issuer", BACK])

_LOST = "This login is not known here: it took too long, or began elsewhere. Try again."
_DOWN = "The issuer cannot be asked now. Try again, or use a token."


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerLogin:
    """A login by an issuer, from here to there and back."""

    login: Login
    settings: Oidc
    issuer: Issuer
    public_url: str
    pending: PendingLogins

    def routes(self) -> list[web.RouteDef]:
        """Both are asked by anyone."""
        return [
            web.get("/login/issuer", self.begin, allow_head=False),
            web.get(BACK, self.back, allow_head=False),
        ]

    async def begin(self, request: web.Request) -> web.Response:
        """Lead to the issuer. The state stands in a cookie too, so that only the browser that began
        this login can end it."""
        then = local_path(request.query.get("next", "/"))
        wait_ms = self.login.attempts.take(request.remote or "", self.login.now_ms())
        if wait_ms:
            return self.login.too_many(then, wait_ms)
        try:
            endpoint = (await self.issuer.discovery()).authorization_endpoint
        except IssuerUnavailable as error:
            return self._down(then, error)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        pending = Pending(state, nonce, verifier, then, self.login.now_ms() + PENDING_MS)
        self.pending.add(pending)
        url = authorization_url(endpoint, self.settings, self.public_url + BACK, pending)
        response = web.Response(status=303, headers={"location": url})
        self.login.cookies.begin_login(response, state)
        return response

    async def back(self, request: web.Request) -> web.Response:
        """Who comes back with a code is asked about, and let in as their groups say."""
        response = await self._ended(request)
        self.login.cookies.end(response, self.login.cookies.login)
        return response

    async def _ended(self, request: web.Request) -> web.Response:
        state = request.query.get("state", "")
        begun = request.cookies.get(self.login.cookies.login, "")
        # Taken first: whoever else may bring this state, it has been used.
        pending = self.pending.take(state, self.login.now_ms())
        is_same = hmac.compare_digest(
            state.encode("utf-8", "replace"), begun.encode("utf-8", "replace")
        )
        if pending is None or not is_same:
            return self.login.page("/", _LOST, 403)
        try:
            return await self._let_in(request, pending)
        except NotVouched as error:
            log.warning("login by issuer refused", address=request.remote, reason=str(error))
            return self.login.page(pending.then, str(error), 403)
        except IssuerUnavailable as error:
            return self._down(pending.then, error)

    async def _let_in(self, request: web.Request, pending: Pending) -> web.Response:
        code = request.query.get("code")
        if request.query.get("iss", self.settings.issuer) != self.settings.issuer or not code:
            raise NotVouched("The issuer did not take this login.")
        back = self.public_url + BACK
        id_token = await self.issuer.id_token(code, pending.verifier, back)
        now_ms = self.login.now_ms()
        keys = await self.issuer.keys()
        claims = verified(id_token, keys, self.settings, pending.nonce, now_ms // 1000)
        viewer, role = viewer_of(claims, self.settings)
        await self.login.end_visit(request)
        secret = await self.login.access.enter_by_issuer(viewer, role, now_ms)
        self.login.attempts.give_back(request.remote or "")
        response = onward(pending.then)
        self.login.cookies.begin_visit(response, secret)
        return response

    def _down(self, then: str, error: IssuerUnavailable) -> web.Response:
        log.error("issuer cannot be asked", issuer=self.settings.issuer, error=str(error))
        return self.login.page(then, _DOWN, 503)

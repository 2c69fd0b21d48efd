"""The console's server: health for machines, the JSON API and pages for whoever may look."""

import ssl

from aiohttp import web

from proxy.console import api
from proxy.console.access import issuer_login, login
from proxy.console.access.attempts import Attempts
from proxy.console.access.cookies import Cookies
from proxy.console.access.guard import STILL, VIEWER, guard, who
from proxy.console.access.issuer import Issuer
from proxy.console.access.issuer_login import IssuerLogin
from proxy.console.access.login import Login
from proxy.console.access.oidc import PendingLogins
from proxy.console.assets import ASSETS, PATTERN
from proxy.console.feed import Feeds
from proxy.console.pages import pages, sources
from proxy.console.pages.errors import errors
from proxy.console.pages.page import Page
from proxy.console.pages.page import routes as page_routes
from proxy.console.ports import Ports
from proxy.listening import ConsoleListen
from proxy.serving import problems, routes

_BODY_BYTES_MAX = 1 << 20
"""As large as a policy can be."""
_SHUTDOWN_S = 2.0
"""How long an answer that has not ended, such as a feed, may keep a stop waiting."""

_FEED = "/feed"

HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
}
"""On every answer that does not say otherwise."""


class Console:
    """Listens on its own port; stops when asked."""

    def __init__(self, listen: ConsoleListen, ports: Ports) -> None:
        self._listen = listen
        self._ports = ports
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; the port (chosen, when 0 was asked for). Raises OSError."""
        context = _tls(self._listen)
        self._runner = web.AppRunner(
            application(self._listen, self._ports),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_S,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._listen.host, self._listen.port, ssl_context=context)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening. Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def application(listen: ConsoleListen, ports: Ports) -> web.Application:
    """All that the console serves."""
    endpoints = api.endpoints(ports)
    cookies = Cookies(listen.is_secure, listen.login_max_s)
    open_paths = {each.path for each in endpoints if each.role == "anyone"}
    open_paths |= login.OPEN | issuer_login.OPEN | {PATTERN}

    def is_open(request: web.Request) -> bool:
        return _path(request) in open_paths

    def is_feed(request: web.Request) -> bool:
        return _path(request) == _FEED

    identify = guard(ports.access, is_open, ports.now_ms, cookies, listen.public_hosts, is_feed)
    app = web.Application(
        middlewares=[problems, errors(ports), identify], client_max_size=_BODY_BYTES_MAX
    )
    app.add_routes(routes(endpoints, who))
    app.add_routes(_logins(listen, ports, cookies))
    feeds = Feeds(ports.events, sources(ports), _still_looks, lambda request: request[VIEWER].name)
    app.add_routes(page_routes([*pages(ports), Page("GET", _FEED, "viewer", feeds.serve)], who))
    app.on_shutdown.append(feeds.close)
    app.add_routes(ASSETS.routes())
    app.on_response_prepare.append(_add_headers)
    return app


async def _still_looks(request: web.Request) -> bool:
    return await request[STILL]()


def _logins(listen: ConsoleListen, ports: Ports, cookies: Cookies) -> list[web.RouteDef]:
    by_token = Login(
        access=ports.access,
        cookies=cookies,
        now_ms=ports.now_ms,
        attempts=Attempts(),
        by_issuer=listen.oidc is not None,
        hosts=listen.public_hosts,
    )
    found = by_token.routes()
    if listen.oidc is not None and listen.public_url is not None:
        found += IssuerLogin(
            login=by_token,
            settings=listen.oidc,
            issuer=Issuer(listen.oidc, ports.now_ms),
            public_url=listen.public_url,
            pending=PendingLogins(),
        ).routes()
    return found


def _tls(listen: ConsoleListen) -> ssl.SSLContext | None:
    """Raises OSError, which names the files."""
    if listen.tls_cert is None or listen.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(listen.tls_cert, listen.tls_key)
    except OSError as error:
        raise OSError(
            f"{listen.tls_cert}, {listen.tls_key}: no certificate and key: {error}"
        ) from None
    return context


def _path(request: web.Request) -> str | None:
    """The pattern of the path that was asked for; None for what there is not."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else None


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["server"] = "exeat"  # Not which versions of what it is made of.
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)

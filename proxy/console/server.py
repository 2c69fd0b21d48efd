"""The console's server: health for machines, the JSON API and pages for whoever may look."""

from collections.abc import Sequence

from aiohttp import web

from proxy.config import Listen
from proxy.console import api
from proxy.console.access import Viewer
from proxy.console.access.guard import guard, who
from proxy.console.ports import Ports
from proxy.endpoint import Endpoint
from proxy.serving import problems, routes

_BODY_BYTES_MAX = 64 * 1024
_SHUTDOWN_S = 2.0
"""How long an answer that has not ended, such as a feed, may keep a stop waiting."""

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

    def __init__(self, listen: Listen, ports: Ports) -> None:
        self._listen = listen
        self._ports = ports
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; the port (chosen, when 0 was asked for). Raises OSError."""
        self._runner = web.AppRunner(
            application(self._ports),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_S,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._listen.host, self._listen.port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening. Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def application(ports: Ports) -> web.Application:
    """All that the console serves."""
    endpoints = api.endpoints(ports)
    open_paths = _open_paths(endpoints)
    app = web.Application(
        middlewares=[
            problems,
            guard(ports.access, lambda request: _path(request) in open_paths, ports.now_ms),
        ],
        client_max_size=_BODY_BYTES_MAX,
    )
    app.add_routes(routes(endpoints, who))
    app.on_response_prepare.append(_add_headers)
    return app


def _open_paths(endpoints: Sequence[Endpoint[Viewer]]) -> frozenset[str | None]:
    return frozenset(each.path for each in endpoints if each.role == "anyone")


def _path(request: web.Request) -> str | None:
    """The pattern of the path that was asked for; None for what there is not."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else None


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)

"""The server behind exeat.internal: an upstream like any other, on loopback, in this process.

It believes the corridor alone. A request that bears no seal, or one of a call that is over, is turned
away, whatever else it says of itself.
"""

import socket
from collections.abc import Mapping, Sequence

from aiohttp import web

from proxy.endpoint import Endpoint, Problem, Role
from proxy.seal import HEADER, Seal
from proxy.serving import Handler, problems, routes
from proxy.slip import Slip

LOOPBACK = "127.0.0.1"

SLIP = web.RequestKey("slip", Slip)
"""Where handlers that are no endpoints find the call that they answer: `request[SLIP]`."""

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_SHUTDOWN_S = 2.0
"""How long an answer that has not ended may keep a stop waiting."""

_LINE_BYTES_MAX = 1 << 24
"""Of a request line or a header. The corridor bounds heads, and what it let in is answered here."""


def listen() -> socket.socket:
    """A socket on a free port of loopback; nobody is answered there yet. Raises OSError."""
    return socket.create_server((LOOPBACK, 0), backlog=1024)


class InsideServer:
    """Serves endpoints, and routes of servers that bring their own."""

    def __init__(
        self,
        seal: Seal,
        live: Mapping[str, Slip],
        endpoints: Sequence[Endpoint[Slip]],
        more: Sequence[web.RouteDef] = (),
        *,
        body_bytes_max: int,
    ) -> None:
        """`live`: the calls in flight by their ids."""
        self._seal = seal
        self._live = live
        self._app = web.Application(
            middlewares=[problems, self._guard], client_max_size=body_bytes_max + 1
        )
        self._app.on_response_prepare.append(_dress)
        self._app.add_routes([*routes(endpoints, _who), *more])
        self._runner: web.AppRunner | None = None
        self.port = 0
        """Where it listens, on loopback; only the corridor is let in there."""

    async def start(self, at: socket.socket) -> None:
        """Answer what arrives there."""
        self.port = int(at.getsockname()[1])
        self._runner = web.AppRunner(
            self._app,
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,  # Nothing goes on for a client that has left.
            shutdown_timeout=_SHUTDOWN_S,
            max_line_size=_LINE_BYTES_MAX,
            max_field_size=_LINE_BYTES_MAX,
        )
        await self._runner.setup()
        await web.SockSite(self._runner, at).start()

    async def stop(self) -> None:
        """Stop listening. Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        slip = self._sealed(request)
        if slip is None:
            raise Problem(403, "identity_required", "Ask by Exeat's own port, as a proxy.")
        request[SLIP] = slip
        try:
            return await handler(request)
        except web.HTTPNotFound:
            found = (resource.canonical for resource in self._app.router.resources())
            there = ", ".join(dict.fromkeys(found))
            raise Problem(404, "not_found", f"There is no such path. There are {there}.") from None

    def _sealed(self, request: web.Request) -> Slip | None:
        """The live call to Exeat itself that this request is."""
        slip_id = self._seal.read(request.headers.get(HEADER, ""))
        slip = self._live.get(slip_id) if slip_id is not None else None
        is_ours = slip is not None and slip.door == "internal" and slip.cleared
        return slip if is_ours else None


async def _who(request: web.Request, role: Role) -> Slip:
    return request[SLIP]


async def _dress(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.pop("server", None)

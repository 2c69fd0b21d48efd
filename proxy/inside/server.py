"""The server behind exeat.internal: an upstream like any other, on loopback, in this process.

It believes the corridor alone. A request that bears no seal, or one of a call that is over, is turned
away, whatever else it says of itself.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web
from pydantic import ValidationError

from proxy.budgets import CountersUnavailable
from proxy.endpoint import Asked, Endpoint, Problem
from proxy.ledger.store import LedgerError
from proxy.seal import HEADER, Seal
from proxy.slip import Slip

log = structlog.get_logger()

LOOPBACK = "127.0.0.1"

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SLIP = web.RequestKey("slip", Slip)
"""Where handlers find the call that they answer: `request[SLIP]`."""


def listen() -> socket.socket:
    """A socket on a free port of loopback; nobody is answered there yet. Raises OSError."""
    return socket.create_server((LOOPBACK, 0), backlog=1024)


class InsideServer:
    """Serves endpoints, and routes whose answers are more than one JSON value."""

    def __init__(
        self,
        seal: Seal,
        find: Callable[[str], Slip | None],
        endpoints: Sequence[Endpoint[Slip]],
        routes: Sequence[web.RouteDef] = (),
        *,
        body_bytes_max: int,
    ) -> None:
        """`find` knows the calls in flight by their ids."""
        self._seal = seal
        self._find = find
        self._app = web.Application(middlewares=[self._guard], client_max_size=body_bytes_max + 1)
        self._app.on_response_prepare.append(_dress)
        self._app.add_routes([*map(_route, endpoints), *routes])
        self._runner: web.AppRunner | None = None
        self.port = 0
        """Where it listens, on loopback; only the corridor is let in there."""

    async def start(self, at: socket.socket) -> None:
        """Answer what arrives there."""
        self.port = int(at.getsockname()[1])
        # A client that left is told to its handler, so that nothing goes on for nobody.
        self._runner = web.AppRunner(
            self._app, access_log=None, handle_signals=False, handler_cancellation=True
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
            return _problem(403, "identity_required", "Ask by Exeat's own port, as a proxy.")
        request[SLIP] = slip
        try:
            return await handler(request)
        except Problem as problem:
            return _problem(problem.status, problem.code, problem.message)
        except CountersUnavailable as error:
            return _problem(503, "counters_unavailable", str(error))
        except LedgerError as error:
            return _problem(503, "ledger_unavailable", str(error))
        except web.HTTPNotFound:
            paths = ", ".join(
                sorted({str(each.canonical) for each in self._app.router.resources()})
            )
            return _problem(404, "not_found", f"There are {paths}.")
        except web.HTTPException as error:
            return _problem(error.status, error.reason.lower().replace(" ", "_"), "")
        except Exception as error:  # The process's edge: whoever asked hears no more than that.
            log.error("request failed", path=request.path, slip=slip.id, exc_info=error)
            return _problem(500, "internal_error", "This is a bug; the operator's log has more.")

    def _sealed(self, request: web.Request) -> Slip | None:
        """The live call to Exeat itself that this request is."""
        slip_id = self._seal.read(request.headers.get(HEADER, ""))
        slip = self._find(slip_id) if slip_id is not None else None
        is_ours = slip is not None and slip.door == "internal" and slip.cleared
        return slip if is_ours else None


async def _dress(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.pop("server", None)


def _problem(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


def _route(endpoint: Endpoint[Slip]) -> web.RouteDef:
    async def handle(request: web.Request) -> web.Response:
        try:
            query = endpoint.query.model_validate(dict(request.query))
            raw = await request.read()
            body = endpoint.body.model_validate_json(raw or b"{}")
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise Problem(400, "bad_request", f"{where}: {first['msg']}") from None
        asked = Asked(request[SLIP], query, body, dict(request.match_info))
        answer = await endpoint.handle(asked)
        return web.Response(
            text=answer.model_dump_json(), content_type="application/json", status=endpoint.status
        )

    return web.route(endpoint.method, endpoint.path, handle)

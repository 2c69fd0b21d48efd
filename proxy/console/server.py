"""The console's server: health for machines, and the JSON API for whoever holds the token."""

import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from proxy.budgets import Accounts, CountersUnavailable
from proxy.config import Settings
from proxy.console import api
from proxy.console.queries import BadQuery
from proxy.console.token import console_token, is_token
from proxy.ledger.store import Ledger, LedgerError
from proxy.policy import PolicyBook

log = structlog.get_logger()

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Console:
    """Listens on its own port; stops when asked."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        accounts: Accounts,
        policies: PolicyBook,
        calls: api.Calls,
    ) -> None:
        self._listen = settings.console
        self._token = console_token(settings.state_dir)
        self._ledger = ledger
        self._accounts = accounts
        self._policies = policies
        self._calls = calls
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; the port (chosen, when 0 was asked for). Raises OSError."""
        app = web.Application(middlewares=[self._guard], client_max_size=64 * 1024)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                *api.routes(self._ledger, self._accounts, self._policies, self._calls),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._listen.host, self._listen.port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening. Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Everything under /api needs the token; errors are JSON and say what to do."""
        if request.path.startswith("/api/") and not is_token(
            self._token, request.headers.get("authorization", "")
        ):
            response: web.StreamResponse = _error(
                401, "token_required", "Send Authorization: Bearer <the text in console.token>."
            )
        else:
            try:
                response = await handler(request)
            except BadQuery as error:
                response = _error(400, "bad_query", str(error))
            except CountersUnavailable as error:
                response = _error(503, "counters_unavailable", str(error))
            except LedgerError as error:
                response = _error(503, "ledger_unavailable", str(error))
            except web.HTTPException as error:
                response = _error(error.status, error.reason.lower().replace(" ", "_"), "")
            except Exception as error:  # The process's edge: whoever asked hears no more than that.
                log.error("request failed", path=request.path, exc_info=error)
                response = _error(500, "internal_error", "This is a bug; the log has more.")
        response.headers["cache-control"] = "no-store"
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["content-security-policy"] = "default-src 'none'; frame-ancestors 'none'"
        return response

    async def _healthz(self, request: web.Request) -> web.Response:
        """The process lives."""
        return web.json_response({"status": "ok"})

    async def _readyz(self, request: web.Request) -> web.Response:
        """Calls can be governed: policy in force, ledger writable, counters answering."""
        checks: dict[str, str] = {}
        checks["policy"] = self._policies.problem or "ok"
        if not self._policies.policies:
            checks["policy"] = self._policies.problem or "no policy is in force"
        checks["counters"] = await self._check_counters()
        checks["ledger"] = await self._check_ledger()
        if self._calls.is_stopping:
            checks["engine"] = "stopping"
        is_ready = bool(self._policies.policies) and all(
            word == "ok" for name, word in checks.items() if name != "policy"
        )
        return web.json_response(
            {"status": "ready" if is_ready else "not ready", "checks": checks},
            status=200 if is_ready else 503,
        )

    async def _check_counters(self) -> str:
        try:
            await self._accounts.balances("readyz", [], time.time_ns() // 1_000_000)
        except CountersUnavailable as error:
            return str(error)
        return "ok"

    async def _check_ledger(self) -> str:
        try:
            await self._ledger.last_seq("readyz")
        except LedgerError as error:
            return str(error)
        return self._ledger.problem or "ok"


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)

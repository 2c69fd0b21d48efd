"""The engine: mitmproxy's protocol core without its stock addons, and one table of hooks.

Of mitmproxy's forty addons only TLS configuration is kept; options, listeners and dispatch are ours.
What a hook runs is looked up in a table made once, in `Engine.__init__`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

from mitmproxy import ctx, http, options
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.certs import CertStore

from proxy.engine.corridor import Corridor
from proxy.engine.dial import guard_loop
from proxy.engine.facts import facts_of
from proxy.engine.handler import Handler, Hook
from proxy.engine.layers import Guard
from proxy.engine.raw_view import RawView
from proxy.engine.severing import ends_under, ends_with, sever
from proxy.engine.tuning import tune
from proxy.hosts import normalise
from proxy.kill.stops import Stop
from proxy.policy import PolicyBook

_CHALLENGED = ("git/", "java/", "okhttp/", "apache-httpclient/")
"""Clients that send proxy credentials only when asked for them."""


class _Tls(TlsConfig):
    """mitmproxy's TLS configuration with our own CA."""

    def __init__(self, authority: CertStore) -> None:
        self.certstore = authority

    def configure(self, updated: set[str]) -> None:
        """The CA is opened by `certificates.py`; nothing is read from options."""


class _Declare:
    """Stands for the loader that mitmproxy passes to `load`."""

    def __init__(self, opts: options.Options) -> None:
        self._options = opts

    def add_option(
        self,
        name: str,
        typespec: Any,
        default: Any,
        help: str,  # noqa: A002 -- mitmproxy's own parameter name
        choices: Any = None,
    ) -> None:
        self._options.add_option(name, typespec, default, help, choices)


def _options(
    tls: _Tls, upstream_ca_file: Path | None, idle_timeout_s: int, *, keeps_bodies: bool
) -> options.Options:
    """What mitmproxy's layers read, with Exeat's choices."""
    opts = options.Options()
    declare = _Declare(opts)
    tls.load(declare)
    for name, kind, value in (
        ("store_streamed_bodies", bool, keeps_bodies),
        ("connection_strategy", str, "lazy"),  # Nothing is dialled before the gate.
        ("stream_large_bodies", str | None, None),
        ("body_size_limit", str | None, None),
        ("keep_host_header", bool, True),
        ("normalize_outbound_headers", bool, True),
        ("validate_inbound_headers", bool, True),
        ("proxy_debug", bool, False),
    ):
        declare.add_option(name, kind, value, "")
    opts.update(
        rawtcp=False,
        upstream_cert=False,
        tcp_timeout=idle_timeout_s,
        ssl_verify_upstream_trusted_ca=str(upstream_ca_file) if upstream_ca_file else None,
    )
    return opts


def _seen(hook: Hook, raw_view: RawView) -> Hook:
    """The hook of a call's end, and then a look at it."""

    def see(flow: http.HTTPFlow) -> Awaitable[None] | None:
        waiting = hook(flow)
        raw_view.see(flow)
        return waiting

    return see


class Engine:
    """Listens, and runs every connection through the corridor."""

    def __init__(
        self,
        corridor: Corridor,
        authority: CertStore,
        *,
        header_bytes_max: int,
        body_bytes_max: int,
        idle_timeout_s: int,
        upstream_ca_file: Path | None,
        challenge: str = "auto",
        raw_view: RawView | None = None,
    ) -> None:
        tune()
        tls = _Tls(authority)
        self._options = _options(
            tls, upstream_ca_file, idle_timeout_s, keeps_bodies=raw_view is not None
        )
        self._corridor = corridor
        self._challenge = challenge
        self._servers: list[asyncio.Server] = []
        self._handlers: dict[asyncio.Task[Any], Handler] = {}
        guard = Guard(header_bytes_max=header_bytes_max, body_bytes_max=body_bytes_max)
        table: dict[str, Hook] = {
            "next_layer": guard.next_layer,
            "tls_clienthello": tls.tls_clienthello,
            "tls_start_client": tls.tls_start_client,
            "tls_start_server": tls.tls_start_server,
            "http_connect": self._connect,
            "requestheaders": corridor.requestheaders,
            "request": corridor.request,
            "responseheaders": corridor.responseheaders,
            "response": corridor.response,
            "answer_room": corridor.answer_room,
            "error": corridor.error,
            "socket_message": corridor.socket_message,
            "websocket_end": corridor.websocket_end,
            "server_connect": corridor.server_connect,
            "server_connected": corridor.server_connected,
            "server_connect_error": corridor.server_connected,
            "client_disconnected": corridor.client_disconnected,
        }
        if raw_view is not None:
            for name in ("response", "error"):
                table[name] = _seen(table[name], raw_view)
        self._table: Mapping[str, Hook] = table
        logging.getLogger("mitmproxy").setLevel(logging.ERROR)
        for chatty in ("hpack", "h2", "asyncio"):
            logging.getLogger(chatty).setLevel(logging.WARNING)

    async def start(self, host: str, port: int) -> int:
        """Listen; the port (chosen, when 0 was asked for). Raises OSError."""
        loop = asyncio.get_running_loop()
        guard_loop(loop)
        loop.set_task_factory(asyncio.eager_task_factory)
        ctx.options = self._options  # mitmproxy's TLS addon reads its options from there.
        server = await asyncio.start_server(self._serve, host, port, backlog=1024)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handler = Handler(reader, writer, self._options, self._table)
        self._handlers[task] = handler
        try:
            await handler.handle_client()
        finally:
            del self._handlers[task]

    def sever(self, stop: Stop) -> int:
        """End what is under way in the scope of a stop; how many calls that were."""
        return sever(tuple(self._handlers.values()), lambda slip: ends_with(slip, stop))

    def sever_refused(self, policies: PolicyBook) -> int:
        """End what is under way and is refused by the policies now in force; how many calls that were."""
        return sever(tuple(self._handlers.values()), lambda slip: ends_under(slip, policies))

    async def stop(self, grace_s: float) -> None:
        """No new connections; calls in flight may end by themselves, then are cut; all are settled."""
        self._corridor.is_stopping = True
        for server in self._servers:
            server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._corridor.idle.wait()
        for handler in tuple(self._handlers.values()):
            handler.hang_up()
        if self._handlers:
            await asyncio.wait(tuple(self._handlers), timeout=2)
        await self._corridor.drained()

    def _connect(self, flow: http.HTTPFlow) -> None:
        """CONNECT is accepted, always, and the calls inside it are judged: a refusal here would look
        like a network error, and be retried. Nothing is resolved or dialled for it."""
        facts = facts_of(flow.client_conn)
        credentials = flow.request.headers.get_all("proxy-authorization")
        if not credentials and self._is_challenged(flow.request.headers.get("user-agent", "")):
            flow.response = http.Response.make(
                407,
                b"Exeat needs proxy credentials: http://ORG%2FAGENT:SESSION@host:port\n",
                {"Proxy-Authenticate": 'Basic realm="exeat"', "Content-Type": "text/plain"},
            )
            return
        facts.connect_credentials = list(credentials)
        facts.connect_target = (normalise(flow.request.host) or "", flow.request.port)

    def _is_challenged(self, user_agent: str) -> bool:
        if self._challenge == "auto":
            return user_agent.lower().startswith(_CHALLENGED)
        return self._challenge == "always"

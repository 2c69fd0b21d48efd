"""A small gate for MCP: the filters of proxy/mcp between the official client and the official server."""

import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import uvicorn
from aiohttp import web

from proxy.mcp.answers import AnswerFilter
from proxy.mcp.calls import Id, McpCall, read_request
from proxy.mcp.errors import Answer, mismatched, refused, unreadable
from proxy.mcp.headers import is_answered_elsewhere, is_declared, mismatch
from proxy.mcp.pins import ToolPins
from proxy.mcp.screen import McpEvent
from proxy.providers.body import Json
from proxy.providers.call import BadRequest
from proxy.refusals import Code, Refusal

DROPPED = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding")


@dataclass
class Relay:
    """What it denies, and what it saw."""

    upstream: str
    denied: set[str] = field(default_factory=set)
    result_bytes_max: int = 1_000_000
    pins: ToolPins = field(default_factory=ToolPins)
    calls: list[McpCall] = field(default_factory=list)
    events: list[McpEvent] = field(default_factory=list)
    asked: set[Id] = field(default_factory=set)
    """Of the clients of HTTP+SSE, whose answers come on the stream."""

    def admits(self, tool: Json) -> bool:
        """Neither denied nor changed since it was pinned."""
        sight = self.pins.see("server.test", tool)
        return sight in ("new", "same") and tool["name"] not in self.denied

    def decide(self, request: web.Request, body: bytes) -> Answer | set[Id]:
        """A refusal, or the ids that wait for an answer."""
        headers = list(request.headers.items())
        try:
            asked = read_request(body, is_declared=is_declared(headers))
        except BadRequest as error:
            return unreadable(error, "rec-1")
        if asked is None:
            return set()
        found = mismatch(headers, asked)
        if found is not None:
            return mismatched(asked, found, "rec-1")
        self.calls += asked.calls
        no = {
            number: Refusal(Code.HOST_NOT_ALLOWED, f"The tool {call.tool} is denied.", rule="r1")
            for number, call in enumerate(asked.calls)
            if call.tool in self.denied
        }
        elsewhere = is_answered_elsewhere(headers)
        if no:
            return refused(asked, no, "rec-1", is_answered_elsewhere=elsewhere)
        if elsewhere:
            self.asked.update(asked.ids)
        return set(asked.ids)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One exchange."""
        body = await request.read()
        asked: Answer | set[Id] = self.asked
        if request.method == "POST":
            asked = self.decide(request, body)
        if isinstance(asked, tuple):
            status, said = asked
            return web.Response(status=status, body=said, content_type="application/json")
        headers = {k: v for k, v in request.headers.items() if k.lower() not in DROPPED}
        headers["accept-encoding"] = "identity"
        url = self.upstream + str(request.rel_url)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=30) as client,
            client.stream(request.method, url, headers=headers, content=body) as answer,
        ):
            out = web.StreamResponse(status=answer.status_code)
            for name, value in answer.headers.items():
                if name not in DROPPED:
                    out.headers[name] = value
            await out.prepare(request)
            passes = AnswerFilter(
                answer.headers.get("content-type", ""),
                asked,
                self.admits,
                result_bytes_max=self.result_bytes_max,
                on_event=self.events.append,
            )
            async for chunk in answer.aiter_raw():
                if chunk:
                    await out.write(passes(chunk))
            await out.write(passes(b""))
            return out


@contextlib.asynccontextmanager
async def relayed(upstream: str) -> AsyncIterator[tuple[Relay, str]]:
    """A relay before that server, and its own address."""
    relay = Relay(upstream)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", relay.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    try:
        yield relay, f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        await runner.cleanup()


class Quiet(uvicorn.Server):
    """A server inside of a test: signals are the test's."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """None."""
        yield

"""The MCP server behind aiohttp: one request, one session; what the library is shown and what not."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from mcp import types
from mcp.types import LATEST_PROTOCOL_VERSION

from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.inside.asgi import answered
from proxy.inside.mcp_server import BODY_BYTES_MAX, METHODS, McpServer
from proxy.inside.server import SLIP
from proxy.ledger.store import LedgerUnavailable
from proxy.serving import problems
from tests.inside.callers import caller

BOTH = {"accept": "application/json, text/event-stream"}
ERRORS = {
    "problem": Problem(409, "task_taken", "Claim another."),
    "ledger": LedgerUnavailable("disk full"),
    "bug": RuntimeError("SECRET"),
}


class Named(Model):
    """Who asked."""

    agent: str


async def _whoami(asked: Asked[Any, Nothing, Nothing]) -> Named:
    """Say who asks."""
    how = ERRORS.get(asked.who.identity.agent)
    if how is not None:
        raise how
    await asyncio.sleep(0)
    return Named(agent=asked.who.identity.agent)


WHOAMI = Endpoint("GET", "/v1/whoami", "agent", _whoami, Named)


@contextlib.asynccontextmanager
async def serving(routes: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """As the server inside has it: whoever asks is who the header says."""

    @web.middleware
    async def sealed(request: web.Request, handler: Any) -> web.StreamResponse:
        slip = caller()
        object.__setattr__(slip.identity, "agent", request.headers.get("x-as", "ada"))
        request[SLIP] = slip
        answer: web.StreamResponse = await handler(request)
        return answer

    app = web.Application(middlewares=[problems, sealed], client_max_size=1 << 25)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        yield session, f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def ask(method: str, params: Any = None, *, agent: str = "ada", **more: Any) -> Any:
    asked = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
    async with (
        serving(McpServer([WHOAMI]).routes()) as (session, base),
        session.post(f"{base}/mcp", json=asked | more, headers=BOTH | {"x-as": agent}) as answer,
    ):
        assert answer.status == 200
        assert answer.content_type == "application/json"
        return await answer.json()


PARAMS = {
    "initialize": {
        "protocolVersion": LATEST_PROTOCOL_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
    "tools/call": {"name": "whoami"},
    "resources/read": {"uri": "exeat://nowhere"},
}


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_every_method_that_is_offered_is_answered_without_a_session_before_it(method):
    told = await ask(method, PARAMS.get(method))
    assert told["id"] == 7
    assert ("error" in told) == (method == "resources/read")


async def test_the_server_says_what_it_is_for():
    told = (await ask("initialize", PARAMS["initialize"]))["result"]
    assert told["serverInfo"]["name"] == "exeat"
    assert "none of them approves anything" in told["instructions"]
    assert set(told["capabilities"]) >= {"tools", "resources"}


async def test_a_tool_is_asked_as_whom_this_request_was_proved_to_be():
    for agent in ("ada", "bob"):
        told = (await ask("tools/call", PARAMS["tools/call"], agent=agent))["result"]
        assert told["structuredContent"] == {"agent": agent}
        assert json.loads(told["content"][0]["text"]) == {"agent": agent}
        assert not told["isError"]


@pytest.mark.parametrize(
    ("agent", "code", "said"),
    [
        ("problem", "task_taken", "Claim another."),
        ("ledger", "ledger_unavailable", "disk full"),
        ("bug", "internal_error", "This is a bug"),
    ],
)
async def test_what_fails_is_told_to_the_model_and_coded_for_its_runtime(agent, code, said):
    told = (await ask("tools/call", PARAMS["tools/call"], agent=agent))["result"]
    (content,) = told["content"]
    assert (told["isError"], told["_meta"]["exeat"]["code"]) == (True, code)
    assert content["text"].startswith(f"{code}: ")
    assert said in content["text"]
    assert "SECRET" not in json.dumps(told)


async def test_a_notification_is_taken_and_nothing_is_said():
    async with serving(McpServer([WHOAMI]).routes()) as (session, base):
        for body in (
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "method": "notifications/whatever", "params": {"x": "SECRET"}},
            {"jsonrpc": "2.0", "id": 3, "result": {}},
        ):
            async with session.post(f"{base}/mcp", json=body, headers=BOTH) as answer:
                assert (answer.status, await answer.read()) == (202, b"")


IDS = [7, 0, -1, 2**70, "", "a", "7"]


@pytest.mark.parametrize("asked", IDS)
@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nothing/like/it", {}, types.METHOD_NOT_FOUND),
        ("tools/call", {"name": 7}, types.INVALID_PARAMS),
        ("ping", {"text": "\ud800"}, types.INVALID_REQUEST),
        ("\udfff", {}, types.INVALID_REQUEST),
    ],
)
async def test_a_request_that_was_read_is_answered_by_its_id(asked, method, params, code):
    told = await ask(method, params, id=asked)
    assert (told["id"], told["error"]["code"]) == (asked, code)


ILL = '{{"jsonrpc":"2.0","id":{},"method":"{}"}}'
NOT_READ = {
    "no JSON": b"{",
    "no message": b"{}",
    "several": b"[" + ILL.format(1, "ping").encode() + b"]",
    "too deep": b"[" * 100_000,
    "half of a pair": ILL.format(r'"\ud800"', "ping").encode(),
    "half of a pair, and no such method": ILL.format(r'"a\udc00"', "nothing").encode(),
    "half of a pair in bytes": ILL.format('"\ud800"', "ping").encode("utf-8", "surrogatepass"),
    "an id that is no whole number": ILL.format("1.5", "ping").encode(),
    "an id that is nothing": ILL.format("null", "ping").encode(),
}


@pytest.mark.parametrize("case", NOT_READ)
async def test_what_has_no_id_that_can_be_said_is_a_bad_request(case):
    async with (
        serving(McpServer([WHOAMI]).routes()) as (session, base),
        session.post(f"{base}/mcp", data=NOT_READ[case], headers=BOTH) as answer,
    ):
        assert answer.status == 400
        told = types.JSONRPCError.model_validate(await answer.json())
    assert (told.id, told.error.code) in [("", types.PARSE_ERROR), ("", types.INVALID_REQUEST)]


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(5):
        yield b"x" * (BODY_BYTES_MAX // 4)


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused(is_chunked):
    async with serving(McpServer([WHOAMI]).routes()) as (session, base):
        body = _pieces() if is_chunked else io.BytesIO(b"x" * (BODY_BYTES_MAX + 1))
        async with session.post(f"{base}/mcp", data=body, headers=BOTH) as answer:
            assert answer.status == 413


async def test_who_does_not_take_json_is_told_so():
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    headers = {"accept": "text/html", "content-type": "application/json"}
    async with (
        serving(McpServer([WHOAMI]).routes()) as (session, base),
        session.post(f"{base}/mcp", data=body, headers=headers) as answer,
    ):
        assert answer.status == 406
        assert types.JSONRPCError.model_validate(await answer.json()).error.code == -32600


async def test_an_application_that_answers_by_parts_is_sent_as_it_comes():
    async def application(scope: Any, receive: Any, send: Any) -> None:
        asked = await receive()
        headers = [(b"x-was", scope["path"].encode()), (b"content-length", b"999")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": asked["body"], "more_body": True})
        await send({"type": "http.response.body", "body": scope["more"]})

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answered(application, request, await request.read(), {"more": b"!"})

    async with (
        serving([web.post("/p/{rest}", handle)]) as (session, base),
        session.post(f"{base}/p/a%20b", data=b"hi") as answer,
    ):
        assert (answer.status, answer.headers["x-was"]) == (201, "/p/a b")
        assert await answer.read() == b"hi!"


async def test_an_application_that_answers_nothing_is_a_fault():
    async def application(scope: Any, receive: Any, send: Any) -> None:
        pass

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answered(application, request, b"", {})

    async with serving([web.post("/", handle)]) as (session, base), session.post(base) as answer:
        assert answer.status == 500

"""What a model says before it asks for a tool is with the client before the tool call is sent at all.

No clock: the provider sends the call only when the client has confirmed that it has the text. Whoever
held the text back until the call had come would wait for ever."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from proxy.providers.call import FormatName
from proxy.providers.tool_gate import ToolGate
from tests.house import AUTHORITY, House, house, policy
from tests.journeys.test_sockets import LIVE, REALTIME, RESPONSES, connected, create
from tests.journeys.test_sockets import TestLive as Live
from tests.providers.socket_talks import TALKS, Talk
from tests.providers.test_tool_gate import REQUESTS, allow, plain
from tests.providers.tool_answers import CASES, JSON, NAMES, SAID, Case

WHERE: dict[FormatName, tuple[str, str]] = {
    "openai.chat": ("api.openai.com", "/v1/chat/completions"),
    "openai.responses": ("api.openai.com", "/v1/responses"),
    "anthropic.messages": ("api.anthropic.com", "/v1/messages"),
    "gemini.generate": (
        "generativelanguage.googleapis.com",
        "/v1beta/models/gemini-3:streamGenerateContent",
    ),
    "gemini.interactions": ("generativelanguage.googleapis.com", "/v1beta/interactions"),
    "bedrock.converse": ("bedrock-runtime.us-east-1.amazonaws.com", "/model/m/converse-stream"),
    "bedrock.invoke": (
        "bedrock-runtime.us-east-1.amazonaws.com",
        "/model/anthropic.claude-3-haiku-20240307-v1:0/invoke-with-response-stream",
    ),
    "cohere.chat": ("api.cohere.com", "/v2/chat"),
    "ollama.chat": ("ollama.com", "/api/chat"),
}
STREAMS = [case for case in CASES if case.content_type != JSON or "array" in case.name]
RULES = "rules: [{id: none, decision: deny, match: {kinds: [tool]}}]\n"
PATIENCE_S = 20


@dataclass
class Teller:
    """A provider that says the first part, waits for a word from the client, and says the rest."""

    parts: tuple[list[bytes], list[bytes]] = ([], [])
    content_type: str = ""
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def tells(self, before: list[bytes], after: list[bytes], content_type: str = "") -> None:
        self.parts, self.content_type = (before, after), content_type
        self.heard.clear()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        before, after = self.parts
        if request.headers.get("upgrade", "").lower() == "websocket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.receive()
            for data in before:
                await socket.send_str(data.decode())
            await self.heard.wait()
            for data in after:
                await socket.send_str(data.decode())
            await socket.receive()
            return socket
        await request.read()
        answer = web.StreamResponse(headers={"content-type": self.content_type})
        await answer.prepare(request)
        await answer.write(b"".join(before))
        await self.heard.wait()
        await answer.write(b"".join(after))
        return answer


@contextlib.asynccontextmanager
async def telling(place: Path) -> AsyncIterator[tuple[House, Teller]]:
    teller = Teller()
    app = web.Application()
    app.add_routes([web.route("*", "/{rest:.*}", teller.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    names = sorted({host for host, _ in WHERE.values()})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    hosts = {f"{host}:443": f"127.0.0.1:{port}" for host in names}
    try:
        async with house(place, policy(more=RULES), hosts=hosts) as built:
            yield built, teller
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[House, Teller]]:
    async with telling(tmp_path_factory.mktemp("told")) as both:
        yield both


def up_to_the_text(case: Case) -> int:
    """Where the text ends, and nothing of a call has begun."""
    gate = ToolGate(case.format, case.provider, case.headers, allow)
    shown, at = b"", 0
    while SAID not in plain(shown):
        shown += gate.feed(case.data[at : at + 1])
        at += 1
    assert "Paris" not in plain(case.data[:at])
    assert NAMES[0] not in plain(case.data[:at]).replace(f'"name": "{NAMES[0]}", "parameters"', "")
    return at


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.name)
async def test_text_is_with_the_client_before_the_tool_call_is_sent(
    told: tuple[House, Teller], case: Case
) -> None:
    built, teller = told
    at = up_to_the_text(case)
    teller.tells([case.data[:at]], [case.data[at:]], case.content_type)
    host, path = WHERE[case.format]
    body, _ = REQUESTS[case.format]
    body = json.dumps(json.loads(body) | {"stream": True}).encode()
    headers = {"content-type": "application/json"}
    shown = b""
    async with (
        asyncio.timeout(PATIENCE_S),
        built.through() as client,
        client.stream("POST", f"https://{host}{path}", content=body, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        async for piece in answer.aiter_raw():
            shown += piece
            if SAID in plain(shown):
                teller.heard.set()
    assert "rm -rf" not in plain(shown), "and the call that came then was decided"
    assert "test/rules.none" in plain(shown)


def test_every_format_that_streams_tool_calls_is_there() -> None:
    assert {case.format for case in STREAMS} == set(WHERE)


SOCKETS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "openai.responses": (RESPONSES, [create()]),
    "openai.realtime": (REALTIME, [{"type": "response.create"}]),
    "gemini.live": (LIVE, [Live.SETUP]),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.name)
async def test_text_is_with_the_client_of_a_socket_before_the_tool_call_is_sent(
    told: tuple[House, Teller], talk: Talk
) -> None:
    built, teller = told
    said = next(n for n, data in enumerate(talk.data) if SAID.encode() in data)
    assert not any(b"Paris" in data for data in talk.data[: said + 1])
    teller.tells(talk.data[: said + 1], talk.data[said + 1 :])
    url, asked = SOCKETS[talk.dialogue]
    last, shown = talk.data[-1], ""
    async with asyncio.timeout(PATIENCE_S), connected(built, url) as socket:
        for message in asked:
            await socket.send_json(message)
        async for received in socket:
            assert received.type is aiohttp.WSMsgType.TEXT
            shown += received.data
            if SAID in received.data:
                teller.heard.set()
            is_last = json.loads(received.data).get("type") == json.loads(last).get("type")
            if is_last and teller.heard.is_set() and shown.count("[Exeat") >= 2:
                break
    assert "rm -rf" not in shown
    assert "test/rules.none" in shown

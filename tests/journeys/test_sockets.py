"""C2: every turn on a WebSocket is a call: decided and held for before its message goes up."""

import asyncio
import contextlib
import inspect
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import addons
import proxy.runtime
from proxy.config import Limits
from proxy.engine.certificates import certificate_path
from tests.house import AUTHORITY, House, eventually, house, policy

RESPONSES = "wss://api.openai.com/v1/responses"
REALTIME = "wss://api.openai.com/v1/realtime?model=gpt-realtime"
LIVE = (
    "wss://generativelanguage.googleapis.com"
    "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
)
HOSTS = ("api.openai.com", "generativelanguage.googleapis.com", "chat.test")

type Reply = Callable[[dict[str, Any]], list[dict[str, Any]]]


@dataclass
class Upstream:
    """A provider's end: answers each message by `reply`, and keeps what it was sent."""

    reply: Reply = field(default=lambda message: [])
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    closed: list[tuple[int | None, str]] = field(default_factory=list)
    hello: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    live: set[web.WebSocketResponse] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("realtime",), max_msg_size=1 << 30)
        self.headers.append(dict(request.headers))
        await socket.prepare(request)
        self.live.add(socket)
        for word in self.hello:
            await socket.send_json(word)
        async for message in socket:
            asked = json.loads(message.data)
            self.seen.append(asked)
            for word in self.reply(asked):
                if message.type is aiohttp.WSMsgType.BINARY:
                    await socket.send_bytes(json.dumps(word).encode())
                else:
                    await socket.send_json(word)
        self.closed.append((socket.close_code, ""))
        self.live.discard(socket)
        return socket


@contextlib.asynccontextmanager
async def upstream_end() -> AsyncIterator[Upstream]:
    """A provider's end for all of HOSTS, on a port of its own."""
    upstream = Upstream()
    app = web.Application()
    app.add_routes([web.get("/{rest:.*}", upstream.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*HOSTS).configure_cert(context)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    upstream.port = int(runner.addresses[0][1])
    try:
        yield upstream
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def built_with(place: Path, text: str, **more: Any) -> AsyncIterator[tuple[House, Upstream]]:
    async with upstream_end() as upstream:
        hosts = {f"{host}:443": f"127.0.0.1:{upstream.port}" for host in HOSTS}
        async with house(place, text, hosts=hosts, **more) as one:
            yield one, upstream


@contextlib.asynccontextmanager
async def connected(
    built: House, url: str, *, session: str = "s1", **more: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    trust = ssl.create_default_context(cafile=str(certificate_path(built.directory / "certs")))
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(url, proxy=built.proxy_url(session=session), ssl=trust, **more) as socket,
    ):
        yield socket


def create(model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    return {
        "type": "response.create",
        "model": model,
        "input": "hi",
        "max_output_tokens": 1_000,
        **more,
    }


def completed(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What the Responses API sends for one message."""
    if asked["type"] != "response.create":
        return []
    stream = {"stream_id": asked["stream_id"]} if "stream_id" in asked else {}
    response = {"id": "resp_1", "model": asked["model"], "status": "completed", "output": []}
    usage = {"input_tokens": 12, "output_tokens": 1_000, "total_tokens": 1_012}
    return [
        {"type": "response.created", "response": {**response, "status": "in_progress"}, **stream},
        {"type": "response.output_text.delta", "delta": "hello", **stream},
        {"type": "response.completed", "response": {**response, "usage": usage}, **stream},
    ]


COST = 12 * 2_500 + 1_000 * 10_000
"""Nano-dollars of one such answer by gpt-4o."""


async def until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = await socket.receive_json()
        if message["type"] == kind:
            return message


async def settled(built: House) -> dict[str, Any]:
    rows = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
    await eventually(built.spent, lambda spent: spent == rows[0]["settled"])
    return rows[0]


CAP = policy('name: cap, usd: "10.00"')


async def test_c2_twenty_messages_and_money_for_five(place: Path) -> None:
    five = policy('name: cap, usd: "0.055"')
    async with built_with(place, five) as (built, upstream):
        upstream.reply = completed
        async with connected(built, RESPONSES) as socket:
            for number in range(20):
                await socket.send_json(create())
                if number < 5:
                    await until(socket, "response.completed")
                    await settled(built)
                else:
                    break
            refused = await socket.receive_json()
            closing = await socket.receive()
        assert len(upstream.seen) == 5, "no message went up for the sixth"
        assert (refused["type"], refused["status"]) == ("error", 429)
        assert refused["error"]["type"] == "usage_limit_reached"
        assert "cap" in refused["error"]["message"]
        assert closing.type is aiohttp.WSMsgType.CLOSE
        assert closing.data == 1008
        assert (await settled(built))["settled"] == 5 * COST


async def test_each_turn_has_its_own_pair_of_records(place: Path) -> None:
    async with built_with(place, CAP) as (built, upstream):
        upstream.reply = completed
        async with connected(built, RESPONSES) as socket:
            for _ in range(2):
                await socket.send_json(create())
                await until(socket, "response.completed")
        await built.outcomes(3)
        decisions = await built.records(kind="decision")
        models = [each["request"]["model"] for each in decisions]
        assert models == [None, "gpt-4o", "gpt-4o"]
        assert decisions[1]["resource"]["hold"]["amounts"]
        outcomes = {each["id"]: each for each in await built.outcomes(3)}
        for decision in decisions[1:]:
            money = outcomes[decision["id"]]["resource"]
            assert (money["usage"]["input"], money["usage"]["output"]) == (12, 1_000)
            assert (money["nanousd"], money["estimated"]) == (COST, False)
        assert outcomes[decisions[0]["id"]]["resource"]["nanousd"] == 0


async def test_streams_of_one_socket_are_told_apart(place: Path) -> None:
    async with built_with(place, CAP) as (built, upstream):
        held_back: list[dict[str, Any]] = []

        def later(asked: dict[str, Any]) -> list[dict[str, Any]]:
            held_back.append(asked)
            if len(held_back) < 2:
                return []
            return [*completed(held_back[1]), *completed(held_back[0])]

        upstream.reply = later
        async with connected(built, RESPONSES) as socket:
            await socket.send_json(create("gpt-4o", stream_id="a"))
            await socket.send_json(create("gpt-4.1", stream_id="b"))
            for _ in range(2):
                await until(socket, "response.completed")
        outcomes = await built.outcomes(3)
        spent = sorted(each["resource"]["nanousd"] for each in outcomes)
        assert spent == [0, 12 * 2_000 + 1_000 * 8_000, COST]


async def test_a_model_that_is_not_allowed_is_refused_in_the_protocol(place: Path) -> None:
    text = policy('name: cap, usd: "10.00"', more='models: {deny: ["o1*"]}\n')
    async with built_with(place, text) as (built, upstream):
        upstream.reply = completed
        async with connected(built, RESPONSES) as socket:
            await socket.send_json(create("o1-pro"))
            refused = await socket.receive_json()
            assert (await socket.receive()).data == 1008
        assert (refused["status"], refused["error"]["type"]) == (400, "invalid_request_error")
        assert upstream.seen == []
        (no,) = [
            each
            for each in await built.records(kind="decision")
            if each["result"]["decision"] == "deny"
        ]
        assert no["result"]["code"] == "model_not_allowed"
        assert (await settled(built))["settled"] == 0


@pytest.mark.parametrize(
    "text",
    ["{", '{"type":"response.create","model":"gpt-4o","model":"o1-pro","input":"hi"}', "[]", '"x"'],
)
async def test_r10_what_two_readers_may_read_in_two_ways_is_refused(place: Path, text: str) -> None:
    async with built_with(place, CAP) as (built, upstream):
        async with connected(built, RESPONSES) as socket:
            await socket.send_str(text)
            assert (await socket.receive_json())["status"] == 400
            assert (await socket.receive()).data == 1008
        assert upstream.seen == []


async def test_a_bound_that_does_not_fit_is_lowered_in_the_message(place: Path) -> None:
    text = policy('name: cap, usd: "0.02", on_exceed: fit')
    async with built_with(place, text) as (built, upstream):
        upstream.reply = lambda asked: []
        async with connected(built, RESPONSES) as socket:
            await socket.send_json(create(max_output_tokens=10_000))

            async def seen() -> int:
                return len(upstream.seen)

            await eventually(seen, lambda count: count == 1)
        assert 256 <= upstream.seen[0]["max_output_tokens"] < 2_000


async def test_a_client_that_leaves_in_a_turn_is_charged_what_it_may_cost(place: Path) -> None:
    async with built_with(place, CAP) as (built, upstream):
        upstream.reply = lambda asked: completed(asked)[:2]
        async with connected(built, RESPONSES) as socket:
            await socket.send_json(create())
            await until(socket, "response.output_text.delta")
        outcomes = await built.outcomes(2)
        (turn,) = [each for each in outcomes if each["resource"]["usage"]]
        assert turn["result"]["status"] == "client_gone"
        assert turn["resource"]["estimated"]
        assert 0 < (await settled(built))["settled"] <= 12_000_000


async def test_the_providers_own_error_costs_nothing(place: Path) -> None:
    async with built_with(place, CAP) as (built, upstream):
        error = {"type": "rate_limit_error", "code": "slow_down", "message": "later"}
        upstream.reply = lambda asked: [{"type": "error", "status": 429, "error": error}]
        async with connected(built, RESPONSES) as socket:
            await socket.send_json(create())
            assert (await socket.receive_json())["error"] == error
            assert (await settled(built))["settled"] == 0


@pytest.mark.parametrize("name", ["budget", "gate", "allowlist", "usage"])
async def test_rule_1_an_addon_that_breaks_lets_no_message_up(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def chain(*arguments: Any) -> list[Any]:
        made = list(addons.chain(*arguments))
        addon = next(each for each in made if each.name == name)
        depart = addon.depart

        def breaks(slip: Any, flow: Any) -> Any:
            if slip.socket is not None:
                raise RuntimeError("broken")
            return depart(slip, flow)

        addon.depart = breaks  # type: ignore[method-assign]
        return made

    monkeypatch.setattr(proxy.runtime, "chain", chain)
    async with built_with(place, CAP) as (built, upstream):
        upstream.reply = completed
        async with connected(built, RESPONSES) as socket:
            await socket.send_json(create())
            assert (await socket.receive_json())["type"] == "error"
        assert upstream.seen == []
        assert (await settled(built))["settled"] == 0


async def test_h1_a_message_whose_client_leaves_during_the_decision_does_not_go_up(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, left = asyncio.Event(), asyncio.Event()

    def chain(*arguments: Any) -> list[Any]:
        made = list(addons.chain(*arguments))
        addon = next(each for each in made if each.name == "budget")
        depart = addon.depart

        async def slow(slip: Any, flow: Any) -> Any:
            if slip.socket is not None:
                waits.set()
                await left.wait()
            verdict = depart(slip, flow)
            return await verdict if inspect.iscoroutine(verdict) else verdict

        addon.depart = slow  # type: ignore[method-assign]
        return made

    monkeypatch.setattr(proxy.runtime, "chain", chain)
    async with built_with(place, CAP) as (built, upstream):
        async with connected(built, RESPONSES) as socket:
            await socket.send_json(create())
            await waits.wait()
            connection = socket._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.abort()
        corridor = built.here.corridor if built.here is not None else None

        async def live() -> int:
            return len(corridor.live) if corridor is not None else -1

        await eventually(live, lambda count: count == 0)
        left.set()
        await eventually(lambda: _count(upstream.live), lambda count: count == 0)
        assert upstream.seen == []
        assert (await settled(built))["settled"] == 0


class TestRealtime:
    SESSION = {"type": "session.created", "session": {"model": "gpt-realtime"}}
    USAGE = {
        "input_tokens": 100,
        "output_tokens": 50,
        "input_token_details": {
            "text_tokens": 40,
            "audio_tokens": 60,
            "cached_tokens": 30,
            "cached_tokens_details": {"text_tokens": 10, "audio_tokens": 20},
        },
        "output_token_details": {"text_tokens": 10, "audio_tokens": 40},
    }
    COST = 30 * 4_000 + 40 * 32_000 + 30 * 400 + 10 * 16_000 + 40 * 64_000

    def answers(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        speaks = asked["type"] == "input_audio_buffer.append" and asked["audio"] == "speech"
        if asked["type"] != "response.create" and not speaks:
            return []
        heard = [{"type": "input_audio_buffer.speech_started"}] if speaks else []
        response = {"id": "resp_1", "status": "completed", "output": []}
        return [
            *heard,
            {"type": "response.created", "response": response},
            {"type": "response.done", "response": {**response, "usage": self.USAGE}},
        ]

    async def test_a_response_that_was_asked_for_and_one_that_speech_began(
        self, place: Path
    ) -> None:
        async with built_with(place, CAP) as (built, upstream):
            upstream.hello, upstream.reply = [self.SESSION], self.answers
            async with connected(built, REALTIME) as socket:
                await socket.send_json({"type": "response.create"})
                await until(socket, "response.done")
                for sound in ("silence", "speech"):
                    await socket.send_json({"type": "input_audio_buffer.append", "audio": sound})
                await until(socket, "response.done")
            assert (await settled(built))["settled"] == 2 * self.COST
            assert len(await built.outcomes(3)) == 3

    async def test_sound_in_which_nobody_spoke_costs_nothing(self, place: Path) -> None:
        async with built_with(place, CAP) as (built, upstream):
            upstream.reply = self.answers
            async with connected(built, REALTIME) as socket:
                await socket.send_json({"type": "input_audio_buffer.append", "audio": "silence"})
                rows = await eventually(built.budgets, lambda rows: rows[0]["held"] > 0)
                assert rows[0]["held"] >= 32_000 * 32_000, "the whole window, as speech"
            assert (await settled(built))["settled"] == 0

    async def test_sound_is_refused_when_its_answer_does_not_fit(self, place: Path) -> None:
        text = policy('name: cap, usd: "0.50"')
        async with built_with(place, text) as (built, upstream):
            async with connected(built, REALTIME) as socket:
                await socket.send_json({"type": "input_audio_buffer.append", "audio": "speech"})
                refused = await socket.receive_json()
                assert (refused["type"], refused["error"]["code"]) == (
                    "error",
                    "insufficient_quota",
                )
                assert (await socket.receive()).data == 1008
            assert upstream.seen == []

    async def test_an_answer_that_nobody_was_held_for_is_held_late_or_ends_the_socket(
        self, place: Path
    ) -> None:
        text = policy('name: cap, usd: "0.50"')
        async with built_with(place, text) as (built, upstream):
            upstream.hello = [self.SESSION, {"type": "response.created", "response": {"id": "r"}}]
            async with connected(built, REALTIME) as socket:
                assert (await until(socket, "error"))["error"]["code"] == "insufficient_quota"
                assert (await socket.receive()).data == 1008

    @pytest.mark.parametrize(
        "asked",
        [
            {"type": "session.update", "session": {"tools": [{"type": "mcp"}]}},
            {"type": "response.create", "response": {"tools": [{"type": "mcp"}]}},
            {"type": "something.new"},
            {
                "type": "session.update",
                "session": {"audio": {"input": {"turn_detection": {"idle_timeout_ms": 5}}}},
            },
        ],
    )
    async def test_what_has_no_bound_is_refused_under_a_budget(
        self, place: Path, asked: dict[str, Any]
    ) -> None:
        async with built_with(place, CAP) as (built, upstream):
            async with connected(built, REALTIME) as socket:
                await socket.send_json(asked)
                assert "no upper bound" in (await socket.receive_json())["error"]["message"]
            assert upstream.seen == []


class TestLive:
    SETUP = {"setup": {"model": "models/gemini-3.1-flash-live-preview"}}
    TURN = {"client_content": {"turns": [{"parts": [{"text": "hi"}]}], "turnComplete": True}}
    USAGE = {
        "promptTokenCount": 20,
        "responseTokenCount": 9,
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 9}],
    }

    def answers(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        if "setup" in asked:
            return [{"setupComplete": {}}]
        return [
            {"serverContent": {"modelTurn": {"parts": [{"text": "hello"}]}}},
            {"serverContent": {"turnComplete": True}, "usageMetadata": self.USAGE},
        ]

    async def test_a_turn_is_settled_on_its_own_usage(self, place: Path) -> None:
        async with built_with(place, CAP) as (built, upstream):
            upstream.reply = self.answers
            async with connected(built, LIVE) as socket:
                for asked in (self.SETUP, self.TURN, self.TURN):
                    await socket.send_bytes(json.dumps(asked).encode())
                for _ in range(5):
                    assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY
            assert (await settled(built))["settled"] == 2 * (20 * 750 + 9 * 12_000)

    async def test_a_turn_that_begins_and_ends_in_one_message_is_settled_while_the_socket_lives(
        self, place: Path
    ) -> None:
        async with built_with(place, CAP) as (built, upstream):
            whole = {"serverContent": {"turnComplete": True}, "usageMetadata": self.USAGE}
            upstream.reply = lambda asked: [{"setupComplete": {}}, whole]
            async with connected(built, LIVE) as socket:
                await socket.send_bytes(json.dumps(self.SETUP).encode())
                for _ in range(2):
                    await socket.receive()
                assert (await settled(built))["settled"] == 20 * 750 + 9 * 12_000
                assert not socket.closed

    async def test_a_refusal_closes_the_socket_with_its_reason(self, place: Path) -> None:
        text = policy('name: cap, usd: "0.000001"')
        async with built_with(place, text) as (built, upstream):
            upstream.reply = self.answers
            async with connected(built, LIVE) as socket:
                await socket.send_bytes(json.dumps(self.SETUP).encode())
                await socket.receive()
                await socket.send_bytes(json.dumps(self.TURN).encode())
                closing = await socket.receive()
            assert (closing.type, closing.data) == (aiohttp.WSMsgType.CLOSE, 1008)
            assert "The budget cap" in str(closing.extra)
            assert len(upstream.seen) == 1


class TestTheProtocolItself:
    """E8: pings, close codes, frames and compression pass."""

    @pytest.mark.parametrize("url", [RESPONSES, "wss://chat.test/socket"])
    @pytest.mark.parametrize("compress", [0, 15, 9])
    async def test_messages_pass_both_ways(self, place: Path, url: str, compress: int) -> None:
        async with built_with(place, CAP) as (built, upstream):
            upstream.reply = lambda asked: [{"type": "echo", "back": asked}]
            async with connected(built, url, compress=compress) as socket:
                assert bool(socket.compress) == bool(compress)
                big = {"type": "response.cancel", "text": "grüß " * 20_000}
                await socket.send_json(big)
                assert (await socket.receive_json())["back"] == big
            extension = upstream.headers[0].get("Sec-WebSocket-Extensions", "")
            assert ("permessage-deflate" in extension) == bool(compress)
            assert "x-org-id" not in {name.lower() for name in upstream.headers[0]}

    async def test_pings_are_answered_by_the_other_end(self, place: Path) -> None:
        async with built_with(place, CAP) as (built, upstream):
            upstream.reply = lambda asked: [{"type": "echo"}]
            async with connected(built, RESPONSES, autoping=False) as socket:
                await socket.ping(b"are you there")
                pong = await socket.receive()
            assert (pong.type, bytes(pong.data)) == (aiohttp.WSMsgType.PONG, b"are you there")

    async def test_close_codes_pass_both_ways(self, place: Path) -> None:
        async with built_with(place, CAP) as (built, upstream):
            async with connected(built, RESPONSES) as socket:
                await socket.close(code=4001, message=b"bye")

            async def closed() -> list[Any]:
                return upstream.closed

            assert (await eventually(closed, bool))[0][0] == 4001
            async with connected(built, RESPONSES) as socket:
                await eventually(lambda: _count(upstream.live), bool)
                await next(iter(upstream.live)).close(code=4002, message=b"over")
                closing = await socket.receive()
                assert (closing.data, closing.extra) == (4002, "over")

    async def test_a_message_that_is_too_large_ends_the_socket(self, place: Path) -> None:
        async with built_with(place, CAP, limits=Limits(body_bytes_max=10_000)) as (
            built,
            upstream,
        ):
            async with connected(built, RESPONSES) as socket:
                await socket.send_json({"type": "response.cancel", "text": "x" * 20_000})
                assert (await socket.receive()).data == 1009
            assert upstream.seen == []

    async def test_c1_other_sockets_of_a_provider_are_refused(self, place: Path) -> None:
        async with built_with(place, CAP) as (built, upstream):
            for path in ("/v1/live/sessions", "/v1/realtime/translations"):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    async with connected(built, f"wss://api.openai.com{path}"):
                        pass
                assert refused.value.status in (400, 403)
            assert upstream.headers == []


async def _count(sockets: set[Any]) -> int:
    return len(sockets)

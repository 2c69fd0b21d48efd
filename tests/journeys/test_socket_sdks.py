"""C2: real SDKs that speak over a WebSocket: a turn of theirs is a call, and a refusal is an event or
an exception that their users already read."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import errors
from openai import AsyncOpenAI
from websockets.exceptions import ConnectionClosedError

from proxy.cli.env import client_variables
from tests.house import House, policy
from tests.journeys.test_sockets import COST as RESPONSE_COST
from tests.journeys.test_sockets import TestLive as Live
from tests.journeys.test_sockets import TestRealtime as Realtime
from tests.journeys.test_sockets import Upstream, built_with, completed, settled

LIVE_MODEL = "gemini-3.1-flash-live-preview"
ENOUGH = policy('name: cap, usd: "10.00"')
SPENT = policy('name: cap, usd: "0.000001"')
LIVE_COST = 20 * 750 + 9 * 12_000


@asynccontextmanager
async def surrounded(
    place: Path, text: str, patch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[House, Upstream]]:
    """A house, and an environment with nothing but what `exeat env` prints."""
    for name in list(os.environ):
        if any(mark in name.upper() for mark in ("_PROXY", "_API_KEY", "_BASE_URL", "GOOGLE_")):
            patch.delenv(name)
    async with built_with(place, text) as (built, upstream):
        address = f"127.0.0.1:{built.proxy_port}"
        ours = client_variables(address, "acme", "coder", "s1", built.directory / "certs")
        for name, value in ours.items():
            patch.setenv(name, value)
        yield built, upstream


async def turn_of(built: House) -> dict[str, Any]:
    """The outcome of the one turn; the handshake has one of its own."""
    outcomes = await built.outcomes(2)
    (turn,) = [each for each in outcomes if each["resource"]["usage"]]
    return turn


async def refused_in(built: House) -> str:
    decisions = await built.records(kind="decision")
    (no,) = [each for each in decisions if each["result"]["decision"] == "deny"]
    return str(no["result"]["code"])


async def test_a_response_over_a_socket_is_settled(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with surrounded(place, ENOUGH, monkeypatch) as (built, upstream):
        upstream.reply = completed
        async with AsyncOpenAI(api_key="sk-test").responses.connect() as socket:
            await socket.response.create(model="gpt-4o", input="hi", max_output_tokens=1_000)
            async for event in socket:
                if event.type == "response.completed":
                    break
        turn = await turn_of(built)
        assert (turn["resource"]["usage"]["input"], turn["resource"]["usage"]["output"]) == (
            12,
            1_000,
        )
        assert (await settled(built))["settled"] == RESPONSE_COST


async def test_a_spoken_session_is_settled(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with surrounded(place, ENOUGH, monkeypatch) as (built, upstream):
        upstream.hello, upstream.reply = [Realtime.SESSION], Realtime().answers
        async with AsyncOpenAI(api_key="sk-test").realtime.connect(model="gpt-realtime") as socket:
            await socket.response.create()
            async for event in socket:
                if event.type == "response.done":
                    break
        turn = await turn_of(built)
        assert (turn["resource"]["usage"]["input"], turn["resource"]["usage"]["output"]) == (
            100,
            50,
        )
        assert (await settled(built))["settled"] == Realtime.COST


async def test_a_live_session_is_settled(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with surrounded(place, ENOUGH, monkeypatch) as (built, upstream):
        upstream.reply = Live().answers
        client = genai.Client(api_key="test")
        async with client.aio.live.connect(model=LIVE_MODEL) as session:
            await session.send_client_content(turns={"role": "user", "parts": [{"text": "hi"}]})
            said = [message async for message in session.receive()]
        assert said[-1].usage_metadata is not None
        turn = await turn_of(built)
        assert (turn["resource"]["usage"]["input"], turn["resource"]["usage"]["output"]) == (20, 9)
        assert (await settled(built))["settled"] == LIVE_COST


async def ask_responses(client: AsyncOpenAI, heard: list[Any]) -> None:
    async with client.responses.connect() as socket:
        await socket.response.create(model="gpt-4o", input="hi", max_output_tokens=1_000)
        while True:
            heard.append(await socket.recv())


async def ask_realtime(client: AsyncOpenAI, heard: list[Any]) -> None:
    async with client.realtime.connect(model="gpt-realtime") as socket:
        await socket.response.create()
        while True:
            heard.append(await socket.recv())


@pytest.mark.parametrize("ask", [ask_responses, ask_realtime])
async def test_a1_a_refused_turn_is_an_error_event_and_a_close_for_policy(
    place: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Any]
) -> None:
    async with surrounded(place, SPENT, monkeypatch) as (built, upstream):
        upstream.hello = [Realtime.SESSION] if ask is ask_realtime else []
        heard: list[Any] = []
        with pytest.raises(ConnectionClosedError) as closed:
            await ask(AsyncOpenAI(api_key="sk-test"), heard)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        assert "The budget cap" in closed.value.rcvd.reason
        assert heard[-1].type == "error"
        assert "The budget cap" in heard[-1].error.message
        assert upstream.seen == []
        assert len(upstream.headers) == 1, "the SDK did not connect again"
        assert await refused_in(built) == "budget_exceeded"


async def ask_live(client: genai.Client) -> None:
    async with client.aio.live.connect(model=LIVE_MODEL) as session:
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "hi"}]})
        async for _ in session.receive():
            pass


async def test_a1_a_refused_live_turn_is_the_sdks_own_exception(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with surrounded(place, SPENT, monkeypatch) as (built, upstream):
        upstream.reply = Live().answers
        client = genai.Client(api_key="test")
        with pytest.raises(errors.APIError) as refused:
            await ask_live(client)
        assert refused.value.code == 1008
        assert "The budget cap" in str(refused.value)
        assert len(upstream.seen) == 1, "only the setup went up"
        assert await refused_in(built) == "budget_exceeded"

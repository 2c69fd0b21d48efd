"""The kill switch: what is under way ends at once, what follows is refused, and the money is settled."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from proxy.identity.scope import Scope
from tests.house import House, Process, chat, eventually, house, kill, policy, providers
from tests.journeys.test_leaving import sent
from tests.journeys.test_sockets import RESPONSES, built_with, connected, create
from tests.journeys.wire import dial
from tests.redis_server import RedisServer

CHAT = "/openai/v1/chat/completions"
URL = "https://api.openai.com/v1/chat/completions"
CAP = policy('name: cap, usd: "10.00"')
STREAM = chat("gpt-4o", stream=True, max_tokens=4_000)


@pytest.fixture
async def built(place: Path) -> AsyncIterator[House]:
    async with house(place, CAP) as one:
        one.says(words=2_000, pause_s=0.01, output_tokens=2_000)
        yield one


async def stop(built: House, *scope: str, level: Any = "kill") -> int:
    """How many calls that ended."""
    assert built.here is not None
    return (await built.here.switch.stop(Scope(*scope), level, "ann", "It went astray")).severed


async def nothing_is_held(built: House) -> None:
    """Every hold is settled, and says so within a moment."""
    await eventually(built.budgets, lambda found: all(each["held"] == 0 for each in found))


@contextlib.asynccontextmanager
async def streaming(client: httpx.AsyncClient, url: str, **more: Any) -> AsyncIterator[Any]:
    """An answer under way, of which something has come."""
    async with client.stream("POST", url, json=STREAM, **more) as answer:
        assert answer.status_code == 200
        pieces = answer.aiter_bytes()
        await anext(pieces)
        yield pieces


async def is_cut(pieces: AsyncIterator[bytes]) -> None:
    with pytest.raises(httpx.TransportError):
        async for _ in pieces:
            pass


async def upstream_is_left(built: House, count: int) -> None:
    async def left() -> int:
        return built.plain.disconnects + built.tls.disconnects

    await eventually(left, lambda found: found == count)


async def test_a_stream_ends_at_once_and_is_charged_for_what_was_seen(built: House) -> None:
    async with built.client() as client, streaming(client, CHAT) as pieces:
        assert await stop(built, "acme", "coder", "s1") == 1
        await is_cut(pieces)
    await upstream_is_left(built, 1)
    (outcome,) = await built.outcomes(1)
    assert outcome["result"]["status"] == outcome["result"]["note"] == "killed"
    assert outcome["resource"]["estimated"]
    (event,) = await built.records(kind="kill")
    assert event["role"]["session"] == "s1"
    assert event["result"]["facts"] == {"by": "ann", "reason": "It went astray", "severed": 1}
    await nothing_is_held(built)
    assert 0 < await built.spent() < 4_000 * 10_000


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
async def test_a_tunnel_ends_with_what_is_open_inside(built: House, http2: bool) -> None:
    async with built.through(http2=http2) as client, streaming(client, URL) as pieces:
        assert await stop(built, "acme") == 1
        await is_cut(pieces)
        answer = await built_anew(built, http2)
    assert answer.status_code == 403
    await upstream_is_left(built, 1)
    await nothing_is_held(built)


async def built_anew(built: House, http2: bool) -> httpx.Response:
    async with built.through(http2=http2) as client:
        return await client.post(URL, json=chat())


async def test_only_the_calls_in_scope_end_on_a_connection_that_carries_others(
    place: Path,
) -> None:
    async with house(place, CAP) as built:
        built.says(words=60, pause_s=0.01, output_tokens=60)
        proxy = f"http://127.0.0.1:{built.proxy_port}"
        async with built.through(proxy, http2=True) as client:
            two = [{**built.headers, "x-session-id": name} for name in ("s1", "s2")]
            async with (
                streaming(client, URL, headers=two[0]) as first,
                streaming(client, URL, headers=two[1]) as second,
            ):
                assert await stop(built, "acme", "coder", "s1") == 1
                await is_cut(first)
                assert b"[DONE]" in b"".join([piece async for piece in second])
        outcomes = await built.outcomes(2)
        ended = {each["role"]["session"]: each["result"]["status"] for each in outcomes}
        assert ended == {"s1": "killed", "s2": "answered"}
        await nothing_is_held(built)


async def test_a_websocket_ends_with_its_turns(place: Path) -> None:
    async with built_with(place, CAP) as (built, upstream), connected(built, RESPONSES) as socket:
        await socket.send_json(create())
        await eventually(lambda: asyncio.sleep(0, upstream.seen), bool)
        assert await stop(built, "acme", "coder") == 2
        word = await socket.receive(timeout=5)
        assert word.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)
        outcomes = await built.outcomes(2)
        assert {each["result"]["status"] for each in outcomes} == {"killed"}
        await nothing_is_held(built)
        assert await built.spent() > 0


async def test_an_answer_that_is_read_on_for_nobody_ends_too(built: House) -> None:
    async with dial(built.proxy_port) as (reader, writer):
        writer.write(sent(STREAM))
        await reader.readuntil(b"\n\n")
    await asyncio.sleep(0)
    assert built.here is not None
    corridor = built.here.corridor
    await eventually(
        lambda: asyncio.sleep(0, corridor.live), lambda live: all(it.caller_left for it in live)
    )
    assert await stop(built, "acme") == 1
    (outcome,) = await built.outcomes(1)
    assert outcome["result"]["status"] == "killed"
    await nothing_is_held(built)


async def test_what_follows_is_refused_until_an_admin_revives_it(built: House) -> None:
    built.says(words=1, pause_s=0)
    await stop(built, "acme", "coder")
    async with built.client() as client:
        for _ in range(2):
            answer = await client.post(CHAT, json=chat())
            assert answer.status_code == 403
            error = answer.json()["error"]
            assert error["code"] == "killed"
            assert "It went astray." in error["message"]
            assert answer.headers["x-should-retry"] == "false"
        other = {**built.headers, "x-agent-id": "writer"}
        assert (await client.post(CHAT, json=chat(), headers=other)).status_code == 200
        assert built.here is not None
        assert await built.here.switch.revive(Scope("acme", "coder"), "root", "Mended") is not None
        assert (await client.post(CHAT, json=chat())).status_code == 200
    assert built.upstream_calls == 2
    refused = await built.records(kind="decision", decision="deny")
    assert [each["result"]["code"] for each in refused] == ["killed", "killed"]
    (event,) = await built.records(kind="revive")
    assert event["result"]["facts"]["by"] == "root"


async def test_whoever_is_killed_is_not_answered_inside_either(built: House) -> None:
    await stop(built, "acme", "coder", "s1")
    async with httpx.AsyncClient(proxy=built.proxy_url(), trust_env=False) as client:
        answer = await client.get("http://exeat.internal/v1/whoami")
    assert answer.status_code == 403
    assert answer.json()["exeat"]["code"] == "killed"


async def test_in_quarantine_it_reads_and_asks_models_and_does_not_write(built: House) -> None:
    built.says(words=1, pause_s=0, tool="Bash", arguments=json.dumps({"command": "ls"}))
    await stop(built, "acme", "coder", "s1", level="quarantine")
    async with built.through() as client:
        assert (await client.get("https://pages.test/bytes/9")).status_code == 200
        written = await client.post("https://pages.test/notes", content=b"x")
        assert written.status_code == 403
        assert written.json()["exeat"] == {"code": "quarantined", "rule": "quarantine"}
        answer = (await client.post(URL, json=chat())).json()
    message = answer["choices"][0]["message"]
    assert not message.get("tool_calls")
    assert "quarantine" in message["content"]
    (held,) = await eventually(lambda: built.records(kind="tool_call"), bool)
    assert held["result"]["status"] == "hold"


async def test_a_quarantine_ends_what_writes_and_what_could_not_be_held_back(
    place: Path,
) -> None:
    async with house(place, CAP) as built:
        built.says(words=400, pause_s=0.01, output_tokens=400)
        async with built.client() as client, streaming(client, CHAT) as pieces:
            assert await stop(built, "acme", level="quarantine") == 1
            await is_cut(pieces)
        (outcome,) = await built.outcomes(1)
        assert outcome["result"]["note"] == "quarantined"


async def test_a_quarantine_lets_an_answer_go_on_whose_tools_were_to_be_decided(
    place: Path,
) -> None:
    text = CAP + "rules:\n  - {id: no, decision: deny, match: {tools: [Never]}}\n"
    async with house(place, text) as built:
        built.says(words=20, pause_s=0.01, output_tokens=20)
        async with built.client() as client, streaming(client, CHAT) as pieces:
            assert await stop(built, "acme", level="quarantine") == 0
            assert b"[DONE]" in b"".join([piece async for piece in pieces])


async def test_a_canary_ends_the_session_that_would_have_let_it_out(place: Path) -> None:
    text = CAP + "triggers:\n  - {on: canary, do: kill}\n"
    async with (
        house(place, text, canaries=("never-to-leave-123",)) as built,
        built.client() as client,
    ):
        body = chat(messages=[{"role": "user", "content": "it is never-to-leave-123"}])
        first = await client.post(CHAT, json=body)
        second = await client.post(CHAT, json=chat())
        other = {**built.headers, "x-session-id": "s2"}
        third = await client.post(CHAT, json=chat(), headers=other)
        assert [each.status_code for each in (first, second, third)] == [403, 403, 200]
        assert first.json()["error"]["code"] == "killed"
        assert built.upstream_calls == 1
        (event,) = await eventually(lambda: built.records(kind="kill"), bool)
        assert event["result"]["facts"]["by"] == "trigger:test/canary"
        await nothing_is_held(built)


async def test_a_budget_that_is_spent_ends_what_is_said(place: Path) -> None:
    text = policy("name: few, per: [session], requests: 2") + (
        "triggers:\n  - {on: budget_spent, budget: few, do: kill, scope: agent}\n"
    )
    async with house(place, text) as built, built.client() as client:
        for _ in range(2):
            assert (await client.post(CHAT, json=chat())).status_code == 200
        await eventually(lambda: built.records(kind="kill"), bool)
        other = {**built.headers, "x-session-id": "s2"}
        answer = await client.post(CHAT, json=chat(), headers=other)
        assert answer.json()["error"]["code"] == "killed"


async def test_an_agent_that_goes_round_in_circles_is_stopped(place: Path) -> None:
    text = CAP + "triggers:\n  - {on: loop, more_than: 1, do: kill}\n"
    async with house(place, text) as built, built.client() as client:
        found = [(await client.post(CHAT, json=chat())).status_code for _ in range(4)]
        assert found == [200, 200, 403, 403]


async def test_nothing_is_sent_for_one_who_is_killed_while_we_dial(place: Path) -> None:
    heard: list[bytes] = []

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65535):
                heard.append(data)
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hosts = {"pages.test:443": f"127.0.0.1:{port}"}
    async with server, house(place, CAP, hosts=hosts) as built, built.through() as client:
        asked = asyncio.create_task(client.get("https://pages.test/"))
        await eventually(lambda: asyncio.sleep(0, heard), bool)
        assert await stop(built, "acme") == 1
        with pytest.raises(httpx.TransportError):
            await asked
        (outcome,) = await built.outcomes(1)
        assert outcome["result"]["status"] == "killed"
        assert outcome["resource"]["requests"] == 0
        assert len(heard) == 1, "nothing but the start of a handshake"


async def test_a_kill_holds_over_a_restart(place: Path) -> None:
    (place / "policy.yaml").write_text(CAP)
    async with providers(place) as (plain, tls):
        process = Process(place, plain, tls, None)
        first = await process.start()
        await first.post("/api/kills", org="acme", agent="coder", reason="It went astray.")
        await kill(first)
        second = await process.start()
        try:
            async with second.client() as client:
                assert (await client.post(CHAT, json=chat())).status_code == 403
                await second.post("/api/kills/revive", org="acme", agent="coder", reason="Mended.")
                assert (await client.post(CHAT, json=chat())).status_code == 200
        finally:
            await kill(second)


async def test_a_kill_in_one_process_ends_the_streams_of_another(
    tmp_path: Path, authority: Path, redis: RedisServer
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one, two = [await started(stack, tmp_path / name, authority, redis) for name in "ab"]
        clients = [await stack.enter_async_context(each.client()) for each in (one, one, two, two)]
        pieces = [await stack.enter_async_context(streaming(each, CHAT)) for each in clients]
        done = await one.post("/api/kills", org="acme", agent="coder", reason="It went astray.")
        assert done["severed"] == 2
        async with asyncio.timeout(10):
            await asyncio.gather(*map(is_cut, pieces))
        for each in (one, two):
            outcomes = await each.outcomes(2)
            assert {record["result"]["status"] for record in outcomes} == {"killed"}
            await nothing_is_held(each)
            async with each.client() as client:
                answer = await client.post(CHAT, json=chat())
                assert answer.json()["error"]["code"] == "killed"
        (severed,) = await eventually(lambda: two.records(kind="severed"), bool)
        assert severed["result"]["facts"]["severed"] == 2
        await two.post("/api/kills/revive", org="acme", agent="coder", reason="Mended.")

        async def passes() -> bool:
            one.says(words=1, pause_s=0)
            async with one.client() as client:
                return (await client.post(CHAT, json=chat())).status_code == 200

        await eventually(passes, bool)


async def started(
    stack: contextlib.AsyncExitStack, place: Path, authority: Path, redis: RedisServer
) -> House:
    """An Exeat of its own, with a provider of its own, that shares a Redis."""
    place.mkdir()
    shutil.copytree(authority, place / "certs")
    (place / "certs").chmod(0o700)
    (place / "policy.yaml").write_text(CAP)
    plain, tls = await stack.enter_async_context(providers(place))
    built = await Process(place, plain, tls, redis.url).start()
    stack.push_async_callback(kill, built)
    built.says(words=2_000, pause_s=0.01, output_tokens=2_000)
    return built


async def test_fail_closed_without_knowing_what_others_stop_nothing_leaves(place: Path) -> None:
    with RedisServer.running() as server:
        async with house(place, redis_url=server.url) as built, built.client() as client:
            assert (await client.post(CHAT, json=chat())).status_code == 200
            server.kill()

            async def status() -> int:
                return (await client.post(CHAT, json=chat())).status_code

            await eventually(status, lambda found: found == 503)
            server.start()
            await eventually(status, lambda found: found == 200)

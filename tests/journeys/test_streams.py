"""S1 to S4: streams without usage, cut off, left, torn into bytes; each settled, none undercharged."""

import asyncio
import gzip
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import addons
import proxy.runtime
from tests.house import House, chat, eventually, free_port, house, message, policy
from tests.journeys.sums import as_sent, cost, quote
from tests.journeys.wire import IDENTITY, Recorder, ask, dial, read_message, request

CHAT = "/openai/v1/chat/completions"
MESSAGES = "/anthropic/v1/messages"
MARGIN = 256
"""Tokens that a provider may have made before it noticed that nobody reads (pricing.tokens)."""

CAP = policy('name: cap, usd: "10.00"')


@pytest.fixture
async def capped(place: Path) -> AsyncIterator[House]:
    async with house(place, CAP) as built:
        yield built


def post(path: str, body: dict[str, Any]) -> bytes:
    data = as_sent(body)
    return request(
        f"POST {path} HTTP/1.1",
        b"Host: x",
        b"Content-Type: application/json",
        *IDENTITY,
        b"Content-Length: %d" % len(data),
        body=data,
    )


async def outcome_of(built: House, count: int = 1) -> dict[str, Any]:
    """The last outcome; and nothing is held any more."""
    found = await built.outcomes(count)
    budgets = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
    assert budgets[0]["settled"] == await built.spent()
    return found[-1]


class TestWithoutUsage:
    """S1."""

    async def test_s1_a_chat_stream_that_says_no_usage_is_charged_an_upper_bound(
        self, capped: House
    ) -> None:
        capped.says(says_usage=False, output_tokens=8)
        body = chat("gpt-4o", stream=True, max_tokens=4_000)
        async with capped.client() as client:
            assert (await client.post(CHAT, json=body)).status_code == 200
        money = (await outcome_of(capped))["resource"]
        assert money["estimated"]
        assert money["usage"]["source"] == "estimated"
        assert cost(body, 12, 8) <= money["nanousd"] < quote(body).bound_nanousd
        seen = sum(map(len, ("The gate is open, and nobody leaves unseen. ",)))
        assert money["usage"]["output"] == seen + MARGIN

    async def test_s1_a_message_stream_cut_before_its_last_figures_is_charged_an_upper_bound(
        self, capped: House
    ) -> None:
        capped.says(says_usage=False)
        body = message("claude-sonnet-4-5", stream=True, max_tokens=4_000)
        async with capped.client() as client:
            assert (await client.post(MESSAGES, json=body)).status_code == 200
        money = (await outcome_of(capped))["resource"]
        assert money["estimated"]
        bound = quote(body, "anthropic.messages").bound_nanousd
        assert cost(body, 12, 8) <= money["nanousd"] <= bound

    async def test_s1_an_answer_that_is_no_stream_and_says_no_usage_is_charged_its_bound(
        self, capped: House
    ) -> None:
        capped.says(says_usage=False)
        body = chat("gpt-4o")
        async with capped.client() as client:
            assert (await client.post(CHAT, json=body)).status_code == 200
        money = (await outcome_of(capped))["resource"]
        assert (money["nanousd"], money["estimated"]) == (quote(body).bound_nanousd, True)


class TestTorture:
    """S4: the same events, however they are written and torn."""

    EVENTS = (
        {"id": "1", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "grüß 𝄞"}}]},
        {
            "id": "1",
            "model": "gpt-4o",
            "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        },
    )
    USAGE = {
        "id": "1",
        "model": "gpt-4o",
        "choices": [],
        "usage": {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20},
    }

    def written(self, end: str, *, with_usage: bool, decorated: bool) -> bytes:
        texts = [json.dumps(each, ensure_ascii=False) for each in self.EVENTS]
        if with_usage:
            texts.append(json.dumps(self.USAGE))
        lines = []
        for text in (*texts, "[DONE]"):
            if decorated:
                lines += [": a comment", "event: completion", "id: 7", "retry: 10"]
            lines += [f"data:{'' if decorated else ' '}{text}", ""]
        return (end.join(lines) + end).encode()

    @pytest.mark.parametrize("coding", [None, "gzip"])
    @pytest.mark.parametrize("asked", [False, True], ids=["usage not asked for", "usage asked for"])
    async def test_s4_a_stream_is_read_and_passed_however_it_is_torn(
        self, torture: tuple[House, Recorder], asked: bool, coding: str | None
    ) -> None:
        built, provider = torture
        body = chat("gpt-4o", stream=True)
        if asked:
            body["stream_options"] = {"include_usage": True}
        torn = itertools.product((1, 10_000), ("\n", "\r\n", "\r"), (False, True), (False, True))
        async with dial(built.proxy_port) as streams:
            for count, (size, end, decorated, ends_well) in enumerate(torn, 1):
                case = (size, end, decorated, ends_well)
                whole = self.written(end, with_usage=True, decorated=decorated)
                shown = self.written(end, with_usage=asked, decorated=decorated)
                if not ends_well:
                    whole, shown = (
                        whole.removesuffix(end.encode()),
                        shown.removesuffix(end.encode()),
                    )
                if coding and not asked:
                    shown = whole  # Compressed bytes cannot be edited: the event stays.
                sent = gzip.compress(whole, mtime=0) if coding else whole
                provider.answer = (
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n",
                    b"Content-Encoding: gzip\r\n" if coding else b"",
                    b"Transfer-Encoding: chunked\r\n\r\n",
                    *_pieces(sent, size),
                    b"0\r\n\r\n",
                )
                answer = await ask(*streams, post(CHAT, body))
                got = gzip.decompress(answer.body) if coding else answer.body
                assert got == shown, case
                outcome = await outcome_of(built, count)
                assert outcome["result"]["status"] == "answered", case
                assert not outcome["resource"]["estimated"], case
                assert outcome["resource"]["tokens"] == 20, case

    async def test_s4_trailing_garbage_passes_and_what_was_said_counts(
        self, torture: tuple[House, Recorder]
    ) -> None:
        built, provider = torture
        whole = self.written("\n", with_usage=True, decorated=False) + b"\x00\xff garbage"
        provider.answer = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
            % len(whole),
            whole,
        )
        body = chat("gpt-4o", stream=True, stream_options={"include_usage": True})
        async with dial(built.proxy_port) as streams:
            answer = await ask(*streams, post(CHAT, body))
        assert answer.body == whole
        assert (await outcome_of(built))["resource"]["tokens"] == 20

    @pytest.mark.parametrize("cut", [0.2, 0.6, 0.95])
    async def test_s5_a_compressed_stream_cut_in_the_middle_is_never_undercharged(
        self, torture: tuple[House, Recorder], cut: float
    ) -> None:
        built, provider = torture
        whole = gzip.compress(self.written("\n", with_usage=True, decorated=False) * 20, mtime=0)
        part = whole[: int(len(whole) * cut)]
        provider.closes = True
        provider.answer = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
            b"Content-Length: %d\r\n\r\n" % len(whole),
            part,
        )
        async with dial(built.proxy_port) as (reader, writer):
            writer.write(post(CHAT, chat("gpt-4o", stream=True)))
            head = await reader.readuntil(b"\r\n\r\n")
            got = await reader.read()
        assert head.startswith(b"HTTP/1.1 200")
        assert part[:20] in got
        money = (await outcome_of(built))["resource"]
        assert money["nanousd"] >= cost(chat("gpt-4o"), 12, 8)


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Chunks of this size."""
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)


@pytest.fixture
async def torture(place: Path) -> AsyncIterator[tuple[House, Recorder]]:
    """A house whose provider says exactly what it is told to."""
    provider = Recorder()
    await provider.start()
    async with house(
        place,
        CAP,
        routes={"openai": "http://provider.test"},
        hosts={"provider.test:80": f"127.0.0.1:{provider.port}"},
    ) as built:
        yield built, provider
    await provider.stop()


class TestProviderFails:
    @pytest.mark.parametrize("format_name", ["openai", "anthropic"])
    async def test_s1_a_provider_that_breaks_off_in_a_stream_is_charged_what_was_seen(
        self, capped: House, format_name: str
    ) -> None:
        capped.says(words=20, cut_after=12)
        is_openai = format_name == "openai"
        body = chat("gpt-4o", stream=True) if is_openai else message(stream=True)
        async with dial(capped.proxy_port) as (reader, writer):
            writer.write(post(CHAT if is_openai else MESSAGES, body))
            head = await reader.readuntil(b"\r\n\r\n")
            rest = await reader.read()  # The client's connection ends, too: it must not think that
        assert head.startswith(b"HTTP/1.1 200")  # the answer was whole.
        assert not rest.endswith(b"0\r\n\r\n")
        outcome = await outcome_of(capped)
        assert outcome["result"]["status"] == "errored"
        assert outcome["resource"]["estimated"]
        assert outcome["resource"]["nanousd"] >= cost(body, 12, 8)

    async def test_an_upstream_that_refuses_the_connection_costs_nothing_and_says_so_in_shape(
        self, place: Path
    ) -> None:
        port = free_port()
        hosts = {"provider.test:80": f"127.0.0.1:{port}", "api.openai.com:443": f"127.0.0.1:{port}"}
        routes = {"openai": "http://provider.test", "anthropic": "http://provider.test"}
        async with house(place, CAP, hosts=hosts, routes=routes) as built:
            async with built.client() as client, built.through() as tunnelled:
                openai = await client.post(CHAT, json=chat("gpt-4o"))
                anthropic = await client.post(MESSAGES, json=message())
                by_proxy = await tunnelled.post(
                    "https://api.openai.com/v1/chat/completions", json=chat("gpt-4o")
                )
            for answer in (openai, anthropic, by_proxy):
                assert answer.status_code in (502, 503)
                assert answer.headers["x-exeat-decision"] == "upstream_unreachable"
            assert openai.json()["error"]["code"] == "upstream_unreachable"
            assert anthropic.json()["type"] == "error"
            outcomes = await built.outcomes(3)
            assert {each["result"]["status"] for each in outcomes} == {"errored"}
            assert {each["resource"]["nanousd"] for each in outcomes} == {0}
            await outcome_of(built, 3)

    @pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
    async def test_a_providers_own_error_passes_and_costs_nothing(
        self, capped: House, status: int
    ) -> None:
        capped.says(status=status)
        async with capped.client() as client:
            answer = await client.post(CHAT, json=chat("gpt-4o"))
        assert answer.status_code == status
        assert answer.json()["error"]["message"] == "the stand-in was told to fail"
        assert "x-exeat-decision" not in answer.headers
        assert (await outcome_of(capped))["resource"]["nanousd"] == 0


class TestClientLeavesBeforeTheAnswer:
    async def test_h1_a_call_whose_client_leaves_during_the_decision_is_never_forwarded(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deciding, go_on = asyncio.Event(), asyncio.Event()

        class Slow:
            name = "slow"

            async def depart(self, slip: Any, flow: Any) -> Any:
                from proxy.slip import Stamp

                deciding.set()
                await go_on.wait()
                return Stamp("at last")

        def chain(*arguments: Any) -> list[Any]:
            made = list(addons.chain(*arguments))
            at = next(index for index, addon in enumerate(made) if addon.name == "credentials")
            return [*made[:at], Slow(), *made[at:]]

        monkeypatch.setattr(proxy.runtime, "chain", chain)
        async with house(place, CAP) as built:
            async with dial(built.proxy_port) as (_, writer):
                writer.write(post(CHAT, chat("gpt-4o")))
                await deciding.wait()

            async def live() -> int:
                return len((await built.api("/api/calls/live"))["calls"])

            await eventually(live, lambda count: count == 0)
            go_on.set()
            budgets = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
            assert budgets[0]["settled"] == 0
            async with built.client() as client:
                assert (await client.post(CHAT, json=chat("gpt-4o"))).status_code == 200
            assert built.upstream_calls == 1
            async with dial(built.proxy_port) as (reader, writer):
                writer.write(post(CHAT, chat("gpt-4o")))
                assert (await read_message(reader)).status == 200

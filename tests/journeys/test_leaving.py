"""S2, S3: the client leaves before its answer is whole. What then happens is policy; what it costs is
settled once, and nothing stays held."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, chat, eventually, house, policy
from tests.journeys.sums import as_sent, cost, quote
from tests.journeys.wire import IDENTITY, dial, request

CHAT = "/openai/v1/chat/completions"
MARGIN = 256
"""Tokens that a provider may have made before it noticed that nobody reads (pricing.tokens)."""

CAP = 'name: cap, usd: "10.00"'
BODY = chat("gpt-4o", stream=True, max_tokens=4_000)
VERSIONS = pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])


def says(mode: str | None, drain_s: int = 60) -> str:
    return policy(
        CAP, more=f"answers: {{client_leaves: {mode}, drain_s: {drain_s}}}\n" if mode else ""
    )


@pytest.fixture
async def mode() -> str | None:
    return None


@pytest.fixture
async def built(place: Path, mode: str | None) -> AsyncIterator[House]:
    async with house(place, says(mode)) as one:
        yield one


def in_mode(mode: str | None) -> Any:
    return pytest.mark.parametrize("mode", [mode], ids=[mode or "default"])


async def read_a_tenth(built: House, http2: bool) -> None:
    built.says(words=100, pause_s=0.01, output_tokens=100)
    if http2:
        async with built.through(http2=True) as client:
            url = "https://api.openai.com/v1/chat/completions"
            async with client.stream("POST", url, json=BODY) as answer:
                text = b""
                async for piece in answer.aiter_bytes():
                    text += piece
                    if text.count(b"\n\n") > 10:
                        return
    async with dial(built.proxy_port) as (reader, writer):
        writer.write(sent(BODY))
        for _ in range(10):
            await reader.readuntil(b"\n\n")


async def leave_before_headers(built: House) -> None:
    async with dial(built.proxy_port) as (_, writer):
        writer.write(sent(chat("gpt-4o")))

        async def arrived() -> int:
            return built.upstream_calls

        await eventually(arrived, lambda count: count == 1)


def sent(body: dict[str, Any]) -> bytes:
    data = as_sent(body)
    return request(
        f"POST {CHAT} HTTP/1.1",
        b"Host: x",
        b"Content-Type: application/json",
        *IDENTITY,
        b"Content-Length: %d" % len(data),
        body=data,
    )


async def upstream_is_left(built: House) -> None:
    async def left() -> int:
        return built.plain.disconnects + built.tls.disconnects

    await eventually(left, lambda count: count == 1, timeout_s=1)


async def outcome_of(built: House) -> dict[str, Any]:
    """The outcome; and nothing is held any more."""
    (found,) = await built.outcomes(1)
    budgets = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
    assert budgets[0]["settled"] == await built.spent()
    assert found["result"]["status"] == "client_gone"
    return found


class TestDrain:
    """The provider bills what it makes, read or not: so it is read on, and charged to the token."""

    @VERSIONS
    @pytest.mark.parametrize("mode", [None, "drain"], ids=["default", "drain"])
    async def test_s2_an_answer_that_nobody_waits_for_is_charged_what_the_provider_says(
        self, built: House, http2: bool
    ) -> None:
        await read_a_tenth(built, http2)
        outcome = await outcome_of(built)
        money = outcome["resource"]
        assert not money["estimated"]
        assert (money["usage"]["input"], money["usage"]["output"]) == (12, 100)
        assert money["nanousd"] == cost(BODY, 12, 100)
        assert built.plain.disconnects + built.tls.disconnects == 0

    async def test_s2_so_is_one_that_had_not_begun(self, built: House) -> None:
        built.says(delay_s=0.3)
        await leave_before_headers(built)
        money = (await outcome_of(built))["resource"]
        assert not money["estimated"]
        assert money["nanousd"] == cost(chat("gpt-4o"), 12, 8)

    async def test_reading_on_is_bounded(self, place: Path) -> None:
        async with house(place, says("drain", drain_s=1)) as built:
            built.says(words=1_000, pause_s=0.05)
            async with dial(built.proxy_port) as (reader, writer):
                writer.write(sent(BODY))
                for _ in range(3):
                    await reader.readuntil(b"\n\n")
            await eventually(lambda: built.outcomes(1), lambda found: len(found) == 1, timeout_s=10)
            await upstream_is_left(built)
            money = (await outcome_of(built))["resource"]
            assert money["estimated"]
            assert money["nanousd"] < quote(BODY).bound_nanousd

    async def test_what_is_no_model_call_is_not_read_on(self, built: House) -> None:
        async with dial(built.proxy_port) as (reader, writer):
            writer.write(
                request(
                    f"GET http://provider.test:{built.plain.port}/bytes/900000000 HTTP/1.1",
                    f"Host: provider.test:{built.plain.port}".encode(),
                    *IDENTITY,
                )
            )
            await reader.readuntil(b"\r\n\r\n")
        outcome = await outcome_of(built)
        assert outcome["result"]["response_bytes"] < 900_000_000

    async def test_stopping_does_not_wait_for_answers_that_nobody_reads(self, place: Path) -> None:
        async with house(place, says("drain"), grace_s=0.1) as built:
            built.says(words=10_000, pause_s=0.05)
            async with dial(built.proxy_port) as (reader, writer):
                writer.write(sent(BODY))
                await reader.readuntil(b"\n\n")
        # The house is closed: within its grace, or this test would not have come here.
        assert built.plain.disconnects == 1


class TestCancel:
    @VERSIONS
    @in_mode("cancel")
    async def test_s3_the_upstream_is_left_within_a_second_and_what_was_seen_is_charged(
        self, built: House, http2: bool
    ) -> None:
        await read_a_tenth(built, http2)
        await upstream_is_left(built)
        money = (await outcome_of(built))["resource"]
        assert money["estimated"]
        assert money["usage"]["input"] == quote(BODY).input_tokens_bound
        seen = money["usage"]["output"] - MARGIN
        assert 30 <= seen <= 250  # Ten words, and some that were under way.
        at_least = cost(BODY, 12, 10)
        assert at_least <= money["nanousd"] == quote(BODY).fixed_nanousd + (seen + MARGIN) * 10_000

    @in_mode("cancel")
    async def test_s2_a_client_gone_before_headers_is_charged_the_bound(self, built: House) -> None:
        built.says(delay_s=20)
        await leave_before_headers(built)
        money = (await outcome_of(built))["resource"]
        assert money["estimated"]
        assert money["nanousd"] == quote(chat("gpt-4o")).bound_nanousd
        await upstream_is_left(built)


class TestForfeit:
    @VERSIONS
    @in_mode("forfeit")
    async def test_s2_the_upstream_is_left_and_the_whole_hold_is_charged(
        self, built: House, http2: bool
    ) -> None:
        await read_a_tenth(built, http2)
        await upstream_is_left(built)
        money = (await outcome_of(built))["resource"]
        assert money["estimated"]
        assert money["nanousd"] == quote(BODY).bound_nanousd

    @in_mode("forfeit")
    async def test_an_answer_read_to_its_end_is_charged_what_it_cost(self, built: House) -> None:
        async with built.client() as client:
            answer = await client.post(CHAT, json=chat("gpt-4o"))
        assert answer.status_code == 200
        (outcome,) = await built.outcomes(1)
        assert outcome["resource"]["nanousd"] == cost(chat("gpt-4o"), 12, 8)

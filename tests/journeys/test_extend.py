"""`on_exceed: extend`: a little is held at first, more as the answer flows, and when there is no more
the answer ends as if it had reached its limit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

import addons
import proxy.runtime
from proxy.budgets import CountersUnavailable
from tests.house import House, chat, eventually, house, policy
from tests.journeys.sums import cost, quote

CHAT = "/openai/v1/chat/completions"
LONG = {"stream": True, "max_tokens": 16_000}


def capped(usd: str) -> str:
    return policy(f'name: cap, usd: "{usd}", on_exceed: extend')


@pytest.fixture
async def rich(place: Path) -> AsyncIterator[House]:
    async with house(place, capped("10.00")) as built:
        yield built


@pytest.fixture
async def poor(place: Path) -> AsyncIterator[House]:
    """Room for some fourteen thousand tokens of gpt-4o, and six thousand of Claude Opus."""
    async with house(place, capped("0.15")) as built:
        yield built


async def outcome_of(built: House) -> dict[str, Any]:
    """The outcome; and nothing is held any more."""
    (found,) = await built.outcomes(1)
    budgets = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
    assert budgets[0]["settled"] == await built.spent() <= budgets[0]["limit"]
    return found


async def test_rule_5_a_large_bound_holds_little_and_the_answer_passes_whole(rich: House) -> None:
    rich.says(words=3_000, output_tokens=3_000)
    body = chat("gpt-4o", **LONG)
    async with rich.client() as client:
        answer = await client.post(CHAT, json=body)
        direct = await client.post(
            f"http://127.0.0.1:{rich.plain.port}/v1/chat/completions", json=body
        )
    assert answer.content == direct.content
    assert (await outcome_of(rich))["resource"]["nanousd"] == cost(body, 12, 3_000)
    (decision,) = await rich.records(kind="decision")
    (held,) = decision["resource"]["hold"]["amounts"]
    assert held["amount"] < quote(body).bound_nanousd / 3


async def test_a_bound_below_the_first_step_is_held_whole(rich: House) -> None:
    body = chat("gpt-4o", stream=True)
    async with rich.client() as client:
        assert (await client.post(CHAT, json=body)).status_code == 200
    await outcome_of(rich)
    (decision,) = await rich.records(kind="decision")
    assert decision["resource"]["hold"]["amounts"][0]["amount"] == quote(body).bound_nanousd


@pytest.mark.parametrize(
    "body", [chat("gpt-4o", max_tokens=16_000), chat("gpt-5", **LONG)], ids=["whole", "reasons"]
)
async def test_an_answer_that_cannot_be_counted_as_it_flows_is_fitted(
    poor: House, body: dict[str, Any]
) -> None:
    async with poor.client() as client:
        answer = await client.post(CHAT, json=body)
    assert answer.status_code == 200
    assert 256 <= int(answer.headers["x-exeat-output-tokens-max"]) < 16_000


async def by_chat(built: House) -> str:
    client = openai.AsyncOpenAI(
        base_url=f"{built.base}/openai/v1", api_key="-", default_headers=dict(built.headers)
    )
    text, ended = "", None
    question = [{"role": "user", "content": "hi"}]
    async with client:
        async for chunk in await client.chat.completions.create(
            model="gpt-4o",
            max_tokens=16_000,
            messages=question,  # type: ignore[arg-type]
            stream=True,
        ):
            text += chunk.choices[0].delta.content or ""
            ended = chunk.choices[0].finish_reason
    assert ended == "length"
    return text


async def by_responses(built: House) -> str:
    client = openai.AsyncOpenAI(
        base_url=f"{built.base}/openai/v1", api_key="-", default_headers=dict(built.headers)
    )
    text = ""
    last: Any = None
    async with client:
        async for event in await client.responses.create(
            model="gpt-4o", max_output_tokens=16_000, input="hi", stream=True
        ):
            text += event.delta if event.type == "response.output_text.delta" else ""
            last = event
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details.reason == "max_output_tokens"
    return text


async def by_messages(built: House) -> str:
    client = anthropic.AsyncAnthropic(
        base_url=f"{built.base}/anthropic", api_key="-", default_headers=dict(built.headers)
    )
    question = [{"role": "user", "content": "hi"}]
    async with (
        client,
        client.messages.stream(
            model="claude-opus-4-5",
            max_tokens=16_000,
            messages=question,  # type: ignore[arg-type]
        ) as stream,
    ):
        final = await stream.get_final_message()
    assert final.stop_reason == "max_tokens"
    return final.content[0].text  # type: ignore[union-attr]


@pytest.mark.parametrize("read", [by_chat, by_responses, by_messages])
async def test_at_its_end_the_sdk_reads_an_answer_that_reached_its_limit(
    poor: House, read: Callable[[House], Awaitable[str]]
) -> None:
    poor.says(words=20_000, pause_s=0.0001)
    text = await read(poor)
    assert len(text) > 1_000
    assert poor.upstream_calls == 1, "no SDK tries again"

    outcome = await outcome_of(poor)
    money = outcome["resource"]
    assert money["estimated"]
    assert money["usage"]["output"] >= len(text)
    assert outcome["result"]["note"] == "budget_exceeded"

    async def left() -> int:
        return poor.plain.disconnects

    await eventually(left, lambda count: count == 1, timeout_s=2)


async def test_rule_3_answers_that_grow_side_by_side_never_pass_the_cap(place: Path) -> None:
    async with house(place, capped("0.20")) as built:
        built.says(words=20_000, output_tokens=256)  # What a fitted one makes.

        async def one() -> int:
            async with built.client() as client:
                return (await client.post(CHAT, json=chat("gpt-4o", **LONG))).status_code

        statuses = await asyncio.gather(*(one() for _ in range(8)))
        assert 200 in statuses
        budgets = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
        assert 0 < budgets[0]["settled"] <= budgets[0]["limit"]


async def test_rule_1_when_room_cannot_be_asked_for_the_answer_ends(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(slip: Any) -> None:
        raise CountersUnavailable("gone")

    def chain(*arguments: Any) -> list[Any]:
        made = list(addons.chain(*arguments))
        next(each for each in made if each.name == "budget").extend = broken
        return made

    monkeypatch.setattr(proxy.runtime, "chain", chain)
    async with house(place, capped("10.00")) as built:
        built.says(words=20_000, pause_s=0.0001)
        assert len(await by_chat(built)) < 10_000
        assert (await outcome_of(built))["result"]["note"] == "governance_unavailable"


async def test_rule_1_when_nobody_counts_it_any_more_the_answer_ends(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(slip: Any, flow: Any) -> Any:
        def breaks(chunk: bytes) -> bytes:
            raise RuntimeError("broken")

        return breaks

    def chain(*arguments: Any) -> list[Any]:
        made = list(addons.chain(*arguments))
        usage = next(each for each in made if each.name == "usage")
        reads = usage.answer
        usage.answer = lambda slip, flow: broken(slip, flow) if reads(slip, flow) else None
        return made

    monkeypatch.setattr(proxy.runtime, "chain", chain)
    async with house(place, capped("10.00")) as built:
        built.says(words=20_000, pause_s=0.0001)
        async with built.client() as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post(CHAT, json=chat("gpt-4o", **LONG))
        assert (await outcome_of(built))["resource"]["estimated"]


async def test_a_compressed_answer_is_cut_off_where_it_has_no_room(poor: House) -> None:
    """A provider that compresses though it was asked not to cannot be answered for."""
    poor.says(words=20_000, compress=True)
    async with poor.client() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(CHAT, json=chat("gpt-4o", **LONG))
    await outcome_of(poor)

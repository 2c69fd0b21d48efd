"""R1 to R10, F1, F2, F6: no limit is ever passed, and nobody is refused who had room."""

import asyncio
import codecs
import gzip
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.house import (
    House,
    Process,
    chat,
    eventually,
    house,
    kill,
    message,
    policy,
    providers,
)
from tests.journeys.sums import CENT, as_sent, cost, exact, quote
from tests.journeys.wire import IDENTITY, chunked, dial, read_message, request
from tests.redis_server import RedisServer

CHAT = "/openai/v1/chat/completions"
MESSAGES = "/anthropic/v1/messages"
JSON = b"Content-Type: application/json"


@pytest.fixture(params=["memory", "redis"])
def redis_url(request: pytest.FixtureRequest) -> str | None:
    """Every counter there is; None is memory."""
    if request.param == "memory":
        return None
    server: RedisServer = request.getfixturevalue("redis")
    return server.url


async def at_once(built: House, calls: list[dict[str, Any]]) -> list[httpx.Response]:
    """All of them, concurrently."""
    async with built.client(limits=httpx.Limits(max_connections=None)) as client:
        return await asyncio.gather(*(client.post(**call) for call in calls))


def statuses(answers: list[httpx.Response]) -> dict[int, int]:
    found = [answer.status_code for answer in answers]
    return {status: found.count(status) for status in sorted(set(found))}


async def balance(built: House, name: str = "cap", **scope: str) -> dict[str, Any]:
    """One budget, once nothing is held under it any more."""
    query = {"org": "acme", "agent": "coder", "session": "s1", **scope}
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    rows = await eventually(
        lambda: built.budgets(asked), lambda rows: all(row["held"] == 0 for row in rows)
    )
    (found,) = [row for row in rows if row["budget"] == name]
    return found


class TestRaces:
    async def test_r1_fifty_concurrent_calls_on_ten_cents_admit_exactly_ten(
        self, place: Path, redis_url: str | None
    ) -> None:
        call = exact(CENT)
        async with house(
            place, policy('name: cap, usd: "0.10"'), redis_url=redis_url, counters_timeout_s=10
        ) as built:
            built.says(
                input_tokens=call.input_tokens, output_tokens=call.output_tokens, delay_s=0.5
            )
            answers = await at_once(built, [{"url": CHAT, "json": call.body}] * 50)
            assert statuses(answers) == {200: 10, 429: 40}
            assert built.upstream_calls == 10
            await built.outcomes(10)
            assert await built.spent() == 10 * CENT
            cap = await balance(built)
            assert (cap["settled"], cap["remaining"]) == (10 * CENT, 0)
            refused = json.loads(next(each.content for each in answers if each.status_code == 429))
            assert refused["error"]["exeat"]["required"] == CENT

    async def test_r1_holds_for_streams_too(self, place: Path) -> None:
        call = exact(CENT, stream=True)
        async with house(place, policy('name: cap, usd: "0.10"')) as built:
            built.says(
                input_tokens=call.input_tokens, output_tokens=call.output_tokens, pause_s=0.02
            )
            asked = {"url": CHAT, "json": call.body}
            assert statuses(await at_once(built, [asked] * 50)) == {200: 10, 429: 40}
            assert (await balance(built))["settled"] == 10 * CENT

    async def test_r2_a_call_that_may_cost_more_than_remains_sends_no_byte(
        self, place: Path
    ) -> None:
        spends = exact(9 * CENT)
        dear = chat("gpt-4o", max_tokens=16_384, n=31)
        assert quote(dear).bound_nanousd > 500 * CENT
        async with (
            house(place, policy('name: cap, usd: "0.10"')) as built,
            built.client() as client,
        ):
            built.says(input_tokens=spends.input_tokens, output_tokens=spends.output_tokens)
            assert (await client.post(CHAT, json=spends.body)).status_code == 200
            await balance(built)
            answer = await client.post(CHAT, json=dear)
            assert answer.status_code == 429
            told = answer.json()["error"]["exeat"]
            assert told["required"] == quote(dear).bound_nanousd
            assert told["remaining"] == CENT
            assert built.upstream_calls == 1
            assert (await balance(built))["settled"] == 9 * CENT

    async def test_r4_fifty_concurrent_first_calls_of_a_new_agent_admit_exactly_ten(
        self, place: Path, redis_url: str | None
    ) -> None:
        call = exact(CENT)
        text = policy('name: cap, per: [agent], usd: "0.10"')
        async with house(place, text, redis_url=redis_url, counters_timeout_s=10) as built:
            built.says(
                input_tokens=call.input_tokens, output_tokens=call.output_tokens, delay_s=0.2
            )
            asked = {"url": CHAT, "json": call.body, "headers": {"x-agent-id": "never-seen"}}
            assert statuses(await at_once(built, [asked] * 50)) == {200: 10, 429: 40}
            assert (await balance(built, agent="never-seen"))["settled"] == 10 * CENT

    async def test_r5_a_parent_and_eight_sub_agents_share_one_sessions_budget(
        self, place: Path
    ) -> None:
        call = exact(CENT)
        family = ["coder", *(f"coder/{number}" for number in range(8))]
        async with house(place, policy('name: cap, per: [session], usd: "0.10"')) as built:
            built.says(
                input_tokens=call.input_tokens, output_tokens=call.output_tokens, delay_s=0.1
            )
            asked = [
                {"url": CHAT, "json": call.body, "headers": {"x-agent-id": agent}}
                for agent in family * 3
            ]
            assert statuses(await at_once(built, asked)) == {200: 10, 429: 17}
            assert (await balance(built))["settled"] == 10 * CENT

    async def test_r9_a_runaway_loop_of_eighteen_cents_a_call_stops_at_five_of_a_dollar(
        self, place: Path
    ) -> None:
        call = exact(18 * CENT, "claude-sonnet-4-5")
        async with (
            house(place, policy('name: cap, usd: "1.00"')) as built,
            built.client() as client,
        ):
            built.says(input_tokens=call.input_tokens, output_tokens=call.output_tokens)
            answers = [await client.post(MESSAGES, json=call.body) for _ in range(100)]
            assert statuses(answers) == {200: 5, 402: 95}
            assert [each.status_code for each in answers[:5]] == [200] * 5
            assert (await balance(built))["settled"] == 90 * CENT
            assert await built.spent() == 90 * CENT


SCOPES = ("org", "agent", "session", "model")
UNITS = ("usd", "tokens", "requests")
WINDOWS = ("total", "minute", "hour", "day", "week", "month")


def one_call_each(directory: Path) -> Iterator[Path]:
    """A policy per scope, unit and window, each for an org of its own, with room for one call."""
    call = exact(CENT)
    caps = {
        "usd": '"0.01"',
        "tokens": str(call.input_tokens + call.output_tokens + 8),  # A longer model's name counts.
        "requests": "1",
    }
    for scope in SCOPES:
        for unit in UNITS:
            for window in WINDOWS:
                org = f"{scope}-{unit}-{window}"
                path = directory / f"{org}.yaml"
                budget = f"name: cap, per: [{scope}], window: {window}, {unit}: {caps[unit]}"
                path.write_text(
                    policy(budget, more=f"applies_to: {{orgs: [{org}]}}\n").replace(
                        "policy: test", f"policy: {org}"
                    )
                )
                yield path


async def clear_of_a_minutes_end() -> None:
    """A window that rolls over between two calls has room again, and rightly so."""
    while time.time() % 60 > 55:
        await asyncio.sleep(0.1)


async def test_r3_every_scope_unit_and_window_can_refuse(place: Path) -> None:
    call = exact(CENT)
    others = {
        "agent": {"x-agent-id": "another"},
        "session": {"x-session-id": "another"},
        "model": {},
    }
    async with (
        house(place, policies=tuple(one_call_each(place))) as built,
        built.client() as client,
    ):
        built.says(input_tokens=call.input_tokens, output_tokens=call.output_tokens)
        for scope in SCOPES:
            for unit in UNITS:
                await clear_of_a_minutes_end()
                for window in WINDOWS:
                    org = f"{scope}-{unit}-{window}"
                    who = {"x-org-id": org}
                    assert (await client.post(CHAT, json=call.body, headers=who)).status_code == 200
                    refused = await client.post(CHAT, json=call.body, headers=who)
                    assert refused.status_code == 429, org
                    is_rate = unit == "requests" and window in ("minute", "hour")
                    code = "rate_limited" if is_rate else "budget_exceeded"
                    assert refused.headers["x-exeat-decision"] == code
                    assert ("retry-after" in refused.headers) == is_rate
                    told = refused.json()["error"]["exeat"]
                    assert (told["budget"], told["window"]) == ("cap", window)
                    assert ("resets_at" in told) == (window != "total")
                    if scope in others:
                        body = {**call.body, "model": "gpt-4.1"} if scope == "model" else call.body
                        passed = await client.post(
                            CHAT, json=body, headers={**who, **others[scope]}
                        )
                        assert passed.status_code == 200, org


class TestAbsurdNumbers:
    @pytest.mark.parametrize(
        "number",
        ["-1", "1" + "0" * 30, "1e400", "-1e400", '"5"', "1.5", "true", "[1]", "NaN", "Infinity"],
    )
    @pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens", "n"])
    async def test_r6_an_absurd_number_is_refused_in_the_callers_shape_and_holds_nothing(
        self, capped: House, field: str, number: str
    ) -> None:
        fields = {"max_tokens": "5", field: number}
        members = ",".join(f'"{name}":{value}' for name, value in fields.items())
        body = f'{{"model":"gpt-4o","messages":[{{"role":"user","content":"x"}}],{members}}}'
        async with capped.client() as client:
            answer = await client.post(
                CHAT, content=body.encode(), headers={"content-type": "application/json"}
            )
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert answer.json()["error"]["code"] == "bad_request"
        assert capped.upstream_calls == 0
        cap = await balance(capped)
        assert (cap["settled"], cap["remaining"]) == (0, 100 * CENT)

    async def test_r6_more_output_than_the_model_can_emit_is_held_at_what_it_can(
        self, capped: House
    ) -> None:
        async with capped.client() as client:
            for asked in (999_999_999, None, 16_384):
                answer = await client.post(CHAT, json=chat("gpt-4o", max_tokens=asked))
                assert answer.status_code == 200
        decisions = await capped.records(kind="decision")
        assert [each["resource"]["bound"]["output_tokens"] for each in decisions] == [16_384] * 3


@pytest.fixture
async def capped(place: Path) -> Any:
    """A house with one dollar."""
    async with house(place, policy('name: cap, usd: "1.00"')) as built:
        yield built


SAID = '"model":"gpt-4o","messages":[{"role":"user","content":"x"}]'
UNDER_DECLARED: dict[str, tuple[str, dict[str, Any], int]] = {
    "the newer field is small": (CHAT, {"max_completion_tokens": 1, "max_tokens": 9_000}, 9_000),
    "the older field is small": (CHAT, {"max_completion_tokens": 9_000, "max_tokens": 1}, 9_000),
    "a field of another API": (CHAT, {"max_tokens": 1, "max_output_tokens": 9_000}, 9_000),
    "eight choices": (CHAT, {"max_tokens": 1_000, "n": 8}, 8_000),
    "the best of eight": (CHAT, {"max_tokens": 1_000, "best_of": 8}, 8_000),
    "no bound at all": (CHAT, {}, 16_384),
    "only an unknown bound": (CHAT, {"max_output_tokens": 1}, 16_384),
    "Gemini's bound": (CHAT, {"generationConfig": {"maxOutputTokens": 1}}, 16_384),
    "Bedrock's bound": (CHAT, {"inferenceConfig": {"maxTokens": 1}}, 16_384),
}


class TestUnderDeclaration:
    @pytest.mark.parametrize("case", UNDER_DECLARED)
    async def test_r10_the_hold_is_the_largest_reading(self, capped: House, case: str) -> None:
        path, fields, output_tokens = UNDER_DECLARED[case]
        body = chat("gpt-4o", **fields)
        if "max_tokens" not in fields:
            del body["max_tokens"]
        async with capped.client() as client:
            assert (await client.post(path, json=body)).status_code == 200
        (decision,) = await capped.records(kind="decision")
        held = decision["resource"]["hold"]["amounts"][0]["amount"]
        assert held == quote(body).fixed_nanousd + 10_000 * output_tokens

    async def test_r10_thinking_beyond_max_tokens_is_held_or_refused(self, capped: House) -> None:
        thinking = {"type": "enabled", "budget_tokens": 20_000}
        body = message("claude-sonnet-4-5", max_tokens=2_000, thinking=thinking)
        async with capped.client() as client:
            answer = await client.post(MESSAGES, json=body)
        if answer.status_code == 200:
            (decision,) = await capped.records(kind="decision")
            assert decision["resource"]["bound"]["output_tokens"] >= 20_000
        else:
            assert answer.status_code == 400
            assert capped.upstream_calls == 0

    @pytest.mark.parametrize(
        "body",
        {
            "duplicate keys": f'{{{SAID},"max_tokens":1,"max_tokens":9000}}'.encode(),
            "duplicate keys, escaped": f'{{{SAID},"max_tokens":1,"max\\u005ftokens":9000}}'.encode(),
            "another case": f'{{{SAID},"max_tokens":1,"Max_Tokens":9000}}'.encode(),
            "a byte order mark": codecs.BOM_UTF8 + f'{{{SAID},"max_tokens":1}}'.encode(),
            "UTF-16": f'{{{SAID},"max_tokens":1}}'.encode("utf-16"),
            "UTF-16 without a mark": f'{{{SAID},"max_tokens":1}}'.encode("utf-16-le"),
            "two bodies": f'{{{SAID},"max_tokens":1}}{{"max_tokens":9000}}'.encode(),
            "a NUL": f'{{{SAID},"max_tokens":1}}\0'.encode(),
        }.items(),
        ids=lambda case: case[0],
    )
    @pytest.mark.parametrize("coding", ["identity", "gzip"])
    async def test_r10_a_body_that_two_parsers_read_differently_is_refused(
        self, capped: House, body: tuple[str, bytes], coding: str
    ) -> None:
        sent = gzip.compress(body[1]) if coding == "gzip" else body[1]
        headers = {"content-type": "application/json", "content-encoding": coding}
        async with capped.client() as client:
            answer = await client.post(CHAT, content=sent, headers=headers)
        assert answer.status_code == 400
        assert answer.headers["x-exeat-decision"] == "bad_request"
        assert capped.upstream_calls == 0

    async def test_r10_a_body_under_gzip_or_in_chunks_is_held_like_any_other(
        self, capped: House
    ) -> None:
        body = chat("gpt-4o", max_tokens=9_000)
        data = json.dumps(body).encode()
        zipped = gzip.compress(data)
        forms = (
            request(
                f"POST {CHAT} HTTP/1.1", b"Host: x", JSON, *IDENTITY,
                b"Transfer-Encoding: chunked", body=chunked(data[:20], data[20:]),
            ),
            request(
                f"POST {CHAT} HTTP/1.1", b"Host: x", JSON, *IDENTITY, b"Content-Encoding: gzip",
                b"Content-Length: %d" % len(zipped), body=zipped,
            ),
            request(
                f"POST {CHAT} HTTP/1.1", b"Host: x", JSON, *IDENTITY, b"Content-Encoding: gzip",
                b"Transfer-Encoding: chunked", body=chunked(zipped[:9], zipped[9:]),
            ),
        )  # fmt: skip
        capped.says(output_tokens=1)
        for form in forms:
            async with dial(capped.proxy_port) as (reader, writer):
                writer.write(form)
                assert (await read_message(reader)).status in (200, 500)  # It reads no gzip itself.
        decisions = await capped.records(kind="decision")
        bounds = [each["resource"]["bound"]["nanousd"] for each in decisions]
        assert bounds == [quote(body).bound_nanousd] * 3

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            (
                "https://generativelanguage.googleapis.com/v1/models/veo:predictLongRunning",
                "format_unsupported",
            ),
            ("https://bedrock-runtime.us-east-1.amazonaws.com/async-invoke", "format_unsupported"),
            ("https://api.openai.com/v1/images/generations", "format_unsupported"),
            ("https://api.openai.com/v1/batches", "format_unsupported"),
            ("https://api.anthropic.com/v1/sessions", "format_unsupported"),
            ("https://gateway.test/v1/chat/completions", "price_unknown"),
            ("https://gateway.test/anything", "format_unsupported"),
        ],
    )
    async def test_c1_a_model_call_that_cannot_be_metered_does_not_leave(
        self, capped: House, url: str, why: str
    ) -> None:
        async with capped.through() as client:
            answer = await client.post(url, json=chat())
        assert answer.status_code in (400, 403)
        assert answer.headers["x-exeat-decision"] == why


class TestFalseBlocks:
    """F1: an agent that asks for the most and uses little."""

    CAP = 500 * CENT
    BODY = message("claude-opus-4-1", max_tokens=32_000)
    INPUT, OUTPUT = 1_000, 300

    async def blocked(self, place: Path, on_exceed: str) -> tuple[int, int]:
        """Calls admitted and calls refused while less than 80 % was truly spent, of 200."""
        truth, admitted, refused = 0, 0, 0
        text = policy(f'name: cap, usd: "5.00", on_exceed: {on_exceed}')
        async with house(place, text) as built, built.client() as client:
            built.says(input_tokens=self.INPUT, output_tokens=self.OUTPUT)
            for _ in range(200):
                if truth >= self.CAP * 8 // 10:
                    break
                answer = await client.post(MESSAGES, json=self.BODY)
                if answer.status_code == 200:
                    admitted += 1
                    truth += cost(self.BODY, self.INPUT, self.OUTPUT)
                else:
                    assert answer.status_code == 402
                    refused += 1
            cap = await balance(built)
            assert cap["settled"] == truth
        print(f"F1, {on_exceed}: {refused} of {admitted + refused} calls blocked falsely")
        return admitted, refused

    async def test_f1_with_fit_nobody_is_refused_before_the_money_is_spent(
        self, place: Path
    ) -> None:
        admitted, refused = await self.blocked(place, "fit")
        assert refused == 0
        assert admitted * cost(self.BODY, self.INPUT, self.OUTPUT) >= self.CAP * 8 // 10

    async def test_f1_with_refuse_exactly_those_are_refused_whose_worst_case_has_no_room(
        self, place: Path
    ) -> None:
        bound = quote(self.BODY, "anthropic.messages").bound_nanousd
        each = cost(self.BODY, self.INPUT, self.OUTPUT)
        admitted, refused = await self.blocked(place, "refuse")
        assert admitted == (self.CAP - bound) // each + 1
        assert admitted + refused == 200


class TestLeftBehind:
    async def test_f2_a_hundred_clients_that_leave_anywhere_leave_no_hold_behind(
        self, place: Path
    ) -> None:
        chance = random.Random(2)
        asked = chat("gpt-4o", stream=True)
        body = as_sent(asked)
        data = request(
            f"POST {CHAT} HTTP/1.1",
            b"Host: x",
            *IDENTITY,
            JSON,
            b"Content-Length: %d" % len(body),
            body=body,
        )

        async def leaves(built: House) -> None:
            async with dial(built.proxy_port) as (reader, writer):
                match chance.randrange(4):
                    case 0:  # Before its request is whole.
                        writer.write(data[: chance.randrange(len(data))])
                        await writer.drain()
                    case 1:  # Before the answer, or at its start.
                        writer.write(data)
                        await asyncio.sleep(chance.random() * 0.05)
                    case 2:  # Somewhere in the answer.
                        writer.write(data)
                        await reader.readexactly(chance.randrange(1, 1_500))
                    case _:  # After the last byte.
                        writer.write(data)
                        await read_message(reader)

        async with house(place, policy('name: cap, usd: "100.00"')) as built:
            built.says(words=20, pause_s=0.001, delay_s=0.01)
            for _ in range(10):
                await asyncio.gather(*(leaves(built) for _ in range(10)))
            cap = await balance(built)
            decisions = await built.records(kind="decision")
            allowed = [each for each in decisions if each["result"]["decision"] == "allow"]
            outcomes = await built.outcomes(len(allowed))
            assert len(outcomes) == len(allowed) > 50
            assert cap["settled"] == await built.spent()
            truth = cost(chat("gpt-4o"), 12, 8)
            for outcome in outcomes:
                money = outcome["resource"]
                if money["estimated"]:
                    assert truth <= money["nanousd"] <= quote(asked).bound_nanousd
                elif money["requests"]:  # Read to its end, whether or not its client stayed.
                    assert money["nanousd"] == truth
            kinds = {each["result"]["status"] for each in outcomes}
            assert {"answered", "client_gone"} <= kinds

    async def test_f2_calls_in_flight_when_the_process_is_killed_are_charged_at_their_bound(
        self, place: Path
    ) -> None:
        (place / "policy.yaml").write_text(policy('name: cap, usd: "1.00"'))
        async with providers(place) as (plain, tls):
            process = Process(place, plain, tls, None)
            first = await process.start()
            async with first.client() as client:
                assert (await client.post(CHAT, json=chat("gpt-4o"))).status_code == 200
                await first.outcomes(1)
                first.says(delay_s=30)
                calls = [
                    asyncio.create_task(client.post(CHAT, json=chat("gpt-4o"))) for _ in range(5)
                ]
                await eventually(_seen(plain), lambda count: count == 6)
                await kill(first)
                results = await asyncio.gather(*calls, return_exceptions=True)
                assert all(isinstance(each, httpx.TransportError) for each in results)
            second = await process.start()
            try:
                outcomes = await second.outcomes(6)
                lost = [each for each in outcomes if each["result"]["status"] == "lost"]
                bound = quote(chat("gpt-4o")).bound_nanousd
                assert [each["resource"]["nanousd"] for each in lost] == [bound] * 5
                assert all(each["resource"]["estimated"] for each in lost)
                cap = await balance(second)
                assert cap["settled"] == cost(chat("gpt-4o"), 12, 8) + 5 * bound
            finally:
                await kill(second)


def _seen(provider: Any) -> Any:
    async def count() -> int:
        return len(provider.seen)

    return count


async def test_f6_every_figure_is_an_integer(place: Path) -> None:
    text = policy('name: cap, usd: "0.30", tokens: 1000000, requests: 10')
    async with house(place, text) as built, built.client() as client:
        for _ in range(3):
            await client.post(CHAT, json=chat("gpt-4o", max_tokens=33))
        await built.outcomes(3)
        told = json.dumps(
            [
                await built.records(),
                await built.api("/api/costs?by=org,agent,session,model"),
                await built.budgets(),
                (await client.get("/v1/budget", headers={"host": "exeat.internal"})).json(),
            ]
        )

    def refuse(text: str) -> None:
        raise AssertionError(f"a float: {text}")

    json.loads(told, parse_float=refuse)

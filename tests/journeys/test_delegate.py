"""Delegation through real sockets: an agent without a key asks, and somebody who may answers."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from pydantic import SecretStr

from proxy.config import Delegate
from tests.house import House, chat, eventually, house, policy

FAST, ONE, TWO = "exeat/fast", "openai/gpt-4o-mini", "spare/gpt-4o"
URL = "http://exeat.internal/v1"
CAP = 'name: cap, usd: "1.00"'
ALIASES = {FAST: (ONE, TWO), "exeat/one": (ONE,), "exeat/gone": ("gone/gpt-4o-mini", TWO)}


@contextlib.asynccontextmanager
async def delegating(place: Path, text: str = policy(CAP), **more: Any) -> AsyncIterator[House]:
    """A house with two places to ask: `openai` is the cheaper, `spare` the dearer."""
    gone = {"to": "http://gone.test:9", "provider": "openai"}
    routes = {"spare": "https://api.openai.com", "gone": gone}
    hosts = {"gone.test:9": "127.0.0.1:9"}
    settings = {
        "credentials": {"openai": SecretStr("sk-operator")},
        "delegate": Delegate(aliases=ALIASES),
        **more,
    }
    async with house(place, text, routes=routes, more_hosts=hosts, **settings) as built:
        yield built


@pytest.fixture
async def built(place: Path) -> AsyncIterator[House]:
    async with delegating(place) as one:
        yield one


async def ask(
    built: House, model: str = FAST, path: str = "chat/completions", **body: Any
) -> httpx.Response:
    async with built.through() as client:
        asked = chat(model, **body)
        sent = {"authorization": "Bearer of-the-agent"}
        return await client.post(f"{URL}/{path}", json=asked, headers=sent)


async def attempts(built: House, count: int) -> list[dict[str, Any]]:
    """Outcomes of calls to models, once there are so many."""

    async def look() -> list[dict[str, Any]]:
        found = await built.records(kind="outcome")
        return [each for each in found if each["request"]["class"] == "llm.call"]

    return await eventually(look, lambda found: len(found) >= count)


async def decisions(built: House) -> list[dict[str, Any]]:
    found = await built.records(kind="decision")
    return [each for each in found if each["request"]["class"] == "llm.call"]


async def test_an_alias_is_answered_by_the_cheapest_with_the_operators_key(built: House) -> None:
    answer = await ask(built)
    (outcome,) = await attempts(built, 1)
    (decision,) = await decisions(built)
    (delegation,) = await built.records(kind="delegation")
    (seen,) = built.plain.seen

    assert answer.status_code == 200
    assert answer.json()["model"] == "gpt-4o-mini"
    assert answer.headers["x-exeat-delegate"].startswith(f"{ONE}; at most $0.0")
    assert built.tls.seen == []
    assert seen.header("authorization") == "Bearer sk-operator"
    assert not [name for name, _ in seen.headers if name.lower().startswith("x-exeat")]
    assert json.loads(seen.body) == chat("gpt-4o-mini")
    assert answer.headers["x-exeat-record"] == decision["id"] == outcome["id"]
    assert decision["reference"]["serves"] == delegation["reference"]["decision_id"]
    assert delegation["result"]["facts"]["order"].startswith(f"{ONE}: at most $0.0")
    assert outcome["resource"]["nanousd"] == await built.spent() > 0


async def test_an_attempt_has_the_identity_and_the_strength_of_who_delegated(built: House) -> None:
    await ask(built)
    await attempts(built, 1)
    inside, attempt = [each["role"] for each in await built.records(kind="decision")]

    assert inside == attempt
    assert attempt["identity"]["strength"] == "proxy_credentials"


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_who_fails_before_the_first_byte_is_followed_by_the_next_and_both_are_on_file(
    built: House, status: int
) -> None:
    built.plain.says(status=status)
    answer = await ask(built)
    first, second = await attempts(built, 2)

    assert (answer.status_code, answer.json()["model"]) == (200, "gpt-4o")
    assert f"after {ONE} ({status})" in answer.headers["x-exeat-delegate"]
    assert (first["result"]["http_status"], second["result"]["http_status"]) == (status, 200)
    assert (first["resource"]["nanousd"], first["resource"]["requests"]) == (0, 1)
    assert second["resource"]["nanousd"] == await built.spent() > 0
    serves = {each["reference"]["serves"] for each in await decisions(built)}
    assert len(serves) == 1
    (cap,) = await built.budgets()
    assert (cap["held"], cap["settled"]) == (0, await built.spent())


async def test_who_cannot_be_reached_is_followed_by_the_next(built: House) -> None:
    answer = await ask(built, "exeat/gone")

    assert (answer.status_code, answer.json()["model"]) == (200, "gpt-4o")
    assert "after gone/gpt-4o-mini (upstream_unreachable)" in answer.headers["x-exeat-delegate"]


async def test_when_all_fail_the_last_providers_error_is_told(built: House) -> None:
    built.plain.says(status=500)
    built.tls.says(status=529)
    answer = await ask(built)

    assert answer.status_code == 529
    assert answer.json()["error"]["message"] == "the stand-in was told to fail"
    assert f"after {ONE} (500)" in answer.headers["x-exeat-delegate"]
    assert await built.spent() == 0


async def test_a_stream_comes_as_it_is_made(built: House) -> None:
    built.plain.says(words=20, pause_s=0.01)
    async with (
        built.through() as client,
        client.stream("POST", f"{URL}/chat/completions", json=chat(FAST, stream=True)) as answer,
    ):
        pieces = [piece async for piece in answer.aiter_bytes()]
    body = b"".join(pieces)

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert len(pieces) > 5
    assert body.endswith(b"data: [DONE]\n\n")
    assert b'"usage"' not in body, "it was asked for by Exeat, and not by the agent"
    (outcome,) = await attempts(built, 1)
    assert outcome["resource"]["usage"]["source"] == "provider"


async def test_a_stream_that_fails_before_it_begins_is_followed_by_the_next(built: House) -> None:
    built.plain.says(status=500)
    answer = await ask(built, stream=True)

    assert answer.status_code == 200
    assert answer.content.endswith(b"data: [DONE]\n\n")
    assert len(await attempts(built, 2)) == 2


async def test_after_the_first_byte_nobody_else_is_asked(built: House) -> None:
    built.plain.says(words=20, cut_after=3)
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(built, stream=True)
    (outcome,) = await attempts(built, 1)

    assert outcome["result"]["status"] == "errored"
    assert built.tls.seen == []


async def test_who_leaves_takes_its_attempt_along(place: Path) -> None:
    text = policy(CAP, more="answers: {client_leaves: cancel}\n")
    async with delegating(place, text) as built:
        built.plain.says(words=1000, pause_s=0.01)
        asked = chat(FAST, stream=True, max_tokens=2000)
        async with (
            built.through() as client,
            client.stream("POST", f"{URL}/chat/completions", json=asked) as answer,
        ):
            await anext(answer.aiter_bytes())
        (outcome,) = await attempts(built, 1)
        (cap,) = await built.budgets()

    assert outcome["result"]["status"] == "client_gone"
    assert outcome["resource"]["estimated"]
    assert cap["held"] == 0


async def test_who_leaves_before_an_answer_asks_nobody_further(place: Path) -> None:
    text = policy(CAP, more="answers: {client_leaves: cancel}\n")
    async with delegating(place, text) as built:
        built.plain.says(delay_s=30)
        with pytest.raises(httpx.ReadTimeout):
            async with built.through() as client:
                await client.post(f"{URL}/chat/completions", json=chat(FAST), timeout=0.5)
        (outcome,) = await attempts(built, 1)

    assert outcome["result"]["status"] == "client_gone"
    assert built.tls.seen == []


async def test_without_room_nobody_is_asked_and_the_sdk_is_told_so_that_it_stops(
    place: Path,
) -> None:
    async with delegating(place, policy('name: tiny, usd: "0.000001"')) as built:
        answer = await ask(built)
        record = answer.headers["x-exeat-record"]
        async with built.through() as client:
            why = (await client.get(f"{URL}/refusals/{record}")).json()

    assert (answer.status_code, answer.headers["x-should-retry"]) == (429, "false")
    assert answer.json()["error"]["code"] == "insufficient_quota"
    assert "tiny has $0.000001" in answer.json()["error"]["message"]
    assert (why["code"], why["model"]) == ("budget_exceeded", FAST)
    assert [row["budget"] for row in why["allowed"]["budgets"]] == ["tiny"]
    assert built.upstream_calls == 0


async def test_a_cap_chooses_lowers_and_refuses(built: House) -> None:
    mini = await ask(built, max_tokens=8_000, max_cost_usd=0.001)
    sent = json.loads(built.plain.seen[0].body)
    none = await ask(built, max_cost_usd="0.0000001")

    assert mini.status_code == 200
    assert 256 <= sent["max_tokens"] < 8_000
    assert f"lowered to {sent['max_tokens']} output tokens" in mini.headers["x-exeat-delegate"]
    assert (none.status_code, none.json()["error"]["exeat"]["code"]) == (429, "budget_exceeded")
    assert "max_cost_usd" not in sent


async def test_r7_twenty_that_fall_back_at_once_to_a_paid_model_never_pass_the_budget(
    place: Path,
) -> None:
    # What is free fails; what is left is dear, and the budget has room for seven of its answers.
    text = policy('name: cap, usd: "0.0105"')
    prices = place / "prices.toml"
    prices.write_text('[rates.openai."free-1"]\nfree = true\ncontext = 8000\nmax_output = 1000\n')
    aliases = {FAST: ("openai/free-1", "spare/gpt-4o")}
    async with delegating(
        place, text, prices_file=prices, delegate=Delegate(aliases=aliases)
    ) as built:
        built.plain.says(status=500)
        built.tls.says(delay_s=0.2, output_tokens=100, input_tokens=100)
        answers = await asyncio.gather(*(ask(built) for _ in range(20)))
        (cap,) = await built.budgets()
        await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
        spent = await built.spent()

    codes = [answer.status_code for answer in answers]
    assert cap["settled"] + cap["held"] <= cap["limit"]
    assert 0 < spent <= cap["limit"] == 10_500_000
    assert codes.count(200) == len(built.tls.seen) == 7
    assert set(codes) == {200, 500}, "the last provider's error is told, not a refusal"


async def test_the_openai_sdk_works_by_http_proxy_with_no_key_of_its_own(built: House) -> None:
    http_client = openai.DefaultAsyncHttpxClient(proxy=built.proxy_url(), trust_env=False)
    async with openai.AsyncOpenAI(
        base_url=URL, api_key="none", http_client=http_client, max_retries=0
    ) as client:
        messages: Any = [{"role": "user", "content": "hi"}]
        whole = await client.chat.completions.create(model=FAST, messages=messages, max_tokens=99)
        stream = await client.chat.completions.create(
            model=FAST, messages=messages, max_tokens=99, stream=True,
            stream_options={"include_usage": True}, extra_body={"max_cost_usd": 0.5},
        )  # fmt: skip
        chunks = [chunk async for chunk in stream]
        names = [each.id async for each in client.models.list()]
        with pytest.raises(openai.NotFoundError, match=r"\[delegate.aliases\]"):
            await client.chat.completions.create(model="exeat/slow", messages=messages)
        with pytest.raises(openai.PermissionDeniedError, match="no key for groq"):
            await client.chat.completions.create(model="groq/x", messages=messages)

    assert whole.choices[0].message.content
    assert chunks[-1].usage is not None
    assert names == [FAST, "exeat/one", "exeat/gone", ONE, TWO, "gone/gpt-4o-mini"]


async def test_delegate_answers_in_a_few_words(built: House) -> None:
    answer = await ask(built, path="delegate", stream=True)
    told = answer.json()

    assert told["text"].startswith("The gate is open")
    assert (told["model"], told["finish_reason"]) == (ONE, "stop")
    assert told["why"] == answer.headers["x-exeat-delegate"]
    assert told["usage"]["completion_tokens"] == 8
    assert told["record"] == answer.headers["x-exeat-record"]
    (outcome,) = await attempts(built, 1)
    assert 0 < outcome["resource"]["nanousd"] <= told["cost_nanousd_max"]


async def test_delegate_tells_a_providers_error_as_it_is(built: House) -> None:
    built.says(status=500)
    answer = await ask(built, path="delegate")

    assert (answer.status_code, answer.json()["type"]) == (500, "error")


async def test_where_no_alias_is_defined_it_is_said_how(place: Path) -> None:
    async with delegating(place, delegate=Delegate()) as built:
        answer = await ask(built)
        async with built.through() as client:
            names = await client.get(f"{URL}/models")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert "[delegate.aliases]" in answer.json()["error"]["message"]
    assert names.json() == {"object": "list", "data": []}


async def test_what_is_delegated_obeys_the_callers_policy(place: Path) -> None:
    rules = "rules:\n  - {id: no-mini, decision: deny, reason: Not here., match: {models: [gpt-4o-mini]}}\n"
    async with delegating(place, policy(CAP, more=rules)) as built:
        answer = await ask(built)
        refused = [each for each in await decisions(built) if each["result"]["decision"] == "deny"]

    assert (answer.status_code, answer.json()["model"]) == (200, "gpt-4o")
    assert f"after {ONE} (policy_denied)" in answer.headers["x-exeat-delegate"]
    assert [each["rules"]["rule"] for each in refused] == ["test/rules.no-mini"]
    assert built.plain.seen == []


async def test_what_was_delegated_cannot_be_delegated_again(place: Path) -> None:
    # A road that leads back inside: an attempt on it is one that delegates.
    routes = {"loop": "http://exeat.internal"}
    aliases = {FAST: ("loop/exeat-fast",)}
    async with house(place, policy(), routes=routes, delegate=Delegate(aliases=aliases)) as built:
        answer = await ask(built)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "policy_denied")
    assert "cannot be delegated again" in answer.json()["error"]["message"]


async def test_an_alias_that_leads_nowhere_is_an_error_at_start(place: Path) -> None:
    aliases = Delegate(aliases={"exeat/x": ("nowhere/m",)})
    with pytest.raises(ValueError, match=r"delegate.aliases: .*nowhere/m"):
        async with house(place, delegate=aliases):
            pass

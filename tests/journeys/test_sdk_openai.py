"""The real OpenAI SDK through Exeat: the same results; refusals it understands, sent once."""

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.house import House, house, policy
from tests.journeys.sdk_openai import CHAT, RESPONSE, ask, ask_async

KEY = "sk-agent"


async def direct(built: House) -> list[Any]:
    """What the provider itself answers."""
    url = f"http://127.0.0.1:{built.plain.port}/v1"
    async with AsyncOpenAI(api_key=KEY, base_url=url) as client:
        return await ask_async(client)


def by_base_url(built: House, **more: Any) -> dict[str, Any]:
    """What a client of the base-URL route is made with."""
    return {
        "api_key": KEY,
        "base_url": f"{built.base}/openai/v1",
        "default_headers": dict(built.headers),
        **more,
    }


def by_https_proxy(built: House) -> dict[str, Any]:
    """What a client that goes through the proxy is made with; its CA is the bundle's."""
    trust = ssl.create_default_context(cafile=str(built.directory / "certs" / "bundle.pem"))
    client = openai.DefaultAsyncHttpxClient(proxy=built.proxy_url(), verify=trust)
    return {"api_key": KEY, "http_client": client}


def ask_by(how: dict[str, Any]) -> list[Any]:
    with OpenAI(**how) as client:
        return ask(client)


@pytest.mark.parametrize("tool", [None, "read_file"], ids=["talks", "asks for a tool"])
class TestSameResults:
    async def test_s6_openai_sync_by_base_url_gets_what_the_provider_says(
        self, open_house: House, tool: str | None
    ) -> None:
        open_house.says(tool=tool)
        told = await direct(open_house)
        assert await asyncio.to_thread(ask_by, by_base_url(open_house)) == told

    async def test_s6_openai_async_by_base_url_gets_what_the_provider_says(
        self, open_house: House, tool: str | None
    ) -> None:
        open_house.says(tool=tool)
        told = await direct(open_house)
        async with AsyncOpenAI(**by_base_url(open_house)) as client:
            assert await ask_async(client) == told

    async def test_s6_openai_async_by_https_proxy_gets_what_the_provider_says(
        self, open_house: House, tool: str | None
    ) -> None:
        open_house.says(tool=tool)
        told = await direct(open_house)
        async with AsyncOpenAI(**by_https_proxy(open_house)) as client:
            assert await ask_async(client) == told
        decisions = await open_house.records(kind="decision")
        assert {each["role"]["identity"]["strength"] for each in decisions} == {"proxy_credentials"}


async def test_s6_openai_by_https_proxy_with_only_the_environment_gets_what_the_provider_says(
    open_house: House,
) -> None:
    told = await direct(open_house)
    program = Path(__file__).with_name("sdk_openai.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), env=open_house.env(), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(printed) == json.loads(json.dumps([told, told]))
    decisions = await open_house.records(kind="decision")
    assert len(decisions) == 2 * len(told)
    assert {each["request"]["host"] for each in decisions} == {"api.openai.com"}
    assert {each["role"]["identity"]["strength"] for each in decisions} == {"proxy_credentials"}


async def test_s6_openai_calls_are_settled_at_what_the_provider_says(open_house: House) -> None:
    async with AsyncOpenAI(**by_base_url(open_house)) as client:
        await ask_async(client)
    outcomes = await open_house.outcomes(11)
    metered = [each for each in outcomes if each["request"]["class"] == "llm.call"]
    assert len(metered) == 10
    assert not any(each["resource"]["estimated"] for each in outcomes)
    assert {each["resource"]["tokens"] for each in metered} == {20, 12}  # 12: an embedding.


class TestRefusals:
    """One request each, and the exception that agents' authors already handle."""

    async def refused(self, built: House, call: Any, code: str) -> openai.APIStatusError:
        with pytest.raises(openai.APIStatusError) as caught:
            await call
        decisions = await built.records(kind="decision")
        assert [each["result"]["code"] for each in decisions] == [code]
        assert built.upstream_calls == 0
        return caught.value

    async def test_a1_without_an_identity_it_raises_permission_denied_once(
        self, open_house: House
    ) -> None:
        how = by_base_url(open_house, default_headers={})
        async with AsyncOpenAI(**how) as client:
            call = client.chat.completions.create(**CHAT)
            error = await self.refused(open_house, call, "identity_required")
        assert isinstance(error, openai.PermissionDeniedError)
        assert "org, agent, session" in error.message

    async def test_a1_a_denied_host_raises_permission_denied_once(self, place: Path) -> None:
        async with house(place, policy(egress="  default: deny")) as built:
            async with AsyncOpenAI(**by_base_url(built)) as client:
                call = client.chat.completions.create(**CHAT)
                error = await self.refused(built, call, "host_not_allowed")
            assert isinstance(error, openai.PermissionDeniedError)

    async def test_a1_a_denied_model_raises_permission_denied_once(self, place: Path) -> None:
        text = policy(more='models: {allow: ["gpt-4o"]}\n')
        async with house(place, text) as built:
            async with AsyncOpenAI(**by_base_url(built)) as client:
                call = client.chat.completions.create(**CHAT)
                error = await self.refused(built, call, "model_not_allowed")
            assert isinstance(error, openai.PermissionDeniedError)

    async def test_a1_a_denied_model_on_the_responses_api_is_a_bad_request_for_codex(
        self, place: Path
    ) -> None:
        text = policy(more='models: {allow: ["gpt-4o"]}\n')
        async with house(place, text) as built:
            async with AsyncOpenAI(**by_base_url(built)) as client:
                call = client.responses.create(**RESPONSE)
                error = await self.refused(built, call, "model_not_allowed")
            assert isinstance(error, openai.BadRequestError)

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("api", ["chat", "responses", "embeddings"])
    async def test_a1_a_spent_budget_raises_insufficient_quota_once(
        self, place: Path, api: str, stream: bool
    ) -> None:
        async with house(place, policy('name: tiny, usd: "0.0000001"')) as built:
            async with AsyncOpenAI(**by_base_url(built)) as client:
                calls: dict[str, Any] = {
                    "chat": lambda: client.chat.completions.create(**CHAT, stream=stream),
                    "responses": lambda: client.responses.create(**RESPONSE, stream=stream),
                    "embeddings": lambda: client.embeddings.create(
                        model="text-embedding-3-small", input="Hello."
                    ),
                }
                error = await self.refused(built, calls[api](), "budget_exceeded")
            assert isinstance(error, openai.RateLimitError)
            assert error.code == "insufficient_quota"
            assert error.type == "insufficient_quota"
            told = error.body
            assert isinstance(told, dict)
            assert told["exeat"]["budget"] == "tiny"
            assert told["exeat"]["remaining"] == 100
            assert "retry-after" not in error.response.headers

    async def test_a1_by_https_proxy_a_refusal_is_the_same_exception_once(
        self, place: Path
    ) -> None:
        async with house(place, policy('name: tiny, usd: "0.0000001"')) as built:
            async with AsyncOpenAI(**by_https_proxy(built)) as client:
                call = client.chat.completions.create(**CHAT)
                error = await self.refused(built, call, "budget_exceeded")
            assert isinstance(error, openai.RateLimitError)

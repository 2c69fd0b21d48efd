"""The real Anthropic SDK through Exeat: the same results, and refusals it understands and does not
repeat."""

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from tests.house import House, house, policy
from tests.journeys.sdk_anthropic import MESSAGE, ask, ask_async

KEY = "sk-agent"


async def direct(built: House) -> list[Any]:
    """What the provider itself answers."""
    url = f"http://127.0.0.1:{built.plain.port}"
    async with AsyncAnthropic(api_key=KEY, base_url=url) as client:
        return await ask_async(client)


def by_base_url(built: House, **more: Any) -> dict[str, Any]:
    """What a client of the base-URL route is made with."""
    return {
        "api_key": KEY,
        "base_url": f"{built.base}/anthropic",
        "default_headers": dict(built.headers),
        **more,
    }


def by_https_proxy(built: House) -> dict[str, Any]:
    """What a client that goes through the proxy is made with; its CA is the bundle's."""
    trust = ssl.create_default_context(cafile=str(built.directory / "certs" / "bundle.pem"))
    client = anthropic.DefaultAsyncHttpxClient(proxy=built.proxy_url(), verify=trust)
    return {"api_key": KEY, "http_client": client}


def ask_by(how: dict[str, Any]) -> list[Any]:
    with Anthropic(**how) as client:
        return ask(client)


@pytest.mark.parametrize("tool", [None, "read_file"], ids=["talks", "asks for a tool"])
class TestSameResults:
    async def test_s6_anthropic_sync_by_base_url_gets_what_the_provider_says(
        self, open_house: House, tool: str | None
    ) -> None:
        open_house.says(tool=tool)
        told = await direct(open_house)
        assert await asyncio.to_thread(ask_by, by_base_url(open_house)) == told

    async def test_s6_anthropic_async_by_base_url_gets_what_the_provider_says(
        self, open_house: House, tool: str | None
    ) -> None:
        open_house.says(tool=tool)
        told = await direct(open_house)
        async with AsyncAnthropic(**by_base_url(open_house)) as client:
            assert await ask_async(client) == told

    async def test_s6_anthropic_async_by_https_proxy_gets_what_the_provider_says(
        self, open_house: House, tool: str | None
    ) -> None:
        open_house.says(tool=tool)
        told = await direct(open_house)
        async with AsyncAnthropic(**by_https_proxy(open_house)) as client:
            assert await ask_async(client) == told
        decisions = await open_house.records(kind="decision")
        assert {each["role"]["identity"]["strength"] for each in decisions} == {"proxy_credentials"}


async def test_s6_anthropic_by_https_proxy_with_only_the_environment_gets_what_the_provider_says(
    open_house: House,
) -> None:
    told = await direct(open_house)
    program = Path(__file__).with_name("sdk_anthropic.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), env=open_house.env(), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(printed) == json.loads(json.dumps([told, told]))
    decisions = await open_house.records(kind="decision")
    assert len(decisions) == 2 * len(told) - 2  # One stream is told in two ways.
    assert {each["request"]["host"] for each in decisions} == {"api.anthropic.com"}
    assert {each["role"]["identity"]["strength"] for each in decisions} == {"proxy_credentials"}


async def test_s6_anthropic_calls_are_settled_at_what_the_provider_says(open_house: House) -> None:
    async with AsyncAnthropic(**by_base_url(open_house)) as client:
        await ask_async(client)
    outcomes = await open_house.outcomes(7)
    assert not any(each["resource"]["estimated"] for each in outcomes)
    tokens = sorted(each["resource"]["tokens"] for each in outcomes)
    assert tokens == [0, 0, 20, 20, 20, 20, 20]  # Counting and listing are free.


class TestRefusals:
    """One request each, and the exception that agents' authors already handle."""

    async def refused(self, built: House, call: Any, code: str) -> anthropic.APIStatusError:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await call
        decisions = await built.records(kind="decision")
        assert [each["result"]["code"] for each in decisions] == [code]
        assert built.upstream_calls == 0
        told = caught.value.body
        assert isinstance(told, dict)
        assert told["type"] == "error"
        assert told["request_id"] == decisions[0]["id"]
        return caught.value

    async def test_a1_without_an_identity_it_raises_permission_denied_once(
        self, open_house: House
    ) -> None:
        how = by_base_url(open_house, default_headers={})
        async with AsyncAnthropic(**how) as client:
            call = client.messages.create(**MESSAGE)
            error = await self.refused(open_house, call, "identity_required")
        assert isinstance(error, anthropic.PermissionDeniedError)

    async def test_a1_a_denied_host_raises_permission_denied_once(self, place: Path) -> None:
        async with house(place, policy(egress="  default: deny")) as built:
            async with AsyncAnthropic(**by_base_url(built)) as client:
                call = client.messages.create(**MESSAGE)
                error = await self.refused(built, call, "host_not_allowed")
            assert isinstance(error, anthropic.PermissionDeniedError)

    async def test_a1_claude_code_is_told_451_so_that_it_does_not_speak_of_authentication(
        self, place: Path
    ) -> None:
        agent = {"user-agent": "claude-cli/2.1.197 (external, sdk-cli)"}
        async with house(place, policy(egress="  default: deny")) as built:
            how = by_base_url(built, default_headers={**built.headers, **agent})
            async with AsyncAnthropic(**how) as client:
                call = client.messages.create(**MESSAGE)
                error = await self.refused(built, call, "host_not_allowed")
            assert error.status_code == 451

    @pytest.mark.parametrize("stream", [False, True])
    async def test_a1_a_spent_budget_raises_payment_required_once(
        self, place: Path, stream: bool
    ) -> None:
        async with house(place, policy('name: tiny, usd: "0.0000001"')) as built:
            async with AsyncAnthropic(**by_base_url(built)) as client:
                call = client.messages.create(**MESSAGE, stream=stream)
                error = await self.refused(built, call, "budget_exceeded")
            assert isinstance(error, anthropic.PaymentRequiredError)
            assert error.status_code == 402
            told: Any = error.body
            assert told["error"]["type"] == "billing_error"
            assert told["error"]["exeat"]["budget"] == "tiny"
            assert told["error"]["exeat"]["remaining"] == 100

    async def test_a1_by_https_proxy_a_refusal_is_the_same_exception_once(
        self, place: Path
    ) -> None:
        async with house(place, policy('name: tiny, usd: "0.0000001"')) as built:
            async with AsyncAnthropic(**by_https_proxy(built)) as client:
                call = client.messages.create(**MESSAGE)
                error = await self.refused(built, call, "budget_exceeded")
            assert isinstance(error, anthropic.PaymentRequiredError)

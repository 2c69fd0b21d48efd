"""I1 to I5: nobody unnamed, nobody under another's name, nothing without a policy."""

import asyncio
import resource
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.house import House, chat, house, policy
from tests.journeys.wire import (
    IDENTITY,
    ask,
    connect,
    credentials,
    dial,
    read_message,
    request,
    trust,
    tunnel,
)

PAGE = "http://pages.test/page"


class TestNoCredential:
    """I1, I3: every listener mode, every method."""

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PURGE"])
    @pytest.mark.parametrize(
        ("target", "host"),
        [
            ("/openai/v1/models", "x"),
            ("/anthropic/v1/messages", "x"),
            ("/", "127.0.0.1"),
            ("/page", "pages.test"),
            ("http://pages.test/page", "pages.test"),
            ("http://api.openai.com/v1/models", "api.openai.com"),
            ("http://exeat.internal/v1/whoami", "exeat.internal"),
            ("/v1/budget", "exeat.internal"),
        ],
    )
    async def test_i3_without_a_name_it_is_403_on_the_open_port(
        self, open_house: House, method: str, target: str, host: str
    ) -> None:
        async with dial(open_house.proxy_port) as streams:
            data = request(f"{method} {target} HTTP/1.1", f"Host: {host}".encode())
            answer = await ask(*streams, data)
        assert answer.status == 403
        assert answer.get(b"x-exeat-decision") == b"identity_required"
        assert open_house.upstream_calls == 0
        (decision,) = await open_house.records(kind="decision")
        assert decision["result"]["code"] == "identity_required"

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
    async def test_i3_connect_is_accepted_without_a_name_and_what_is_inside_is_403(
        self, open_house: House, method: str
    ) -> None:
        async with dial(open_house.proxy_port) as (reader, writer):
            await connect(reader, writer, "api.openai.com:443", b"User-Agent: python")
            tls = trust(open_house)
            await writer.start_tls(tls, server_hostname="api.openai.com")
            data = request(f"{method} /v1/models HTTP/1.1", b"Host: api.openai.com")
            answer = await ask(reader, writer, data)
            assert answer.status == 403
            # The same connection may go on under a name.
            data = request("GET /v1/models HTTP/1.1", b"Host: api.openai.com", *IDENTITY)
            assert (await ask(reader, writer, data)).status == 200
        assert open_house.upstream_calls == 1

    async def test_i3_plain_http_in_a_tunnel_is_403_too(self, open_house: House) -> None:
        async with dial(open_house.proxy_port) as (reader, writer):
            await connect(reader, writer, "pages.test:80", b"User-Agent: python")
            answer = await ask(reader, writer, request("GET /page HTTP/1.1", b"Host: pages.test"))
        assert answer.status == 403

    async def test_i3_a_part_that_is_missing_is_named(self, open_house: House) -> None:
        for left_out, word in enumerate(("org", "agent", "session")):
            sent = [line for number, line in enumerate(IDENTITY) if number != left_out]
            async with dial(open_house.proxy_port) as streams:
                answer = await ask(
                    *streams, request("GET /openai/v1/models HTTP/1.1", b"Host: x", *sent)
                )
            assert answer.status == 403
            assert b'"missing":"%s"' % word.encode() in answer.body

    @pytest.mark.parametrize("agent", ["git/2.39.5", "Java/25", "okhttp/4", "Apache-HttpClient/5"])
    async def test_i3_clients_that_wait_to_be_asked_are_asked_with_407(
        self, open_house: House, agent: str
    ) -> None:
        async with dial(open_house.proxy_port) as (reader, writer):
            line = "CONNECT git.test:443 HTTP/1.1"
            user_agent = f"User-Agent: {agent}".encode()
            writer.write(request(line, b"Host: git.test:443", user_agent))
            answer = await read_message(reader)
            assert answer.status == 407
            assert (answer.get(b"proxy-authenticate") or b"").startswith(b"Basic realm=")
            # The second try comes on the same connection.
            await connect(reader, writer, "git.test:443", user_agent, credentials())


class TestWhoSpeaks:
    async def told(self, built: House, *lines: bytes) -> tuple[int, bytes | None]:
        async with dial(built.proxy_port) as streams:
            data = request(f"GET {PAGE} HTTP/1.1", b"Host: pages.test", *lines)
            answer = await ask(*streams, data)
        return answer.status, answer.get(b"x-exeat-decision")

    @pytest.mark.parametrize(
        "lines",
        [
            (credentials(), b"X-Agent-Id: other"),
            (credentials(), b"X-Org-Id: other"),
            (credentials(), b"X-Session-Id: other"),
            (credentials(), b"X-Exeat-Agent-Id: coder2"),
            (credentials("acme%2Fcoder%2Fone"), b"X-Agent-Id: coder"),
            (*IDENTITY, b"X-Exeat-Agent-Id: other"),
        ],
    )
    async def test_i1_an_agent_that_claims_to_be_another_is_refused(
        self, open_house: House, lines: tuple[bytes, ...]
    ) -> None:
        assert await self.told(open_house, *lines) == (403, b"identity_mismatch")
        assert open_house.upstream_calls == 0

    @pytest.mark.parametrize(
        "lines",
        [
            (*IDENTITY, b"X-Agent-Id: coder"),
            (*IDENTITY, b"x-agent-id: other"),
            (*IDENTITY, b"X-Exeat-Task-Id: a", b"X-Exeat-Task-Id: b"),
            (IDENTITY[0], IDENTITY[1], b"X-Session-Id: a b"),
            (IDENTITY[0], IDENTITY[1], b"X-Session-Id: "),
            (IDENTITY[0], IDENTITY[1], b"X-Session-Id: a,b"),
            (IDENTITY[0], IDENTITY[1], b"X-Session-Id: " + b"a" * 129),
            (IDENTITY[0], IDENTITY[1], "X-Session-Id: \u00e9".encode()),
            (IDENTITY[0], IDENTITY[1], b"X-Session-Id: {json}"),
            (b"Proxy-Authorization: Bearer abc",),
            (b"Proxy-Authorization: Basic !!!",),
            (credentials("acme%2Fco der"),),
            (credentials("acme%2Fcoder", "s\u00e9"),),
            (credentials(), credentials("acme%2Fother")),
        ],
    )
    async def test_i1_repeated_or_unreadable_names_are_refused(
        self, open_house: House, lines: tuple[bytes, ...]
    ) -> None:
        assert await self.told(open_house, *lines) == (403, b"identity_invalid")
        assert open_house.upstream_calls == 0

    async def test_i1_a_credential_may_be_narrowed_to_a_sub_agent(self, place: Path) -> None:
        async with house(place) as built, built.through() as client:
            answer = await client.get(
                "http://exeat.internal/v1/whoami",
                headers={"x-agent-id": "coder/reviewer", "x-task-id": "t1"},
            )
        found = answer.json()
        assert (found["agent"], found["task"], found["session"]) == ("coder/reviewer", "t1", "s1")
        assert found["sources"]["org"] == "proxy credentials"

    async def test_i1_a_connection_keeps_to_the_credentials_it_has_shown(
        self, open_house: House
    ) -> None:
        def get(*lines: bytes) -> bytes:
            return request(
                "GET http://exeat.internal/v1/whoami HTTP/1.1", b"Host: exeat.internal", *lines
            )

        async with dial(open_house.proxy_port) as streams:
            assert (await ask(*streams, get(credentials()))).status == 200
            answer = await ask(*streams, get(credentials("acme%2Fother")))
            assert (answer.status, answer.get(b"x-exeat-decision")) == (403, b"identity_mismatch")
        async with tunnel(open_house, "pages.test:443") as streams:
            data = request("GET /page HTTP/1.1", b"Host: pages.test", credentials("acme%2Fother"))
            assert (await ask(*streams, data)).status == 403
        assert open_house.upstream_calls == 0

    async def test_i1_two_agents_on_two_connections_are_told_apart(self, open_house: House) -> None:
        async def whoami(agent: str) -> Any:
            async with open_house.through(open_house.proxy_url(agent=agent)) as client:
                return (await client.get("http://exeat.internal/v1/whoami")).json()["agent"]

        agents = [f"agent-{number}" for number in range(20)]
        assert await asyncio.gather(*map(whoami, agents)) == agents


async def test_i2_two_thousand_sessions_leave_memory_where_it_was(place: Path) -> None:
    text = policy("name: each, per: [session], window: minute, requests: 5")
    async with house(place, text) as built:
        async with built.client(limits=httpx.Limits(max_connections=8)) as client:

            async def visits(first: int, count: int) -> None:
                for number in range(first, first + count):
                    headers = {"x-session-id": f"session-{number}", "host": "pages.test"}
                    answer = await client.get(f"{built.base}/openai/v1/models", headers=headers)
                    assert answer.status_code == 200

            await asyncio.gather(*(visits(first, 50) for first in range(0, 400, 50)))
            built.plain.seen.clear()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await asyncio.gather(*(visits(first, 200) for first in range(400, 2000, 200)))
            grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kb < 20_000  # What the stand-in and the client keep is in it.


class TestNoPolicy:
    """I5."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", ""),
            ("{", ""),
            ("policy: x\n", "version"),
            ("policy: x\nversion: 1\negress: {defualt: allow}\n", "defualt"),
            ("- a list\n", ""),
            ("\x00\x01", ""),
        ],
    )
    async def test_i5_a_policy_that_cannot_be_used_denies_all_and_readyz_says_why(
        self, place: Path, text: str, said: str
    ) -> None:
        async with house(place, text) as built:
            await self.denied(built, said or "policy.yaml")

    async def test_i5_a_missing_policy_denies_all_and_readyz_says_why(self, place: Path) -> None:
        async with house(place, policies=(place / "nowhere.yaml",)) as built:
            await self.denied(built, "nowhere.yaml")

    async def test_i5_no_policy_at_all_denies_all(self, place: Path) -> None:
        async with house(place, policies=()) as built:
            await self.denied(built, "no policy")

    async def test_i5_a_caller_whom_no_policy_is_for_is_denied(self, place: Path) -> None:
        text = policy(more="applies_to: {orgs: [umbrella]}\n")
        async with house(place, text) as built, built.client() as client:
            answer = await client.post("/openai/v1/chat/completions", json=chat())
            assert answer.headers["x-exeat-decision"] == "policy_missing"
            other = {"x-org-id": "umbrella"}
            answer = await client.post("/openai/v1/chat/completions", json=chat(), headers=other)
            assert answer.status_code == 200

    async def denied(self, built: House, said: str) -> None:
        async with built.client() as client:
            answers = [
                await client.post("/openai/v1/chat/completions", json=chat()),
                await client.get("/openai/v1/models"),
            ]
        for answer in answers:
            assert answer.status_code == 403
            assert answer.headers["x-exeat-decision"] == "policy_missing"
        assert built.upstream_calls == 0
        async with httpx.AsyncClient(trust_env=False) as client:
            ready = await client.get(f"http://127.0.0.1:{built.console_port}/readyz")
        assert ready.status_code == 503
        assert said in ready.json()["checks"]["policy"]

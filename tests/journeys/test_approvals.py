"""What a policy holds waits for a person: asked once, decided once, used once; through real sockets."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from proxy.approving import ApprovalsSection
from tests.house import (
    NO_TLS,
    House,
    Process,
    chat,
    console_token,
    eventually,
    house,
    kill,
    policy,
    providers,
)
from tests.redis_server import RedisServer

CHAT = "/openai/v1/chat/completions"
URL = "https://api.openai.com/v1/chat/completions"
HELD = """policy: test
version: 1
egress:
  default: allow
rules:
  - {id: ask, decision: hold, reason: Dear., match: {kinds: [llm], models: [gpt-4o]}}
  - {id: write, decision: hold, match: {kinds: [http], methods: [POST], hosts: [pages.test]}}
  - {id: deploy, decision: hold, match: {tools: [deploy]}}
"""


@pytest.fixture
async def built(place: Path) -> AsyncIterator[House]:
    async with house(place, HELD) as one:
        yield one


async def pending(built: House) -> list[dict[str, Any]]:
    """What waits for a person."""
    found: list[dict[str, Any]] = (await built.api("/api/approvals?state=pending"))["approvals"]
    return found


async def asked(built: House) -> dict[str, Any]:
    """The one that waits, once it does."""
    (one,) = await eventually(lambda: pending(built), bool)
    return one


async def approve(built: House, which: str, verb: str = "approve") -> dict[str, Any]:
    answer: dict[str, Any] = await built.post(f"/api/approvals/{which}/{verb}", reason="I looked")
    return answer


def sdk(built: House, **more: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=f"{built.base}/openai/v1", api_key="-", default_headers=dict(built.headers), **more
    )


def call(client: openai.AsyncOpenAI, text: str = "hi") -> Any:
    said: Any = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="gpt-4o", messages=said)


async def test_a_held_call_goes_on_when_a_person_approves_it(built: House) -> None:
    async with sdk(built) as client:
        waiting = asyncio.create_task(call(client))
        one = await asked(built)
        assert built.upstream_calls == 0
        assert (one["rule"], one["reason"], one["kind"]) == ("test/rules.ask", "Dear.", "model")
        lines = {line["name"]: line["value"] for line in one["summary"]}
        assert lines["model"] == "gpt-4o"
        assert lines["host"].startswith("provider.test")
        await approve(built, one["id"])
        answer = await waiting
    assert answer.choices[0].message.content
    assert built.upstream_calls == 1
    records = await eventually(
        lambda: built.records(kind="approval"), lambda found: len(found) >= 3
    )
    assert [each["result"]["status"] for each in records] == ["pending", "approved", "claimed"]
    assert "hi" not in json.dumps(records[0]["result"]["facts"]["summary"])
    (decision,) = await built.records(kind="decision")
    assert records[2]["reference"]["decision_id"] == decision["id"]


async def test_a_denied_call_is_told_why_once_and_so_is_its_repetition(built: House) -> None:
    async with sdk(built) as client:
        waiting = asyncio.create_task(call(client))
        one = await asked(built)
        await approve(built, one["id"], "deny")
        with pytest.raises(openai.PermissionDeniedError) as raised:
            await waiting
        assert (raised.value.code, raised.value.status_code) == ("approval_denied", 403)
        assert "I looked" in str(raised.value)
        with pytest.raises(openai.PermissionDeniedError, match="do not try again"):
            await call(client)
    assert built.upstream_calls == 0
    assert await pending(built) == []
    denied = await built.records(kind="decision", decision="deny")
    assert [each["result"]["code"] for each in denied] == ["approval_denied"] * 2


async def test_a_wait_that_ends_is_pending_in_the_sdks_own_exception_and_one_request(
    place: Path,
) -> None:
    async with house(place, HELD, approvals=ApprovalsSection(wait_s=0)) as built:
        async with sdk(built) as client:
            with pytest.raises(openai.PermissionDeniedError) as raised:
                await call(client)
        (one,) = await pending(built)
        assert raised.value.code == "approval_pending"
        assert raised.value.response.headers["x-exeat-approval-id"] == one["id"]
        assert raised.value.response.headers["x-should-retry"] == "false"
        assert one["id"] in str(raised.value)
        assert len(await built.records(kind="decision")) == 1
        assert built.upstream_calls == 0


@pytest.mark.parametrize("name", ["x-stainless-timeout", "x-stainless-read-timeout"])
async def test_nobody_waits_longer_than_their_client_does(built: House, name: str) -> None:
    async with built.client() as client:
        answer = await client.post(CHAT, json=chat("gpt-4o"), headers={name: "10"})
    assert answer.json()["error"]["code"] == "approval_pending"


async def test_nobody_decides_for_so_long_that_it_expires_while_it_waits(place: Path) -> None:
    async with house(place, HELD, approvals=ApprovalsSection(ttl_s=1)) as built:
        async with built.client() as client:
            answer = await client.post(CHAT, json=chat("gpt-4o"))
        assert answer.json()["error"]["code"] == "approval_expired"
        (one,) = (await built.api("/api/approvals"))["approvals"]
        with pytest.raises(httpx.HTTPStatusError, match="410"):
            await approve(built, one["id"])


async def leaves(built: House, one: asyncio.Task[Any]) -> None:
    """The client goes, and that is on file."""
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one

    async def statuses() -> list[str]:
        return [each["result"]["status"] for each in await built.records(kind="approval")]

    await eventually(statuses, lambda found: "client_gone" in found)


async def test_h1_when_the_client_has_gone_nothing_is_sent_and_its_retry_passes_once(
    built: House,
) -> None:
    async with sdk(built) as client:
        waiting = asyncio.create_task(call(client))
        one = await asked(built)
        await leaves(built, waiting)
    await approve(built, one["id"])
    assert built.upstream_calls == 0
    async with sdk(built) as client:
        assert (await call(client)).choices
        assert built.upstream_calls == 1
        waiting = asyncio.create_task(call(client))
        another = await asked(built)
        assert another["id"] != one["id"]
        waiting.cancel()
    assert built.upstream_calls == 1


async def test_h1_a_stream_of_http2_that_is_reset_while_it_waits_is_not_forwarded(
    built: House,
) -> None:
    async with built.through(http2=True) as client:
        waiting = asyncio.create_task(client.post(URL, json=chat("gpt-4o")))
        one = await asked(built)
        await leaves(built, waiting)
        await approve(built, one["id"])
        assert built.upstream_calls == 0
        assert (await client.post(URL, json=chat("gpt-4o"))).status_code == 200
    assert built.upstream_calls == 1


async def test_h1_a_retry_joins_what_waits_and_one_of_both_passes(built: House) -> None:
    async with built.client() as client:
        both = [asyncio.create_task(client.post(CHAT, json=chat("gpt-4o"))) for _ in range(2)]
        one = await asked(built)

        async def live() -> int:
            assert built.here is not None
            return sum(slip.held_for is not None for slip in built.here.corridor.live)

        await eventually(live, lambda found: found == 2)
        await approve(built, one["id"])
        answers = await asyncio.gather(*both)
        assert sorted(each.status_code for each in answers) == [200, 403]
        (late,) = [each for each in answers if each.status_code == 403]
        (other,) = await pending(built)
        assert late.json()["error"]["code"] == "approval_pending"
        assert late.headers["x-exeat-approval-id"] == other["id"] != one["id"]
    assert built.upstream_calls == 1


@pytest.mark.parametrize(
    ("path", "body"), [("/notes?a=1", b"one"), ("/notes?a=2", b"on3"), ("/notes?a=2", b"one ")]
)
async def test_h2_one_byte_changed_is_another_question(
    built: House, path: str, body: bytes
) -> None:
    url = "https://pages.test"
    async with built.through() as client:
        waiting = asyncio.create_task(client.post(f"{url}/notes?a=2", content=b"one"))
        one = await asked(built)
        changed = asyncio.create_task(client.post(url + path, content=body))
        both = await eventually(lambda: pending(built), lambda found: len(found) == 2)
        await approve(built, one["id"])
        assert (await waiting).json() == {"method": "POST", "path": "/notes", "bytes": 3}
        assert built.upstream_calls == 1
        (other,) = [each for each in both if each["id"] != one["id"]]
        await approve(built, other["id"], "deny")
        answer = await changed
    assert (answer.status_code, answer.json()["exeat"]["code"]) == (403, "approval_denied")
    assert built.upstream_calls == 1


async def test_a_body_is_read_whole_before_anybody_is_asked_and_goes_on_byte_for_byte(
    built: House,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 50_000

    async with built.through() as client:
        waiting = asyncio.create_task(client.post("https://pages.test/up", content=pieces()))
        one = await asked(built)
        lines = {line["name"]: line["value"] for line in one["summary"]}
        assert lines["body"] == "250000 bytes"
        await approve(built, one["id"])
        assert (await waiting).json()["bytes"] == 250_000
    (decision,) = await built.records(kind="decision")
    assert decision["request"]["sha256"]
    assert built.tls.seen[-1].body == b"x" * 250_000


async def test_h1_a_thousand_that_wait_do_not_keep_others_waiting(place: Path) -> None:
    settings = ApprovalsSection(pending_max=100)
    async with (
        house(place, HELD, approvals=settings) as built,
        contextlib.AsyncExitStack() as open_,
    ):
        waiting = []
        for org in range(10):
            limits = httpx.Limits(max_connections=None)
            client = await open_.enter_async_context(built.client(limits=limits))
            headers = {"x-org-id": f"org-{org}"}
            for number in range(100):
                said = [{"role": "user", "content": f"{org} {number}"}]
                body = chat("gpt-4o", messages=said)
                waiting.append(
                    asyncio.create_task(client.post(CHAT, json=body, headers=headers, timeout=300))
                )
        await eventually(lambda: pending(built), lambda found: len(found) == 1000, timeout_s=120)
        async with built.client() as other:
            for _ in range(20):
                assert (await other.post(CHAT, json=chat())).status_code == 200
        assert not any(task.done() for task in waiting), "all of them still wait"
        assert built.upstream_calls == 20
        extra = await client.post(CHAT, json=chat("gpt-4o"), headers=headers)
        assert extra.json()["error"]["code"] == "approval_required"
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_kill_beats_an_approval(built: House) -> None:
    async with built.client() as client:
        waiting = asyncio.create_task(client.post(CHAT, json=chat("gpt-4o")))
        one = await asked(built)
        await built.post("/api/kills", org="acme", agent="coder", reason="Astray.")
        answer = await waiting
        assert answer.json()["error"]["code"] == "killed"
        await approve(built, one["id"])
        answer = await client.post(CHAT, json=chat("gpt-4o"))
    assert answer.json()["error"]["code"] == "killed"
    assert built.upstream_calls == 0


async def test_a_policy_that_was_changed_meanwhile_is_asked_again(built: House) -> None:
    async with built.client() as client:
        waiting = asyncio.create_task(client.post(CHAT, json=chat("gpt-4o")))
        one = await asked(built)
        text = HELD.replace("decision: hold, reason: Dear.", "decision: deny")
        (built.directory / "policy.yaml").write_text(text)
        await eventually(lambda: built.records(kind="policy_change"), bool)
        await approve(built, one["id"])
        answer = await waiting
    assert answer.json()["error"]["code"] == "policy_denied"
    assert built.upstream_calls == 0


async def test_an_approval_that_did_not_leave_is_there_for_the_next_try(place: Path) -> None:
    text = HELD + "budgets:\n  - {name: few, usd: '0.0000001'}\n"
    async with house(place, text) as built, built.client() as client:
        waiting = asyncio.create_task(client.post(CHAT, json=chat("gpt-4o")))
        one = await asked(built)
        await approve(built, one["id"])
        assert (await waiting).json()["error"]["code"] == "insufficient_quota"
        found = await built.api(f"/api/approvals/{one['id']}")
        assert (found["state"], found["claimed_by"]) == ("approved", None)


async def test_rule_1_approvals_that_break_let_nobody_through(
    built: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert built.here is not None

    async def broken(*_: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(built.here.approvals, "claim", broken)
    async with built.client() as client:
        waiting = asyncio.create_task(client.post(CHAT, json=chat("gpt-4o")))
        one = await asked(built)
        await approve(built, one["id"])
        assert (await waiting).status_code == 503
    assert built.upstream_calls == 0


class TestTools:
    """What a model's answer asks for, and what runtimes run by themselves."""

    @pytest.mark.parametrize("stream", [False, True])
    async def test_a_held_tool_names_its_approval_and_passes_once_when_asked_again(
        self, built: House, stream: bool
    ) -> None:
        built.says(tool="deploy", arguments='{"to":"production"}')

        async def answer() -> bytes:
            async with built.client() as client:
                return (await client.post(CHAT, json=chat(stream=stream))).content

        first = await answer()
        one = await asked(built)
        assert one["id"].encode() in first
        assert b"production" not in first
        assert one["kind"] == "tool"
        await approve(built, one["id"])
        assert b"production" in await answer()
        again = await answer()
        assert b"production" not in again
        assert one["id"].encode() not in again
        found = await eventually(
            lambda: built.records(kind="tool_call"), lambda found: len(found) == 3
        )
        facts = [each["result"]["facts"] for each in found]
        assert [each["granted"] for each in facts] == [False, True, False]
        assert facts[1]["approval"] == one["id"]

    async def test_a_quarantined_agents_tool_waits_for_a_person_too(self, built: House) -> None:
        built.says(tool="ls", arguments='{"path":"/srv"}')
        await built.post("/api/kills", org="acme", level="quarantine", reason="Odd.")
        async with built.client() as client:
            assert b"/srv" not in (await client.post(CHAT, json=chat())).content
            one = await asked(built)
            assert one["rule"] == "quarantine"
            await approve(built, one["id"])
            assert b"/srv" in (await client.post(CHAT, json=chat())).content

    async def test_a_hook_is_told_what_waits_and_allowed_once_it_is_approved(
        self, built: House
    ) -> None:
        async def ask() -> Any:
            body = {"runtime": "claude-code", "tool": "deploy", "arguments": {"to": "x"}}
            async with httpx.AsyncClient(proxy=built.proxy_url(), trust_env=False) as client:
                answer = await client.post("http://exeat.internal/v1/tool-calls/check", json=body)
            return answer.json()

        first = await ask()
        one = await asked(built)
        assert (first["decision"], first["approval"]) == ("hold", one["id"])
        assert one["id"] in first["reason"]
        await approve(built, one["id"])
        assert [(await ask())["decision"] for _ in range(2)] == ["allow", "hold"]

    async def test_an_mcp_call_waits_and_is_refused_in_its_protocols_words(
        self, place: Path
    ) -> None:
        text = HELD + "  - {id: pay, decision: hold, match: {tools: [pay]}}\n"
        async with house(place, text) as built, built.through() as client:

            def asks(number: int, amount: int) -> Any:
                params = {"name": "pay", "arguments": {"amount": amount}}
                body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
                return asyncio.create_task(client.post("https://git.test/mcp", json=body))

            waiting = asks(1, 5)
            one = await asked(built)
            assert one["kind"] == "mcp"
            assert {"name": "tool", "value": "pay"} in one["summary"]
            waiting.cancel()
            await approve(built, one["id"])
            await asks(2, 5)
            assert built.upstream_calls == 1
            waiting = asks(3, 6)
            other = await asked(built)
            await approve(built, other["id"], "deny")
            answer = await waiting
            assert answer.json()["error"]["data"]["exeat"]["code"] == "approval_denied"
            assert answer.headers["x-exeat-approval-id"] == other["id"]
            assert answer.json()["id"] == 3
            assert built.upstream_calls == 1


@pytest.mark.parametrize("restart", ["keep", "deny"])
async def test_a_restart_keeps_what_was_open_or_denies_it(place: Path, restart: Any) -> None:
    settings = ApprovalsSection(wait_s=0, restart=restart)
    async with house(place, HELD, approvals=settings) as built, built.through() as client:
        await client.post(URL, json=chat("gpt-4o"))
        (one,) = await pending(built)
    async with house(place, HELD, approvals=settings) as built, built.through() as client:
        if restart == "keep":
            assert [each["id"] for each in await pending(built)] == [one["id"]]
            await approve(built, one["id"])
            assert (await client.post(URL, json=chat("gpt-4o"))).status_code == 200
        else:
            assert await pending(built) == []
            with pytest.raises(httpx.HTTPStatusError, match="409"):
                await approve(built, one["id"])
            answer = await client.post(URL, json=chat("gpt-4o"))
            assert answer.headers["x-exeat-approval-id"] != one["id"]


async def test_h3_two_approvers_race_and_one_decision_counts(built: House) -> None:
    token = await console_token(built.directory, "approver")
    async with built.client() as client:
        waiting = asyncio.create_task(client.post(CHAT, json=chat("gpt-4o")))
        one = await asked(built)
        path = f"http://127.0.0.1:{built.console_port}/api/approvals/{one['id']}"
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as console:
            answers = await asyncio.gather(
                *(
                    console.post(
                        f"{path}/{verb}",
                        json={"reason": "I looked"},
                        headers={"authorization": f"Bearer {secret}"},
                    )
                    for verb, secret in (("approve", built.token), ("deny", token))
                )
            )
        assert sorted(each.status_code for each in answers) == [200, 409]
        answer = await waiting
    is_yes = answers[0].status_code == 200
    assert answer.status_code == (200 if is_yes else 403)
    said = [each["result"]["status"] for each in await built.records(kind="approval")]
    assert len([each for each in said if each in ("approved", "denied")]) == 1


async def test_of_two_processes_one_approves_what_the_other_holds(
    tmp_path: Path, authority: Path, redis: RedisServer
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one, two = [await started(stack, tmp_path / name, authority, redis) for name in "ab"]
        async with one.through() as client, two.through() as other:
            waiting = asyncio.create_task(client.post(URL, json=chat("gpt-4o")))
            held = await asked(two)
            await approve(two, held["id"])
            assert (await waiting).status_code == 200
            waiting = asyncio.create_task(client.post(URL, json=chat("gpt-4o")))
            held = await asked(one)
            await leaves(one, waiting)
            await approve(one, held["id"])
            assert (await other.post(URL, json=chat("gpt-4o"))).status_code == 200
            await eventually(
                lambda: one.api(f"/api/approvals/{held['id']}"), lambda it: it["state"] == "claimed"
            )


async def started(
    stack: contextlib.AsyncExitStack, place: Path, authority: Path, redis: RedisServer
) -> House:
    """An Exeat of its own, with a provider of its own, that shares a Redis."""
    place.mkdir()
    shutil.copytree(authority, place / "certs")
    (place / "certs").chmod(0o700)
    (place / "policy.yaml").write_text(HELD)
    plain, tls = await stack.enter_async_context(providers(place))
    built = await Process(place, plain, tls, redis.url).start()
    stack.push_async_callback(kill, built)
    return built


# --- more of a budget -------------------------------------------------------------------------

SHORT = policy('name: day, window: day, per: [agent], usd: "0.10", on_exceed: hold')
DEAR = chat("gpt-4o", max_tokens=16_000)


async def test_a_call_waits_for_more_of_a_budget_and_goes_on_once_it_is_granted(
    place: Path,
) -> None:
    async with house(place, SHORT) as built, built.client() as client:
        waiting = asyncio.create_task(client.post(CHAT, json=DEAR, timeout=60))
        other = asyncio.create_task(client.post(CHAT, json=DEAR, timeout=60))
        one = await asked(built)
        assert (one["kind"], one["rule"], one["short"]["budget"]) == ("budget", "budget:day", "day")
        assert built.upstream_calls == 0
        await built.post(
            f"/api/approvals/{one['id']}/approve",
            reason="A release", grant={"amount": "5.00", "minutes": 30},
        )  # fmt: skip
        assert (await waiting).status_code == (await other).status_code == 200
        (day,) = await built.budgets()
        assert day["limit"] == 5_100_000_000
        assert day["held"] == 0
        (given,) = await built.records(kind="grant")
        assert given["result"]["facts"]["reason"] == f"{one['id']}: A release"
        assert (await client.post(CHAT, json=DEAR)).status_code == 200, "the grant still holds"
        assert await pending(built) == []


@pytest.mark.parametrize("decision", ["hold", "deny"])
async def test_a_rule_that_came_while_more_of_a_budget_was_asked_for_is_not_passed_over(
    place: Path, decision: str
) -> None:
    rule = f"rules: [{{id: new, decision: {decision}, match: {{models: ['gpt-4o']}}}}]\n"
    async with house(place, SHORT) as built, built.client() as client:
        waiting = asyncio.create_task(client.post(CHAT, json=DEAR, timeout=60))
        one = await asked(built)
        later = SHORT.replace("version: 1", "version: 2") + rule
        if decision == "hold":  # What the new version denies is cut at once.
            (place / "policy.yaml").write_text(later)
            await eventually(lambda: built.records(kind="policy_change"), bool)
            await approve(built, one["id"])
        else:
            (place / "policy.yaml").write_text(later)
        answer = await waiting
        assert answer.status_code == 403
        assert answer.json()["error"]["exeat"]["rule"] == "test/rules.new"
        assert built.upstream_calls == 0
        assert (await built.budgets())[0]["held"] == 0


async def test_a_plain_yes_gives_what_was_missing_and_who_runs_out_again_asks_anew(
    place: Path,
) -> None:
    async with house(place, SHORT) as built, built.client() as client:
        built.says(words=20_000, output_tokens=16_000)
        waiting = asyncio.create_task(client.post(CHAT, json=DEAR, timeout=60))
        one = await asked(built)
        await approve(built, one["id"])
        assert (await waiting).status_code == 200
        waiting = asyncio.create_task(client.post(CHAT, json=DEAR, timeout=60))
        another = await asked(built)
        assert another["id"] != one["id"]
        await approve(built, another["id"], "deny")
        answer = await waiting
        assert answer.json()["error"]["code"] == "approval_denied"
        assert built.upstream_calls == 1
        (day,) = await built.budgets()
        assert day["settled"] <= day["limit"]


async def test_nobody_grants_and_the_call_is_refused_as_its_client_understands(
    place: Path,
) -> None:
    async with house(place, SHORT, approvals=ApprovalsSection(wait_s=0)) as built:
        async with built.client() as client:
            answer = await client.post(CHAT, json=DEAR)
        assert answer.json()["error"]["code"] == "approval_pending"
        assert answer.headers["x-should-retry"] == "false"
        (decision,) = await built.records(kind="decision")
        assert decision["rules"]["rule"] == "budget:day"
        assert built.upstream_calls == 0
        assert (await built.budgets())[0]["held"] == 0

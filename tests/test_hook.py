"""The hook asks through the agent's proxy, and denies whenever it has no good answer."""

import asyncio
import io
import json
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO, cast

import pytest

from proxy.hook import ANSWER_BYTES_MAX, run
from proxy.hooks.claude_code import Said
from tests.hooks.events import event
from tests.hooks.inside import Inside, inside


@pytest.fixture
async def door() -> AsyncIterator[Inside]:
    async with inside() as made:
        yield made


async def asked(data: bytes, proxies: Mapping[str, str], **more: Any) -> Said:
    return await asyncio.to_thread(run, io.BytesIO(data), proxies=proxies, **more)


def denied(said: Said) -> str:
    assert said.code == 0
    own = json.loads(said.out)["hookSpecificOutput"]
    assert own["permissionDecision"] == "deny"
    return str(own["permissionDecisionReason"])


async def test_a_call_is_asked_with_its_identity_and_passes(door: Inside) -> None:
    assert await asked(event(agent_id="sub-1"), {"https": door.proxy}) == Said()
    (url, body), headers = door.asked[0], door.headers[0]
    assert url == "http://exeat.internal/v1/tool-calls/check"
    assert body["tool"] == "Bash"
    assert body["arguments"]["command"] == "rm -rf build"
    assert door.credentials == "acme%2Fcoder:s1"
    assert headers["X-Claude-Code-Session-Id"] == "5f0c9f2e-0000-4000-8000-000000000001"
    assert headers["X-Claude-Code-Agent-Id"] == "sub-1"


async def test_a_denial_and_its_reason_arrive(door: Inside) -> None:
    door.says(decision="deny", reason="It deletes.", rule="r1", policy="p", record="rec-1")
    assert "It deletes. (rule r1" in denied(await asked(event(), {"https": door.proxy}))


async def test_a_result_is_reported(door: Inside) -> None:
    door.answer = b"{}"
    told = event("PostToolUse", tool_response="ok", duration_ms=3)
    assert await asked(told, {"http": door.proxy}) == Said()
    url, body = door.asked[0]
    assert url == "http://exeat.internal/v1/tool-calls/report"
    assert (body["call_id"], body["status"], body["output_bytes"]) == ("toolu_01", "ok", 2)
    assert "output" not in body


async def test_the_proxy_that_is_named_for_exeat_comes_first(door: Inside) -> None:
    nowhere = "http://127.0.0.1:1"
    assert await asked(event(), {"exeat": door.proxy, "https": nowhere, "no": "*"}) == Said()


async def test_a_header_that_nobody_could_send_is_left_out(door: Inside) -> None:
    assert await asked(event(session_id="a\r\nX-Org-Id: b"), {"https": door.proxy}) == Said()
    assert "X-Claude-Code-Session-Id" not in door.headers[0]


@pytest.mark.parametrize(
    "proxies",
    [
        {},
        {"https": "http://127.0.0.1:1"},
        {"https": "127.0.0.1:1"},
        {"https": "socks5://127.0.0.1:1"},
        {"https": "http://"},
        {"https": "http://127.0.0.1:99999"},
        {"https": "http://nowhere.invalid:8080"},
    ],
)
async def test_an_exeat_that_cannot_be_reached_denies(proxies: Mapping[str, str]) -> None:
    denied(await asked(event(), proxies))


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (403, b'{"decision":"allow"}'),
        (503, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b'{"decision":"maybe"}'),
        (200, b'{"decision":"allow"}' + b" " * ANSWER_BYTES_MAX),
    ],
)
async def test_an_odd_answer_denies(door: Inside, status: int, answer: bytes) -> None:
    door.status, door.answer = status, answer
    denied(await asked(event(), {"https": door.proxy}))


async def test_a_slow_answer_denies(door: Inside) -> None:
    door.is_silent = True
    said = await asked(event(), {"https": door.proxy}, deadline_s=0.5)
    assert "within 0.5 s" in denied(said)


async def test_an_input_that_does_not_end_blocks() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdin:
        said = await asyncio.to_thread(run, stdin, proxies={}, deadline_s=0.1)
        os.close(writing)
    assert said.code == 2


@pytest.mark.parametrize("data", [b"", b"{", event(tool_input=7)])
async def test_an_input_that_cannot_be_read_blocks(data: bytes) -> None:
    assert (await asked(data, {})).code == 2


async def test_a_hook_that_breaks_blocks() -> None:
    class Broken:
        def read(self, _: int) -> bytes:
            raise MemoryError

    said = await asyncio.to_thread(run, cast(BinaryIO, Broken()), proxies={})
    assert (said.code, said.error) == (2, "Refused by Exeat: the hook failed with MemoryError.\n")


async def test_a_result_that_cannot_be_reported_stops_nobody() -> None:
    said = await asked(event("PostToolUse", tool_response="x"), {})
    assert said.code == 0
    assert "no record" in json.loads(said.out)["systemMessage"]


async def test_other_events_ask_nobody(door: Inside) -> None:
    assert await asked(event("Stop"), {"https": door.proxy}) == Said()
    assert door.asked == []

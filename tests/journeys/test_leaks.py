"""Secrets that would leave, on the running system: told to the rules, taken out, or kept in."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.house import chat, house

CANARY = "canary-7f3a9c21d4"
CHAT = "/openai/v1/chat/completions"
RULES = """policy: test
version: 1
egress:
  default: allow
rules:
  - {id: bird, decision: deny, priority: 1, reason: It must not leave., match: {secrets: [canary]}}
  - {id: keys, decision: redact, match: {secrets: ["github-*"]}}
"""
TOKEN = "ghp_" + "wX4kR9mTz2LpQv7YbN3cJd8FhS5gUe1AoKi6"


@pytest.mark.parametrize(
    "said",
    [CANARY, CANARY.upper(), CANARY[::-1], base64.b64encode(b"see: " + CANARY.encode()).decode()],
    ids=["as it is", "in capitals", "backwards", "in base64"],
)
async def test_a_canary_never_leaves(place: Path, said: str) -> None:
    async with house(place, RULES, canaries=(SecretStr(CANARY),)) as built:
        async with built.client() as client:
            body = chat(messages=[{"role": "user", "content": f"look: {said}"}])
            answer = await client.post(CHAT, json=body)
            assert answer.status_code == 403
            assert answer.json()["error"]["exeat"]["rule"] == "test/rules.bird"
            assert CANARY not in answer.text
            elsewhere = f"http://provider.test:{built.plain.port}/x?q={said}"
            assert (await client.post(CHAT, json=chat())).status_code == 200
        async with built.through() as other:
            assert (await other.get(elsewhere)).status_code == 403
        assert built.upstream_calls == 1
        assert CANARY not in str(await built.records())


async def test_a_key_is_taken_out_of_the_body_and_the_rest_stays(place: Path) -> None:
    async with house(place, RULES) as built:
        async with built.client() as client:
            body = chat(messages=[{"role": "user", "content": f"my key {TOKEN} is here"}])
            assert (await client.post(CHAT, json=body)).status_code == 200
        (seen,) = built.plain.seen
        assert TOKEN.encode() not in seen.body
        assert b"my key [redacted:" in seen.body
        assert b"] is here" in seen.body


@pytest.mark.parametrize(
    "more",
    [
        {"content": f"see {CANARY}", "headers": {"content-type": "text/plain"}},
        {"content": CANARY, "headers": {"content-type": "application/octet-stream"}},
        {"data": {"a": CANARY}},
        {"files": {"f": ("a.txt", CANARY)}},
    ],
    ids=["text", "bytes", "form", "multipart"],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_canary_leaves_in_no_body_of_any_kind(place: Path, more: Any, method: str) -> None:
    async with house(place, RULES, canaries=(SecretStr(CANARY),)) as built:
        async with built.through() as client:
            url = f"http://provider.test:{built.plain.port}/x"
            assert (await client.request(method, url, **more)).status_code == 403
            assert (await client.request(method, url, content=b"else")).status_code == 200
        assert built.upstream_calls == 1


async def test_a_canary_in_a_body_of_unknown_length_does_not_leave(place: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"some ", CANARY[:5].encode(), CANARY[5:].encode(), b" more"):
            yield piece

    async with house(place, RULES, canaries=(SecretStr(CANARY),)) as built:
        async with built.through() as client:
            url = f"http://provider.test:{built.plain.port}/x"
            assert (await client.post(url, content=pieces())).status_code == 403
        assert built.upstream_calls == 0


@pytest.mark.parametrize("coding", ["aws-chunked", "gzip"])
async def test_rule_7_a_body_that_cannot_be_read_is_refused_and_the_reason_told(
    place: Path, coding: str
) -> None:
    async with house(place, RULES) as built:
        async with built.through() as client:
            url = f"http://provider.test:{built.plain.port}/x"
            headers = {"content-encoding": coding}
            answer = await client.put(url, content=b"no such coding", headers=headers)
            assert answer.status_code == 400
            assert "Content-Encoding" in answer.text
            assert (await client.get(url, headers=headers)).status_code == 200, "it has no body"
        assert built.upstream_calls == 1


@pytest.mark.parametrize(
    "more", [{"params": {"token": TOKEN}}, {"headers": {"x-a": TOKEN}}], ids=["url", "header"]
)
async def test_what_would_be_taken_out_of_a_url_or_a_header_is_refused(
    place: Path, more: Any
) -> None:
    async with house(place, RULES) as built:
        async with built.through() as client:
            url = f"http://provider.test:{built.plain.port}/x"
            answer = await client.get(url, **more)
            assert answer.status_code == 403
            assert "secret" in answer.text
            assert TOKEN not in answer.text
        assert built.upstream_calls == 0

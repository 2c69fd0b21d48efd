"""Secrets that would leave, on the running system: told to the rules, taken out, or kept in."""

import base64
from pathlib import Path

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

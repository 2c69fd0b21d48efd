"""What a policy holds waits for a person: asked once, decided once, used once; through real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.house import House, eventually, house

CHAT = "/openai/v1/chat/completions"
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

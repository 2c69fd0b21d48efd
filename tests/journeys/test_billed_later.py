"""C4: what is billed besides tokens, or later, has no bound that is known; while a budget of dollars
applies it is refused by default, and without one what cannot be metered is refused all the same."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, house, policy

SEARCHES = {"model": "gpt-4o", "input": "hi", "tools": [{"type": "web_search"}]}
RUNS_CODE = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 10,
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [{"type": "code_execution_20250825", "name": "code_execution"}],
}
CACHES = {
    "model": "models/gemini-2.5-pro",
    "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    "ttl": "86400s",
}
BATCH = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
LATER = [
    pytest.param("/openai/v1/responses", SEARCHES, id="a search that the provider runs"),
    pytest.param("/anthropic/v1/messages", RUNS_CODE, id="code that the provider runs"),
    pytest.param("/openai/v1/batches", BATCH, id="a batch by file"),
    pytest.param(
        "/openai/v1/fine_tuning/jobs", {"model": "gpt-4o-mini", "training_file": "f"}, id="tuning"
    ),
    pytest.param("/gemini/v1beta/cachedContents", CACHES, id="a stored prompt cache"),
]


@pytest.fixture
async def built(place: Path) -> AsyncIterator[House]:
    async with house(place, policy('name: cap, usd: "1000000.00"')) as one:
        yield one


@pytest.mark.parametrize(("path", "body"), LATER)
async def test_c4_what_is_billed_later_is_refused_while_a_budget_applies_and_held_by_nothing(
    built: House, path: str, body: dict[str, Any]
) -> None:
    async with built.client() as client:
        answer = await client.post(path, json=body)
    assert 400 <= answer.status_code < 500
    assert built.upstream_calls == 0
    (decision,) = await built.records(kind="decision")
    assert decision["result"]["code"] in ("price_unknown", "format_unsupported")
    (cap,) = await built.budgets()
    assert (cap["settled"], cap["held"]) == (0, 0)

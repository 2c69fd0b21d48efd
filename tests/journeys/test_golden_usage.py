"""S7: what each provider's usage means, filed by the running system: reasoning is counted once, a cache
is counted where it belongs. The tokens and prices here are worked out by hand."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.replay.exchanges import Exchange, exchanges_in
from tests.replay.running import Passed, Record, drive

OWN = Path(__file__).parent.parent / "replay" / "exchanges"


class Vector(NamedTuple):
    """A usage as a provider says it, and what stands in the ledger for it."""

    sample: str
    model: str
    usage: Mapping[str, Any]
    input: int
    output: int
    cache_read: int
    cache_write: int
    reasoning: int
    nanousd: int
    """Tokens times dollars for a million, times a thousand."""


CHAT = {
    "prompt_tokens": 1000,
    "completion_tokens": 500,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 400},
    "completion_tokens_details": {"reasoning_tokens": 300},
}
VECTORS: Mapping[str, Vector] = {
    "chat: reasoning is inside completion, the cache inside prompt": Vector(
        "openai.jsonl:1",
        "gpt-5",
        CHAT,
        1000,
        500,
        400,
        0,
        300,
        600 * 1250 + 400 * 125 + 500 * 10_000,
    ),
    "responses: the same, under other names": Vector(
        "openai.jsonl:5",
        "gpt-5",
        {
            "input_tokens": 1000,
            "input_tokens_details": {"cached_tokens": 400},
            "output_tokens": 500,
            "output_tokens_details": {"reasoning_tokens": 300},
            "total_tokens": 1500,
        },
        *(1000, 500, 400, 0, 300, 600 * 1250 + 400 * 125 + 500 * 10_000),
    ),
    "messages: caches lie beside the input, thinking inside the output": Vector(
        "anthropic.jsonl:1",
        "claude-sonnet-4-5",
        {
            "input_tokens": 100,
            "cache_creation_input_tokens": 700,
            "cache_read_input_tokens": 200,
            "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 200},
            "output_tokens": 50,
            "output_tokens_details": {"thinking_tokens": 30},
        },
        *(1000, 50, 200, 700, 30),
        100 * 3000 + 500 * 3750 + 200 * 6000 + 200 * 300 + 50 * 15_000,
    ),
    "Gemini: thoughts lie beside the candidates, tool prompts beside the prompt": Vector(
        "google.jsonl:1",
        "gemini-2.5-flash",
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 400,
            "candidatesTokenCount": 200,
            "thoughtsTokenCount": 300,
            "toolUsePromptTokenCount": 50,
            "totalTokenCount": 1550,
        },
        *(1050, 500, 400, 0, 300, 650 * 300 + 400 * 30 + 500 * 2500),
    ),
    "xAI: reasoning lies beside completion": Vector(
        "compatible.jsonl:7",
        "grok-4-0709",
        {**CHAT, "completion_tokens": 200, "total_tokens": 1500},
        *(1000, 500, 400, 0, 300, 600 * 3000 + 400 * 750 + 500 * 15_000),
    ),
    "DeepSeek: cache hits under a name of their own": Vector(
        "compatible.jsonl:3",
        "deepseek-chat",
        {
            "prompt_tokens": 1000,
            "completion_tokens": 500,
            "total_tokens": 1500,
            "prompt_cache_hit_tokens": 400,
            "prompt_cache_miss_tokens": 600,
            "completion_tokens_details": {"reasoning_tokens": 300},
        },
        *(1000, 500, 400, 0, 300, -1),
    ),
    "Mistral: nothing but the two sums": Vector(
        "compatible.jsonl:4",
        "mistral-large-latest",
        {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
        *(1000, 500, 0, 0, 0, -1),
    ),
    "OpenRouter: the dollars it states": Vector(
        "compatible.jsonl:9",
        "openai/gpt-4o",
        {**CHAT, "cost": 0.0123456789, "is_byok": False, "cost_details": {}},
        *(1000, 500, 400, 0, 300, 12_345_679),
    ),
    "Converse: caches lie beside the input": Vector(
        "bedrock.jsonl:1",
        "",
        {
            "inputTokens": 100,
            "outputTokens": 50,
            "totalTokens": 1050,
            "cacheReadInputTokens": 200,
            "cacheWriteInputTokens": 700,
        },
        *(1000, 50, 200, 700, 0, -1),
    ),
    "Cohere: what is billed, without its own preamble": Vector(
        "others.jsonl:1",
        "",
        {"billed_units": {"input_tokens": 6, "output_tokens": 4}, "tokens": {"input_tokens": 206}},
        *(6, 4, 0, 0, 0, 6 * 2500 + 4 * 10_000),
    ),
    "embeddings: input alone": Vector(
        "openai.jsonl:8",
        "text-embedding-3-small",
        {"prompt_tokens": 1000, "total_tokens": 1000},
        *(1000, 0, 0, 0, 0, 1000 * 20),
    ),
    "completions": Vector(
        "openai.jsonl:7",
        "gpt-3.5-turbo-instruct",
        {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
        *(1000, 500, 0, 0, 0, 1000 * 1500 + 500 * 2000),
    ),
}
"""-1: the price moves, so genai-prices is trusted for it (tests/replay), and only tokens are held."""


def _told(vector: Vector, own: Mapping[str, Exchange]) -> Exchange:
    """The sample with this usage in its answer, and the model named on both sides."""
    sample = own[vector.sample]
    answer = json.loads(sample.answer)
    answer["usageMetadata" if "usageMetadata" in answer else "usage"] = vector.usage
    body = json.loads(sample.request)
    path = sample.path
    if vector.model:
        for name in ("model", "modelVersion"):
            if name in answer:
                answer[name] = vector.model
        if "model" in body:
            body["model"] = vector.model
        elif "/models/" in path:
            path = f"/v1beta/models/{vector.model}:generateContent"
    return replace(
        sample, path=path, request=json.dumps(body).encode(), answer=json.dumps(answer).encode()
    )


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Passed, dict[str, Record]]]:
    """Every vector through one Exeat."""
    own = {each.where: each for each in exchanges_in(OWN)}
    asked = [_told(vector, own) for vector in VECTORS.values()]
    found = asyncio.run(drive(asked, tmp_path_factory.mktemp("golden")))
    return dict(zip(VECTORS, found, strict=True))


@pytest.mark.parametrize("name", VECTORS)
def test_s7_every_token_is_counted_once(
    name: str, driven: dict[str, tuple[Passed, dict[str, Record]]]
) -> None:
    vector, resource = VECTORS[name], driven[name][1]["outcome"]["resource"]
    assert resource["usage"] == {
        "input": vector.input,
        "output": vector.output,
        "cache_read": vector.cache_read,
        "cache_write": vector.cache_write,
        "reasoning": vector.reasoning,
        "source": "provider",
    }
    assert resource["tokens"] == vector.input + vector.output
    assert not resource["estimated"]
    if vector.nanousd >= 0:
        assert resource["nanousd"] == vector.nanousd
    else:
        assert resource["nanousd"] > 0

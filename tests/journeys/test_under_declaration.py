"""R10 on every format, on the running system: the hold is the largest reading of a body, or the body is
refused and the provider never hears of it."""

import asyncio
import codecs
import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proxy.pricing.prices import Prices
from proxy.providers.usage import Usage
from tests.house import policy
from tests.replay.exchanges import Exchange, exchanges_in
from tests.replay.running import Passed, Record, drive

OWN = Path(__file__).parent.parent / "replay" / "exchanges"
BUDGET = policy('name: cap, usd: "100000.00"')
HUGE = 999_999_999

Fields = Mapping[str, Any]
THINKS = {"type": "enabled", "budget_tokens": 3000}
FORMATS: Mapping[str, tuple[str, Fields, Fields, list[Fields]]] = {
    # An exchange of ours; an honest bound; one beyond what the model can emit; and bodies that say less
    # in one place than in another.
    "openai.chat": (
        "openai.jsonl:1",
        {"max_tokens": 3000},
        {"max_tokens": HUGE},
        [
            {"max_completion_tokens": 1, "max_tokens": 3000},
            {"max_completion_tokens": 3000, "max_tokens": 1},
            {"max_tokens": 1, "max_output_tokens": 3000},
            {"max_tokens": 375, "n": 8},
            {"max_tokens": 375, "best_of": 8},
            {"max_tokens": None, "max_output_tokens": 1},
            {"max_tokens": None, "generationConfig": {"maxOutputTokens": 1}},
        ],
    ),
    "openai.responses": (
        "openai.jsonl:5",
        {"max_output_tokens": 3000},
        {"max_output_tokens": HUGE},
        [
            {"max_output_tokens": 1, "max_tokens": 3000},
            {"max_output_tokens": 1, "max_completion_tokens": 3000},
            {"max_output_tokens": None, "max_tokens": 1},
        ],
    ),
    "openai.completions": (
        "openai.jsonl:7",
        {"max_tokens": 3000},
        {"max_tokens": HUGE},
        [
            {"max_tokens": 1, "max_completion_tokens": 3000},
            {"max_tokens": 375, "n": 8},
            {"max_tokens": 375, "best_of": 8},
            {"max_tokens": 375, "n": 2, "best_of": 8},
        ],
    ),
    "anthropic.messages": (
        "anthropic.jsonl:1",
        {"max_tokens": 3000},
        {"max_tokens": HUGE},
        [
            {"max_tokens": 1, "thinking": THINKS},
            {"max_tokens": 1, "max_completion_tokens": 3000},
        ],
    ),
    "gemini.generate": (
        "google.jsonl:1",
        {"generationConfig": {"maxOutputTokens": 3000}},
        {"generationConfig": {"maxOutputTokens": HUGE}},
        [
            {"generationConfig": {"maxOutputTokens": 375, "candidateCount": 8}},
            {
                "generationConfig": {
                    "maxOutputTokens": 1,
                    "thinkingConfig": {"thinkingBudget": 3000},
                }
            },
            {"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 3000}},
            {
                "generationConfig": {"maxOutputTokens": 1},
                "generation_config": {"maxOutputTokens": 3000},
            },
            {"generation_config": {"max_output_tokens": 3000}},
            {"generationConfig": None, "max_tokens": 1},
        ],
    ),
    "bedrock.converse": (
        "bedrock.jsonl:1",
        {"inferenceConfig": {"maxTokens": 3000}},
        {"inferenceConfig": {"maxTokens": HUGE}},
        [
            {
                "inferenceConfig": {"maxTokens": 1},
                "additionalModelRequestFields": {"max_tokens": 3000},
            },
            {
                "inferenceConfig": {"maxTokens": 1},
                "additionalModelRequestFields": {"inferenceConfig": {"max_new_tokens": 3000}},
            },
            {
                "inferenceConfig": {"maxTokens": 1},
                "additionalModelRequestFields": {"thinking": THINKS},
            },
            {"inferenceConfig": None, "max_tokens": 1},
        ],
    ),
    "bedrock.invoke": (
        "bedrock.jsonl:3",
        {"max_tokens": 3000},
        {"max_tokens": HUGE},
        [
            {"max_tokens": 1, "thinking": THINKS},
            {"max_tokens": 1, "max_completion_tokens": 3000},
        ],
    ),
    "cohere.chat": (
        "others.jsonl:2",
        {"max_tokens": 3000},
        {"max_tokens": HUGE},
        [
            {"max_tokens": 1, "max_output_tokens": 3000},
            {"max_tokens": 1, "max_completion_tokens": 3000},
        ],
    ),
}

MAY_BE_UNSAID = ("openai.completions", "anthropic.messages", "bedrock.invoke")
"""Where a body without a bound has 16 tokens, or is refused."""
PRICES = Prices(at=datetime.now(UTC))

STRICT = {
    "a key twice": lambda text: text.replace("{", '{"zz":1,"zz":2,', 1).encode(),
    "a key twice, once escaped": lambda text: text.replace(
        "{", '{"zz":1,"\\u007az":2,', 1
    ).encode(),
    "a key twice, deep down": lambda text: text.replace(
        "{", '{"zz":{"a":[{"b":1,"b":2}]},', 1
    ).encode(),
    "a byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "two bodies": lambda text: f"{text}{text}".encode(),
    "a NUL": lambda text: f"{text}\0".encode(),
    "NaN": lambda text: text.replace("{", '{"zz":NaN,', 1).encode(),
    "a number beyond all": lambda text: text.replace("{", '{"zz":1e999,', 1).encode(),
    "half a character": lambda text: text.encode().replace(b"{", b'{"zz":"\xff",', 1),
    "a list": lambda text: f"[{text}]".encode(),
}


def _with(exchange: Exchange, where: str, changes: Fields) -> Exchange:
    body = {**json.loads(exchange.request), **changes}
    kept = {name: value for name, value in body.items() if value is not None}
    return replace(exchange, where=where, request=json.dumps(kept).encode())


def _zipped(exchange: Exchange, where: str) -> Exchange:
    sent = (*exchange.sent, ("Content-Encoding", "gzip"))
    return replace(
        exchange, where=where, sent=sent, request=gzip.compress(exchange.request, mtime=0)
    )


TRICKS = [(name, at) for name, row in FORMATS.items() for at in range(len(row[3]))]
type Driven = dict[tuple[str, object], tuple[Passed, dict[str, Record]]]


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Driven:
    """Every body through one Exeat."""
    own = {each.where: each for each in exchanges_in(OWN)}
    asked: dict[tuple[str, object], Exchange] = {}
    for name, (where, honest, huge, tricks) in FORMATS.items():
        sample = own[where]
        fair = asked[name, "honest"] = _with(sample, f"{name} honest", honest)
        asked[name, "zipped"] = _zipped(fair, f"{name} zipped")
        asked[name, "huge"] = _with(sample, f"{name} huge", huge)
        unsaid = json.loads(fair.request)
        for field in honest:
            del unsaid[field]
        asked[name, "unsaid"] = replace(fair, request=json.dumps(unsaid).encode())
        for at, changes in enumerate(tricks):
            asked[name, at] = _with(sample, f"{name} {at}", changes)
        for how, write in STRICT.items():
            body = write(fair.request.decode())
            asked[name, how] = replace(fair, where=f"{name} {how}", request=body)
    place = tmp_path_factory.mktemp("declared")
    return dict(zip(asked, asyncio.run(drive(list(asked.values()), place, BUDGET)), strict=True))


def _bound(driven: Driven, name: str, case: object) -> dict[str, int]:
    decided = driven[name, case][1]["decision"]
    assert decided["result"]["decision"] == "allow", decided["result"]["reason"]
    assert decided["request"]["format"] == name
    bound: dict[str, int] = decided["resource"]["bound"]
    assert decided["resource"]["hold"]["amounts"][0]["amount"] == bound["nanousd"]
    return bound


@pytest.mark.parametrize(("name", "at"), TRICKS, ids=lambda part: str(part))
def test_r10_what_is_declared_small_in_one_place_is_held_by_the_other(
    name: str, at: int, driven: Driven
) -> None:
    passed, records = driven[name, at]
    if records["decision"]["result"]["decision"] == "deny":
        assert records["decision"]["result"]["code"] in ("bad_request", "format_unsupported")
        assert passed.connections == 0
    else:
        asked = records["decision"]["request"]
        least = PRICES.cost(asked["provider"], asked["model"], Usage(0, 3000))
        assert _bound(driven, name, at)["nanousd"] >= least


@pytest.mark.parametrize("name", FORMATS)
def test_r10_more_than_the_model_can_emit_is_held_at_what_it_can(name: str, driven: Driven) -> None:
    huge = _bound(driven, name, "huge")
    assert 3000 <= huge["output_tokens"] < 10**6
    if name not in MAY_BE_UNSAID:
        assert huge["output_tokens"] == _bound(driven, name, "unsaid")["output_tokens"]


@pytest.mark.parametrize("name", FORMATS)
def test_r10_a_body_under_gzip_is_held_like_any_other(name: str, driven: Driven) -> None:
    assert _bound(driven, name, "zipped") == _bound(driven, name, "honest")


@pytest.mark.parametrize("how", STRICT)
@pytest.mark.parametrize("name", FORMATS)
def test_r10_a_body_that_two_parsers_read_differently_is_refused(
    name: str, how: str, driven: Driven
) -> None:
    passed, records = driven[name, how]
    assert records["decision"]["result"]["code"] == "bad_request"
    assert passed.answer is not None
    assert passed.answer.status == 400
    assert passed.connections == 0

"""S4 and S5 on every streaming format: however an answer is written, coded, torn or cut off, what is
filed is what it says; and where it never came to say it, an upper bound that is flagged as one."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.house import OPEN_POLICY, policy
from tests.replay.exchanges import Exchange, exchanges_in
from tests.replay.running import Passed, Record, drive
from tests.replay.upstream import coded

OWN = Path(__file__).parent.parent / "replay" / "exchanges"
STREAMS: Mapping[str, str] = {
    "OpenAI chat": "openai.jsonl:2",
    "OpenAI responses": "openai.jsonl:6",
    "Anthropic": "anthropic.jsonl:2",
    "Groq": "compatible.jsonl:1",
    "Mistral": "compatible.jsonl:5",
    "OpenRouter": "compatible.jsonl:8",
    "Gemini": "google.jsonl:2",
    "Gemini, an array": "google.jsonl:3",
    "Bedrock Converse": "bedrock.jsonl:2",
    "Bedrock, Claude": "bedrock.jsonl:3",
    "Bedrock, Nova": "bedrock.jsonl:4",
    "Cohere": "others.jsonl:2",
    "Cohere v1": "others.jsonl:4",
    "Ollama": "others.jsonl:9",
}
EVENTS = frozenset(
    [
        "OpenAI chat",
        "OpenAI responses",
        "Anthropic",
        "Groq",
        "Mistral",
        "OpenRouter",
        "Gemini",
        "Cohere",
    ]
)
"""Those that are server-sent events, and may be written in all the ways that those may."""

_DATA = re.compile(rb"^data: ?(?=\{)\{", re.MULTILINE)


def _lines(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


WRITTEN: Mapping[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda data: _lines(data).replace(b"\n", b"\r\n"),
    "CR alone": lambda data: _lines(data).replace(b"\n", b"\r"),
    "comments, ids and retries": lambda data: _lines(data).replace(
        b"\n\n", b"\n\n: still here\nid: 7\nretry: 10\n"
    ),
    "data on several lines": lambda data: _DATA.sub(b"data: {\ndata:  ", _lines(data)),
    "no space after the colon": lambda data: data.replace(b"data: ", b"data:"),
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "blank lines before and between": lambda data: (
        b"\n\n" + _lines(data).replace(b"\n\n", b"\n\n\n\n")
    ),
    "no blank line at the end": lambda data: data.rstrip(b"\r\n"),
    "garbage at the end": lambda data: data + b"\x00\xff data: {garbage",
    "text in four bytes": lambda data: data.replace(b"owl", "𝄞".encode()),
}
FREE = frozenset(["Ollama"])
"""Without a price, so that under a budget it would be refused: it is driven without one."""
CODINGS = ("gzip", "br", "zstd", "deflate")
PIECES = (1, 3, 1_000_000)
BUDGET = policy('name: cap, usd: "1000.00"')
CUTS = (0.15, 0.5, 0.9)

type Case = tuple[str, str, int]
CASES: list[Case] = [
    *((name, how, 1) for name in STREAMS if name in EVENTS for how in WRITTEN),
    *((name, coding, size) for name in STREAMS for coding in CODINGS for size in (1, 1_000_000)),
    *((name, "as it is", size) for name in STREAMS for size in PIECES),
]
CUT: list[tuple[str, str, float]] = [
    (name, coding, cut)
    for name in STREAMS
    if name not in FREE
    for coding in ("", *CODINGS)
    for cut in CUTS
]


def _torn(exchange: Exchange, how: str, size: int) -> Exchange:
    where = f"{exchange.where} {how} {size}"
    torn = replace(exchange, where=where, piece_bytes=size, streams=True)
    if how in CODINGS:
        return replace(torn, coding=how)
    return replace(torn, answer=WRITTEN.get(how, bytes)(exchange.answer))


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, tuple[Passed, dict[str, Record]]]:
    """Every case through one Exeat."""
    own = {each.where: each for each in exchanges_in(OWN)}
    asked: dict[Any, Exchange] = {name: own[where] for name, where in STREAMS.items()}
    asked |= {case: _torn(own[STREAMS[case[0]]], case[1], case[2]) for case in CASES}
    asked |= {
        case: replace(
            own[STREAMS[case[0]]], where=str(case), coding=case[1], cut_at=case[2], streams=True
        )
        for case in CUT
    }
    found: dict[Any, tuple[Passed, dict[str, Record]]] = {}
    for text, is_free in ((BUDGET, False), (OPEN_POLICY, True)):
        some = {case: it for case, it in asked.items() if (_name(case) in FREE) == is_free}
        place = tmp_path_factory.mktemp("torn")
        found |= zip(some, asyncio.run(drive(list(some.values()), place, text)), strict=True)
    return found


def _name(case: Any) -> str:
    return case if isinstance(case, str) else case[0]


def _facts(records: dict[str, Record]) -> list[object]:
    result, resource = records["outcome"]["result"], records["outcome"]["resource"]
    return [
        *(result[name] for name in ("status", "model", "finish_reason", "tool_calls")),
        *(resource[name] for name in ("nanousd", "tokens", "usage", "estimated")),
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}, {case[1]}, {case[2]}")
def test_s4_a_stream_says_the_same_however_it_is_torn(
    case: Case, driven: dict[Any, tuple[Passed, dict[str, Record]]]
) -> None:
    passed, records = driven[case]
    assert not passed.problem
    assert passed.answer is not None
    assert passed.answer.body == coded(passed.exchange)
    assert _facts(records) == _facts(driven[case[0]][1])
    assert records["outcome"]["resource"]["estimated"] == (case[0] in FREE)


@pytest.mark.parametrize(
    "case", CUT, ids=lambda case: f"{case[0]}, {case[1] or 'plain'}, {case[2]}"
)
def test_s5_a_stream_that_is_cut_off_is_charged_what_it_said_or_an_upper_bound(
    case: tuple[str, str, float], driven: dict[Any, tuple[Passed, dict[str, Record]]]
) -> None:
    _, records = driven[case]
    whole = driven[case[0]][1]["outcome"]["resource"]
    outcome = records["outcome"]
    resource, bound = outcome["resource"], records["decision"]["resource"]["bound"]
    assert outcome["result"]["status"] == "errored"
    assert whole["nanousd"] <= resource["nanousd"] <= bound["nanousd"]
    if resource["estimated"]:
        assert resource["usage"]["source"] == "estimated"
        assert resource["usage"]["input"] == bound["input_tokens"]
    else:
        assert resource["usage"] == whole["usage"]

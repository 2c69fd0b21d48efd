"""Counting: estimates that are fast on anything, and bounds that hold."""

import hashlib
import json
import time
from dataclasses import replace
from typing import Any

import pytest
import tiktoken
from tiktoken_ext import openai_public  # type: ignore[import-untyped]  # It ships no types.

from proxy.pricing import encoding as shipped
from proxy.pricing import tokens
from proxy.pricing.limits import Limits
from proxy.pricing.own import Named
from proxy.pricing.tokens import TokenCounter, input_bound, output_upper_bound
from proxy.providers.answer import AnswerReader
from proxy.providers.call import ModelCall
from proxy.providers.formats import format_named
from tests.pricing.calls import anthropic, openai

LIMITS = Limits(100_000, 10_000)


def estimated(counter: TokenCounter, call: ModelCall) -> int:
    return counter.estimate(call, Named(call.provider, call.model))


def bound_of(call: ModelCall) -> int:
    return input_bound(call, [Named(call.provider, call.model)], LIMITS)


def test_our_encodings_are_tiktoken_s(monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[str] = []

    def stand_in(path: str, expected_hash: str) -> dict[bytes, int]:
        tables.append(expected_hash)
        return {}

    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", stand_in)
    for name in ("o200k_base", "cl100k_base"):
        theirs = getattr(openai_public, name)()
        assert shipped._SPLITS[name] == theirs["pat_str"]
        assert shipped._SPECIAL[name] == theirs["special_tokens"]
    assert tables == list(shipped._SHA256.values())


def test_known_counts() -> None:
    counter = TokenCounter()
    assert counter.count("hello world") == 2
    assert counter.count("") == 0
    assert counter.count("<|endoftext|>") > 1
    assert shipped.encoding("cl100k_base").encode("hello world") == [15339, 1917]
    assert shipped.encoding("o200k_base").decode([24912, 2375]) == "hello world"


def test_an_altered_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shipped._SHA256, "o200k_base", hashlib.sha256(b"other").hexdigest())
    with pytest.raises(ValueError, match="not the table"):
        shipped.encoding.__wrapped__("o200k_base")


HOSTILE = {
    "spaces and a letter": " " * 1_000_000 + "x",
    "one letter": "a" * 1_000_000,
    "lone surrogates": "\ud800" * 100_000,
    "line feeds": "\n" * 1_000_000,
    "marks on marks": "e" + "\u0301" * 300_000,
    "special tokens": "<|endoftext|>" * 50_000,
    "far above what is measured": "word " * 2_000_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_text_is_counted_in_bounded_time(what: str) -> None:
    TokenCounter().load()
    started = time.process_time()
    counted = TokenCounter().count(HOSTILE[what])
    assert time.process_time() - started < 3
    assert 0 < counted <= len(HOSTILE[what].encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("failure", ["ValueError", "PanicException", "KeyboardInterrupt"])
def test_a_tokenizer_that_fails_falls_back_to_bytes(
    failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {
        "ValueError": ValueError,
        "PanicException": type("PanicException", (BaseException,), {}),
        "KeyboardInterrupt": KeyboardInterrupt,
    }

    class Broken:
        def encode(self, text: str, disallowed_special: object) -> list[int]:
            raise kinds[failure]

    monkeypatch.setattr(tokens, "encoding", lambda name: Broken())
    if failure == "KeyboardInterrupt":
        with pytest.raises(KeyboardInterrupt):
            TokenCounter().count("übel")
    else:
        assert TokenCounter().count("übel") == 5


def test_a_growing_conversation_costs_only_its_newest_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[str] = []

    def counting(text: str) -> int:
        counted.append(text)
        return 1

    monkeypatch.setattr(tokens, "_tokens", counting)
    counter = TokenCounter()
    texts = tuple(f"message {number}" for number in range(5))
    for length in range(1, 6):
        estimated(counter, openai(prompt={"texts": texts[:length]}))
    assert counted == list(texts)


def test_the_same_tools_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []

    def counting(text: str) -> int:
        counted.append(text)
        return 1

    monkeypatch.setattr(tokens, "_tokens", counting)
    counter = TokenCounter()
    tools = '[{"name": "look", "description": "Look it up"}]'
    for number in range(3):
        prompt = {"texts": (f"turn {number}",), "tools_text": tools, "has_tools": True}
        estimated(counter, openai(prompt=prompt))
        assert not counter.is_large(openai(prompt={**prompt, "texts": ()}))
    assert [text for text in counted if text.startswith("turn")] == ["turn 0", "turn 1", "turn 2"]
    assert len(counted) == 3 + 2


def test_the_memo_of_tools_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_OUTLINES_MAX", 10)
    counter = TokenCounter()
    for number in range(100):
        estimated(counter, openai(prompt={"tools_text": f'[{{"name": "{number}"}}]'}))
    assert len(counter._outlines) <= 10


TOOL = json.dumps(
    [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "Get the current weather in a given location",
                "parameters": {
                    "type": "object",
                    "properties": {"location": {"type": "string", "description": "The city"}},
                    "required": ["location"],
                },
            },
        }
    ]
)


def added(model: str, provider: str = "openai", **prompt: Any) -> int:
    """What something adds to the estimate of an empty prompt."""
    counter = TokenCounter()
    base = openai(model, prompt={"texts": ()}, provider=provider)
    more = replace(base, prompt=replace(base.prompt, **prompt))
    return estimated(counter, more) - estimated(counter, base)


@pytest.mark.parametrize(
    ("what", "provider", "model", "prompt", "tokens"),
    [
        ("a declaration", "openai", "gpt-4o", {"tools_text": TOOL, "has_tools": True}, 41),
        ("a declaration", "google", "gemini-3-flash", {"tools_text": TOOL, "has_tools": True}, 18),
        (
            "JSON",
            "google",
            "gemini-3-flash",
            {
                "tools_text": TOOL.replace('"parameters"', '"parametersJsonSchema"'),
                "has_tools": True,
            },
            52,
        ),
        ("a call and its result", "openai", "gpt-4o", {"tool_calls": 2}, 16),
        ("a call and its result", "anthropic", "claude-opus-4-5", {"tool_calls": 2}, 96),
        ("reasoning handed back", "openai", "gpt-5", {"sealed_bytes": 900}, 100),
        ("reasoning handed back", "anthropic", "claude-opus-4-5", {"sealed_bytes": 900}, 0),
        ("a small image", "openai", "gpt-4o", {"images": 1, "image_sizes": ((640, 480),)}, 425),
        ("an image by a link", "openai", "gpt-4o", {"images": 1}, 800),
    ],
)
def test_each_family_adds_what_was_measured(
    what: str, provider: str, model: str, prompt: dict[str, Any], tokens: int
) -> None:
    assert added(model, provider, **prompt) == tokens, what


@pytest.mark.parametrize(("forced", "tokens"), [(False, 480), (True, 300)])
def test_claudes_hidden_prompt_is_shorter_where_a_tool_must_be_used(
    forced: bool, tokens: int
) -> None:
    prompt = {"tools_text": "[]", "has_tools": True, "must_use_tools": forced}
    assert added("claude-sonnet-4-5", "anthropic", **prompt) == tokens


def test_the_memo_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_MEMO_HALF", 10)
    counter = TokenCounter()
    for number in range(100):
        counter.count("always")
        counter.count(f"text {number}")
    assert len(counter._young) + len(counter._old) <= 20
    assert counter._remembered("always") == 1


def test_large_is_what_is_new_and_long() -> None:
    counter = TokenCounter()
    call = openai(prompt={"texts": ("word " * 10_000,)})
    assert counter.is_large(call)
    estimated(counter, call)
    assert not counter.is_large(call)
    assert not counter.is_large(openai())


def test_an_estimate_of_plain_text_is_close() -> None:
    """Recorded: one short message to gpt-4o is 7 tokens of text and 14 billed."""
    call = openai(prompt={"texts": ("What is the capital of France?",)})
    assert estimated(TokenCounter(), call) == 14


def test_newer_claude_models_make_more_tokens_of_a_text() -> None:
    counter = TokenCounter()
    prompt = {"texts": ("word " * 1000,)}
    older = estimated(counter, anthropic("claude-sonnet-4-5", prompt=prompt))
    newer = estimated(counter, anthropic("claude-opus-5", prompt=prompt))
    assert newer > 1.2 * older


@pytest.mark.parametrize(
    ("what", "prompt", "bound"),
    [
        ("bytes, a message, what the provider adds", {}, 40 + 16 + 128),
        ("tools", {"has_tools": True}, 40 + 16 + 512),
        (
            "tools the provider describes",
            {"has_tools": True, "builtin_tools": 2},
            40 + 16 + 512 + 4096,
        ),
        ("images", {"images": 2, "image_bytes": 50_000}, 40 + 16 + 128 + 7600),
        (
            "images that say their size",
            {"images": 2, "image_sizes": ((640, 480),)},
            40 + 16 + 128 + 3800 + 425 + 53 + 16,
        ),
        ("a prompt we do not see", {"is_bounded": False}, 100_000),
        ("never above the window", {"text_bytes": 10**9}, 100_000),
    ],
)
def test_the_input_bound_adds_up(what: str, prompt: dict[str, Any], bound: int) -> None:
    assert bound_of(openai(prompt=prompt)) == bound, what


def test_a_model_whose_image_bill_is_not_proved_is_bounded_by_the_bytes_too() -> None:
    prompt = {"images": 1, "image_bytes": 50_000}
    assert bound_of(openai("gpt-5.4-mini", prompt=prompt)) > 50_000


def reader_of(data: bytes, content_type: str = "text/event-stream") -> AnswerReader:
    reader = format_named("openai.chat", "openai").answer_reader(
        openai(), {"content-type": content_type}
    )
    reader.feed(data)
    reader.close()
    return reader


SEEN = b'data: {"choices":[{"delta":{"content":"0123456789"}}]}\n\n'


@pytest.mark.parametrize(
    ("what", "facts", "bound"),
    [
        ("what was seen, and a margin", {}, 10 + 256),
        ("a margin for each sampling", {"samplings": 2}, 10 + 512),
        ("the whole hold when it may think unseen", {"may_reason": True}, 4000),
        ("the whole hold when it was no stream", {"streaming": False}, 4000),
    ],
)
def test_a_cancelled_stream_is_charged_an_upper_bound(
    what: str, facts: dict[str, Any], bound: int
) -> None:
    assert output_upper_bound(openai(**facts), reader_of(SEEN), 4000) == bound, what


def test_it_is_never_charged_more_than_the_hold() -> None:
    assert output_upper_bound(openai(), reader_of(SEEN * 100), 300) == 300


def test_an_unreadable_stream_is_charged_its_hold() -> None:
    wire = format_named("openai.chat", "openai")
    reader = wire.answer_reader(
        openai(), {"content-type": "text/event-stream", "content-encoding": "lzma"}
    )
    reader.feed(SEEN)
    assert output_upper_bound(openai(), reader, 4000) == 4000


def test_tiktoken_would_fail_on_what_we_count() -> None:
    """When this fails the library is fixed, and the pieces may grow."""
    with pytest.raises(ValueError, match="stack size"):
        shipped.encoding("o200k_base").encode(" " * 1_000_000 + "x", disallowed_special=())
    assert tiktoken.__version__

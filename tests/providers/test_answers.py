"""Answers read in passing: S4 and S7 of the scenarios, and what hostile bytes do."""

import gzip
import json
import time
import zlib
from typing import Any

import brotli  # type: ignore[import-untyped]  # It ships no types.
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.providers.answer import AnswerReader
from proxy.providers.call import BadRequest, FormatName
from proxy.providers.decoding import ContentDecoder, decode_body
from proxy.providers.formats import format_named
from proxy.providers.sse import SseParser
from proxy.providers.usage import Usage, UsagePart
from tests.providers.bodies import (
    CHAT_USAGE,
    FUNCTION_CALL,
    RESPONSES_USAGE,
    chat,
    chat_chunk,
    chat_stream,
    messages,
    messages_stream,
    responses,
    responses_stream,
    sse,
)

CHAT_FACTS = Usage(48, 14, cache_read_tokens=16, reasoning_tokens=4, service_tier="default")
RESPONSES_FACTS = Usage(
    120,
    281,
    cache_read_tokens=20,
    cache_write_5m_tokens=50,
    reasoning_tokens=192,
    service_tier="default",
)
MESSAGES_FACTS = Usage(
    503,
    33,
    cache_read_tokens=200,
    cache_write_5m_tokens=100,
    cache_write_1h_tokens=200,
    service_tier="standard",
)

STREAMS: dict[FormatName, tuple[bytes, bytes, Usage]] = {
    "openai.chat": (chat(stream=True), chat_stream(), CHAT_FACTS),
    "openai.responses": (responses(stream=True), responses_stream(), RESPONSES_FACTS),
    "anthropic.messages": (messages(stream=True), messages_stream(), MESSAGES_FACTS),
}


def opened(
    name: FormatName,
    request: bytes,
    content_type: str = "text/event-stream",
    *,
    content_encoding: str = "",
    **options: Any,
) -> AnswerReader:
    wire = format_named(name, name.partition(".")[0])
    headers = {"content-type": content_type, "content-encoding": content_encoding}
    return wire.answer_reader(wire.read_request(request), headers, **options)


def passed(reader: AnswerReader, data: bytes, size: int = 0) -> bytes:
    size = size or len(data) or 1
    pieces = [reader.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return b"".join(pieces) + reader.close()


def facts(reader: AnswerReader) -> tuple[object, ...]:
    return (
        reader.usage,
        reader.model,
        reader.finish_reason,
        reader.response_id,
        reader.tool_calls,
        reader.output_seen,
        reader.error,
        reader.complete,
        reader.unreadable,
    )


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 64])
def test_a_stream_says_the_same_however_it_is_cut(name: FormatName, size: int) -> None:
    request, data, usage = STREAMS[name]
    reader = opened(name, request)
    assert passed(reader, data, size) == data
    assert reader.usage == usage
    assert reader.complete
    assert [tool.name for tool in reader.tool_calls] in (["get_weather"], ["get"])
    assert reader.tool_calls[0].id in ("call_1", "toolu_1")
    assert reader.output_seen >= len("Grüße".encode()) + 2
    assert reader.error is None


def tortured(data: bytes, how: str) -> bytes:
    match how:
        case "crlf":
            return data.replace(b"\n", b"\r\n")
        case "cr":
            return data.replace(b"\n", b"\r")
        case "event lines":
            return data.replace(b"data: ", b"event: message\nid: 7\nretry: 10\ndata: ")
        case "comments":
            return b": hello\n\n" + data.replace(b"data: ", b": PROCESSING\n\n:\ndata: ")
        case "no space":
            return data.replace(b"data: ", b"data:")
        case "multi-line":
            return data.replace(b'data: {"', b'data: {\ndata: "')
        case "bom":
            return b"\xef\xbb\xbf" + data
        case "no final blank line":
            return data.removesuffix(b"\n")
        case "no final newline":
            return data.removesuffix(b"\n\n")
        case "trailing garbage":
            return data + b"\x00\xff garbage\n\ndata: {]\n\nevent"
        case _:
            return data


TORTURES = [
    "crlf",
    "cr",
    "event lines",
    "comments",
    "no space",
    "multi-line",
    "bom",
    "no final blank line",
    "no final newline",
    "trailing garbage",
]


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("how", TORTURES)
@pytest.mark.parametrize("size", [0, 1])
def test_a_tortured_stream_loses_no_usage(name: FormatName, how: str, size: int) -> None:
    request, data, usage = STREAMS[name]
    data = tortured(data, how)
    reader = opened(name, request)
    assert passed(reader, data, size) == data
    assert (reader.usage, reader.complete) == (usage, True)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd,
    "Gzip , identity": gzip.compress,
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [0, 1, 5])
def test_a_compressed_stream_is_read_from_a_copy(coding: str, size: int) -> None:
    request, plain, usage = STREAMS["openai.chat"]
    data = CODINGS[coding](plain)
    reader = opened("openai.chat", request, content_encoding=coding, hide_usage=True)
    assert passed(reader, data, size) == data
    assert (reader.usage, reader.complete) == (usage, True)


def test_deflate_without_its_wrapper_is_read_too() -> None:
    assert ContentDecoder("deflate").feed(raw_deflate(b"hello")) == b"hello"


@pytest.mark.parametrize("coding", CODINGS)
def test_a_compressed_answer_cut_in_mid_block_is_incomplete(coding: str) -> None:
    plain = json.dumps({"model": "gpt-4o", "choices": [], "usage": CHAT_USAGE}).encode()
    data = CODINGS[coding](plain)[:-5]
    reader = opened("openai.chat", chat(), "application/json", content_encoding=coding)
    assert passed(reader, data) == data
    assert (reader.usage, reader.complete) == (None, False)


@pytest.mark.parametrize("coding", [*CODINGS, "lzma", "gzip, gzip, gzip"])
def test_corrupt_or_unknown_codings_are_unreadable_and_still_pass(coding: str) -> None:
    reader = opened("openai.chat", chat(stream=True), content_encoding=coding)
    assert passed(reader, b"not compressed at all", 3) == b"not compressed at all"
    assert reader.unreadable
    assert not reader.complete


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_stops_at_its_cap(coding: str) -> None:
    bomb = CODINGS[coding](bytes(20_000_000))
    decoder = ContentDecoder(coding, 1_000_000)
    assert len(decoder.feed(bomb)) <= 1_000_000
    assert decoder.has_failed
    with pytest.raises(BadRequest):
        decode_body(bomb, coding, 1_000_000)


def test_a_request_body_is_decoded_whole_or_refused() -> None:
    assert decode_body(gzip.compress(b"x") + gzip.compress(b"y"), "gzip", 10) == b"xy"
    assert decode_body(b"plain", "", 10) == b"plain"
    with pytest.raises(BadRequest):
        decode_body(gzip.compress(b"x")[:-4], "gzip", 10)


@pytest.mark.parametrize("size", [0, 1, 2, 9])
@pytest.mark.parametrize("how", ["as it is", "crlf", "cr", "comments", "no final blank line"])
def test_usage_we_asked_for_is_hidden_and_nothing_else(size: int, how: str) -> None:
    without = tortured(chat_stream(has_usage=False), how)
    reader = opened("openai.chat", chat(stream=True), hide_usage=True)
    shown = passed(reader, tortured(chat_stream(), how), size)
    if how == "comments":  # The comment before the hidden event is an event of its own, and shown.
        shown = shown.replace(b": PROCESSING\n\n", b"")
        without = without.replace(b": PROCESSING\n\n", b"")
    if how == "cr":
        assert shown.replace(b"\r", b"") == without.replace(b"\r", b"")
    else:
        assert shown == without
    assert (reader.usage, reader.complete) == (CHAT_FACTS, True)


def test_usage_that_comes_with_content_is_never_hidden() -> None:
    """Compatible servers put usage into the last chunk with choices (wire.md 1.2)."""
    choice = {"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}
    data = sse(chat_chunk(choices=[choice], usage=CHAT_USAGE), b"[DONE]")
    reader = opened("openai.chat", chat(stream=True), hide_usage=True)
    assert passed(reader, data) == data
    assert reader.usage == CHAT_FACTS


def test_an_unended_event_is_given_back_at_the_end() -> None:
    reader = opened("openai.chat", chat(stream=True), hide_usage=True)
    assert passed(reader, b"data: {} \n\nevent: x\nid: 7\n") == b"data: {} \n\nevent: x\nid: 7\n"


def test_an_event_above_the_cap_passes_unread() -> None:
    data = b"data: " + b"x" * 1000 + b"\ndata: y\n\ndata: z\n\n"
    for size in (1, 100, 5000):
        parser = SseParser(keep_raw=True, event_bytes_max=100)
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        shown = b""
        for piece in pieces:
            was_over = parser.has_overflowed
            shown += b"".join(event.raw for event in parser.feed(piece))
            shown += piece if was_over else b""
            shown += parser.rest() if parser.has_overflowed else b""
        assert parser.has_overflowed
        assert shown == data


def test_a_json_answer_above_the_cap_passes_unread() -> None:
    wire = format_named("openai.chat", "openai")
    answer = opened("openai.chat", chat(), "application/json")._answer
    reader = AnswerReader(answer, {"content-type": "application/json"}, json_bytes_max=10)
    assert passed(reader, b'{"model": "gpt-4o"}', 4) == b'{"model": "gpt-4o"}'
    assert reader.unreadable
    assert wire.name == "openai.chat"


JSON_ANSWERS: list[tuple[FormatName, bytes, dict[str, Any], Usage | None, list[str]]] = [
    (
        "openai.chat",
        chat(),
        {
            "id": "c",
            "model": "gpt-4o-2024-08-06",
            "service_tier": "default",
            "choices": [
                {
                    "message": {
                        "tool_calls": [
                            {"id": "1", "function": {"name": "a"}},
                            {"id": "2", "custom": {"name": "b"}},
                        ]
                    },
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": CHAT_USAGE,
        },
        CHAT_FACTS,
        ["a", "b"],
    ),
    (
        "openai.responses",
        responses(),
        {
            "id": "r",
            "model": "gpt-5",
            "status": "completed",
            "error": None,
            "service_tier": "default",
            "output": [{"type": "reasoning"}, {"type": "web_search_call"}, FUNCTION_CALL],
            "usage": RESPONSES_USAGE,
        },
        RESPONSES_FACTS,
        ["get_weather"],
    ),
    (
        "openai.embeddings",
        b'{"model":"text-embedding-3-small","input":"x"}',
        {
            "model": "text-embedding-3-small",
            "data": [],
            "usage": {"prompt_tokens": 4, "total_tokens": 4},
        },
        Usage(4, 0),
        [],
    ),
    (
        "anthropic.messages",
        messages(),
        {
            "id": "m",
            "model": "claude-sonnet-4-5",
            "stop_reason": "tool_use",
            "content": [
                {"type": "server_tool_use", "id": "s", "name": "web_search"},
                {"type": "tool_use", "id": "t", "name": "Bash", "input": {}},
            ],
            "usage": {
                "input_tokens": 100,
                "cache_creation_input_tokens": 700,
                "cache_read_input_tokens": 200,
                "output_tokens": 5,
                "output_tokens_details": {"thinking_tokens": 3},
                "server_tool_use": {"web_search_requests": 2},
                "speed": "fast",
                "inference_geo": "us",
            },
        },
        Usage(
            1000,
            5,
            cache_read_tokens=200,
            cache_write_5m_tokens=700,
            reasoning_tokens=3,
            web_searches=2,
            service_tier="fast@us",
        ),
        ["Bash"],
    ),
    (
        "anthropic.count_tokens",
        b'{"model":"claude-opus-5","messages":[]}',
        {"input_tokens": 7},
        None,
        [],
    ),
]


@pytest.mark.parametrize(("name", "request_", "body", "usage", "tools"), JSON_ANSWERS)
@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "", "text/plain"])
def test_a_json_answer_is_read_whole(
    name: FormatName,
    request_: bytes,
    body: dict[str, Any],
    usage: Usage | None,
    tools: list[str],
    content_type: str,
) -> None:
    data = b" \n" + json.dumps(body).encode()
    reader = opened(name, request_, content_type)
    assert passed(reader, data, 5) == data
    assert (reader.usage, reader.complete) == (usage, True)
    assert [tool.name for tool in reader.tool_calls] == tools


def test_an_explicit_zero_is_zero_and_a_missing_usage_is_none() -> None:
    zero = {"prompt_tokens": 0, "completion_tokens": 0}
    for reported, usage in ((zero, Usage(0, 0)), (None, None), ({}, None), ("x", None)):
        reader = opened("openai.chat", chat(), "application/json")
        passed(reader, json.dumps({"choices": [], "usage": reported}).encode())
        assert reader.usage == usage


def test_the_last_message_delta_overrides_what_the_start_said() -> None:
    """17 of 62 recordings changed their input there (wire.md 0.6); null leaves the old value."""
    delta = {"input_tokens": 9, "cache_read_input_tokens": None, "output_tokens": 40}
    reader = opened("anthropic.messages", messages(stream=True))
    passed(reader, messages_stream(delta_usage=delta))
    assert reader.usage == Usage(
        509,
        40,
        cache_read_tokens=200,
        cache_write_5m_tokens=100,
        cache_write_1h_tokens=200,
        service_tier="standard",
    )


@pytest.mark.parametrize("until", [1, 4, 8])
def test_a_stream_cut_before_its_message_delta_has_no_usage(until: int) -> None:
    reader = opened("anthropic.messages", messages(stream=True))
    passed(reader, messages_stream(until=until))
    assert (reader.usage, reader.complete) == (None, False)


def test_several_samplings_are_parts_each_at_its_own_model() -> None:
    """Recorded: the top level sums the messages and leaves the advisor out (wire.md 1.3)."""
    reported = {
        "input_tokens": 2390,
        "output_tokens": 50,
        "service_tier": "standard",
        "iterations": [
            {"type": "message", "input_tokens": 1128, "output_tokens": 20},
            {
                "type": "advisor_message",
                "model": "claude-opus-4-8",
                "input_tokens": 2518,
                "output_tokens": 22,
            },
            {"type": "message", "input_tokens": 1262, "output_tokens": 30},
        ],
    }
    reader = opened("anthropic.messages", messages(stream=True))
    passed(
        reader,
        messages_stream(
            delta_usage=reported | {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        ),
    )
    assert reader.usage is not None
    assert (reader.usage.input_tokens, reader.usage.output_tokens) == (4908, 72)
    assert reader.usage.parts[1] == UsagePart(
        "claude-opus-4-8", Usage(2518, 22, service_tier="standard")
    )


@pytest.mark.parametrize(
    ("name", "data", "error", "complete"),
    [
        (
            "openai.chat",
            sse({"error": {"code": "server_error", "message": "secret"}}),
            "server_error",
            False,
        ),
        (
            "openai.responses",
            responses_stream("response.failed", usage=None, error={"code": "rate_limit"}),
            "rate_limit",
            True,
        ),
        ("openai.responses", sse({"type": "error", "code": "boom"}), "boom", True),
        (
            "anthropic.messages",
            sse({"type": "error", "error": {"type": "overloaded_error"}}),
            "overloaded_error",
            False,
        ),
    ],
)
def test_an_error_inside_a_stream_is_seen(
    name: FormatName, data: bytes, error: str, complete: bool
) -> None:
    reader = opened(name, STREAMS[name][0])
    passed(reader, data)
    assert (reader.error, reader.complete) == (error, complete)


def test_an_incomplete_response_says_why_and_is_billed() -> None:
    why = {"reason": "max_output_tokens"}
    reader = opened("openai.responses", responses(stream=True))
    passed(reader, responses_stream("response.incomplete", incomplete_details=why))
    assert (reader.usage, reader.finish_reason) == (RESPONSES_FACTS, "max_output_tokens")


@pytest.mark.parametrize(
    ("deltas", "tools"),
    [
        ([[{"id": "a", "function": {"name": "x", "arguments": "{}"}}]], [("a", "x")]),
        (
            [
                [{"id": "a", "function": {"name": "x"}}],
                [{"id": "a", "function": {"arguments": "{}"}}],
                [{"function": {"arguments": "{}"}}],
            ],
            [("a", "x")],
        ),
        (
            [
                [
                    {"index": 0, "id": "a", "function": {"name": "x"}},
                    {"index": 1, "id": "b", "function": {"name": "y"}},
                ],
                [{"index": 0, "id": "a", "function": {"name": "x", "arguments": "{"}}],
            ],
            [("a", "x"), ("b", "y")],
        ),
    ],
)
def test_tool_calls_are_told_apart_with_and_without_an_index(
    deltas: list[Any], tools: list[tuple[str, str]]
) -> None:
    chunks = [chat_chunk(choices=[{"index": 0, "delta": {"tool_calls": d}}]) for d in deltas]
    reader = opened("openai.chat", chat(stream=True))
    passed(reader, sse(*chunks))
    assert list(reader.tool_calls) == tools


NAMES = [
    *("type", "id", "model", "usage", "choices", "delta", "message", "content", "tool_calls"),
    *("function", "name", "index", "error", "response", "item", "output", "input_tokens"),
    *("output_tokens", "prompt_tokens", "iterations", "cache_creation", "content_block", "status"),
]

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "id",
                    "model",
                    "usage",
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "tool_calls",
                    "function",
                    "name",
                    "index",
                    "error",
                    "response",
                    "item",
                    "output",
                    "input_tokens",
                    "output_tokens",
                    "prompt_tokens",
                    "iterations",
                    "cache_creation",
                    "content_block",
                    "status",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
kinds = st.sampled_from(
    [
        "message_start",
        "message_delta",
        "content_block_start",
        "content_block_delta",
        "error",
        "response.completed",
        "response.created",
        "response.output_item.done",
        "response.output_item.added",
    ]
)
hostile_events = st.lists(
    st.one_of(
        st.binary(max_size=40),
        junk.map(lambda value: sse(json.dumps(value).encode())),
        st.tuples(
            kinds,
            st.dictionaries(
                st.sampled_from(
                    ["message", "usage", "delta", "response", "item", "content_block", "error"]
                ),
                junk,
                max_size=3,
            ),
        ).map(lambda pair: sse({"type": pair[0]} | pair[1])),
    ),
    max_size=6,
).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["openai.chat", "openai.responses", "anthropic.messages"]),
    hostile_events,
    st.sampled_from(["text/event-stream", "application/json", ""]),
    st.lists(st.integers(1, 30), max_size=20),
    st.booleans(),
)
def test_nothing_a_provider_sends_raises_or_depends_on_its_cuts(
    name: FormatName, data: bytes, content_type: str, cuts: list[int], hides: bool
) -> None:
    whole = opened(name, STREAMS[name][0], content_type, hide_usage=hides)
    shown = passed(whole, data)
    pieced = opened(name, STREAMS[name][0], content_type, hide_usage=hides)
    out = b""
    at = 0
    for cut in cuts:
        out += pieced.feed(data[at : at + cut])
        at += cut
    out += pieced.feed(data[at:]) + pieced.close()
    assert out == shown
    assert facts(pieced) == facts(whole)
    if not hides:
        assert shown == data


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["gzip", "deflate", "br", "zstd"]), st.binary(max_size=300), st.integers(1, 50)
)
def test_no_corruption_of_a_compressed_body_raises(coding: str, noise: bytes, at: int) -> None:
    data = CODINGS[coding](chat_stream())
    decoder = ContentDecoder(coding)
    decoder.feed(data[:at] + noise + data[at:])
    decoder.feed(noise)


@settings(max_examples=150, deadline=None)
@given(junk, st.binary(max_size=60))
def test_no_request_body_raises_anything_but_bad_request(value: Any, noise: bytes) -> None:
    for name in ("openai.chat", "openai.responses", "openai.embeddings", "anthropic.messages"):
        wire = format_named(name, "openai")
        members = {"model": "m", "messages": value, "input": value, "tools": value, "max_tokens": 1}
        for body in (noise, json.dumps(members).encode(), json.dumps(members).encode() + noise):
            try:
                wire.read_request(body)
            except BadRequest:
                continue


@pytest.mark.parametrize("hides", [False, True])
def test_one_byte_at_a_time_is_linear(hides: bool) -> None:
    def seconds(size: int) -> float:
        chunk = chat_chunk(choices=[{"index": 0, "delta": {"content": "x" * size}}])
        reader = opened("openai.chat", chat(stream=True), hide_usage=hides)
        started = time.process_time()
        passed(reader, sse(chunk), 1)
        return time.process_time() - started

    seconds(1000)
    small, large = min(seconds(20_000) for _ in range(3)), seconds(200_000)
    assert large < 40 * small

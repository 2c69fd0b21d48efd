"""Answers cut anywhere: JSON and events, held no longer than a message takes."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.mcp.answers import AnswerFilter
from proxy.mcp.calls import Id
from proxy.mcp.screen import McpEvent

JSON, SSE = "application/json; charset=utf-8", "text/event-stream"
LIST = b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"danger"},{"name":"ok"}]}}'
SHORT = b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"ok"}]}}'
PROGRESS = b'event: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\r\n\r\n'
STREAM = (
    b": hello\n\n"
    + b"id: 1\ndata:\n\n"
    + PROGRESS
    + b"id: 7\nevent: message\ndata: "
    + LIST
    + b"\nretry: 100\n\n"
)


def made(
    kind: str, asked: set[Id] | None = None, **more: Any
) -> tuple[AnswerFilter, list[McpEvent]]:
    events: list[McpEvent] = []
    made_ = AnswerFilter(
        kind,
        {1} if asked is None else asked,
        lambda tool: tool["name"] != "danger",
        **{"result_bytes_max": 10_000, "on_event": events.append} | more,
    )
    return made_, events


def through(filter_: AnswerFilter, *chunks: bytes) -> bytes:
    return b"".join(filter_(chunk) for chunk in chunks) + filter_(b"")


@given(st.integers(0, len(LIST)), st.integers(0, len(LIST)))
def test_json_cut_anywhere_is_filtered(first: int, second: int) -> None:
    one, two = sorted((first, second))
    parts = [part for part in (LIST[:one], LIST[one:two], LIST[two:]) if part]
    assert through(made(JSON)[0], *parts) == SHORT


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_cut_anywhere_are_filtered_and_all_else_is_as_it_came(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    parts = [STREAM[a:b] for a, b in pairwise(edges) if b > a]
    assert through(made(SSE)[0], *parts) == STREAM.replace(LIST, SHORT)


def test_an_event_passes_as_soon_as_it_is_whole() -> None:
    filter_, events = made(SSE)
    assert filter_(PROGRESS + b"data: {") == PROGRESS
    assert [each.what for each in events] == ["notification"]


def test_data_over_several_lines_is_one_message() -> None:
    split = LIST.replace(b',"result"', b',\n"result"')
    event = b"data: " + split.replace(b"\n", b"\ndata: ") + b"\nid: 3\n\n"
    out = through(made(SSE)[0], event)
    assert out == event.replace(b'{"name":"danger"},', b"")


def test_an_answer_of_another_kind_passes_as_it_comes() -> None:
    filter_, events = made("text/html")
    assert filter_(b"<html>") == b"<html>"
    assert filter_(b"") == b""
    assert events == []


def test_an_empty_answer_stays_empty() -> None:
    assert through(made(JSON)[0]) == b""
    assert through(made(SSE)[0]) == b""


def test_the_endpoint_of_the_older_transport_is_read() -> None:
    told: list[str] = []
    filter_ = made(SSE, set(), on_endpoint=told.append)[0]
    for number in (1, 2):
        opening = b"event: endpoint\ndata: /messages/?session_id=%d\n\n" % number
        assert filter_(opening) == opening
    assert told == ["/messages/?session_id=1", "/messages/?session_id=2"]


ODD = b'data: {"method": "x", "result": 1}\n\n'
LISTED = b'data: {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "burn"}]}}\n\n'
NAMED = b"event: endpoint\ndata: /m\n\n"


@pytest.mark.parametrize(
    ("events", "passed"),
    [
        ((ODD, b'data: {"text": "hi"}\n\n', b"data: {]\n\n"), 3),
        ((LISTED,), 0),
        ((LISTED.replace(b"jsonrpc", b"JSONRPC"),), 0),
        ((LISTED.replace(b"jsonrpc", b"json\\u0072pc"),), 0),
        ((LISTED.replace(b'data: {"j', b'data: [{"j').replace(b"}}\n", b"}}]\n"),), 0),
        ((NAMED, ODD), 1),
    ],
)
def test_a_stream_that_may_be_anything_is_screened_where_it_speaks_json_rpc(
    events: tuple[bytes, ...], passed: int
) -> None:
    filter_ = AnswerFilter(SSE, set(), lambda tool: False, result_bytes_max=999, is_certain=False)
    shown = [filter_(event) for event in events]
    assert [each for each, came in zip(shown, events, strict=True) if each == came] == list(
        events[:passed]
    )
    assert b"burn" not in b"".join(shown)


def test_a_stream_that_answers_other_posts_shares_their_ids() -> None:
    asked: set[Id] = set()
    filter_, _ = made(SSE, asked)
    asked.add(1)
    assert filter_(b"data: " + LIST + b"\n\n") == b"data: " + SHORT + b"\n\n"
    assert asked == set()


def test_a_message_that_cannot_be_read_on_a_shared_stream_leaves_its_id_only() -> None:
    filter_, events = made(SSE, set())
    assert filter_(b"id: 5\ndata: {{\n\n") == b"id: 5\n\n"
    assert events[0].what == "unreadable"


@pytest.mark.parametrize("kind", [JSON, SSE])
def test_what_is_too_large_to_hold_is_an_error_and_then_nothing(kind: str) -> None:
    filter_, events = made(kind, message_bytes_max=200)
    start = b"" if kind == JSON else b"data: "
    large = start + b'{"jsonrpc":"2.0","id":1,"result":{"content":"' + b"x" * 500
    out = filter_(large[:100]) + filter_(large[100:])
    said = json.loads(out.removeprefix(b"event: message\ndata: "))
    assert said["id"] == 1
    assert "too large" in said["error"]["message"]
    assert filter_(b'"}}\n\n' + PROGRESS) == b""
    assert filter_(b"") == b""
    assert events[-1].what == "oversized"


def test_a_last_event_without_its_blank_line_is_screened_too() -> None:
    assert through(made(SSE)[0], b"data: " + LIST) == b"data: " + SHORT + b"\n"
    assert through(made(SSE)[0], b"data: {}") != b"data: {}"


@given(st.binary(max_size=300), st.sampled_from([JSON, SSE, "text/plain", ""]), st.integers(1, 50))
def test_no_bytes_raise(data: bytes, kind: str, step: int) -> None:
    filter_, _ = made(kind, message_bytes_max=100)
    through(filter_, *(data[at : at + step] for at in range(0, len(data), step)))

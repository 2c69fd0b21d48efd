"""Answers cut into events by something else than server-sent events, whole, in pieces and hostile."""

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.providers.event_stream import EXCEPTION, EventStreamParser
from proxy.providers.framing import Framing, framing_of
from proxy.providers.json_stream import JsonArrayParser, JsonLinesParser
from proxy.providers.sse import SseParser
from tests.providers.bodies import frame

VALUES = [{"a": ']}\\"'}, {"b": ["{", {"c": "\\\\"}]}, {"d": "Grüße\\"}]
LINES = b"\r\n".join(json.dumps(value).encode() for value in VALUES) + b"\n\n"
ARRAY = json.dumps(VALUES, indent=1, ensure_ascii=False).encode()
FRAMES = b"".join(frame(f"event{n}", value) for n, value in enumerate(VALUES))

PARSERS: dict[str, tuple[Callable[[], Framing], bytes]] = {
    "lines": (JsonLinesParser, LINES),
    "array": (JsonArrayParser, ARRAY),
    "frames": (EventStreamParser, FRAMES),
}


def events(parser: Framing, data: bytes, size: int = 0) -> list[tuple[str, bytes]]:
    step = size or max(1, len(data))
    found = [e for at in range(0, len(data), step) for e in parser.feed(data[at : at + step])]
    last = parser.finish()
    return [(event.name, event.data) for event in [*found, *([last] if last else [])]]


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 37])
def test_events_are_the_same_however_they_are_cut(name: str, size: int) -> None:
    opened, data = PARSERS[name]
    found = events(opened(), data, size)
    assert [json.loads(body) for _, body in found] == VALUES
    if name == "frames":
        assert [event for event, _ in found] == ["event0", "event1", "event2"]


@pytest.mark.parametrize(
    ("content_type", "start", "kind"),
    [
        ("application/vnd.amazon.eventstream", b"", EventStreamParser),
        ("application/x-ndjson", b"", JsonLinesParser),
        ("application/stream+json", b"", JsonLinesParser),
        ("application/json; charset=UTF-8", b"[", JsonArrayParser),
        ("application/json", b"{", None),
        ("", b"{", None),
    ],
)
def test_headers_and_the_first_byte_tell_the_framing(
    content_type: str, start: bytes, kind: type | None
) -> None:
    found = framing_of(content_type, start, keep_raw=False)
    assert (type(found) if found else None) is kind


def test_a_last_line_without_a_newline_counts() -> None:
    assert events(JsonLinesParser(), b'{"a":1}\n{"b":2}') == [("", b'{"a":1}'), ("", b'{"b":2}')]


def test_an_exception_frame_says_its_type() -> None:
    data = frame("throttlingException", {"message": "slow"}, kind="exception")
    assert events(EventStreamParser(), data)[0][0] == EXCEPTION + "throttlingException"


@pytest.mark.parametrize("at", [0, 3, 8, 11, 14, 40, -1, -5])
def test_one_wrong_bit_ends_reading(at: int) -> None:
    broken = bytearray(FRAMES[: len(frame("event0", VALUES[0]))])
    broken[at] ^= 1
    parser = EventStreamParser()
    assert events(parser, bytes(broken) + FRAMES) == []
    assert parser.has_overflowed


@pytest.mark.parametrize("name", PARSERS)
def test_an_event_above_its_cap_ends_reading(name: str) -> None:
    kinds: dict[str, Framing] = {
        "lines": JsonLinesParser(event_bytes_max=20),
        "array": JsonArrayParser(event_bytes_max=20),
        "frames": EventStreamParser(event_bytes_max=20),
    }
    data = {
        "lines": b"x" * 30,
        "array": b'[{"' + b"x" * 30,
        "frames": frame("big", {"a": "x" * 30}),
    }
    assert events(kinds[name], data[name], 7) == []
    assert kinds[name].has_overflowed


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(PARSERS)),
    st.one_of(
        st.binary(max_size=60),
        st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b"\n", b"a"])).map(b"".join),
    ),
    st.integers(0, 400),
    st.lists(st.integers(1, 9), max_size=12),
)
def test_no_bytes_raise_or_depend_on_their_cuts(
    name: str, noise: bytes, at: int, cuts: list[int]
) -> None:
    opened, data = PARSERS[name]
    hostile = data[:at] + noise + data[at:]
    whole = opened()
    expected = events(whole, hostile)
    pieced, found, start = opened(), [], 0
    for cut in cuts:
        found += list(pieced.feed(hostile[start : start + cut]))
        start += cut
    found += list(pieced.feed(hostile[start:]))
    last = pieced.finish()
    assert [(e.name, e.data) for e in [*found, *([last] if last else [])]] == expected
    assert pieced.has_overflowed == whole.has_overflowed


@pytest.mark.parametrize("name", PARSERS)
def test_one_byte_at_a_time_is_linear(name: str) -> None:
    def seconds(size: int) -> float:
        value = {"a": "x" * size}
        body = json.dumps(value).encode()
        data = {"lines": body + b"\n", "array": b"[" + body + b"]", "frames": frame("e", value)}
        parser = PARSERS[name][0]()
        started = time.process_time()
        assert len(events(parser, data[name], 1)) == 1
        return time.process_time() - started

    seconds(1000)
    small, large = min(seconds(10_000) for _ in range(3)), seconds(100_000)
    assert large < 40 * small


RAW = PARSERS | {"events": (SseParser, b": hi\n\ndata: 1\r\n\r\nevent: x\ndata: 2\ndata: 3\n\n")}
KEPT: dict[str, Callable[[], Framing]] = {
    "lines": lambda: JsonLinesParser(keep_raw=True),
    "array": lambda: JsonArrayParser(keep_raw=True),
    "frames": lambda: EventStreamParser(keep_raw=True),
    "events": lambda: SseParser(keep_raw=True),
}


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("size", [1, 2, 3, 37, 1000])
def test_events_whose_bytes_are_kept_are_all_the_bytes(name: str, size: int) -> None:
    data, parser = RAW[name][1], KEPT[name]()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    found = [event for piece in pieces for event in parser.feed(piece)]
    last = parser.finish()
    kept = [event.raw for event in [*found, *([last] if last else [])]]
    assert b"".join(kept) + parser.rest() == data

"""Tool calls in answers: held until decided, then byte for byte or not at all."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.providers.answer import AnswerReader
from proxy.providers.call import FormatName
from proxy.providers.formats import FORMATS, format_named
from proxy.providers.recognise import Known, NeedsShape, recognise, recognise_shape
from proxy.providers.tool_gate import SIEVES, Asked, Ruling, ToolGate
from proxy.providers.tool_gate_gemini import nested
from tests.providers.bodies import chat, chunk, converse, frame, gemini, messages, responses, sse
from tests.providers.tool_answers import (
    CASES,
    COHERE,
    CONVERSE,
    CONVERSE_JSON,
    FIRST,
    FRAMES,
    GEMINI,
    INTERACTIONS,
    JSON,
    NAMES,
    OLD,
    OLLAMA,
    SAID,
    SECOND,
    SSE,
    WHOLE,
    Case,
    chat_chunk,
    chat_parts,
    messages_events,
    responses_events,
    responses_items,
)
from tests.replay.exchanges import Exchange, exchanges_in

OWN = Path(__file__).parent.parent / "replay" / "exchanges"
NO = "No: rule 7, record 12."
REQUESTS: dict[FormatName, tuple[bytes, str]] = {
    "openai.chat": (chat(), ""),
    "openai.responses": (responses(), ""),
    "anthropic.messages": (messages(), ""),
    "gemini.generate": (gemini(), "/v1beta/models/gemini-3:generateContent"),
    "gemini.interactions": (b'{"model":"gemini-3","input":"hi"}', "/v1beta/interactions"),
    "bedrock.converse": (converse(), "/model/m/converse"),
    "bedrock.invoke": (converse(), "/model/amazon.nova-micro-v1:0/invoke"),
    "cohere.chat": (chat(), "/v2/chat"),
    "ollama.chat": (chat(), "/api/chat"),
}


def allow(_: Asked) -> Ruling:
    return Ruling(True)


def deny(_: Asked) -> Ruling:
    return Ruling(False, NO)


def deny_only(*names: str) -> Callable[[Asked], Ruling]:
    return lambda asked: Ruling(asked.name not in names, NO)


def gate_of(case: Case, decide: Callable[[Asked], Ruling], **options: Any) -> ToolGate:
    return ToolGate(case.format, case.provider, case.headers, decide, **options)


def passed(gate: ToolGate, *pieces: bytes) -> bytes:
    return b"".join(map(gate.feed, pieces)) + gate.close()


def read(case: Case, data: bytes) -> AnswerReader:
    """As our own readers see it, which see what the client's SDK sees."""
    wire = format_named(case.format, case.provider)
    request, path = REQUESTS[case.format]
    reader = wire.answer_reader(wire.read_request(request, path), case.headers)
    reader.feed(data)
    reader.close()
    return reader


def plain(data: bytes) -> str:
    """What is said in an answer, Bedrock's envelopes opened, escapes undone."""
    inside = [b64decode(found) for found in re.findall(rb'"bytes": ?"([^"]+)"', data)]
    text = b"\n".join([data, *inside]).decode("utf-8", "replace")
    text = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    return text.replace('\\"', '"')


def same(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
streams = pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.content_type != JSON or "array" in case.name],
    ids=lambda case: case.name,
)


def test_every_format_that_has_tools_has_a_sieve_and_a_case() -> None:
    talking = ("chat", "responses", "messages", "generate", "interactions", "converse", "invoke")
    assert set(SIEVES) == {name for name in FORMATS if name.partition(".")[2] in talking}
    assert {case.format for case in CASES} == set(SIEVES)


@every
def test_what_is_allowed_passes_byte_for_byte_and_each_call_is_asked_about_once(case: Case) -> None:
    gate = gate_of(case, allow)
    assert passed(gate, case.data) == case.data
    assert [(asked.name, same(asked.arguments)) for asked, _ in gate.rulings] == [
        (name, same(arguments)) for name, arguments in case.calls
    ]
    assert all(asked.intent == case.said for asked, _ in gate.rulings)
    assert not gate.unreadable


@every
def test_cut_at_every_byte_the_rulings_and_the_answer_are_the_same(case: Case) -> None:
    whole = gate_of(case, deny_only(case.calls[-1][0]))
    mixed = passed(whole, case.data)
    for at in range(len(case.data)):
        gate = gate_of(case, allow)
        assert passed(gate, case.data[:at], case.data[at:]) == case.data
        assert [asked for asked, _ in gate.rulings] == [asked for asked, _ in whole.rulings]
        gate = gate_of(case, deny_only(case.calls[-1][0]))
        assert passed(gate, case.data[:at], case.data[at:]) == mixed
        assert gate.rulings == whole.rulings


@every
def test_nothing_of_a_denied_call_reaches_the_client_and_the_reason_does(case: Case) -> None:
    gate = gate_of(case, deny)
    shown = passed(gate, case.data)
    reader = read(case, shown)
    assert reader.tool_calls == ()
    assert reader.finish_reason in (None, "stop", "completed", "end_turn", "STOP", "COMPLETE")
    assert reader.error is None
    assert reader.complete
    assert not gate.unreadable
    assert plain(shown).count(NO) >= len(case.calls)
    assert "Paris" not in plain(shown)
    assert "rm -rf" not in plain(shown)
    assert case.said in plain(shown)
    assert gate.rulings


@every
@pytest.mark.parametrize("denied", [0, -1])
def test_of_several_calls_exactly_the_denied_one_is_replaced(case: Case, denied: int) -> None:
    if len(case.calls) == 1:
        denied = 0
    kept = [call for call in case.calls if call != case.calls[denied]]
    shown = passed(gate_of(case, deny_only(case.calls[denied][0])), case.data)
    again = gate_of(case, allow)
    assert passed(again, shown) == shown
    assert [(asked.name, same(asked.arguments)) for asked, _ in again.rulings] == [
        (name, same(arguments)) for name, arguments in kept
    ]
    assert {call.name for call in read(case, shown).tool_calls} <= {name for name, _ in kept}
    if kept:
        assert read(case, shown).finish_reason == read(case, case.data).finish_reason
    assert NO in plain(shown)


@streams
def test_a_stream_that_is_cut_anywhere_never_shows_half_a_call(case: Case) -> None:
    for at in range(0, len(case.data), 3):
        gate = gate_of(case, allow)
        shown = plain(passed(gate, case.data[:at]))
        whole = {asked.arguments for asked, ruling in gate.rulings if ruling.allowed}
        assert whole or not ("Paris" in shown or "rm -rf" in shown)
        assert not (len(whole) == 1 and "rm -rf" in shown and len(case.calls) == 2)


@streams
def test_text_before_a_call_is_shown_before_the_call_has_come(case: Case) -> None:
    gate = gate_of(case, deny)
    shown, at = b"", 0
    while SAID not in plain(shown):
        shown += gate.feed(case.data[at : at + 1])
        at += 1
    came = plain(case.data[:at])
    assert case.data.startswith(shown)
    assert "Paris" not in came
    assert "rm -rf" not in came


@every
def test_a_call_too_large_to_hold_is_denied_and_the_answer_goes_on(case: Case) -> None:
    gate = gate_of(case, allow, held_bytes_max=8)
    shown = passed(gate, case.data)
    assert read(case, shown).tool_calls == ()
    assert not any(ruling.allowed for _, ruling in gate.rulings)
    assert "too large" in plain(shown)
    assert all(len(asked.arguments) <= 8 for asked, _ in gate.rulings)


@every
def test_a_decision_that_fails_is_a_denial(case: Case) -> None:
    def fail(_: Asked) -> Ruling:
        raise RuntimeError("the engine is broken")

    gate = gate_of(case, fail)
    shown = passed(gate, case.data)
    assert read(case, shown).tool_calls == ()
    assert "no decision could be made" in plain(shown)


@every
def test_a_denial_without_words_still_says_something(case: Case) -> None:
    shown = passed(gate_of(case, lambda _: Ruling(False)), case.data)
    assert "was not allowed" in plain(shown), "providers refuse empty text when it comes back"


@every
def test_what_is_compressed_does_not_pass(case: Case) -> None:
    headers = case.headers | {"content-encoding": "gzip"}
    gate = ToolGate(case.format, case.provider, headers, allow)
    assert gate.unreadable
    assert passed(gate, case.data) == b""


@every
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_nothing_that_a_provider_sends_raises(case: Case, data: st.DataObject) -> None:
    changed = bytearray(case.data)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        with_what = data.draw(
            st.sampled_from([b"", b"{", b"}", b'"', b"null", b"[]", b"\xff", b"\n"])
        )
        changed[at : at + data.draw(st.integers(0, 9))] = with_what
    passed(gate_of(case, deny), bytes(changed))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def twisted(value: Any, data: st.DataObject, chance: int) -> Any:
    """The same JSON with some of its values replaced by any other."""
    if data.draw(st.integers(0, chance)) == 0:
        return data.draw(VALUES)
    if isinstance(value, dict):
        return {name: twisted(inner, data, chance) for name, inner in value.items()}
    return [twisted(each, data, chance) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("wire", SIEVES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_json_of_any_shape_does_not_raise(wire: FormatName, data: st.DataObject) -> None:
    events: list[Any] = {
        "openai.chat": [*chat_parts(0), chat_chunk({"tool_calls": WHOLE}, "tool_calls")],
        "openai.responses": responses_events("function_call"),
        "anthropic.messages": messages_events(),
        "bedrock.invoke": messages_events(),
        "gemini.generate": GEMINI,
        "gemini.interactions": INTERACTIONS,
        "cohere.chat": [*COHERE, *OLD],
        "ollama.chat": OLLAMA,
        "bedrock.converse": [json.loads(CONVERSE_JSON)],
    }[wire]
    shown = [twisted(event, data, 30) for event in events]
    passed(ToolGate(wire, "", {"content-type": SSE}, deny), sse(*shown))
    if wire == "bedrock.converse":
        named = [(name, twisted(event, data, 30)) for name, event in CONVERSE]
        frames = b"".join(frame(name, event) for name, event in named)
        passed(ToolGate(wire, "", {"content-type": FRAMES}, deny), frames)
    for event in shown:
        passed(ToolGate(wire, "", {"content-type": JSON}, deny), json.dumps(event).encode())


def recorded() -> Iterator[tuple[Exchange, Known]]:
    """Those that were answered in a format that has tools."""
    for exchange in exchanges_in(OWN):
        as_json = {"content-type": JSON}
        seen = recognise(exchange.host, exchange.port, exchange.method, exchange.path, as_json)
        if isinstance(seen, NeedsShape):
            seen = recognise_shape(exchange.host, exchange.port, exchange.path, exchange.request)
        if isinstance(seen, Known) and seen.format in SIEVES and exchange.status < 400:
            yield exchange, seen


@pytest.mark.parametrize(
    ("exchange", "seen"), [pytest.param(*each, id=each[0].where) for each in recorded()]
)
def test_recorded_answers_pass_unchanged_and_denied_ones_ask_for_nothing(
    exchange: Exchange, seen: Known
) -> None:
    wire = format_named(seen.format, seen.provider)
    call = wire.read_request(exchange.request, exchange.path)

    def reread(data: bytes) -> AnswerReader:
        reader = wire.answer_reader(call, exchange.headers)
        reader.feed(data)
        reader.close()
        return reader

    asked_for = reread(exchange.answer).tool_calls
    for at in range(0, len(exchange.answer) + 1, 1 if asked_for else 9):
        gate = ToolGate(seen.format, seen.provider, exchange.headers, allow)
        assert passed(gate, exchange.answer[:at], exchange.answer[at:]) == exchange.answer
    assert len(gate.rulings) == len(asked_for)
    shown = passed(ToolGate(seen.format, seen.provider, exchange.headers, deny), exchange.answer)
    again = reread(shown)
    assert again.tool_calls == ()
    assert again.usage == reread(exchange.answer).usage, "denying a call changes no bill"


def chunked(*events: Any) -> bytes:
    return sse(*(chat_chunk(event) if isinstance(event, dict) else event for event in events))


CHAT = Case("chat", "openai.chat", "openai", SSE, b"")


@pytest.mark.parametrize(
    ("wire", "data"),
    [
        ("openai.chat", b"data: {]\n\n"),
        ("openai.chat", b'data: [{"tool_calls": []}]\n\n'),
        ("openai.chat", sse({"choices": {"0": {"delta": {"tool_calls": WHOLE}}}})),
        ("openai.chat", sse({"tool_calls": WHOLE})),
        ("openai.chat", sse(chat_chunk({"tool_calls": {"0": WHOLE[0]}}))),
        ("openai.chat", sse(chat_chunk({"content": [{"type": "tool_use", "name": "x"}]}))),
        ("openai.chat", json.dumps(chat_chunk({"tool_calls": WHOLE})).encode() + b"\n\n"),
        ("openai.responses", sse({"type": "response.new", "call": {"type": "function_call"}})),
        ("openai.responses", sse({"type": "response.x.done", "item": {"x": {"tool_calls": [1]}}})),
        ("openai.responses", sse({"type": "response.function_call_arguments.delta", "delta": "{"})),
        ("anthropic.messages", sse({"type": "new", "block": {"type": "tool_use", "name": "x"}})),
        (
            "anthropic.messages",
            sse({"type": "message_start", "message": {"content": [{"type": "tool_use"}]}}),
        ),
        (
            "anthropic.messages",
            sse({"type": "content_block_delta", "index": 4, "delta": {"partial_json": "{}"}}),
        ),
        ("gemini.generate", sse({"functionCall": {"name": "x"}})),
        (
            "gemini.generate",
            sse({"candidates": [{"content": {"parts": {"functionCall": {"a": 1}}}}]}),
        ),
        ("bedrock.converse", sse({"toolUse": {"name": "x"}})),
        (
            "cohere.chat",
            sse({"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"a": 1}}}}),
        ),
        ("cohere.chat", sse({"type": "new", "tool_calls": [{"name": "x"}]})),
        ("ollama.chat", sse({"message": {"tool_calls": {"function": {"name": "x"}}}})),
    ],
)
def test_what_looks_like_a_call_and_cannot_be_read_does_not_pass(
    wire: FormatName, data: bytes
) -> None:
    gate = ToolGate(wire, "", {"content-type": SSE}, allow)
    assert passed(gate, data) == b""
    assert gate.unreadable


def test_behind_what_cannot_be_read_text_goes_on_and_no_call_is_allowed() -> None:
    gate = gate_of(CHAT, allow)
    shown = passed(
        gate,
        b'data: {"choices": [{]\n\n',
        sse(chat_chunk({"content": "still here"}), *chat_parts(0), chat_chunk({}, "tool_calls")),
    )
    assert gate.unreadable
    assert b"still here" in shown
    assert read(CHAT, shown).tool_calls == ()
    assert [ruling.allowed for _, ruling in gate.rulings] == [False]


@pytest.mark.parametrize("size", [1, 1000])
def test_a_frame_with_a_wrong_checksum_ends_the_answer(size: int) -> None:
    case = next(case for case in CASES if case.name == "converse")
    broken = bytearray(case.data)
    broken[len(frame("messageStart", {"role": "assistant"})) + 9] ^= 1
    gate = gate_of(case, allow)
    shown = passed(gate, *(bytes(broken[at : at + size]) for at in range(0, len(broken), size)))
    assert gate.unreadable
    assert shown == frame("messageStart", {"role": "assistant"})


def test_errors_in_a_stream_pass() -> None:
    error = sse(
        {"type": "error", "error": {"type": "overloaded_error", "message": "later"}}, named=True
    )
    gate = ToolGate("anthropic.messages", "anthropic", {"content-type": SSE}, deny)
    assert passed(gate, error) == error
    exception = frame("throttlingException", b"slow down {", kind="exception")
    for wire in ("bedrock.converse", "bedrock.invoke"):
        gate = ToolGate(
            wire, "bedrock", {"content-type": "application/vnd.amazon.eventstream"}, deny
        )
        assert passed(gate, exception) == exception


def test_pings_and_comments_overtake_a_call_that_is_held() -> None:
    case = next(case for case in CASES if case.name == "messages")
    ping = sse({"type": "ping"}, named=True)
    start = case.data.index(b'"partial_json": "') - 60
    gate = gate_of(case, allow)
    before = gate.feed(case.data[: case.data.rindex(b"event:", 0, start)])
    assert gate.feed(ping) == ping
    assert gate.feed(b": alive\n\n") == b": alive\n\n"
    assert b"get_weather" not in before


def test_a_call_that_goes_on_after_it_was_decided_does_not_pass() -> None:
    more = chat_chunk({"tool_calls": [{"index": 0, "function": {"arguments": ";rm -rf /"}}]})
    gate = gate_of(CHAT, allow)
    shown = passed(gate, sse(*chat_parts(0), chat_chunk({}, "tool_calls"), more, b"[DONE]"))
    assert b"rm -rf" not in shown
    assert gate.unreadable


def test_a_copy_that_says_something_else_does_not_pass() -> None:
    other = chat_chunk({}, None)
    call = WHOLE[0] | {"function": {"name": NAMES[0], "arguments": SECOND}}
    other["choices"][0]["message"] = {"tool_calls": [call | {"index": 0}]}
    gate = gate_of(CHAT, allow)
    shown = passed(gate, sse(*chat_parts(0), chat_chunk({}, "tool_calls"), other))
    assert b"rm -rf" not in shown
    assert gate.unreadable


def test_streamed_arguments_that_differ_from_the_whole_ones_are_denied() -> None:
    events = responses_events("function_call")
    for event in events:
        if event["type"].endswith("arguments.delta"):
            event["delta"] = event["delta"].replace("Paris", "Rome")
    gate = ToolGate("openai.responses", "openai", {"content-type": SSE}, allow)
    passed(gate, sse(*events, named=True))
    assert [ruling.allowed for _, ruling in gate.rulings] == [False, True]


def test_a_call_said_only_at_the_end_of_a_response_is_decided_too() -> None:
    last = responses_events("shell_call")[-1]
    case = replace(CASES[0], format="openai.responses", data=sse(last, named=True))
    gate = gate_of(case, deny)
    shown = plain(passed(gate, case.data))
    assert len(gate.rulings) == 2
    assert "rm -rf" not in shown
    assert shown.count(NO) == 2


def test_a_block_without_an_end_is_denied_when_the_message_ends() -> None:
    events = [event for event in messages_events() if event.get("type") != "content_block_stop"]
    case = next(case for case in CASES if case.name == "messages")
    gate = gate_of(case, allow)
    shown = passed(gate, sse(*events, named=True))
    assert read(case, shown).tool_calls == ()
    assert read(case, shown).finish_reason == "end_turn"
    assert [ruling.allowed for _, ruling in gate.rulings] == [False, False]


def test_each_of_several_answers_is_corrected_for_itself() -> None:
    other = [
        chat_chunk({"content": "hi"}, index=1),
        chat_chunk({"tool_calls": [chat_chunk_call(1)]}, index=1),
        chat_chunk({}, "tool_calls", index=1),
    ]
    data = sse(*chat_parts(0), *other, chat_chunk({}, "tool_calls"), b"[DONE]")
    shown = passed(gate_of(CHAT, deny_only(NAMES[1])), data)
    said: dict[int, str] = {}
    for line in re.findall(rb"data: (\{.*)", shown):
        for choice in json.loads(line)["choices"]:
            said[choice["index"]] = choice["finish_reason"] or said.get(choice["index"], "")
    assert said == {0: "tool_calls", 1: "stop"}
    assert [call.name for call in read(CHAT, shown).tool_calls] == [NAMES[0]]


def chat_chunk_call(at: int) -> dict[str, Any]:
    return {"index": 0} | WHOLE[at]


def test_arguments_that_gemini_streams_in_parts_are_one_call() -> None:
    parts: list[dict[str, Any]] = [
        {"name": NAMES[1], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.command", "stringValue": "rm "}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.command", "stringValue": "-rf /"}], "willContinue": True},
        {},
    ]
    chunks = [{"candidates": [{"content": {"parts": [{"functionCall": part}]}}]} for part in parts]
    for decide in (allow, deny):
        gate = ToolGate("gemini.generate", "google", {"content-type": JSON}, decide)
        data = json.dumps(chunks).encode()
        shown = passed(gate, data)
        assert [asked.arguments for asked, _ in gate.rulings] == ['{"command":"rm -rf /"}']
        assert json.loads(shown)
        assert (shown == data) is (decide is allow)
        assert (b"functionCall" in shown) is (decide is allow)


@pytest.mark.parametrize(
    ("flat", "made"),
    [
        ({"$.command": "ls"}, {"command": "ls"}),
        ({"$.a.b": 1, "$.a.c": None}, {"a": {"b": 1, "c": None}}),
        (
            {"$.files[1].name": "b", "$.files[0].name": "a"},
            {"files": [{"name": "a"}, {"name": "b"}]},
        ),
        ({"$['com mand']": "ls", '$["x"][0]': True}, {"com mand": "ls", "x": [True]}),
        ({"$[0]": "ls"}, None),
        ({"command": "ls"}, None),
        ({"$..command": "ls"}, None),
        ({"$.a": "x", "$.a.b": "y"}, None),
        ({"$.a.b": "y", "$.a": "x"}, None),
        ({"$" + ".a" * 500: "x"}, None),
        ({}, {}),
    ],
)
def test_arguments_by_paths_are_what_a_client_makes_of_them(flat: Any, made: Any) -> None:
    assert nested(flat) == made


@pytest.mark.parametrize(
    "parts",
    [
        [{"name": "x", "args": {"a": 1}, "willContinue": True}, {"args": {"command": "rm -rf /"}}],
        [{"name": "x", "partialArgs": [{"jsonPath": "$..command", "stringValue": "rm -rf /"}]}],
    ],
)
def test_arguments_in_parts_that_cannot_be_put_together_are_denied(parts: list[Any]) -> None:
    chunks = [{"candidates": [{"content": {"parts": [{"functionCall": part}]}}]} for part in parts]
    gate = ToolGate("gemini.generate", "google", {"content-type": JSON}, allow)
    assert b"rm -rf" not in passed(gate, json.dumps(chunks).encode())
    assert [ruling.allowed for _, ruling in gate.rulings] == [False]


def test_an_unreadable_element_leaves_an_array_that_can_be_read() -> None:
    data = b'[{"a": 1},\n{"functionCall": {"name": "x"}},\n{"b": 2}]'
    gate = ToolGate("gemini.generate", "google", {"content-type": JSON}, allow)
    assert json.loads(passed(gate, data)) == [{"a": 1}, {}, {"b": 2}]
    assert gate.unreadable


def test_formats_without_tools_pass() -> None:
    gate = ToolGate("openai.completions", "openai", {"content-type": SSE}, deny)
    assert gate.feed(b"data: {]") + gate.close() == b"data: {]"


def test_what_was_asked_is_not_in_its_representation() -> None:
    shown = repr(Asked("id", "run", "SECRET", "SECRET"))
    assert "SECRET" not in shown


def test_only_the_end_of_what_was_said_is_the_intent() -> None:
    data = sse(chat_chunk({"content": "a" * 5000}), chat_chunk({"content": "b"}), *chat_parts(0))
    gate = gate_of(CHAT, allow)
    passed(gate, data, b"data: [DONE]\n\n")
    assert gate.rulings[0][0].intent == "a" * 1999 + "b"


def test_tools_that_ran_at_the_provider_are_not_asked_about() -> None:
    kinds = ["web_search_call", "file_search_call", "code_interpreter_call", "mcp_call"]
    items: list[dict[str, Any]] = [{"type": kind, "id": kind} for kind in kinds]
    items.append({"type": "shell_call", "id": "s", "environment": {"type": "container_reference"}})
    items.append({"type": "tool_search_call", "id": "t", "execution": "server"})
    data = json.dumps({"output": items}).encode()
    gate = ToolGate("openai.responses", "openai", {"content-type": JSON}, deny)
    assert passed(gate, data) == data
    assert gate.rulings == []
    assert len(responses_items("shell_call")) == 5


def test_a_call_in_a_native_stream_keeps_the_counts_beside_it() -> None:
    events = messages_events()
    events[-1] |= {
        "amazon-bedrock-invocationMetrics": {"inputTokenCount": 7, "outputTokenCount": 5}
    }
    case = next(case for case in CASES if case.name == "invoke: claude")
    shown = passed(gate_of(case, deny), b"".join(map(chunk, events)))
    usage = read(case, shown).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (7, 5)
    assert FIRST not in plain(shown)

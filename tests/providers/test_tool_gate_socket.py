"""Tool calls on WebSockets: held until decided, then message by message as they came or not at all."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.providers.tool_gate_sieve import Asked, Ruling
from proxy.providers.tool_gate_socket import SocketGate
from proxy.providers.tool_gate_sockets import SOCKET_SIEVES
from tests.providers.socket_talks import (
    CALL_IDS,
    LIVE_SAID,
    TALKS,
    Talk,
    live_call,
    on_a_stream,
    realtime_call,
    realtime_events,
    realtime_item,
    realtime_response,
    realtime_said,
    spelled,
)
from tests.providers.test_tool_gate import twisted
from tests.providers.tool_answers import FIRST, NAMES, SAID

NO = "No: rule 7, record 12."


@dataclass
class Socket:
    """A gate, what was asked of it, and what each side was told."""

    dialogue: Any
    denied: Sequence[str] = ()
    denies_all: bool = False
    held_bytes_max: int = 1 << 20
    asked: list[tuple[str, Asked]] = field(default_factory=list)
    down: list[bytes] = field(default_factory=list)
    up: list[dict[str, Any]] = field(default_factory=list)
    is_lost: bool = False

    def __post_init__(self) -> None:
        self.gate: SocketGate[str] = SocketGate(
            SOCKET_SIEVES[self.dialogue], self.decide, held_bytes_max=self.held_bytes_max
        )

    def decide(self, by: str, asked: Asked) -> Ruling:
        self.asked.append((by, asked))
        return Ruling(not self.denies_all and asked.name not in self.denied, NO)

    def hears(self, *messages: dict[str, Any] | bytes, by: str = "turn") -> "Socket":
        for message in messages:
            if self.is_lost:
                break
            data = message if isinstance(message, bytes) else spelled(message)
            passing = self.gate.received(data, by)
            self.is_lost = passing is None
            if passing is not None:
                self.down += passing.down
                self.up += map(json.loads, passing.up)
        return self

    @property
    def shown(self) -> str:
        return b"\n".join(self.down).decode().replace('\\"', '"').replace("\\u2713", "✓")

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(data) for data in self.down]


def same(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


every = pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.name)


@every
def test_what_is_allowed_passes_byte_for_byte_and_each_call_is_asked_about_once(talk: Talk) -> None:
    socket = Socket(talk.dialogue).hears(*talk.data)
    assert sorted(socket.down) == sorted(talk.data)
    assert socket.down[-1] == talk.data[-1]
    assert [(asked.name, same(asked.arguments)) for _, asked in socket.asked] == [
        (name, same(arguments)) for name, arguments in talk.calls
    ]
    assert all(asked.intent == SAID for _, asked in socket.asked)
    assert {by for by, _ in socket.asked} == {"turn"}
    assert socket.up == []


@every
def test_what_is_allowed_keeps_its_order(talk: Talk) -> None:
    """Only what belongs to no response overtakes a call."""
    socket = Socket(talk.dialogue).hears(*talk.data)
    loose = ("rate_limits", "speech_started", "keepalive", "ping")

    def told(data: Sequence[bytes]) -> list[bytes]:
        return [each for each in data if not any(word in each.decode() for word in loose)]

    assert told(socket.down) == told(talk.data)


@every
def test_nothing_of_a_denied_call_reaches_the_client_and_the_reason_does(talk: Talk) -> None:
    socket = Socket(talk.dialogue, [name for name, _ in talk.calls]).hears(*talk.data)
    assert "Paris" not in socket.shown
    assert "rm -" not in socket.shown
    assert not any(f'"{id_}"' in socket.shown for id_ in CALL_IDS)
    assert SAID in socket.shown
    assert socket.shown.count(NO) >= len(talk.calls)
    assert len(socket.asked) == len(talk.calls)
    assert not socket.is_lost


@every
@pytest.mark.parametrize("denied", [0, 1])
def test_of_several_calls_exactly_the_denied_one_is_replaced(talk: Talk, denied: int) -> None:
    kept = talk.calls[1 - denied]
    socket = Socket(talk.dialogue, [talk.calls[denied][0]]).hears(*talk.data)
    again = Socket(talk.dialogue).hears(*socket.down)
    assert again.down == socket.down, "what was shown is whole, and passes as it stands"
    assert [(asked.name, same(asked.arguments)) for _, asked in again.asked] == [
        (kept[0], same(kept[1]))
    ]
    assert NO in socket.shown
    marks = ("Paris", "rm -")
    assert marks[1 - denied] in socket.shown
    assert marks[denied] not in socket.shown


@every
def test_text_and_sound_before_a_call_pass_as_they_come(talk: Talk) -> None:
    socket = Socket(talk.dialogue, [name for name, _ in talk.calls])
    for data in talk.data:
        if NAMES[0].encode() in data and b"session" not in data and b"response.created" not in data:
            break
        socket.hears(data)
        assert socket.down[-1] == data
    assert SAID in socket.shown


@every
def test_before_a_call_is_decided_nothing_of_it_is_shown(talk: Talk) -> None:
    for end in range(len(talk.data)):
        socket = Socket(talk.dialogue).hears(*talk.data[:end])
        names = {asked.name for _, asked in socket.asked}
        seen = [
            name
            for name, _ in talk.calls
            if f'"name": "{name}"' in socket.shown.replace('"type": "function", "name"', "")
        ]
        assert set(seen) <= names


@every
def test_a_decision_that_fails_is_a_denial(talk: Talk) -> None:
    def fail(by: str, asked: Asked) -> Ruling:
        raise RuntimeError("the engine is broken")

    gate: SocketGate[str] = SocketGate(SOCKET_SIEVES[talk.dialogue], fail)
    passed = [gate.received(data, "turn") for data in talk.data]
    shown = b"".join(data for each in passed if each for data in each.down).decode()
    assert "Paris" not in shown
    assert "no decision could be made" in shown


@every
def test_a_call_too_large_to_hold_is_denied_and_the_socket_goes_on(talk: Talk) -> None:
    socket = Socket(talk.dialogue, held_bytes_max=8).hears(*talk.data)
    assert not socket.is_lost
    assert "Paris" not in socket.shown
    assert "too large" in socket.shown
    last = talk.messages[-1]
    assert socket.messages[-1].get("type") == last.get("type")


@pytest.mark.parametrize("cut", range(len(FIRST) + 1))
def test_arguments_cut_anywhere_are_decided_the_same(cut: int) -> None:
    for denied in ((), NAMES[:1], NAMES):
        socket = Socket("openai.realtime", denied).hears(*realtime_events(cut))
        whole = Socket("openai.realtime", denied).hears(*realtime_events())
        assert [asked for _, asked in socket.asked] == [asked for _, asked in whole.asked]
        if denied == NAMES:
            assert socket.down == whole.down
        elif not denied:
            assert len(socket.down) == len(realtime_events(cut))


def test_what_stands_for_a_denied_item_has_its_place_and_id() -> None:
    socket = Socket("openai.realtime", NAMES[1:]).hears(*realtime_events())
    about = [each for each in socket.messages if "item_1" in json.dumps(each)]
    assert [each["type"] for each in about] == [
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "conversation.item.retrieved",
    ]
    for each in about[2:6]:
        assert (each["response_id"], each["output_index"], each["item_id"]) == (
            "resp_1", 2, "item_1",
        )  # fmt: skip
    shown = about[8]["response"]["output"]
    assert [item["type"] for item in shown] == ["function_call", "message"]
    assert shown[1] == about[7]["item"] == about[6]["item"] == about[9]["item"]
    assert shown[1]["content"] == [{"type": "output_text", "text": NO}]
    assert about[0]["item"]["content"] == []
    ids = [each["event_id"] for each in socket.messages]
    assert len(set(ids)) == len(ids)


def test_the_conversation_is_given_the_result_of_a_denied_call_and_its_echo_is_hidden() -> None:
    socket = Socket("openai.realtime", NAMES[1:]).hears(*realtime_events())
    (told,) = socket.up
    assert told["type"] == "conversation.item.create"
    assert told["item"] == {"type": "function_call_output", "call_id": "call_1", "output": NO}
    before = len(socket.down)
    echo = told["item"] | {"id": "item_x"}
    error = {"type": "invalid_request_error", "message": "no", "event_id": told["event_id"]}
    socket.hears(
        {"type": "conversation.item.added", "item": echo, "previous_item_id": "item_1"},
        {"type": "conversation.item.done", "item": echo, "previous_item_id": "item_1"},
        {"type": "error", "event_id": "e", "error": error},
    )
    assert len(socket.down) == before
    spoken = {"id": "item_2", "type": "message", "role": "user", "content": []}
    next_ = {"type": "conversation.item.added", "item": spoken, "previous_item_id": "item_x"}
    socket.hears(next_)
    assert socket.messages[-1] == next_ | {"previous_item_id": "item_1"}


def test_a_response_apart_from_the_conversation_has_no_result_in_it() -> None:
    apart = {"conversation_id": None}
    socket = Socket("openai.realtime", NAMES).hears(
        {"type": "response.created", "response": realtime_response([], "in_progress", **apart)},
        *(each for each in realtime_call(0) if each["type"].startswith("response.")),
        {"type": "response.done", "response": realtime_response([realtime_item(0)], **apart)},
    )
    assert NO in socket.shown
    assert socket.up == []


def test_what_another_response_says_does_not_wait_for_a_call() -> None:
    socket = Socket("openai.realtime")
    socket.hears({"type": "response.created", "response": realtime_response([], id_="resp_1")})
    socket.hears(*realtime_call(0)[:3])
    before = len(socket.down)
    other = realtime_said("resp_2")
    socket.hears(*other)
    assert socket.down[before:] == [spelled(each) for each in other]
    assert NAMES[0] not in socket.shown
    intents = [asked.intent for _, asked in socket.hears(*realtime_call(0)[3:]).asked]
    assert intents == [""], "what another response said is not why it was asked for"


def test_a_call_belongs_to_the_turn_in_which_it_began() -> None:
    socket = Socket("openai.realtime")
    socket.hears(*realtime_call(0)[:1], by="first")
    socket.hears(*realtime_call(0)[1:], by="socket")
    assert [by for by, _ in socket.asked] == ["first"]


def test_a_call_that_a_client_itself_put_into_its_conversation_is_not_asked_about() -> None:
    socket = Socket("openai.realtime", NAMES)
    own = {"type": "conversation.item.create", "item": realtime_item(0)}
    assert socket.gate.sent(spelled(own)) == spelled(own)
    told = {"type": "conversation.item.added", "item": realtime_item(0, role="assistant")}
    socket.hears(told)
    assert (socket.messages, socket.asked) == ([told], [])
    other = {"type": "conversation.item.added", "item": realtime_item(0, arguments='{"a": 2}')}
    socket.hears(other)
    assert len(socket.asked) == 1
    assert socket.messages[-1]["item"]["type"] == "message"


@pytest.mark.parametrize("name", ["response.output_item.done", "conversation.item.retrieved"])
def test_a_copy_of_an_allowed_call_that_says_something_else_ends_the_socket(name: str) -> None:
    other = {"type": name, "response_id": "resp_1", "item": realtime_item(1, arguments="{}")}
    socket = Socket("openai.realtime").hears(*realtime_events(), other)
    assert socket.is_lost


def test_a_cancelled_response_shows_nothing_of_a_call_that_was_not_whole() -> None:
    ended = realtime_response([], "cancelled")
    socket = Socket("openai.realtime").hears(
        *realtime_call(1)[:3], {"type": "response.done", "response": ended}
    )
    assert socket.messages[-1]["response"]["status"] == "cancelled"
    assert "never came to its end" in socket.shown
    assert "rm" not in socket.shown
    assert socket.asked == []
    assert socket.up == [], "the provider knows that it cancelled it"


def test_live_calls_that_are_denied_are_answered_in_the_clients_place() -> None:
    talk = next(talk for talk in TALKS if talk.name == "live: together")
    socket = Socket("gemini.live", NAMES[:1]).hears(*talk.data)
    refused = {"name": NAMES[0], "response": {"error": NO}, "id": "call_0"}
    assert socket.up == [{"toolResponse": {"functionResponses": [refused]}}]
    text, call = socket.messages[len(LIVE_SAID) :][:2]
    assert text == {"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": NO}]}}}
    assert call == {"toolCall": {"functionCalls": [live_call(1)]}}
    assert {"toolCallCancellation": {"ids": ["call_1"]}} in socket.messages
    both = Socket("gemini.live", NAMES).hears(*talk.data)
    assert not any("toolCall" in name for message in both.messages for name in message)
    assert len(both.up[0]["toolResponse"]["functionResponses"]) == 2


def test_what_stands_beside_a_denied_live_call_stays() -> None:
    usage = {"promptTokenCount": 4}
    asked = {"toolCall": {"functionCalls": [live_call(1)]}, "usageMetadata": usage}
    (shown,) = Socket("gemini.live", NAMES).hears(asked).messages
    assert shown["usageMetadata"] == usage
    assert shown["serverContent"]["modelTurn"]["parts"] == [{"text": NO}]


class TestResponses:
    def test_streams_do_not_wait_for_each_other(self) -> None:
        socket = Socket("openai.responses")
        held, other = on_a_stream("function_call", stream_id="a"), on_a_stream("function_call")
        at = next(n for n, each in enumerate(held) if NAMES[0] in json.dumps(each.get("item")))
        socket.hears(*held[: at + 1])
        before = len(socket.down)
        socket.hears(*other[1:9])
        assert socket.down[before:] == [spelled(each) for each in other[1:9]]

    def test_a_response_numbers_its_items_anew(self) -> None:
        socket = Socket("openai.responses", NAMES[1:])
        socket.hears(*on_a_stream("function_call"), *on_a_stream("function_call"))
        assert [asked.name for _, asked in socket.asked] == [*NAMES, *NAMES]
        assert not socket.is_lost
        assert "rm -rf" not in socket.shown

    @pytest.mark.parametrize(
        ("kind", "result"),
        [
            ("function_call", {"type": "function_call_output", "output": NO}),
            ("custom_tool_call", {"type": "custom_tool_call_output", "output": NO}),
            ("apply_patch_call", {"type": "apply_patch_call_output", "status": "failed"}),
            ("local_shell_call", {"type": "local_shell_call_output", "id": "call_1"}),
            ("shell_call", {"type": "shell_call_output", "call_id": "call_1"}),
            ("tool_search_call", {"type": "tool_search_output", "tools": []}),
            ("mcp_approval_request", {"approval_request_id": "fc_1", "approve": False}),
        ],
    )
    def test_what_goes_on_from_a_denied_call_brings_its_result(
        self, kind: str, result: dict[str, Any]
    ) -> None:
        events = on_a_stream(kind)
        socket = Socket("openai.responses", [NAMES[1], kind.removesuffix("_call")]).hears(*events)
        assert NO in socket.shown
        asked = (
            b'{"type": "response.create", "previous_response_id": "resp_1", "input": [ {"a": 1} ]}'
        )
        sent = socket.gate.sent(asked)
        first, own = json.loads(sent)["input"]
        assert first | result == first
        assert own == {"a": 1}
        assert sent.endswith(b' {"a": 1} ]}'), "what the client wrote stays as it wrote it"
        assert socket.gate.sent(asked) == sent, "a response may be gone on from twice"

    def test_what_goes_on_from_anything_else_is_left_alone(self) -> None:
        socket = Socket("openai.responses", NAMES[1:]).hears(*on_a_stream("function_call"))
        for message in (
            {"type": "response.create", "previous_response_id": "resp_2", "input": "hi"},
            {"type": "response.create", "input": "hi"},
            {"type": "response.cancel", "previous_response_id": "resp_1"},
        ):
            assert socket.gate.sent(spelled(message)) == spelled(message)
        assert socket.gate.sent(b"{") == b"{"

    @pytest.mark.parametrize(
        ("given", "own"),
        [
            ("hi", [{"type": "message", "role": "user", "content": "hi"}]),
            ([], []),
            (None, []),
        ],
    )
    def test_the_clients_input_follows_in_whatever_form(
        self, given: Any, own: list[dict[str, Any]]
    ) -> None:
        socket = Socket("openai.responses", NAMES[1:]).hears(*on_a_stream("function_call"))
        asked = {"type": "response.create", "previous_response_id": "resp_1"}
        asked |= {} if given is None else {"input": given}
        sent = json.loads(socket.gate.sent(spelled(asked)))
        assert sent["input"][0]["call_id"] == "call_1"
        assert sent["input"][1:] == own

    def test_a_conversation_is_given_each_result_once(self) -> None:
        socket = Socket("openai.responses", NAMES[1:])
        events = on_a_stream("function_call")
        events[-1]["response"] |= {"conversation": {"id": "conv_1"}}
        socket.hears(*events)
        asked = spelled({"type": "response.create", "conversation": {"id": "conv_1"}, "input": []})
        assert b"function_call_output" in socket.gate.sent(asked)
        assert socket.gate.sent(asked) == asked

    def test_a_terminal_event_without_items_is_enough(self) -> None:
        """As of ChatGPT's own backend."""
        events = on_a_stream("function_call")
        events[-1]["response"] = {"id": "resp_1", "usage": None}
        socket = Socket("openai.responses", NAMES[1:]).hears(*events)
        asked = {"type": "response.create", "previous_response_id": "resp_1", "input": []}
        assert b"function_call_output" in socket.gate.sent(spelled(asked))


@pytest.mark.parametrize(
    ("dialogue", "message"),
    [
        ("openai.responses", b'{"type": "response.created", "x": ]'),
        ("openai.responses", b'[{"type": "function_call"}]'),
        ("openai.responses", {"type": "response.new", "call": {"type": "function_call"}}),
        ("openai.responses", {"type": "response.function_call_arguments.delta", "delta": "{"}),
        ("openai.realtime", {"type": "conversation.new", "call": {"type": "function_call"}}),
        (
            "openai.realtime",
            {"type": "response.function_call_arguments.done", "item_id": "?", "arguments": "{}"},
        ),
        ("openai.realtime", {"type": "session.updated", "item": {"type": "function_call"}}),
        (
            "openai.realtime",
            {"type": "response.done", "response": {"id": "r", "output": {"type": "x_call"}}},
        ),
        ("gemini.live", {"tool_call": {"function_calls": [{"name": "x"}]}}),
        ("gemini.live", {"toolCall": [{"functionCalls": [{"name": "x"}]}]}),
        ("gemini.live", {"toolCall": {"functionCalls": {"0": {"functionCall": {"name": "x"}}}}}),
        ("gemini.live", {"serverContent": {"toolCall": {"name": "x"}}}),
        ("gemini.live", {"serverContent": [{"functionCall": {"name": "x"}}]}),
        (
            "gemini.live",
            {"server_content": {"model_turn": {"parts": [{"function_call": {"a": 1}}]}}},
        ),
        ("gemini.live", b'{"toolCall": '),
    ],
)
def test_what_may_ask_for_a_tool_and_cannot_be_read_ends_the_socket(
    dialogue: str, message: dict[str, Any] | bytes
) -> None:
    socket = Socket(dialogue).hears(message)
    assert socket.is_lost
    assert socket.down == []


@every
def test_what_cannot_be_read_takes_what_was_held_with_it(talk: Talk) -> None:
    half = next(n for n, data in enumerate(talk.data) if b"rm -" in data)
    socket = Socket(talk.dialogue).hears(*talk.data[:half], b'{"type": "x", "tool_calls": [1]}')
    assert socket.is_lost
    assert "rm -" not in socket.shown


@every
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_messages_of_any_shape_do_not_raise_and_show_no_call(
    talk: Talk, data: st.DataObject
) -> None:
    socket = Socket(talk.dialogue, denies_all=True)
    changed = data.draw(st.sets(st.integers(0, len(talk.messages) - 1), max_size=4))
    for at, message in enumerate(talk.messages):
        socket.hears(spelled(twisted(message, data, 20)) if at in changed else message)
    assert not any(asks_for_a_tool(each) for each in socket.messages)


def asks_for_a_tool(value: Any) -> bool:
    """As a client would find it in what it is shown."""
    if isinstance(value, list):
        return any(map(asks_for_a_tool, value))
    if not isinstance(value, dict):
        return False
    kind = str(value.get("type"))
    is_item = kind.endswith(("_call", "_approval_request")) and bool(value.get("name"))
    is_part = bool(value.get("functionCall") or value.get("functionCalls"))
    return is_item or is_part or any(map(asks_for_a_tool, value.values()))


def test_sound_that_is_no_json_passes() -> None:
    socket = Socket("openai.realtime").hears(b"\x00\x01sound")
    assert socket.down == [b"\x00\x01sound"]

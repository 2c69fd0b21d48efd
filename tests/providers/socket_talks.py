"""What providers send on their WebSockets when a model says something and asks for two tools."""

import json
from dataclasses import dataclass, field
from typing import Any

from proxy.providers.dialogue import DialogueName
from tests.providers.tool_answers import FIRST, ITEMS, NAMES, SAID, SECOND, responses_events

CALL_IDS = ("call_0", "call_1")


@dataclass(frozen=True, slots=True)
class Talk:
    name: str
    dialogue: DialogueName
    messages: list[dict[str, Any]] = field(repr=False)
    calls: tuple[tuple[str, str], ...] = tuple(zip(NAMES, (FIRST, SECOND), strict=True))
    """Name and arguments of each."""

    @property
    def data(self) -> list[bytes]:
        return [spelled(message) for message in self.messages]


def spelled(message: Any) -> bytes:
    """With spaces, as Python's providers write: what passes must not be written anew."""
    return json.dumps(message, ensure_ascii=False).encode()


def on_a_stream(kind: str, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "keepalive", "sequence_number": 0}] + [
        event | more for event in responses_events(kind)
    ]


def realtime_item(at: int, **more: Any) -> dict[str, Any]:
    item = {"id": f"item_{at}", "object": "realtime.item", "type": "function_call"}
    named = {"status": "completed", "name": NAMES[at], "call_id": CALL_IDS[at]}
    return item | named | {"arguments": (FIRST, SECOND)[at]} | more


def realtime_call(
    at: int, response: str = "resp_1", *, cut: int = 6, place: int | None = None
) -> list[dict[str, Any]]:
    """A call as OpenAI tells of it: in its response and in the conversation."""
    where = {"response_id": response, "output_index": at + 1 if place is None else place}
    inside = where | {"item_id": f"item_{at}", "call_id": CALL_IDS[at]}
    begun, done = realtime_item(at, status="in_progress", arguments=""), realtime_item(at)
    kind, given = "response.function_call_arguments", done["arguments"]
    before = {"previous_item_id": f"item_{at - 1}" if at else "item_said"}
    return [
        {"type": "response.output_item.added", "item": begun} | where,
        {"type": "conversation.item.added", "item": begun} | before,
        *({"type": f"{kind}.delta", "delta": each} | inside for each in (given[:cut], given[cut:])),
        {"type": f"{kind}.done", "arguments": given, "name": NAMES[at]} | inside,
        {"type": "conversation.item.done", "item": done} | before,
        {"type": "response.output_item.done", "item": done} | where,
    ]


def realtime_said(response: str = "resp_1") -> list[dict[str, Any]]:
    where = {"response_id": response, "output_index": 0}
    inside = where | {"item_id": "item_said", "content_index": 0}
    item = {"id": "item_said", "type": "message", "role": "assistant", "status": "in_progress"}
    full = item | {"status": "completed", "content": [{"type": "output_audio", "transcript": SAID}]}
    return [
        {"type": "response.output_item.added", "item": item | {"content": []}} | where,
        {"type": "conversation.item.added", "item": item | {"content": []}},
        {"type": "response.output_audio.delta", "delta": "UklGRg=="} | inside,
        {"type": "response.output_audio_transcript.delta", "delta": SAID} | inside,
        {"type": "conversation.item.done", "item": full},
        {"type": "response.output_item.done", "item": full} | where,
    ]


def realtime_response(
    output: list[dict[str, Any]], status: str = "completed", id_: str = "resp_1", **more: Any
) -> dict[str, Any]:
    usage = {"total_tokens": 3, "input_tokens": 1, "output_tokens": 2}
    head = {"object": "realtime.response", "id": id_, "status": status, "output": output}
    return head | {"conversation_id": "conv_1", "usage": usage} | more


def numbered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event | {"event_id": f"event_{at}"} for at, event in enumerate(events)]


SESSION = {
    "type": "session.created",
    "session": {
        "type": "realtime",
        "model": "gpt-realtime",
        "tools": [{"type": "function", "name": NAMES[0], "parameters": {"tool_calls": {"x": 1}}}],
    },
}


def realtime_events(cut: int = 6) -> list[dict[str, Any]]:
    items = [realtime_item(0), realtime_item(1)]
    return numbered(
        [
            SESSION,
            {"type": "input_audio_buffer.speech_started", "item_id": "item_user"},
            {"type": "response.created", "response": realtime_response([], "in_progress")},
            *realtime_said(),
            *realtime_call(0, cut=cut),
            {"type": "rate_limits.updated", "rate_limits": []},
            *realtime_call(1, cut=cut),
            {"type": "response.done", "response": realtime_response(items)},
            {"type": "conversation.item.retrieved", "item": realtime_item(0)},
            {"type": "conversation.item.retrieved", "item": realtime_item(1)},
        ]
    )


def xai_events() -> list[dict[str, Any]]:
    """x.ai numbers every item 0, ends an item of the conversation without a word, and keeps its
    usage beside the response."""
    told = [*realtime_call(0, place=0), *realtime_call(1, place=0)]
    events = [event for event in told if event["type"] != "conversation.item.done"]
    items = [realtime_item(0, role="user"), realtime_item(1, role="user")]
    done = realtime_response(items, status_details="unimplemented", usage={})
    return numbered(
        [
            {"type": "ping", "timestamp": 1},
            {"type": "response.created", "response": realtime_response([], "in_progress")},
            *realtime_said(),
            *events,
            {"type": "response.done", "response": done, "usage": {"input_tokens": 7}},
        ]
    )


def older_events() -> list[dict[str, Any]]:
    """Each item of the conversation is told of once, when it begins."""
    older = {"conversation.item.added": "conversation.item.created"}
    return [
        event | {"type": older.get(event["type"], event["type"])}
        for event in realtime_events()
        if event["type"] != "conversation.item.done"
    ]


def conversation_first() -> list[dict[str, Any]]:
    """An item of the conversation is told of before its response says so."""
    told = realtime_events()
    events = list(told)
    for at, event in enumerate(told):
        is_call = event.get("item", {}).get("type") == "function_call"
        if is_call and event["type"] == "response.output_item.added":
            events[at], events[at + 1] = events[at + 1], event
    return events


def live_call(at: int) -> dict[str, Any]:
    return {"name": NAMES[at], "args": json.loads((FIRST, SECOND)[at]), "id": CALL_IDS[at]}


LIVE_USAGE = {"promptTokenCount": 5, "responseTokenCount": 7, "totalTokenCount": 12}
LIVE_SAID = [
    {"setupComplete": {}},
    {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "AAAA"}}]}}},
    {"serverContent": {"outputTranscription": {"text": SAID}}},
]
LIVE_DONE = [
    {"serverContent": {"generationComplete": True}},
    {"serverContent": {"turnComplete": True}, "usageMetadata": LIVE_USAGE},
    {"toolCallCancellation": {"ids": list(CALL_IDS)}},
    {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
]


def continued() -> list[dict[str, Any]]:
    """Arguments that come in parts, as Vertex streams them."""
    path = {"jsonPath": "$.command"}
    begun = {"name": NAMES[1], "id": CALL_IDS[1], "willContinue": True}
    parts = [
        begun | {"partialArgs": [path | {"stringValue": "rm -", "willContinue": True}]},
        {"partialArgs": [path | {"stringValue": "rf /"}], "willContinue": True},
        {},
    ]
    return [{"toolCall": {"functionCalls": [part]}} for part in parts]


TALKS = [
    *(
        Talk(
            f"responses: {kind}",
            "openai.responses",
            on_a_stream(kind),
            (
                (NAMES[0], FIRST),
                (
                    ITEMS[kind].get("name", kind.removesuffix("_call")),
                    ITEMS[kind].get("arguments", ITEMS[kind].get("input")),
                ),
            ),
        )
        for kind in ("function_call", "custom_tool_call", "mcp_approval_request")
    ),
    Talk("responses: a stream", "openai.responses", on_a_stream("function_call", stream_id="a")),
    Talk("realtime", "openai.realtime", realtime_events()),
    Talk("realtime, conversation first", "openai.realtime", conversation_first()),
    Talk("realtime, older", "openai.realtime", older_events()),
    Talk("realtime of x.ai", "openai.realtime", xai_events()),
    Talk(
        "live: together",
        "gemini.live",
        [
            *LIVE_SAID,
            {"toolCall": {"functionCalls": [live_call(0), live_call(1)]}},
            *LIVE_DONE,
        ],
    ),
    Talk(
        "live: one by one",
        "gemini.live",
        [
            *LIVE_SAID,
            {"toolCall": {"functionCalls": [live_call(0)]}},
            {"toolCall": {"functionCalls": [live_call(1)]}, "usageMetadata": LIVE_USAGE},
            *LIVE_DONE,
        ],
    ),
    Talk(
        "live: in parts",
        "gemini.live",
        [*LIVE_SAID, {"toolCall": {"functionCalls": [live_call(0)]}}, *continued(), *LIVE_DONE],
        ((NAMES[0], FIRST), (NAMES[1], '{"$.command":"rm -rf /"}')),
    ),
    Talk(
        "live: among the parts of a turn",
        "gemini.live",
        [
            *LIVE_SAID,
            {
                "serverContent": {
                    "modelTurn": {
                        "role": "model",
                        "parts": [{"functionCall": live_call(0)}, {"functionCall": live_call(1)}],
                    }
                }
            },
            *LIVE_DONE,
        ],
    ),
]

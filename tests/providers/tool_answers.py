"""Answers that ask for tools, in every format and framing: some text, then two calls."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from proxy.providers.call import FormatName
from proxy.providers.tool_gate_sieve import without
from tests.providers.bodies import chunk, frame, sse

SSE = "text/event-stream"
JSON = "application/json"
FRAMES = "application/vnd.amazon.eventstream"
LINES = "application/x-ndjson"

FIRST, SECOND = '{"city":"Paris ✓"}', '{"command":"rm -rf /"}'
"""Arguments of the first call and of the second."""
NAMES = ("get_weather", "shell_run")
SAID = "Grüße, I will look."


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    format: FormatName
    provider: str
    content_type: str
    data: bytes
    calls: tuple[tuple[str, str], ...] = tuple(zip(NAMES, (FIRST, SECOND), strict=True))
    """Name and arguments of each."""
    said: str = SAID

    @property
    def headers(self) -> dict[str, str]:
        return {"content-type": self.content_type}


def body(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def chat_chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5"}
    return head | {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def chat_call(at: int, kind: str = "function", **more: Any) -> dict[str, Any]:
    given = {"name": NAMES[at], "arguments" if kind == "function" else "input": (FIRST, SECOND)[at]}
    return {"id": f"call_{at}", "type": kind, kind: given} | more


def chat_parts(at: int, *, repeats_id: bool = False) -> list[dict[str, Any]]:
    """A call in pieces, as OpenAI streams it."""
    arguments = (FIRST, SECOND)[at]
    id_ = {"id": f"call_{at}", "type": "function"}
    parts = [{"index": at, "function": {"name": NAMES[at], "arguments": ""}} | id_]
    more = id_ if repeats_id else {}
    pieces = (arguments[:5], arguments[5:])
    parts += [{"index": at, "function": {"arguments": piece}} | more for piece in pieces]
    return [chat_chunk({"tool_calls": [part]}) for part in parts]


BEGUN = chat_chunk({"role": "assistant", "content": ""})
TOLD = chat_chunk({"content": SAID})
DONE = (chat_chunk({}, "tool_calls"), b"[DONE]")
WHOLE = [chat_call(0), chat_call(1)]
INDEXED = [chat_call(0, index=0), chat_call(1, index=1)]

LEGACY = [
    chat_chunk({"function_call": {"name": NAMES[1], "arguments": ""}}),
    chat_chunk({"function_call": {"arguments": SECOND[:4]}}),
    chat_chunk({"function_call": {"arguments": SECOND[4:]}}),
    chat_chunk({}, "function_call"),
]
COPIED = chat_chunk({}, "tool_calls")
COPIED["choices"][0]["message"] = {"role": "assistant", "content": SAID, "tool_calls": WHOLE}


def chat_json(message: dict[str, Any], finish: str = "tool_calls") -> bytes:
    said = {"role": "assistant", "content": SAID} | message
    choice = {"index": 0, "message": said, "finish_reason": finish, "logprobs": None}
    head = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "gpt-5"}
    return body(head | {"choices": [choice]})


CHAT = [
    ("openai", sse(BEGUN, TOLD, *chat_parts(0), *chat_parts(1), *DONE)),
    ("id repeated", sse(TOLD, *chat_parts(0, repeats_id=True), *chat_parts(1), *DONE)),
    ("crlf", sse(TOLD, *chat_parts(0), *chat_parts(1), *DONE).replace(b"\n", b"\r\n")),
    ("comments", b": hi\n\n" + sse(TOLD, *chat_parts(0), *chat_parts(1), *DONE)),
    ("no index", sse(TOLD, *(chat_chunk({"tool_calls": [call]}) for call in WHOLE), *DONE)),
    ("whole", sse(TOLD, chat_chunk({"tool_calls": INDEXED}, "tool_calls"), b"[DONE]")),
    ("copied", sse(TOLD, *chat_parts(0), *chat_parts(1), COPIED, b"[DONE]")),
    ("unfinished", sse(TOLD, *chat_parts(0), *chat_parts(1), b"[DONE]")),
    (
        "custom",
        sse(
            TOLD,
            chat_chunk({"tool_calls": [chat_call(n, "custom", index=n) for n in (0, 1)]}),
            *DONE,
        ),
    ),
]

ITEMS: dict[str, dict[str, Any]] = {
    "function_call": {"name": NAMES[1], "arguments": SECOND, "call_id": "call_1"},
    "custom_tool_call": {"name": NAMES[1], "input": SECOND, "call_id": "call_1"},
    "local_shell_call": {"action": {"type": "exec", "command": ["rm -rf /"]}, "call_id": "call_1"},
    "shell_call": {"action": {"commands": ["rm -rf /"]}, "call_id": "call_1", "environment": None},
    "apply_patch_call": {
        "operation": {"type": "delete_file", "path": "rm -rf /"},
        "call_id": "call_1",
    },
    "computer_call": {"actions": [{"type": "type", "text": "rm -rf /"}], "call_id": "call_1"},
    "tool_search_call": {"execution": "client", "arguments": {"q": "rm -rf /"}},
    "mcp_approval_request": {"name": NAMES[1], "arguments": SECOND, "server_label": "s"},
    "telepathy_call": {"thought": "rm -rf /"},
}
"""What may ask a client to act, the last of a kind that nobody knows."""
_DELTAS = {
    "function_call": "response.function_call_arguments",
    "custom_tool_call": "response.custom_tool_call_input",
    "shell_call": "response.shell_call_command",
    "apply_patch_call": "response.apply_patch_call_operation_diff",
}


def item_of(kind: str) -> dict[str, Any]:
    return {"type": kind, "id": "fc_1", "status": "completed"} | ITEMS[kind]


def responses_items(kind: str) -> list[dict[str, Any]]:
    said = {"type": "output_text", "text": SAID, "annotations": []}
    return [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "id": "msg_7", "role": "assistant", "status": "completed"}
        | {"content": [said]},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "function_call", "id": "fc_0", "call_id": "call_0", "status": "completed"}
        | {"name": NAMES[0], "arguments": FIRST},
        item_of(kind),
    ]


def response_of(items: list[dict[str, Any]], status: str = "completed") -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5"}
    tools = [{"type": "function", "name": NAMES[0], "parameters": {"tool_calls": {}}}]
    more = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": tools, "usage": None}
    return head | {"status": status, "output": items} | more


def responses_events(kind: str) -> list[dict[str, Any]]:
    items = responses_items(kind)
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response_of([], "in_progress")}
    ]
    for place, item in enumerate(items):
        at = {"output_index": place, "item_id": item["id"]}
        open_ = item | ({"content": []} if item["type"] == "message" else {})
        open_ |= {name: "" for name in ("arguments", "input") if isinstance(item.get(name), str)}
        events.append({"type": "response.output_item.added", "output_index": place, "item": open_})
        if item["type"] == "message":
            inside = at | {"content_index": 0}
            part = item["content"][0]
            blank = part | {"text": ""}
            events += [
                {"type": "response.content_part.added", "part": blank} | inside,
                {"type": "response.output_text.delta", "delta": SAID, "logprobs": []} | inside,
                {"type": "response.output_text.done", "text": SAID, "logprobs": []} | inside,
                {"type": "response.content_part.done", "part": part} | inside,
            ]
        if item["type"] in _DELTAS:
            name = "input" if item["type"] == "custom_tool_call" else "arguments"
            given = item.get(name, "rm -rf /")
            for piece in (given[:6], given[6:]):
                events.append({"type": _DELTAS[item["type"]] + ".delta", "delta": piece} | at)
            done = {name: given, "name": item["name"]} if name in item else {}
            events.append({"type": _DELTAS[item["type"]] + ".done"} | done | at)
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    events.append({"type": "response.completed", "response": response_of(items)})
    return [event | {"sequence_number": number} for number, event in enumerate(events)]


def responses_case(kind: str) -> Case:
    name, given = ITEMS[kind].get("name", kind.removesuffix("_call")), None
    given = ITEMS[kind].get("arguments", ITEMS[kind].get("input"))
    if not isinstance(given, str):
        outside = ("call_id",)
        given = json.dumps(
            {key: value for key, value in ITEMS[kind].items() if key not in outside},
            separators=(",", ":"),
        )
    calls = ((NAMES[0], FIRST), (name, given))
    data = sse(*responses_events(kind), named=True)
    return Case(f"responses: {kind}", "openai.responses", "openai", SSE, data, calls)


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5",
    "stop_reason": None,
    "stop_sequence": None,
}
_COUNTS = {"input_tokens": 3, "output_tokens": 2}
BLOCKS: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "hm", "signature": "x"},
    {"type": "text", "text": SAID},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
    {"type": "tool_use", "id": "toolu_0", "name": NAMES[0], "input": json.loads(FIRST)},
    {"type": "tool_use", "id": "toolu_1", "name": NAMES[1], "input": json.loads(SECOND)},
]


def messages_events(blocks: Iterable[dict[str, Any]] = BLOCKS) -> list[dict[str, Any]]:
    start = MESSAGE | {"content": [], "usage": _COUNTS}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(blocks):
        deltas: list[dict[str, Any]]
        match block["type"]:
            case "text":
                empty = block | {"text": ""}
                deltas = [{"type": "text_delta", "text": block["text"]}]
            case "thinking":
                empty = block | {"thinking": "", "signature": ""}
                deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
            case _:
                empty = block | {"input": {}}
                text = json.dumps(block["input"], ensure_ascii=False, separators=(",", ":"))
                pieces = ("", text[:7], text[7:])
                deltas = [{"type": "input_json_delta", "partial_json": each} for each in pieces]
        at = {"index": index}
        events.append({"type": "content_block_start", "content_block": empty} | at)
        events += [{"type": "content_block_delta", "delta": delta} | at for delta in deltas]
        events.append({"type": "content_block_stop"} | at)
    ended = {"stop_reason": "tool_use", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 9}})
    return [*events, {"type": "message_stop"}]


MESSAGE_JSON = body(MESSAGE | {"content": BLOCKS, "stop_reason": "tool_use", "usage": _COUNTS})

PARTS: list[dict[str, Any]] = [
    {"functionCall": {"name": NAMES[0], "args": json.loads(FIRST), "id": "a"}},
    {"text": ""},
    {"functionCall": {"name": NAMES[1], "args": json.loads(SECOND)}, "thoughtSignature": "eA=="},
]


def gemini_chunk(parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0} | more
    return {"candidates": [candidate], "modelVersion": "gemini-3", "responseId": "r"}


GEMINI = [
    gemini_chunk([{"text": SAID}]),
    gemini_chunk(PARTS),
    gemini_chunk([{"text": ""}], finishReason="STOP"),
]


def converse_call(at: int) -> list[tuple[str, dict[str, Any]]]:
    where, arguments = {"contentBlockIndex": at + 1}, (FIRST, SECOND)[at]
    start = {"toolUse": {"toolUseId": f"t{at}", "name": NAMES[at]}}
    pieces = (arguments[:9], arguments[9:])
    deltas = [{"delta": {"toolUse": {"input": piece}}} for piece in pieces]
    return [
        ("contentBlockStart", where | {"start": start}),
        *(("contentBlockDelta", where | delta) for delta in deltas),
        ("contentBlockStop", where),
    ]


CONVERSE: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": SAID}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    *converse_call(0),
    *converse_call(1),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}}),
]
STEPS: list[dict[str, Any]] = [
    {"type": "thought", "summary": []},
    {"type": "google_search_call", "id": "s", "arguments": {"queries": ["q"]}},
    {"type": "model_output", "content": [{"type": "text", "text": SAID}]},
    {"type": "function_call", "id": "f0", "name": NAMES[0], "arguments": json.loads(FIRST)},
    {"type": "function_call", "id": "f1", "name": NAMES[1], "arguments": json.loads(SECOND)},
]
INTERACTION = {
    "id": "v1",
    "object": "interaction",
    "model": "gemini-3",
    "status": "requires_action",
}


def step_events(index: int, step: dict[str, Any]) -> list[dict[str, Any]]:
    at = {"index": index}
    deltas: list[dict[str, Any]] = []
    start = without(step, "content", "arguments") if step["type"] != "google_search_call" else step
    if "content" in step:
        deltas = [{"type": "text", "text": SAID}]
    elif step["type"] == "function_call":
        text = json.dumps(step["arguments"], separators=(",", ":"))
        deltas = [{"type": "arguments_delta", "arguments": each} for each in (text[:9], text[9:])]
    return [
        {"event_type": "step.start", "step": start} | at,
        *({"event_type": "step.delta", "delta": delta} | at for delta in deltas),
        {"event_type": "step.stop"} | at,
    ]


INTERACTIONS = [
    {"event_type": "interaction.created", "interaction": INTERACTION | {"status": "in_progress"}},
    *(event for index, step in enumerate(STEPS) for event in step_events(index, step)),
    {"event_type": "interaction.status_update", "status": "requires_action"},
    {"event_type": "interaction.completed", "interaction": INTERACTION | {"steps": STEPS}},
]

CONVERSE_JSON = body(
    {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"text": SAID},
                    *(
                        {"toolUse": {"toolUseId": "t", "name": name, "input": json.loads(given)}}
                        for name, given in zip(NAMES, (FIRST, SECOND), strict=True)
                    ),
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
    }
)


def _said(text: dict[str, Any]) -> dict[str, Any]:
    return {"delta": {"message": {"content": text}}}


def _asked(call: dict[str, Any]) -> dict[str, Any]:
    return {"delta": {"message": {"tool_calls": call}}}


def cohere_call(at: int) -> list[dict[str, Any]]:
    where, arguments = {"index": at}, (FIRST, SECOND)[at]
    begun = {"id": f"c{at}", "function": {"name": NAMES[at], "arguments": ""}}
    deltas = [{"function": {"arguments": piece}} for piece in (arguments[:9], arguments[9:])]
    return [
        {"type": "tool-call-start"} | where | _asked(begun),
        *({"type": "tool-call-delta"} | where | _asked(delta) for delta in deltas),
        {"type": "tool-call-end"} | where,
    ]


COHERE: list[dict[str, Any]] = [
    {"type": "message-start", "id": "co", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-start", "index": 0} | _said({"type": "text", "text": ""}),
    {"type": "content-delta", "index": 0} | _said({"text": SAID}),
    {"type": "content-end", "index": 0},
    *cohere_call(0),
    *cohere_call(1),
    {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": {}}},
]
COHERE_JSON = {
    "id": "co",
    "finish_reason": "TOOL_CALL",
    "message": {
        "role": "assistant",
        "content": [{"type": "text", "text": SAID}],
        "tool_calls": [
            {"id": f"c{at}", "type": "function"}
            | {"function": {"name": NAMES[at], "arguments": (FIRST, SECOND)[at]}}
            for at in (0, 1)
        ],
    },
}
OLD_CALLS = [
    {"name": name, "parameters": json.loads(given)}
    for name, given in zip(NAMES, (FIRST, SECOND), strict=True)
]
OLD: list[dict[str, Any]] = [
    {"event_type": "stream-start", "is_finished": False, "generation_id": "g"},
    {"event_type": "text-generation", "is_finished": False, "text": SAID},
    {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": 0, "name": NAMES[0]}},
    {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": 1, "name": NAMES[1]}},
    {"event_type": "tool-calls-generation", "tool_calls": OLD_CALLS},
    {
        "event_type": "stream-end",
        "is_finished": True,
        "finish_reason": "TOOL_CALLS",
        "response": {
            "text": SAID,
            "generation_id": "g",
            "finish_reason": "TOOL_CALLS",
            "tool_calls": OLD_CALLS,
            "chat_history": [{"role": "CHATBOT", "message": SAID, "tool_calls": OLD_CALLS}],
        },
    },
]


def ollama_line(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": ""} | message
    return {"model": "llama3", "created_at": "2026-01-01T00:00:00Z", "message": said} | (
        {"done": False} | more
    )


OLLAMA_CALLS = [
    {"function": {"name": name, "arguments": json.loads(given)}}
    for name, given in zip(NAMES, (FIRST, SECOND), strict=True)
]
OLLAMA = [
    ollama_line({"content": SAID}),
    *(ollama_line({"tool_calls": [call]}) for call in OLLAMA_CALLS),
    ollama_line({}, done=True, done_reason="stop", eval_count=3),
]

CASES = [
    *(Case(f"chat: {name}", "openai.chat", "openai", SSE, data) for name, data in CHAT),
    Case(
        "chat: legacy",
        "openai.chat",
        "openai",
        SSE,
        sse(TOLD, *LEGACY, b"[DONE]"),
        ((NAMES[1], SECOND),),
    ),
    Case("chat: json", "openai.chat", "openai", JSON, chat_json({"tool_calls": WHOLE})),
    *map(responses_case, ITEMS),
    Case(
        "responses: json",
        "openai.responses",
        "openai",
        JSON,
        body(response_of(responses_items("function_call"))),
    ),
    Case("messages", "anthropic.messages", "anthropic", SSE, sse(*messages_events(), named=True)),
    Case("messages: json", "anthropic.messages", "anthropic", JSON, MESSAGE_JSON),
    Case("gemini", "gemini.generate", "google", SSE, sse(*GEMINI, end=b"\r\n\r\n")),
    Case("gemini: array", "gemini.generate", "google", JSON, json.dumps(GEMINI, indent=1).encode()),
    Case(
        "gemini: json",
        "gemini.generate",
        "google",
        JSON,
        body(gemini_chunk([{"text": SAID}, *PARTS], finishReason="STOP")),
    ),
    Case(
        "gemini: wrapped",
        "gemini.generate",
        "google",
        SSE,
        sse(*({"response": each, "traceId": "t"} for each in GEMINI)),
    ),
    Case(
        "interactions",
        "gemini.interactions",
        "google",
        SSE,
        sse(*INTERACTIONS) + b"event: done\ndata: [DONE]\n\n",
    ),
    Case(
        "interactions: json",
        "gemini.interactions",
        "google",
        JSON,
        body(INTERACTION | {"steps": STEPS}),
    ),
    Case(
        "converse",
        "bedrock.converse",
        "bedrock",
        FRAMES,
        b"".join(frame(name, event) for name, event in CONVERSE),
    ),
    Case("converse: json", "bedrock.converse", "bedrock", JSON, CONVERSE_JSON),
    Case(
        "invoke: claude",
        "bedrock.invoke",
        "bedrock",
        FRAMES,
        b"".join(map(chunk, messages_events())),
    ),
    Case(
        "invoke: nova",
        "bedrock.invoke",
        "bedrock",
        FRAMES,
        b"".join(chunk({name: event}) for name, event in CONVERSE),
    ),
    Case(
        "invoke: mistral",
        "bedrock.invoke",
        "bedrock",
        JSON,
        chat_json({"tool_calls": WHOLE}),
    ),
    Case("invoke: claude json", "bedrock.invoke", "bedrock", JSON, MESSAGE_JSON),
    Case("cohere", "cohere.chat", "cohere", SSE, sse(*COHERE, named=True) + sse(b"[DONE]")),
    Case("cohere: json", "cohere.chat", "cohere", JSON, body(COHERE_JSON)),
    Case("cohere v1", "cohere.chat", "cohere", LINES, b"".join(body(e) + b"\n" for e in OLD)),
    Case(
        "cohere v1: json",
        "cohere.chat",
        "cohere",
        JSON,
        body(OLD[-1]["response"]),
    ),
    Case("ollama", "ollama.chat", "ollama", LINES, b"".join(body(e) + b"\n" for e in OLLAMA)),
    Case(
        "ollama: json",
        "ollama.chat",
        "ollama",
        JSON,
        body(ollama_line({"content": SAID, "tool_calls": OLLAMA_CALLS}, done=True)),
    ),
]

"""A message of Exeat's own in the place of a model's answer, in each format, whole or as a stream (pure).

It says something and asks for nothing: no tool, no usage. A real SDK reads it as any other answer
(tests/journeys/test_messages.py).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from proxy.providers.answer import said
from proxy.providers.call import FormatName
from proxy.providers.event_stream import EventStreamParser
from proxy.providers.sse import Event, SseParser

_JSON = "application/json"
_SSE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, and how it was asked for."""

    text: str
    model: str
    """As the caller named it."""
    id: str
    """Of the record; the message's own is made of it."""
    at_s: int
    """Unix seconds."""
    streaming: bool
    path: str = ""
    """Where one format has several paths, they tell its forms apart."""
    is_array: bool = False
    """Gemini's stream as one JSON array."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The body of a 200, and its content type."""

    content_type: str
    body: bytes


def spoken(format: FormatName, message: Message) -> Spoken | None:  # noqa: A002  # As everywhere.
    """The message in that format; None where nobody could read one."""
    speak = _SPEAKERS.get(format)
    return speak(message) if speak is not None else None


def _json(fields: Any, content_type: str = _JSON) -> Spoken:
    return Spoken(content_type, json.dumps(fields, separators=(",", ":")).encode())


def _sse(events: Sequence[Event]) -> Spoken:
    write = SseParser().write
    return Spoken(_SSE, b"".join(map(write, events)))


def _data(*events: dict[str, Any]) -> list[Event]:
    return [said("", each) for each in events]


def _named(*events: dict[str, Any]) -> list[Event]:
    return [said(str(each["type"]), each) for each in events]


_DONE = Event("", b"[DONE]", b"")


def _chat(it: Message) -> Spoken:
    common = {"id": f"chatcmpl-exeat-{it.id}", "created": it.at_s, "model": it.model}
    if it.streaming:
        parts: list[tuple[dict[str, Any], str | None]] = [
            ({"role": "assistant", "content": ""}, None),
            ({"content": it.text}, None),
            ({}, "stop"),
        ]
        chunks = [
            {
                **common,
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": why}],
            }
            for delta, why in parts
        ]
        return _sse([*_data(*chunks), _DONE])
    message = {"role": "assistant", "content": it.text, "refusal": None}
    return _json(
        {
            **common,
            "object": "chat.completion",
            "choices": [
                {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
    )


def _completions(it: Message) -> Spoken:
    body = {
        "id": f"cmpl-exeat-{it.id}",
        "object": "text_completion",
        "created": it.at_s,
        "model": it.model,
        "choices": [{"index": 0, "text": it.text, "logprobs": None, "finish_reason": "stop"}],
    }
    if it.streaming:
        return _sse([*_data(body), _DONE])
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return _json({**body, "usage": usage})


def _responses(it: Message) -> Spoken:
    empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    part = {**empty, "text": it.text}
    item_id = f"msg_exeat_{it.id}"
    item = {"type": "message", "id": item_id, "role": "assistant"}
    begun = {**item, "status": "in_progress", "content": []}
    ended = {**item, "status": "completed", "content": [part]}
    whole = {**_response(it), "status": "completed", "output": [ended]}
    if not it.streaming:
        return _json(whole)
    started = {**_response(it), "status": "in_progress", "output": [], "usage": None}
    place = {"item_id": item_id, "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
        {"type": "response.content_part.added", **place, "part": empty},
        {"type": "response.output_text.delta", **place, "delta": it.text, "logprobs": []},
        {"type": "response.output_text.done", **place, "text": it.text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": ended},
        {"type": "response.completed", "response": whole},
    ]
    return _sse(_named(*({**each, "sequence_number": n} for n, each in enumerate(events))))


def _response(it: Message) -> dict[str, Any]:
    return {
        "id": f"resp_exeat_{it.id}",
        "object": "response",
        "created_at": it.at_s,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": it.model,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 0,
        },
    }


def _messages(it: Message) -> Spoken:
    usage = {"input_tokens": 0, "output_tokens": 0}
    begun: dict[str, Any] = {
        "id": f"msg_exeat_{it.id}",
        "type": "message",
        "role": "assistant",
        "model": it.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    if not it.streaming:
        content = [{"type": "text", "text": it.text}]
        return _json({**begun, "content": content, "stop_reason": "end_turn"})
    why = {"stop_reason": "end_turn", "stop_sequence": None}
    text = {"type": "text_delta", "text": it.text}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": text},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": why, "usage": {"output_tokens": 0}},
        {"type": "message_stop"},
    ]
    return _sse(_named(*events))


def _gemini(it: Message) -> Spoken:
    content = {"role": "model", "parts": [{"text": it.text}]}
    body = {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0},
        "modelVersion": it.model,
        "responseId": f"exeat-{it.id}",
    }
    if it.is_array:
        return _json([body])
    return _sse(_data(body)) if it.streaming else _json(body)


def _converse(it: Message) -> Spoken:
    usage = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    metrics = {"latencyMs": 0}
    if not it.streaming:
        message = {"role": "assistant", "content": [{"text": it.text}]}
        output = {"message": message}
        return _json(
            {"output": output, "stopReason": "end_turn", "usage": usage, "metrics": metrics}
        )
    write = EventStreamParser().write
    events = [
        said("messageStart", {"role": "assistant"}),
        said("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": it.text}}),
        said("contentBlockStop", {"contentBlockIndex": 0}),
        said("messageStop", {"stopReason": "end_turn"}),
        said("metadata", {"usage": usage, "metrics": metrics}),
    ]
    return Spoken("application/vnd.amazon.eventstream", b"".join(map(write, events)))


def _cohere(it: Message) -> Spoken | None:
    if "/v2/" not in it.path:
        return None  # The old chat has another shape, and nobody begins with it any more.
    part = {"type": "text", "text": it.text}
    ids = {"id": f"exeat-{it.id}"}
    counts = {"input_tokens": 0, "output_tokens": 0}
    usage = {"billed_units": counts, "tokens": counts}
    ending = {"finish_reason": "COMPLETE", "usage": usage}
    if not it.streaming:
        return _json({**ids, **ending, "message": {"role": "assistant", "content": [part]}})
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    start = {"type": "text", "text": ""}
    events: list[dict[str, Any]] = [
        {"type": "message-start", **ids, "delta": {"message": empty}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": start}}},
        {
            "type": "content-delta",
            "index": 0,
            "delta": {"message": {"content": {"text": it.text}}},
        },
        {"type": "content-end", "index": 0},
        {"type": "message-end", **ids, "delta": ending},
    ]
    return _sse(_named(*events))


def _ollama(it: Message) -> Spoken:
    body: dict[str, Any] = {
        "model": it.model,
        "created_at": datetime.fromtimestamp(it.at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "done": True,
        "done_reason": "stop",
        "total_duration": 0,
        "prompt_eval_count": 0,
        "eval_count": 0,
    }
    if it.path.endswith("/generate"):
        body["response"] = it.text
    else:
        body["message"] = {"role": "assistant", "content": it.text}
    if not it.streaming:
        return _json(body)
    line = _json(body)
    return Spoken("application/x-ndjson", line.body + b"\n")


_SPEAKERS: dict[FormatName, Callable[[Message], Spoken | None]] = {
    "openai.chat": _chat,
    "openai.completions": _completions,
    "openai.responses": _responses,
    "anthropic.messages": _messages,
    "gemini.generate": _gemini,
    "bedrock.converse": _converse,
    "cohere.chat": _cohere,
    "ollama.chat": _ollama,
}

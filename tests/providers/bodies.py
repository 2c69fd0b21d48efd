"""Small bodies in the shapes providers send, written by hand."""

import json
import struct
import zlib
from base64 import b64encode
from typing import Any


def chat(**members: Any) -> bytes:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hi."}]} | members
    return json.dumps(body).encode()


def responses(**members: Any) -> bytes:
    return json.dumps({"model": "gpt-5", "input": "Say hi."} | members).encode()


def messages(**members: Any) -> bytes:
    body = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Say hi."}],
    } | members
    return json.dumps(body).encode()


def sse(*events: Any, named: bool = False, end: bytes = b"\n\n") -> bytes:
    """Each event as a `data:` line, with its type as `event:` when `named`."""
    out = b""
    for event in events:
        if named:
            out += b"event: " + event["type"].encode() + b"\n"
        data = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
        out += b"data: " + data + end
    return out


CHAT_USAGE = {
    "prompt_tokens": 48,
    "completion_tokens": 14,
    "total_tokens": 62,
    "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 0},
}


def chat_chunk(**members: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
    } | members


def chat_stream(*, has_usage: bool = True) -> bytes:
    def delta(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        # OpenAI adds the null to every event of a stream whose usage was asked for.
        return chat_chunk(choices=[choice], **({"usage": None} if has_usage else {}))

    tool = {"index": 0, "id": "call_1", "type": "function"}
    events: list[Any] = [
        delta({"role": "assistant", "content": ""}),
        delta({"content": "Grüße ✓"}),
        delta({"tool_calls": [tool | {"function": {"name": "get_weather", "arguments": ""}}]}),
        delta({"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]}),
        delta({"tool_calls": [{"index": 0, "function": {"arguments": '"Paris"}'}}]}),
        delta({}, "tool_calls"),
    ]
    if has_usage:
        events.append(chat_chunk(choices=[], usage=CHAT_USAGE))
    return sse(*events, b"[DONE]")


RESPONSES_USAGE = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 50},
    "output_tokens": 281,
    "output_tokens_details": {"reasoning_tokens": 192},
    "total_tokens": 401,
}

FUNCTION_CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather"}


def responses_stream(ending: str = "response.completed", **members: Any) -> bytes:
    head = {"id": "resp_1", "model": "gpt-5-2025-08-07", "status": "in_progress", "usage": None}
    status = ending.removeprefix("response.")
    last = head | {"status": status, "usage": RESPONSES_USAGE, "service_tier": "default"} | members
    return sse(
        {"type": "response.created", "response": head},
        {"type": "response.output_text.delta", "delta": "Grüße"},
        {"type": "response.output_item.added", "item": FUNCTION_CALL | {"arguments": ""}},
        {"type": "response.function_call_arguments.delta", "delta": '{"city":"Paris"}'},
        {"type": "response.output_item.done", "item": FUNCTION_CALL},
        {"type": ending, "response": last},
        named=True,
    )


def messages_stream(*, delta_usage: dict[str, Any] | None = None, until: int = 99) -> bytes:
    start = {
        "id": "msg_1",
        "model": "claude-sonnet-4-5-20250929",
        "usage": {
            "input_tokens": 3,
            "cache_creation_input_tokens": 300,
            "cache_read_input_tokens": 200,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 100,
                "ephemeral_1h_input_tokens": 200,
            },
            "output_tokens": 2,
            "service_tier": "standard",
            "inference_geo": "not_available",
        },
    }
    usage = {"output_tokens": 33} if delta_usage is None else delta_usage
    events = [
        {"type": "message_start", "message": start},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Grüße"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "get", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": "{}"},
        },
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": usage},
        {"type": "message_stop"},
    ]
    return sse(*events[:until], named=True)


def frame(name: str, payload: Any, kind: str = "event") -> bytes:
    """One frame of `application/vnd.amazon.eventstream`."""
    headers = b""
    for key, value in ((f":{kind}-type", name), (":message-type", kind)):
        headers += bytes([len(key)]) + key.encode() + b"\x07"
        headers += struct.pack(">H", len(value)) + value.encode()
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    prelude = struct.pack(">II", len(headers) + len(body) + 16, len(headers))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return whole + struct.pack(">I", zlib.crc32(whole))


def chunk(payload: Any) -> bytes:
    """A model's own JSON in a frame of InvokeModelWithResponseStream."""
    data = b64encode(json.dumps(payload).encode()).decode()
    return frame("chunk", {"bytes": data, "p": "abc"})


def gemini(**members: Any) -> bytes:
    body = {"contents": [{"role": "user", "parts": [{"text": "Say hi."}]}]} | members
    return json.dumps(body).encode()


def converse(**members: Any) -> bytes:
    body = {"messages": [{"role": "user", "content": [{"text": "Say hi."}]}]} | members
    return json.dumps(body).encode()


BOUNDARY = "bOuNdArY"


def form(**fields: Any) -> bytes:
    """A form as OpenAI's client writes it. A value is text, or a file's name and bytes; a list is
    several of one name with brackets."""
    out = b""
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            key = f"{name}[]" if isinstance(value, list) else name
            out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"'.encode()
            if isinstance(each, tuple):
                out += f'; filename="{each[0]}"\r\nContent-Type: application/octet-stream'.encode()
            data = each[1] if isinstance(each, tuple) else str(each).encode()
            out += b"\r\n\r\n" + data + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()


def wav(data_bytes: int, *, rate: int = 16_000, channels: int = 1, bits: int = 16) -> bytes:
    """Silence of so many bytes."""
    frame = channels * bits // 8
    head = struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * frame, frame, bits)
    chunks = b"WAVEfmt " + head + b"data" + struct.pack("<I", data_bytes) + bytes(data_bytes)
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks

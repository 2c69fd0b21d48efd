"""What a recorded answer itself says: its usage as the provider wrote it, its model, its tool calls.

Read here in the plainest way, whole and with no regard to hostile bytes, so that it shares nothing
with the readers it checks. Tokens and money are then genai-prices' own reading of that usage.
"""

import json
import struct
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from tests.replay.exchanges import Exchange
from tests.replay.media import interactions

Json = dict[str, Any]


@dataclass(slots=True)
class Truth:
    usage: Json = field(default_factory=dict)
    """As the provider wrote it, folded over events by its own rule."""
    model: str | None = None
    finish: str | None = None
    """Why it ended, in the provider's word."""
    tools: list[tuple[str, str]] = field(default_factory=list)
    """Id and name, in order; an id that is absent is empty."""
    breakdown: list[Json] = field(default_factory=list)


def truth_of(exchange: Exchange, wire: str) -> Truth:
    """`wire` is the name of the format that the call was recognised as."""
    events = _events(exchange)
    truth = Truth()
    family = wire.split(".")[0]
    if wire == "gemini.interactions":
        truth.usage, truth.model, truth.tools = interactions(events)
        for event in events:
            truth.finish = (event.get("interaction") or event).get("status") or truth.finish
    elif wire == "mistral.ocr":
        truth.usage, truth.model = events[0]["usage_info"], events[0]["model"]
    elif wire == "openai.responses":
        _responses(events, truth)
    elif family == "openai":
        _chat(events, truth)
    elif wire == "anthropic.messages":
        _messages(events, truth)
    elif family == "gemini":
        _gemini(events, truth)
    elif wire == "bedrock.invoke" and any(e.get("type") in _MESSAGES for e in events):
        _messages(events, truth)
        _metrics(events, exchange.headers, truth)
    elif family == "bedrock":
        _converse(events, truth)
        _metrics(events, exchange.headers, truth)
    elif family == "cohere":
        _cohere(events, truth)
    elif family == "ollama":
        _ollama(events, truth)
    return truth


_MESSAGES = ("message", "message_start")


def _events(exchange: Exchange) -> list[Json]:
    """Every JSON object of the answer, Bedrock's event type added as "@"."""
    data = exchange.answer
    if "amazon.eventstream" in exchange.headers.get("content-type", ""):
        return list(_frames(data))
    text = data.decode("utf-8", "replace")
    try:
        whole = json.loads(text)
        return [e for e in (whole if isinstance(whole, list) else [whole]) if isinstance(e, dict)]
    except ValueError:
        pass
    events = []
    for line in text.splitlines():
        try:
            event = json.loads(line.removeprefix("data:"))
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def _frames(data: bytes) -> Any:
    while data:
        size, head = struct.unpack(">II", data[:8])
        headers, payload = data[12 : 12 + head], json.loads(data[12 + head : size - 4])
        at = headers.index(b":event-type") + len(b":event-type") + 1
        length = int.from_bytes(headers[at : at + 2], "big")
        name = headers[at + 2 : at + 2 + length].decode()
        if "bytes" in payload:
            inner = json.loads(b64decode(payload["bytes"]))
            inner.setdefault("@", next((n for n in inner if isinstance(inner[n], dict)), ""))
            named = inner.get(inner["@"])
            yield {**inner, **(named if "type" not in inner and isinstance(named, dict) else {})}
        else:
            yield {**payload, "@": name}
        data = data[size:]


def _chat(events: list[Json], truth: Truth) -> None:
    seen: set[tuple[Any, ...]] = set()
    for event in events:
        truth.model = event.get("model") or truth.model
        groq = event.get("x_groq") or {}
        truth.usage = event.get("usage") or groq.get("usage") or truth.usage
        truth.breakdown = (event.get("usage_breakdown") or {}).get("models") or truth.breakdown
        for choice in event.get("choices") or []:
            truth.finish = choice.get("finish_reason") or truth.finish
            said = choice.get("message") or choice.get("delta") or {}
            for call in said.get("tool_calls") or []:
                key = (choice.get("index"), call.get("index", call.get("id")), "delta" in choice)
                asked = call.get("function") or call.get("custom") or {}
                if key in seen and "delta" in choice:
                    continue
                seen.add(key)
                truth.tools.append((call.get("id") or "", asked.get("name") or ""))
            if said.get("function_call") and "name" in said["function_call"]:
                truth.tools.append(("", said["function_call"]["name"]))


def _responses(events: list[Json], truth: Truth) -> None:
    for event in events:
        response = event.get("response") or event
        if isinstance(response, dict) and "output" in response:
            details = response.get("incomplete_details") or {}
            truth.finish = details.get("reason") or response.get("status") or truth.finish
            truth.model = response.get("model") or truth.model
            truth.usage = response.get("usage") or truth.usage
            truth.tools = [
                (item.get("call_id") or item.get("id") or "", item.get("name") or item["type"])
                for item in response["output"]
                if item.get("type") in ("function_call", "custom_tool_call")
            ] or truth.tools


def _messages(events: list[Json], truth: Truth) -> None:
    for event in events:
        delta = event.get("delta") or {}
        truth.finish = event.get("stop_reason") or delta.get("stop_reason") or truth.finish
        message = event.get("message") if event.get("type") == "message_start" else event
        if not isinstance(message, dict):
            continue
        truth.model = message.get("model") or truth.model
        told = message.get("usage") or {}
        truth.usage |= {name: value for name, value in told.items() if value is not None}
        blocks = [*(message.get("content") or []), event.get("content_block") or {}]
        truth.tools += [(b["id"], b["name"]) for b in blocks if b.get("type") == "tool_use"]


def _gemini(events: list[Json], truth: Truth) -> None:
    for event in events:
        truth.model = event.get("modelVersion") or truth.model
        for name, value in (event.get("usageMetadata") or {}).items():
            known = truth.usage.get(name)
            is_count = isinstance(value, int)
            truth.usage[name] = max(known or 0, value) if is_count else value
        truth.finish = (event.get("promptFeedback") or {}).get("blockReason") or truth.finish
        for candidate in event.get("candidates") or []:
            why = candidate.get("finishReason") or truth.finish
            truth.finish = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY"}.get(why, why)
            for part in (candidate.get("content") or {}).get("parts") or []:
                asked = part.get("functionCall")
                if asked:
                    truth.tools.append((asked.get("id") or "", asked["name"]))


def _converse(events: list[Json], truth: Truth) -> None:
    for event in events:
        truth.usage = event.get("usage") or truth.usage
        pieces = [event, *(p for n in _NATIVES for p in event.get(n) or [] if isinstance(p, dict))]
        for piece in pieces:
            ended = (piece.get(name) for name in _ENDINGS)
            truth.finish = next((why for why in ended if why), truth.finish)
        output = event.get("output")
        message = (output.get("message") if isinstance(output, dict) else None) or {}
        blocks = [*(message.get("content") or []), event.get("start") or {}]
        asked = [block["toolUse"] for block in blocks if block.get("toolUse")]
        truth.tools += [(tool["toolUseId"], tool["name"]) for tool in asked]


_ENDINGS = ("stopReason", "completionReason", "stop_reason", "finish_reason")
_NATIVES = ("results", "outputs", "generations")


def _metrics(events: list[Json], headers: dict[str, str], truth: Truth) -> None:
    """Bedrock's own counts are what it bills: over those of the model's native body."""
    counted = {
        ours: int(headers[f"x-amzn-bedrock-{name}-token-count"])
        for name, ours in (
            ("input", "inputTokenCount"),
            ("output", "outputTokenCount"),
            ("cache-read-input", "cacheReadInputTokenCount"),
            ("cache-write-input", "cacheWriteInputTokenCount"),
        )
        if f"x-amzn-bedrock-{name}-token-count" in headers
    }
    for event in events:
        counted |= event.get("amazon-bedrock-invocationMetrics") or {}
    if not counted:
        return
    is_anthropic = "input_tokens" in truth.usage
    names = _NATIVE if is_anthropic else _CONVERSE
    truth.usage |= {names[n]: value for n, value in counted.items() if n in names}


_CONVERSE = {
    "inputTokenCount": "inputTokens",
    "outputTokenCount": "outputTokens",
    "cacheReadInputTokenCount": "cacheReadInputTokens",
    "cacheWriteInputTokenCount": "cacheWriteInputTokens",
}
_NATIVE = {
    "inputTokenCount": "input_tokens",
    "outputTokenCount": "output_tokens",
    "cacheReadInputTokenCount": "cache_read_input_tokens",
    "cacheWriteInputTokenCount": "cache_creation_input_tokens",
}


def _cohere(events: list[Json], truth: Truth) -> None:
    for event in events:
        truth.model = event.get("model") or truth.model
        delta = event.get("delta") or {}
        for part in (event, delta):
            truth.finish = part.get("finish_reason") or truth.finish
        held = event.get("response") if isinstance(event.get("response"), dict) else {}
        for part in (event, delta, held or {}):
            told = part.get("usage") or part.get("meta") or {}
            truth.usage = told.get("billed_units") or (
                {"input_tokens": told["total_tokens"]} if "total_tokens" in told else truth.usage
            )
        message = event.get("message") or delta.get("message") or {}
        if not isinstance(message, dict):
            message = {}
        calls = message.get("tool_calls") or event.get("tool_calls") or []
        for call in calls if isinstance(calls, list) else [calls]:
            asked = call.get("function") or call
            if asked.get("name"):
                truth.tools.append((call.get("id") or "", asked["name"]))


def _ollama(events: list[Json], truth: Truth) -> None:
    for event in events:
        truth.model = event.get("model") or truth.model
        truth.finish = event.get("done_reason") or truth.finish
        if "eval_count" in event or "prompt_eval_count" in event:
            truth.usage = event
        for call in (event.get("message") or {}).get("tool_calls") or []:
            truth.tools.append((call.get("id") or "", call["function"]["name"]))

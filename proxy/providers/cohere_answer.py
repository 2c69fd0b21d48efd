"""What Cohere answers, v1 and v2, JSON and events, and what it bills (wire.md 1.6; pure)."""

from typing import Any

from proxy.providers.answer import (
    Answer,
    as_count,
    as_object,
    as_text,
    parse_object,
    said,
    text_bytes,
)
from proxy.providers.sse import Event
from proxy.providers.usage import Usage


class CohereAnswer(Answer):
    """v2 reports `usage`, v1 and the other paths `meta`; `billed_units` in either is what is
    billed, without the preamble that `tokens` counts as well."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[int, str] = {}
        self._version = 0

    def read_json(self, body: dict[str, Any]) -> None:
        self.is_complete = True
        self._read_end(body)
        self.response_id = as_text(body.get("id")) or as_text(body.get("response_id"))
        self.model = as_text(body.get("model"))
        message = body.get("message")
        if isinstance(message, str) and self.usage is None:
            self.error = "error"
        self._read_message(as_object(message))
        self._read_message(body)

    def read_event(self, event: Event) -> bool:
        chunk = parse_object(event.data)
        if chunk is None:
            return False
        delta = as_object(chunk.get("delta"))
        match chunk.get("type") or chunk.get("event_type"):
            case "content-start" | "tool-call-start" as kind:
                self._open[as_count(chunk.get("index")) or 0] = kind.replace("start", "end")
                self._read_message(as_object(delta.get("message")))
            case "content-end" | "tool-call-end":
                self._open.pop(as_count(chunk.get("index")) or 0, None)
            case "message-start" | "stream-start" as kind:
                self._version = 2 if kind == "message-start" else 1
                started = as_text(chunk.get("id")) or as_text(chunk.get("generation_id"))
                self.response_id = started or self.response_id
            case "message-end":
                self.is_complete = True
                self._read_end(delta)
                if delta.get("error") is not None:
                    self.error = as_text(delta["error"]) or "error"
            case "stream-end":
                self.is_complete = True
                self._read_end(as_object(chunk.get("response")))
                self._read_message(as_object(chunk.get("response")), is_repeated=True)
                self.finish_reason = as_text(chunk.get("finish_reason")) or self.finish_reason
            case "text-generation":
                self.output_seen += text_bytes(chunk.get("text"))
            case _:
                self._read_message(as_object(delta.get("message")))
        return False

    def last_words(self) -> tuple[Event, ...]:
        """v2 has an event of its own for every block that ends."""
        if self.is_complete or not self._version:
            return ()
        if self._version == 1:
            word = {"event_type": "stream-end", "finish_reason": "MAX_TOKENS", "is_finished": True}
            return (said("", word | {"response": {"finish_reason": "MAX_TOKENS"}}),)
        stops = (said(kind, {"type": kind, "index": n}) for n, kind in self._open.items())
        ended = {"type": "message-end", "delta": {"finish_reason": "MAX_TOKENS"}}
        return (*stops, said("message-end", ended), Event("", b"[DONE]", b""))

    def _read_message(self, message: dict[str, Any], *, is_repeated: bool = False) -> None:
        content = message.get("content")
        blocks = content if isinstance(content, list) else [content]
        texts = [
            each
            for block in map(as_object, blocks)
            for each in (block.get("text"), block.get("thinking"))
        ]
        if not is_repeated:
            self.output_seen += text_bytes(message.get("text"), message.get("tool_plan"), *texts)
        calls = message.get("tool_calls")
        for call in map(as_object, calls if isinstance(calls, list) else [calls]):
            asked = as_object(call.get("function")) or call
            given = asked.get("arguments") or asked.get("parameters")
            self.output_seen += text_bytes(given if isinstance(given, str) else repr(given or ""))
            if as_text(asked.get("name")):
                self.output_seen += text_bytes(asked.get("name"))
                self.add_tool(call.get("id"), asked.get("name"))

    def _read_end(self, ended: dict[str, Any]) -> None:
        self.finish_reason = as_text(ended.get("finish_reason")) or self.finish_reason
        told = as_object(ended.get("usage")) or as_object(ended.get("meta"))
        self.usage = cohere_usage(told) or self.usage


def cohere_usage(told: dict[str, Any]) -> Usage | None:
    """Tokens and searches billed. A request that is billed by searches alone used no tokens."""
    billed = as_object(told.get("billed_units"))
    if not billed:
        total = as_count(told.get("total_tokens"))
        return None if total is None else Usage(total, 0)
    images = as_count(billed.get("images")) or 0
    sent = (as_count(billed.get("input_tokens")) or 0) + images
    return Usage(
        sent,
        as_count(billed.get("output_tokens")) or 0,
        input_image_tokens=min(images, sent),
        web_searches=as_count(billed.get("search_units")) or 0,
    )

"""What Bedrock answers: Converse's JSON and events, and native answers with its own counts about
them (wire.md 1.5; pure)."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.providers.answer import (
    Answer,
    as_count,
    as_list,
    as_object,
    as_text,
    parse_object,
    said,
    text_bytes,
)
from proxy.providers.anthropic_answer import MessagesAnswer
from proxy.providers.event_stream import EXCEPTION
from proxy.providers.sse import Event
from proxy.providers.usage import Usage


class ConverseAnswer(Answer):
    def __init__(self) -> None:
        super().__init__()
        self._open: set[int] = set()
        self._has_begun = False

    def read_json(self, body: dict[str, Any]) -> None:
        self.is_complete = True
        if body.get("output") is None and ("message" in body or "__type" in body):
            self.error = as_text(body.get("__type")) or "error"
        self.finish_reason = as_text(body.get("stopReason"))
        message = as_object(as_object(body.get("output")).get("message"))
        for block in map(as_object, as_list(message.get("content"))):
            self._read_block(block)
        self._read_usage(body)

    def read_event(self, event: Event) -> bool:
        if event.name.startswith(EXCEPTION):
            self.error = event.name.removeprefix(EXCEPTION)
            return False
        self.read_named(event.name, parse_object(event.data) or {})
        return False

    def read_named(self, name: str, event: dict[str, Any]) -> None:
        """One event of the stream; Nova's native streams have the same."""
        index = as_count(event.get("contentBlockIndex")) or 0
        match name:
            case "messageStart":
                self._has_begun = True
            case "contentBlockStart":
                self._read_block(as_object(event.get("start")))
                self._open.add(index)
            case "contentBlockDelta":
                self._read_block(as_object(event.get("delta")), is_new=False)
                self._open.add(index)  # A block of text has no start of its own.
            case "contentBlockStop":
                self._open.discard(index)
            case "messageStop":
                self.finish_reason = as_text(event.get("stopReason")) or self.finish_reason
            case "metadata":
                self.is_complete = True
                self._read_usage(event)
            case _:
                pass

    def last_words(self) -> tuple[Event, ...]:
        """Without `metadata`: what the call used is not known."""
        if not self._has_begun or self.is_complete or self.finish_reason is not None:
            return ()
        stops = (said("contentBlockStop", {"contentBlockIndex": n}) for n in sorted(self._open))
        return (*stops, said("messageStop", {"stopReason": "max_tokens"}))

    def _read_block(self, block: dict[str, Any], *, is_new: bool = True) -> None:
        asked = as_object(block.get("toolUse"))
        thought = as_object(block.get("reasoningContent"))
        thought_text = thought.get("text") or as_object(thought.get("reasoningText")).get("text")
        self.output_seen += text_bytes(block.get("text"), thought_text, asked.get("name"))
        if asked:
            given = asked.get("input")
            self.output_seen += text_bytes(given if isinstance(given, str) else repr(given))
        if asked and is_new:
            self.add_tool(asked.get("toolUseId"), asked.get("name"))

    def _read_usage(self, event: dict[str, Any]) -> None:
        tier = as_text(as_object(event.get("serviceTier")).get("type"))
        self.service_tier = tier or self.service_tier
        reported = converse_usage(as_object(event.get("usage")), self.service_tier)
        self.usage = reported or self.usage


def converse_usage(reported: dict[str, Any], service_tier: str | None = None) -> Usage | None:
    """Input, cache reads and cache writes lie beside each other, as with Anthropic."""
    uncached = as_count(reported.get("inputTokens"))
    if uncached is None:
        return None

    def count(name: str) -> int:
        return as_count(reported.get(name)) or as_count(reported.get(f"{name[:-1]}Count")) or 0

    read, written = count("cacheReadInputTokens"), count("cacheWriteInputTokens")
    hour = sum(
        as_count(detail.get("inputTokens")) or 0
        for detail in map(as_object, as_list(reported.get("cacheDetails")))
        if detail.get("ttl") == "1h"
    )
    hour = min(hour, written)
    return Usage(
        input_tokens=uncached + read + written,
        output_tokens=as_count(reported.get("outputTokens")) or 0,
        cache_read_tokens=read,
        cache_write_5m_tokens=written - hour,
        cache_write_1h_tokens=hour,
        service_tier=service_tier,
    )


_HEADER = "x-amzn-bedrock-{}-token-count"
_METRICS = "amazon-bedrock-invocationMetrics"


class InvokeAnswer(ConverseAnswer):
    """A model's native answer. Bedrock's own counts (headers, invocation metrics) are what it
    bills; where Anthropic's body splits a cache by lifetime, that split is kept."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__()
        self._messages = MessagesAnswer()
        self.tools = self._messages.tools
        counts = {
            f"{field}TokenCount": int(value)
            for field, name in _HEADERS.items()
            if (value := headers.get(_HEADER.format(name), "")).isdecimal() and len(value) < 16
        }
        self._counted = _counted(counts)

    def read_json(self, body: dict[str, Any]) -> None:
        if body.get("type") in ("message", "error"):
            self._messages.read_json(body)
            self._take_messages()
        else:
            super().read_json(body)
            self._read_native(body)
        self._settle()

    def read_event(self, event: Event) -> bool:
        if event.name.startswith(EXCEPTION):
            return super().read_event(event)
        chunk = parse_object(_payload(event.data)) or {}
        if isinstance(chunk.get("type"), str):
            self._messages.read_event(Event("", _payload(event.data), b""))
            self._take_messages()
        else:
            for name, value in chunk.items():
                self.read_named(name, as_object(value))
            self._read_native(chunk)
        if _METRICS in chunk:
            self.is_complete = True
            self._counted = _counted(as_object(chunk[_METRICS])) or self._counted
        self._settle()
        return False

    def last_words(self) -> tuple[Event, ...]:
        """Claude's own words in Bedrock's envelope; other natives have none."""
        words = (b64encode(word.data).decode() for word in self._messages.last_words())
        return tuple(said("chunk", {"bytes": word}) for word in words)

    def _take_messages(self) -> None:
        inner = self._messages
        self.usage, self.model = inner.usage, inner.model
        self.finish_reason, self.response_id = inner.finish_reason, inner.response_id
        self.output_seen, self.error = inner.output_seen, inner.error
        self.is_complete = self.is_complete or inner.is_complete

    def _read_native(self, chunk: dict[str, Any]) -> None:
        """Titan, Llama, Mistral, Cohere: where their text stands, and what ended it."""
        pieces = [chunk, *as_list(chunk.get("results")), *as_list(chunk.get("outputs"))]
        for piece in map(as_object, [*pieces, *as_list(chunk.get("generations"))]):
            self.output_seen += text_bytes(*(piece.get(name) for name in _TEXTS))
            ended = (as_text(piece.get(name)) for name in _ENDS)
            self.finish_reason = next((reason for reason in ended if reason), self.finish_reason)
        embedded = as_count(chunk.get("inputTextTokenCount"))
        if embedded is not None and self._counted is None:
            made = as_count(chunk.get("totalOutputTextTokenCount")) or 0
            self._counted = Usage(embedded, made)

    def _settle(self) -> None:
        counted = self._counted
        if counted is None:
            return
        told = self.usage
        if told is None or told.cache_write_5m_tokens + told.cache_write_1h_tokens != (
            counted.cache_write_5m_tokens
        ):
            self.usage = counted
        else:
            self.usage = replace(
                told,
                input_tokens=counted.input_tokens,
                output_tokens=counted.output_tokens,
                cache_read_tokens=counted.cache_read_tokens,
                reasoning_tokens=min(told.reasoning_tokens, counted.output_tokens),
                parts=(),
            )


_HEADERS = {
    "input": "input",
    "output": "output",
    "cacheReadInput": "cache-read-input",
    "cacheWriteInput": "cache-write-input",
}
_TEXTS = ("outputText", "generation", "text", "completion")
_ENDS = ("completionReason", "stop_reason", "finish_reason")


def _counted(counts: dict[str, Any]) -> Usage | None:
    uncached = as_count(counts.get("inputTokenCount"))
    if uncached is None:
        return None
    read = as_count(counts.get("cacheReadInputTokenCount")) or 0
    written = as_count(counts.get("cacheWriteInputTokenCount")) or 0
    output = as_count(counts.get("outputTokenCount")) or 0
    return Usage(uncached + read + written, output, read, written)


def _payload(data: bytes) -> bytes:
    """The model's own JSON inside a chunk."""
    coded = as_text((parse_object(data) or {}).get("bytes"))
    try:
        return b64decode(coded or "", validate=True)
    except ValueError:
        return b""

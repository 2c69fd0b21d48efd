"""What Anthropic answers: JSON and events, and its usage folded (wire.md 0.6, 1.3; pure)."""

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
from proxy.providers.sse import Event
from proxy.providers.usage import Usage, UsagePart, total_of

_ITERATIONS_MAX = 1024


class MessagesAnswer(Answer):
    def __init__(self) -> None:
        super().__init__()
        self._reported: dict[str, Any] = {}
        self._open: set[int] = set()

    def read_json(self, body: dict[str, Any]) -> None:
        self.is_complete = True
        if body.get("error") is not None:
            self.read_error(body["error"])
        self._read_message(body)
        for block in as_list(body.get("content")):
            self._read_block(as_object(block))
        self._settle()

    def read_event(self, event: Event) -> bool:
        message = parse_object(event.data)
        if message is None:
            return False
        match message.get("type"):
            case "message_start":
                self._read_message(as_object(message.get("message")))
            case "content_block_start":
                self._read_block(as_object(message.get("content_block")))
                self._open.add(as_count(message.get("index")) or 0)
            case "content_block_stop":
                self._open.discard(as_count(message.get("index")) or 0)
            case "content_block_delta":
                delta = as_object(message.get("delta"))
                self.output_seen += text_bytes(
                    delta.get("text"), delta.get("thinking"), delta.get("partial_json")
                )
            case "message_delta":
                self._end_turn(message)
            case "message_stop":
                self.is_complete = True
            case "error":
                self.read_error(message.get("error"))
            case _:
                pass
        return False

    def last_words(self) -> tuple[Event, ...]:
        """The count of output is a guess (a token is some four bytes): clients insist on one."""
        if self.response_id is None or self.is_complete:
            return ()
        stops = [{"type": "content_block_stop", "index": index} for index in sorted(self._open)]
        ended: dict[str, Any] = {
            "type": "message_delta",
            "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
            "usage": {"output_tokens": max(1, self.output_seen // 4)},
        }
        words: list[dict[str, Any]] = [*stops, ended, {"type": "message_stop"}]
        return tuple(said(word["type"], word) for word in words)

    def _end_turn(self, message: dict[str, Any]) -> None:
        """Cumulative: its fields replace those of `message_start`, but null and absent ones do
        not."""
        why = as_object(message.get("delta")).get("stop_reason")
        self.finish_reason = as_text(why) or self.finish_reason
        reported = as_object(message.get("usage"))
        self._reported |= {name: value for name, value in reported.items() if value is not None}
        if reported:
            self._settle()

    def _read_message(self, message: dict[str, Any]) -> None:
        self.response_id = as_text(message.get("id")) or self.response_id
        self.model = as_text(message.get("model")) or self.model
        self.finish_reason = as_text(message.get("stop_reason")) or self.finish_reason
        self._reported = as_object(message.get("usage")) or self._reported

    def _read_block(self, block: dict[str, Any]) -> None:
        self.output_seen += text_bytes(block.get("text"), block.get("thinking"), block.get("name"))
        if block.get("type") == "tool_use":
            self.add_tool(block.get("id"), block.get("name"))

    def _settle(self) -> None:
        self.usage = usage_of(self._reported) or self.usage
        self.service_tier = self.usage.service_tier if self.usage else None


def usage_of(reported: dict[str, Any]) -> Usage | None:
    """Top-level counts leave out advisors and fallbacks, so where samplings are listed they are
    billed."""
    whole = _one(reported)
    if whole is None:
        return None
    parts = tuple(
        UsagePart(as_text(sampling.get("model")), one)
        for sampling in map(as_object, as_list(reported.get("iterations"))[:_ITERATIONS_MAX])
        if (one := _one(sampling, whole.service_tier)) is not None
    )
    return total_of(parts, whole) if parts else whole


def _one(reported: dict[str, Any], service_tier: str | None = None) -> Usage | None:
    uncached = as_count(reported.get("input_tokens"))
    output = as_count(reported.get("output_tokens"))
    if uncached is None or output is None:
        return None
    read = as_count(reported.get("cache_read_input_tokens")) or 0
    by_lifetime = as_object(reported.get("cache_creation"))
    hour = as_count(by_lifetime.get("ephemeral_1h_input_tokens")) or 0
    minutes = as_count(by_lifetime.get("ephemeral_5m_input_tokens")) or 0
    # The sum is final; the split may be older (message_start) or missing: the rest is short-lived.
    written = as_count(reported.get("cache_creation_input_tokens"))
    written = hour + minutes if written is None else written
    hour = min(hour, written)
    thinking = as_object(reported.get("output_tokens_details")).get("thinking_tokens")
    searches = as_object(reported.get("server_tool_use")).get("web_search_requests")
    return Usage(
        input_tokens=uncached + written + read,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_5m_tokens=written - hour,
        cache_write_1h_tokens=hour,
        reasoning_tokens=min(as_count(thinking) or 0, output),
        web_searches=as_count(searches) or 0,
        service_tier=service_tier or _tier(reported),
    )


def _tier(reported: dict[str, Any]) -> str | None:
    tier = as_text(reported.get("service_tier"))
    speed = as_text(reported.get("speed"))
    if speed not in (None, "standard"):
        tier = speed
    geo = as_text(reported.get("inference_geo"))
    if geo in (None, "global", "not_available"):
        return tier
    return f"{tier or 'standard'}@{geo}"

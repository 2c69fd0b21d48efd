"""What chat completions answer, JSON and chunks, in every dialect (wire.md 1.2, 1.6; pure)."""

from typing import Any

from proxy.providers.answer import (
    NAME_KEPT_MAX,
    TOOLS_KEPT_MAX,
    Answer,
    ToolCall,
    as_count,
    as_list,
    as_object,
    as_text,
    parse_object,
    said,
    text_bytes,
)
from proxy.providers.openai import chat_usage, tier_of
from proxy.providers.sse import Event

_HEAD = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
"""What every chunk of a stream repeats."""


class ChatAnswer(Answer):
    """JSON and stream chunks of chat completions, with the deviations that compatible servers
    show."""

    def __init__(self, provider: str = "openai") -> None:
        super().__init__()
        self._provider = provider
        self._open: dict[tuple[Any, Any], int] = {}
        self._head: dict[str, Any] = {}
        self._unfinished: set[int] = set()

    def read_json(self, body: dict[str, Any]) -> None:
        self._read_head(body)
        self.is_complete = True
        for choice in as_list(body.get("choices")):
            self._read_choice(as_object(choice), "message")

    def read_event(self, event: Event) -> bool:
        if event.data.startswith(b"[DONE]"):
            self.is_complete = True
            return False
        chunk = parse_object(event.data)
        if chunk is None:
            return False
        self._read_head(chunk)
        choices = as_list(chunk.get("choices"))
        for choice in choices:
            self._read_choice(as_object(choice), "delta")
        self._head = chunk
        is_usage = not choices and chunk.get("usage") is not None and "error" not in chunk
        # That event comes last and speaks of the whole call: losing `[DONE]` after it loses nothing.
        self.is_complete = self.is_complete or is_usage
        return is_usage

    def last_words(self) -> tuple[Event, ...]:
        """Every choice that goes on has reached its length."""
        if not self._unfinished or self.is_complete:
            return ()
        kept = {name: self._head[name] for name in _HEAD if name in self._head}
        is_chat = kept.get("object") != "text_completion"
        said_last: dict[str, Any] = {"delta": {}} if is_chat else {"text": "", "logprobs": None}
        ends = [
            {"index": index, **said_last, "finish_reason": "length"}
            for index in sorted(self._unfinished)
        ]
        return said("", kept | {"choices": ends}), Event("", b"[DONE]", b"")

    def _read_head(self, chunk: dict[str, Any]) -> None:
        self.response_id = as_text(chunk.get("id")) or self.response_id
        self.model = as_text(chunk.get("model")) or self.model
        self.service_tier = tier_of(chunk) or self.service_tier
        if chunk.get("error") is not None:
            self.read_error(chunk["error"])
        elif chunk.get("object") == "error" or chunk.get("detail") is not None:
            self.read_error(chunk)  # Mistral's own, without an envelope.
        reported = chunk.get("usage") or as_object(chunk.get("x_groq")).get("usage")
        if reported is not None:
            breakdown = chunk.get("usage_breakdown")
            told = chat_usage(reported, self.service_tier, self._provider, breakdown)
            self.usage = told or self.usage

    def _read_choice(self, choice: dict[str, Any], part: str) -> None:
        self.finish_reason = as_text(choice.get("finish_reason")) or self.finish_reason
        said = as_object(choice.get(part))
        self.output_seen += text_bytes(
            said.get("content"),
            said.get("refusal"),
            said.get("reasoning_content") or said.get("reasoning"),
            choice.get("text"),
        )
        where = choice.get("index")
        index = as_count(where) or 0
        if choice.get("finish_reason") is not None:
            self._unfinished.discard(index)
        elif len(self._unfinished) < TOOLS_KEPT_MAX:
            self._unfinished.add(index)
        for call in as_list(said.get("tool_calls")):
            fields = as_object(call)
            asked = as_object(fields.get("function") or fields.get("custom"))
            key = fields.get("index", fields.get("id"))
            self._read_tool((where, key), as_text(fields.get("id")), asked)
        if said.get("function_call") is not None:
            self._read_tool((where, "function_call"), None, as_object(said["function_call"]))

    def _read_tool(self, key: tuple[Any, Any], id_: str | None, asked: dict[str, Any]) -> None:
        """`index` names the call; without one, an id does; without both, it is the last one
        (wire.md 1.2)."""
        name = asked.get("name")
        self.output_seen += text_bytes(name, asked.get("arguments"), asked.get("input"))
        name = (as_text(name) or "")[:NAME_KEPT_MAX]
        key = (str(key[0])[:32], str(key[1])[:NAME_KEPT_MAX])
        at = self._open.get(key)
        if at is None and not name and id_ is None and self.tools:
            return
        if at is not None:
            known = self.tools[at]
            self.tools[at] = ToolCall(known.id or id_ or "", known.name or name)
        elif len(self.tools) < TOOLS_KEPT_MAX:
            self._open[key] = len(self.tools)
            self.tools.append(ToolCall((id_ or "")[:NAME_KEPT_MAX], name))

"""Cohere: chat (v2 and v1), embed and rerank (wire.md 1.6; pure)."""

from collections.abc import Mapping
from typing import Any

from proxy.providers.amend import amend_members
from proxy.providers.answer import (
    Answer,
    AnswerReader,
    as_count,
    as_object,
    as_text,
    parse_object,
    text_bytes,
)
from proxy.providers.body import (
    Json,
    flag,
    model_of,
    optional_object,
    output_bound,
    read_body,
    refuse_lookalikes,
    whole_number,
)
from proxy.providers.call import FormatName, ModelCall
from proxy.providers.dialects import OUTPUT_FIELDS
from proxy.providers.format import clamped, kind_of, list_of, lowered, objects_of, sources
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event
from proxy.providers.usage import Usage

_HONOURED = ("max_tokens",)
_ALIEN = tuple(name for name in OUTPUT_FIELDS if name not in _HONOURED)
_SHAPED = ("tools", "response_format", "documents")
_COUNTED = frozenset({"messages", "chat_history", "message", "preamble", *_SHAPED})
_READ = frozenset({*OUTPUT_FIELDS, *_COUNTED, "model", "stream", "connectors", "thinking"})

_V1_MODEL = "command-r-plus-08-2024"
"""The dearest model that v1 has had for its default, for where the body names none."""


class CohereChat:
    name: FormatName = "cohere.chat"

    def __init__(self, provider: str = "cohere") -> None:
        self.provider = provider

    def read_request(self, data: bytes, path: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        refuse_lookalikes(members, _READ)
        is_v1 = "messages" not in members
        model = _V1_MODEL if is_v1 and members.get("model") is None else model_of(members)
        gatherer = PromptGatherer()
        for name in ("preamble", "message"):
            if members.get(name) is not None:
                gatherer.add(members[name])
        for message in [*list_of(members, "chat_history"), *objects_of(members, "messages")]:
            gatherer.add(message)
        gatherer.add_members(body, _COUNTED)
        tools = objects_of(members, "tools")
        budget = whole_number(optional_object(members, "thinking"), "token_budget")
        bound = output_bound(members, _HONOURED, _ALIEN)
        return ModelCall(
            provider=self.provider,
            format=self.name,
            model=model,
            streaming=flag(members, "stream"),
            billable=True,
            output_tokens_max=None if bound is None else bound + (budget or 0),
            samplings=1,
            prompt=gatherer.prompt(
                tools_text=sources(body, _SHAPED),
                has_tools=bool(tools or members.get("documents")),
            ),
            service_tier=None,
            cache_lifetime=None,
            unbounded=tuple(_reasons(members, tools)),
            may_reason="reasoning" in model or members.get("thinking") is not None,
            usage_requested=True,
            digest=gatherer.digest(model),
        )

    def answer_reader(
        self, call: ModelCall, headers: Mapping[str, str], *, hide_usage: bool = False
    ) -> AnswerReader:
        return AnswerReader(CohereAnswer(), headers)

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """A thinking budget comes on top of `max_tokens`: where both no longer fit, none is left."""
        if output_tokens is None:
            return data
        body = read_body(data)
        thinking = optional_object(body.members, "thinking")
        budget = whole_number(thinking, "token_budget") or 0
        changes: dict[str, Any] = {}
        if budget >= output_tokens:
            changes["thinking"], budget = {"type": "disabled"}, 0
        changes |= clamped(body.members, _HONOURED, "max_tokens", output_tokens - budget)
        return amend_members(body, changes | lowered(body.members, _ALIEN, output_tokens))


def _reasons(members: Json, tools: list[Json]) -> list[str]:
    """v1's connectors search the web or the account's own sources, at every call."""
    kinds = {kind_of(tool) for tool in tools} - {"", "function"}
    reasons = sorted(f"hosted_tool:{kind}" for kind in kinds)
    return [*reasons, "connectors"] if members.get("connectors") else reasons


class CohereEmbed:
    name: FormatName = "cohere.embed"

    def __init__(self, provider: str = "cohere") -> None:
        self.provider = provider

    def read_request(self, data: bytes, path: str = "") -> ModelCall:
        return _input_only(self.provider, self.name, data)

    def answer_reader(
        self, call: ModelCall, headers: Mapping[str, str], *, hide_usage: bool = False
    ) -> AnswerReader:
        return AnswerReader(CohereAnswer(), headers)

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """There is no output to bound."""
        return data


class CohereRerank(CohereEmbed):
    """Cohere bills searches, Voyage tokens: its answers have OpenAI's `usage`."""

    name: FormatName = "cohere.rerank"


def _input_only(provider: str, name: FormatName, data: bytes) -> ModelCall:
    body = read_body(data)
    members = body.members
    refuse_lookalikes(members, frozenset({"model", "texts", "images", "inputs", "documents"}))
    model = model_of(members)
    gatherer = PromptGatherer()
    for each in ("query", "texts", "inputs", "documents"):
        value = members.get(each)
        for text in value if isinstance(value, list) else [value]:
            if text is not None:
                gatherer.add(text)
    for image in list_of(members, "images"):
        gatherer.add_media(image if isinstance(image, str) else "", is_image=True)
    if members.get("query") is not None:
        gatherer.is_bounded = False  # It is read once with every document.
    return ModelCall(
        provider=provider,
        format=name,
        model=model,
        streaming=False,
        billable=True,
        output_tokens_max=0,
        samplings=1,
        prompt=gatherer.prompt(),
        service_tier=None,
        cache_lifetime=None,
        unbounded=(),
        may_reason=False,
        usage_requested=True,
        digest=gatherer.digest(model),
    )


class CohereAnswer(Answer):
    """v2 reports `usage`, v1 and the other paths `meta`; `billed_units` in either is what is
    billed, without the preamble that `tokens` counts as well."""

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
            case "message-start" | "stream-start":
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

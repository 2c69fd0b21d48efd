"""Cohere: chat (v2 and v1), embed and rerank (wire.md 1.6; pure)."""

from typing import Any

from proxy.providers.amend import amend_members
from proxy.providers.answer import Answer
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
from proxy.providers.cohere_answer import CohereAnswer
from proxy.providers.dialects import OUTPUT_FIELDS
from proxy.providers.format import clamped, kind_of, list_of, lowered, objects_of, sources
from proxy.providers.plain import PlainFormat
from proxy.providers.prompt import PromptGatherer

_HONOURED = ("max_tokens",)
_ALIEN = tuple(name for name in OUTPUT_FIELDS if name not in _HONOURED)
_SHAPED = ("tools", "response_format", "documents")
_COUNTED = frozenset({"messages", "chat_history", "message", "preamble", *_SHAPED})
_READ = frozenset({*OUTPUT_FIELDS, *_COUNTED, "model", "stream", "connectors", "thinking"})

_V1_MODEL = "command-r-plus-08-2024"
"""The dearest model that v1 has had for its default, for where the body names none."""


class CohereChat(PlainFormat):
    name: FormatName = "cohere.chat"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
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

    def answer(self, call: ModelCall) -> Answer:
        return CohereAnswer()

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


class CohereEmbed(PlainFormat):
    name: FormatName = "cohere.embed"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        members = read_body(data).members
        refuse_lookalikes(members, frozenset({"model", "texts", "images", "inputs", "documents"}))
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
        return self.call(model_of(members), gatherer)

    def answer(self, call: ModelCall) -> Answer:
        return CohereAnswer()


class CohereRerank(CohereEmbed):
    """Cohere bills searches, Voyage and Together tokens: their answers have OpenAI's `usage`."""

    name: FormatName = "cohere.rerank"

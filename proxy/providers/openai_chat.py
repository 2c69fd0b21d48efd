"""OpenAI chat completions: `POST /v1/chat/completions` and every server that speaks it (pure)."""

import re
from collections.abc import Mapping
from typing import Any

from proxy.providers.amend import amend_members
from proxy.providers.answer import AnswerReader
from proxy.providers.body import (
    Json,
    flag,
    model_of,
    optional_object,
    optional_text,
    output_bound,
    read_body,
    refuse_lookalikes,
    whole_number,
)
from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.dialects import OUTPUT_FIELDS, Dialect, dialect_of
from proxy.providers.format import clamped, kind_of, list_of, lowered, objects_of, sources
from proxy.providers.openai import (
    cache_reasons,
    fallback_models,
    hosted_reasons,
    may_reason,
)
from proxy.providers.openai_chat_answer import ChatAnswer
from proxy.providers.prompt import PromptGatherer

_SHAPED = ("tools", "functions", "response_format")
_COUNTED = frozenset({"messages", *_SHAPED})
_READ = frozenset(
    {
        *OUTPUT_FIELDS,
        "n",
        "best_of",
        "model",
        "messages",
        "stream",
        "stream_options",
        "service_tier",
        "models",
        "tools",
    }
)

SAMPLINGS_MAX = 128
"""OpenAI's own limit on `n`."""


class OpenAIChat:
    name: FormatName = "openai.chat"

    def __init__(self, provider: str = "openai") -> None:
        self.provider = provider
        self._dialect = dialect_of(provider)

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        dialect = self._dialect
        body = read_body(data)
        members = body.members
        refuse_lookalikes(members, _READ)
        model = model_in(members, path, dialect)
        if "messages" not in members:
            raise BadRequest("messages is required", "messages")
        gatherer = PromptGatherer()
        for message in objects_of(members, "messages"):
            gatherer.add(message)
        gatherer.add_members(body, _COUNTED)
        tools = objects_of(members, "tools")
        options = optional_object(members, "stream_options")
        samplings = [
            value
            for name in ("n", "best_of")
            if (value := whole_number(members, name, least=1, most=SAMPLINGS_MAX)) is not None
        ]
        thinks = may_reason(model, members.get("reasoning_effort"))
        return ModelCall(
            provider=self.provider,
            format=self.name,
            model=model,
            streaming=flag(members, "stream"),
            billable=True,
            output_tokens_max=chat_bound(members, dialect, thinks),
            samplings=max(samplings, default=1),
            prompt=gatherer.prompt(
                tools_text=sources(body, _SHAPED),
                has_tools=bool(tools or members.get("functions")),
            ),
            service_tier=optional_text(members, "service_tier"),
            cache_lifetime=None,
            unbounded=tuple(_reasons(members, model, tools, dialect)),
            may_reason=thinks,
            usage_requested=options.get("include_usage") is True or dialect.always_says_usage,
            digest=gatherer.digest(model),
            fallback_models=fallback_models(members, dialect),
            model_is_alias=dialect.model_is_alias,
            can_be_lowered=dialect.bounds_reasoning or not thinks,
        )

    def answer_reader(
        self,
        call: ModelCall,
        headers: Mapping[str, str],
        *,
        hide_usage: bool = False,
    ) -> AnswerReader:
        return AnswerReader(ChatAnswer(self.provider), headers, hide_usage=hide_usage)

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        body = read_body(data)
        changes: dict[str, Any] = {}
        if ask_usage and call.streaming:  # OpenAI refuses stream options on any other call.
            options = optional_object(body.members, "stream_options")
            changes["stream_options"] = {**options, "include_usage": True}
        if output_tokens is not None:
            fields = self._dialect.output_fields
            changes |= clamped(body.members, fields, fields[0], output_tokens)
            changes |= lowered(body.members, OUTPUT_FIELDS, output_tokens)
        return amend_members(body, changes)


def model_in(members: Json, path: str, dialect: Dialect) -> str:
    """Azure names its deployment in the path, and then nothing in the body counts."""
    deployed = _DEPLOYMENT.search(path.partition("?")[0])
    if deployed and dialect.model_is_alias:
        return model_of({"model": deployed[1]})
    return model_of(members).removeprefix(dialect.strips)


def chat_bound(members: Json, dialect: Dialect, thinks: bool) -> int | None:
    """None where what is thought comes on top of every bound."""
    alien = tuple(name for name in OUTPUT_FIELDS if name not in dialect.output_fields)
    bound = output_bound(members, dialect.output_fields, alien)
    return bound if dialect.bounds_reasoning or not thinks else None


_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/")


def _reasons(members: Json, model: str, tools: list[Json], dialect: Dialect) -> list[str]:
    """Why the worst case of this call is not one prompt and one bounded output at token prices."""
    reasons = hosted_reasons(members, model, dialect)
    reasons += [f"hosted_tool:{kind}" for tool in tools if (kind := kind_of(tool)) not in _LOCAL]
    if members.get("web_search_options") is not None or "-search-" in model:
        reasons.append("web_search")
    if members.get("audio") is not None or "audio" in list_of(members, "modalities"):
        reasons.append("audio_output")
    if members.get("prediction") is not None:
        reasons.append("prediction")  # Rejected tokens are billed as output beyond its bound.
    return reasons + cache_reasons(members)


_LOCAL = ("", "function", "custom")

"""Anthropic messages and token counting: `POST /v1/messages[/count_tokens]` (wire.md 1.3; pure)."""

import re
from typing import Any, TypedDict

from proxy.providers.amend import amend_members
from proxy.providers.answer import Answer
from proxy.providers.anthropic_answer import MessagesAnswer
from proxy.providers.body import (
    Body,
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
from proxy.providers.dialects import OUTPUT_FIELDS, dialect_of
from proxy.providers.format import clamped, kind_of, list_of, lowered, objects_of, sources
from proxy.providers.plain import PlainFormat, SilentAnswer
from proxy.providers.prompt import PromptGatherer

_HONOURED = ("max_tokens",)
_ALIEN = tuple(name for name in OUTPUT_FIELDS if name not in _HONOURED)
_SHAPED = ("tools", "output_config", "output_format")
_COUNTED = frozenset({"messages", "system", *_SHAPED})
_READ = frozenset(
    {*OUTPUT_FIELDS, "model", "messages", "system", "tools", "stream", "service_tier", "speed"}
    | {"thinking", "thread", "container", "mcp_servers", "fallbacks", "cache_control"}
    | {"inference_geo", "context_management", "compaction"}
)

_LOCAL = ("bash_", "text_editor_", "computer_", "memory_", "browser_toolset_")
"""Tools that Anthropic describes and the client runs. `computer_` covers its toolset."""

_PLAIN_EDITS = ("clear_tool_uses_", "clear_thinking_")
"""Context edits that only drop text. Any other, such as compaction, samples."""

_OPEN_MINDED = ("claude-2", "claude-3", "claude-opus-4", "claude-sonnet-4", "claude-haiku-4")
"""Families that think only when `thinking` says so. Later ones may unless it says they shall
not."""

THINKING_TOKENS_MIN = 1024
"""Anthropic refuses a smaller thinking budget, or one that is not below `max_tokens`."""


class AnthropicMessages(PlainFormat):
    name: FormatName = "anthropic.messages"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        return messages_call(
            self.provider, self.name, body, messages_bound(body.members), **_in_path(path)
        )

    def answer(self, call: ModelCall) -> Answer:
        return MessagesAnswer()

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """A thinking budget shrinks with the bound; where none fits any more, thinking is left
        out."""
        if output_tokens is None:
            return data
        body = read_body(data)
        changes = clamped(body.members, _HONOURED, "max_tokens", output_tokens)
        thinking = optional_object(body.members, "thinking")
        if _thinking_budget(thinking) >= output_tokens:
            budget = output_tokens - 1
            smaller = {**thinking, "budget_tokens": budget}
            fits = budget >= THINKING_TOKENS_MIN
            changes["thinking"] = smaller if fits else {"type": "disabled"}
        return amend_members(body, changes | lowered(body.members, _ALIEN, output_tokens))


class AnthropicCountTokens(PlainFormat):
    """Free: it is asked, answered and not billed."""

    name: FormatName = "anthropic.count_tokens"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        return messages_call(self.provider, self.name, read_body(data), 0)

    def answer(self, call: ModelCall) -> Answer:
        return SilentAnswer()


_RAW_PREDICT = re.compile(r"/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)$")


class _Named(TypedDict, total=False):
    model: str
    streaming: bool


def _in_path(path: str) -> _Named:
    """Vertex names the model in the path, and by the verb whether the answer streams."""
    found = _RAW_PREDICT.search(path.partition("?")[0])
    if found is None:
        return {}
    named: _Named = {"model": model_of({"model": found[1]})}
    if found[2] == "streamRawPredict":
        named["streaming"] = True
    return named


def messages_call(
    provider: str,
    name: FormatName,
    body: Body,
    output_tokens_max: int,
    *,
    model: str | None = None,
    streaming: bool | None = None,
    model_is_alias: bool | None = None,
) -> ModelCall:
    """The call in a messages body. What the path says (model, streaming) goes before the body."""
    members = body.members
    refuse_lookalikes(members, _READ)
    model = model_of(members) if model is None else model
    if "messages" not in members:
        raise BadRequest("messages is required", "messages")
    gatherer = PromptGatherer()
    _gather_system(members.get("system"), gatherer)
    for message in objects_of(members, "messages"):
        gatherer.add(message)
    gatherer.add_members(body, _COUNTED)
    tools = objects_of(members, "tools")
    for cached in [members, *tools]:
        gatherer.note_cache(cached.get("cache_control"))
    if members.get("thread") is not None:
        gatherer.is_bounded = False
    billable = name != "anthropic.count_tokens"
    is_alias = dialect_of(provider).model_is_alias if model_is_alias is None else model_is_alias
    return ModelCall(
        provider=provider,
        format=name,
        model=model,
        streaming=flag(members, "stream") if streaming is None else streaming,
        billable=billable,
        output_tokens_max=output_tokens_max,
        samplings=1,
        prompt=gatherer.prompt(
            tools_text=sources(body, _SHAPED),
            has_tools=bool(tools),
            must_use_tools=optional_object(members, "tool_choice").get("type") in ("any", "tool"),
            builtin_tools=sum(kind_of(tool) not in ("", "custom") for tool in tools),
        ),
        service_tier=_tier(members),
        cache_lifetime=gatherer.cache_lifetime,
        unbounded=tuple(_reasons(members, tools)) if billable else (),
        may_reason=_may_reason(model, optional_object(members, "thinking")),
        usage_requested=True,
        digest=gatherer.digest(model),
        model_is_alias=is_alias,
    )


def _gather_system(system: Any, gatherer: PromptGatherer) -> None:
    if system is None:
        return
    if not isinstance(system, str | list):
        raise BadRequest("system must be a string or an array", "system")
    for block in [system] if isinstance(system, str) else system:
        gatherer.add(block)


def messages_bound(members: Json) -> int:
    """A thinking budget above `max_tokens` is the larger reading."""
    bound = output_bound(members, _HONOURED, _ALIEN)
    if bound is None:
        raise BadRequest("max_tokens is required", "max_tokens")
    return max(bound, _thinking_budget(optional_object(members, "thinking")))


def _thinking_budget(thinking: Json) -> int:
    return whole_number(thinking, "budget_tokens") or 0


def _tier(members: Json) -> str | None:
    """Speed and geography have prices; "auto" may use capacity that is already paid for."""
    tier = optional_text(members, "service_tier")
    tier = None if tier in ("auto", "standard_only") else tier
    speed = optional_text(members, "speed")
    if speed not in (None, "standard"):
        tier = speed
    geo = optional_text(members, "inference_geo")
    return tier if geo in (None, "global") else f"{tier or 'standard'}@{geo}"


def _may_reason(model: str, thinking: Json) -> bool:
    kind = thinking.get("type")
    if kind is None:
        return not any(family in model for family in _OPEN_MINDED)
    return bool(kind != "disabled")


def _reasons(members: Json, tools: list[Json]) -> list[str]:
    """Why the worst case of this call is not one prompt and one bounded output at token prices."""
    kinds = {kind_of(tool) for tool in tools}
    hosted = sorted(kind for kind in kinds if not kind.startswith((*_LOCAL, "custom")) and kind)
    reasons = [f"hosted_tool:{kind}" for kind in hosted]
    reasons += [
        name
        for name in ("mcp_servers", "fallbacks", "compaction", "container")
        if members.get(name)
    ]
    edits = list_of(optional_object(members, "context_management"), "edits")
    if not all(isinstance(edit, dict) and kind_of(edit).startswith(_PLAIN_EDITS) for edit in edits):
        reasons.append("context_management")
    return reasons

"""Bedrock: Converse and ConverseStream, and how every Bedrock path names its model (wire.md 1.5;
pure)."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from proxy.providers.amend import amend_members
from proxy.providers.answer import Answer
from proxy.providers.bedrock_answer import ConverseAnswer
from proxy.providers.body import Json, optional_object, optional_text, read_body, whole_number
from proxy.providers.call import MODEL_NAME, BadRequest, FormatName, ModelCall
from proxy.providers.format import list_of, objects_of
from proxy.providers.plain import PlainFormat
from proxy.providers.prompt import PromptGatherer

_IN_PATH = re.compile(r"/model/([^/]+)/([a-z-]+)$")
_ARN = re.compile(r"arn:[a-z-]+:bedrock:[a-z0-9-]*:[0-9]*:([a-z-]+)/(.+)")
_NAMES_A_MODEL = ("foundation-model", "inference-profile")
"""ARNs that hold the model's own name. A profile of the account's own holds only its id."""

_OUTPUT_FIELDS = ("maxTokens", "max_tokens", "max_new_tokens", "max_gen_len", "maxTokenCount")
_COUNTED = frozenset({"messages", "system", "toolConfig"})
_OPAQUE = ("document", "video", "audio", "cachePoint", "searchResult")


def model_in_path(path: str) -> tuple[str, bool, str]:
    """The model, whether that name is only the account's own, and the operation. Raises
    BadRequest."""
    found = _IN_PATH.search(path.partition("?")[0])
    model = unquote(found[1]) if found else ""
    if found is None or not MODEL_NAME.fullmatch(model):
        raise BadRequest("the path names no model")
    arn = _ARN.fullmatch(model)
    if arn is None:
        return model, model.startswith("arn:"), found[2]
    is_named = arn[1] in _NAMES_A_MODEL
    return arn[2] if is_named else model, not is_named, found[2]


class BedrockConverse(PlainFormat):
    name: FormatName = "bedrock.converse"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        model, is_alias, operation = model_in_path(path)
        gatherer = PromptGatherer()
        for block in list_of(members, "system"):
            gatherer.add(list(_content([block], gatherer)))
        for message in objects_of(members, "messages"):
            gatherer.add(list(_content(list_of(message, "content"), gatherer)))
        gatherer.add_members(body, _COUNTED)
        tools = objects_of(optional_object(members, "toolConfig"), "tools")
        for tool in tools:
            _note_cache(tool, gatherer)
        more = optional_object(members, "additionalModelRequestFields")
        return ModelCall(
            provider=self.provider,
            format=self.name,
            model=model,
            streaming=operation == "converse-stream",
            billable=True,
            output_tokens_max=_bound(members, more),
            samplings=1,
            prompt=gatherer.prompt(tools_text=body.source("toolConfig"), has_tools=bool(tools)),
            service_tier=_tier(members),
            cache_lifetime=gatherer.cache_lifetime,
            unbounded=tuple(_reasons(members, tools, more)),
            may_reason=_may_reason(model, more),
            usage_requested=True,
            digest=gatherer.digest(model),
            model_is_alias=is_alias,
        )

    def answer(self, call: ModelCall) -> Answer:
        return ConverseAnswer()

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """A body under a SigV4 signature cannot be changed; that its caller must know."""
        if output_tokens is None:
            return data
        body = read_body(data)
        config = optional_object(body.members, "inferenceConfig")
        known = whole_number(config, "maxTokens")
        held = output_tokens if known is None else min(known, output_tokens)
        changes: Json = {"inferenceConfig": {**config, "maxTokens": held}}
        more = optional_object(body.members, "additionalModelRequestFields")
        smaller: Json = {
            name: output_tokens
            for name in _OUTPUT_FIELDS
            if (whole_number(more, name) or 0) > output_tokens
        }
        for name, config in _configs(more).items():
            held_inside = {
                field: output_tokens
                for field in _OUTPUT_FIELDS
                if (whole_number(config, field) or 0) > output_tokens
            }
            if held_inside:
                smaller[name] = {**config, **held_inside}
        if _thinking_budget(more) >= output_tokens:
            smaller["thinking"] = {"type": "disabled"}
        if smaller:
            changes["additionalModelRequestFields"] = {**more, **smaller}
        return amend_members(body, changes)


def _content(blocks: list[Any], gatherer: PromptGatherer) -> Iterator[Any]:
    """Blocks with media taken out; a tool's result holds blocks of its own."""
    pending = list(reversed(blocks))
    while pending:
        block = pending.pop()
        if not isinstance(block, dict):
            yield block
            continue
        _note_cache(block, gatherer)
        image, result = block.get("image"), block.get("toolResult")
        if isinstance(image, dict):
            _gather_image(image, gatherer)
        elif isinstance(result, dict) and isinstance(result.get("content"), list):
            yield {name: value for name, value in result.items() if name != "content"}
            pending += reversed(result["content"])
        else:
            if any(name in block for name in _OPAQUE if name != "cachePoint"):
                gatherer.is_bounded = False
            yield block["text"] if block.keys() == {"text"} else block


def _gather_image(image: Json, gatherer: PromptGatherer) -> None:
    source = image.get("source")
    data = source.get("bytes") if isinstance(source, dict) else None
    gatherer.add_media(data if isinstance(data, str) else "", is_image=True)


def _note_cache(block: Json, gatherer: PromptGatherer) -> None:
    if "cachePoint" in block:
        gatherer.note_cache(block["cachePoint"])


def _bound(members: Json, more: Json) -> int | None:
    """The largest reading; what only a model's own field says, another model may ignore."""
    bound = whole_number(optional_object(members, "inferenceConfig"), "maxTokens")
    places = (more, *_configs(more).values())
    raised = [whole_number(place, name) or 0 for place in places for name in _OUTPUT_FIELDS]
    return None if bound is None else max(bound, *raised, _thinking_budget(more))


def _configs(more: Json) -> dict[str, Json]:
    """A model's own configuration, passed through as its native body has it."""
    return {
        name: config
        for name in ("inferenceConfig", "textGenerationConfig")
        if (config := optional_object(more, name))
    }


def _thinking_budget(more: Json) -> int:
    thinking = more.get("thinking")
    if not isinstance(thinking, dict):
        return 0
    return whole_number(thinking, "budget_tokens") or 0


def _may_reason(model: str, more: Json) -> bool:
    return bool(more) or not any(name in model for name in _NEVER_REASON)


_NEVER_REASON = (
    "nova-micro",
    "nova-lite",
    "nova-pro",
    "titan",
    "claude-3-5",
    "claude-3-h",
    "llama",
)


def _tier(members: Json) -> str | None:
    """A faster inference has a price of its own, which no table knows."""
    latency = optional_text(optional_object(members, "performanceConfig"), "latency")
    if latency not in (None, "standard"):
        return latency
    return optional_text(optional_object(members, "serviceTier"), "type")


def _reasons(members: Json, tools: list[Json], more: Json) -> list[str]:
    """Why the worst case of this call is not one prompt and one bounded output at token prices."""
    reasons = ["hosted_tool:systemTool"] if any("systemTool" in tool for tool in tools) else []
    reasons += [
        name for name in ("guardrailConfig", "promptVariables") if members.get(name) is not None
    ]
    return reasons + [name for name in ("tools", "mcp_servers") if more.get(name)]

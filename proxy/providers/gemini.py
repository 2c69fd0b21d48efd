"""Gemini, and Gemini on Vertex: generateContent and its stream, counting, embedding (wire.md 1.4;
pure)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from proxy.providers.amend import amend_members
from proxy.providers.answer import Answer
from proxy.providers.body import Body, Json, optional_text, read_body, whole_number
from proxy.providers.call import MODEL_NAME, BadRequest, FormatName, ModelCall
from proxy.providers.format import objects_of
from proxy.providers.gemini_answer import EmbedAnswer, GenerateAnswer
from proxy.providers.plain import PlainFormat, SilentAnswer
from proxy.providers.prompt import PromptGatherer

_IN_PATH = re.compile(r"/models/([^/:]+):([A-Za-z]+)$")
_LOCAL_TOOLS = frozenset({"functionDeclarations", "function_declarations"})
_CANDIDATES_MAX = 8
_COUNTED = frozenset({"contents", "content", "systemInstruction", "system_instruction", "tools"})

THINKING_TOKENS_MAX = 32_768
"""The largest thinking budget any Gemini publishes, for where the body names none."""

_THOUGHTLESS = ("gemini-1", "gemini-2.0", "gemma", "gemini-embedding", "text-embedding")


def model_in_path(path: str) -> tuple[str, str]:
    """The model and the verb behind it. Raises BadRequest where the path names none."""
    found = _IN_PATH.search(path.partition("?")[0])
    if found is None or not MODEL_NAME.fullmatch(found[1]):
        raise BadRequest("the path names no model")
    return found[1], found[2]


class GeminiGenerate(PlainFormat):
    name: FormatName = "gemini.generate"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        model, verb = model_in_path(path)
        members = body.members
        config = either(members, "generationConfig")
        gatherer = PromptGatherer()
        gather_contents(members, gatherer)
        gatherer.add_members(body, _COUNTED)
        if any(members.get(name) for name in ("cachedContent", "cached_content")):
            gatherer.is_bounded = False
        tools = objects_of(members, "tools")
        thoughts = thoughts_of(model, config)
        return ModelCall(
            provider=self.provider,
            format=self.name,
            model=model,
            streaming=verb == "streamGenerateContent",
            billable=True,
            output_tokens_max=_bound(config, thoughts),
            samplings=_largest(config, "candidateCount", most=_CANDIDATES_MAX) or 1,
            prompt=gatherer.prompt(tools_text=body.source("tools"), has_tools=bool(tools)),
            service_tier=optional_text(members, "serviceTier")
            or optional_text(members, "service_tier"),
            cache_lifetime=None,
            unbounded=tuple(_reasons(tools)),
            may_reason=thoughts > 0,
            usage_requested=True,
            digest=gatherer.digest(model),
        )

    def answer(self, call: ModelCall) -> Answer:
        return GenerateAnswer()

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """The whole `generationConfig` is written anew: its bound is inside it."""
        if output_tokens is None:
            return data
        body = read_body(data)
        name = "generation_config" if "generation_config" in body.members else "generationConfig"
        config = dict(either(body.members, "generationConfig"))
        thoughts = thoughts_of(call.model, config)
        visible = output_tokens - thoughts
        if thoughts and visible < 1:  # What may be thought comes on top: it has to fit as well.
            config.pop("thinking_config", None)
            thinking = {"thinkingBudget": output_tokens // 2}
            config["thinkingConfig"] = thinking
            visible = output_tokens - output_tokens // 2
        held = "max_output_tokens" if "max_output_tokens" in config else "maxOutputTokens"
        known = _largest(config, "maxOutputTokens")
        config[held] = visible if known is None else min(known, visible)
        return amend_members(body, {name: config})


class GeminiCountTokens(PlainFormat):
    """Free: it is asked, answered and not billed."""

    name: FormatName = "gemini.count_tokens"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        return replace(_input_only(self, read_body(data), path), billable=False)

    def answer(self, call: ModelCall) -> Answer:
        return SilentAnswer()


class GeminiEmbed(PlainFormat):
    """embedContent, batchEmbedContents, and Vertex's `predict` of an embedding model."""

    name: FormatName = "gemini.embed"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        return _input_only(self, read_body(data), path)

    def answer(self, call: ModelCall) -> Answer:
        return EmbedAnswer()


def _input_only(wire: PlainFormat, body: Body, path: str) -> ModelCall:
    model, _ = model_in_path(path)
    gatherer = PromptGatherer()
    gather_contents(body.members, gatherer)
    for request in objects_of(body.members, "requests"):
        gather_contents(request, gatherer)
    gatherer.add_members(body, _COUNTED | {"requests"})
    call = wire.call(model, gatherer)
    return replace(call, prompt=gatherer.prompt(tools_text=body.source("tools")))


def either(members: Json, name: str) -> Json:
    """An object under its camel-case or its snake-case name; Google reads both. Raises BadRequest
    when both are there: which one counts nobody can say."""
    snake = re.sub("([A-Z])", lambda found: "_" + found[1].lower(), name)
    spellings = dict.fromkeys((name, snake))
    values = [members[each] for each in spellings if members.get(each) is not None]
    if len(values) > 1:
        raise BadRequest(f"{name} is given twice, in two spellings", name)
    if values and not isinstance(values[0], dict):
        raise BadRequest(f"{name} must be an object", name)
    return values[0] if values else {}


def gather_contents(members: Json, gatherer: PromptGatherer) -> None:
    for name in ("systemInstruction", "system_instruction", "contents", "content"):
        value = members.get(name)
        for content in value if isinstance(value, list) else [value]:
            if isinstance(content, dict):
                gatherer.add(list(_parts(content, gatherer)))
            elif content is not None:
                gatherer.add(content)


def _parts(content: Json, gatherer: PromptGatherer) -> Iterator[Any]:
    """A content's parts with media taken out: bytes of an image are no text."""
    parts = content.get("parts", [])
    for part in parts if isinstance(parts, list) else [parts]:
        if not isinstance(part, dict):
            yield part
            continue
        blob = part.get("inlineData") or part.get("inline_data")
        if isinstance(blob, dict) and isinstance(blob.get("data"), str):
            kind = blob.get("mimeType") or blob.get("mime_type")
            gatherer.add_media(blob["data"], is_image=str(kind).startswith("image/"))
            part = {k: v for k, v in part.items() if k not in ("inlineData", "inline_data")}
        elif any(name in part for name in ("fileData", "file_data")):
            gatherer.is_bounded = False
        for name in ("functionResponse", "function_response"):
            answer = part.get(name)
            if isinstance(answer, dict) and "parts" in answer:  # Media that a tool gave back.
                part = {**part, name: {**answer, "parts": list(_parts(answer, gatherer))}}
        yield part.get("text") if part.keys() == {"text"} else part


def _largest(config: Json, name: str, most: int | None = None) -> int | None:
    """Either spelling of a number, the larger where both are there."""
    snake = re.sub("([A-Z])", lambda found: "_" + found[1].lower(), name)
    limit = {"most": most} if most else {}
    found = [whole_number(config, each, **limit) for each in (name, snake)]
    return max((value for value in found if value is not None), default=None)


def thoughts_of(model: str, config: Json) -> int:
    """How much may be thought on top of the visible output (wire.md 1.4: taken as additive)."""
    thinking = either(config, "thinkingConfig")
    budget = thinking.get("thinkingBudget", thinking.get("thinking_budget"))
    if budget is None or budget == -1:
        return 0 if model.startswith(_THOUGHTLESS) else THINKING_TOKENS_MAX
    return whole_number({"thinkingBudget": budget}, "thinkingBudget") or 0


def _bound(config: Json, thoughts: int) -> int | None:
    bound = _largest(config, "maxOutputTokens")
    return None if bound is None else bound + thoughts


def _reasons(tools: list[Json]) -> list[str]:
    """Every tool but functions runs at Google, in a loop we cannot see."""
    named = {name for tool in tools for name in tool if name not in _LOCAL_TOOLS}
    known = (name if name.isascii() and len(name) <= 64 else "?" for name in named)
    return sorted(f"hosted_tool:{name}" for name in known)

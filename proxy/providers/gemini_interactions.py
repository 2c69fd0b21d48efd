"""Gemini interactions: `POST /v1beta/interactions`, JSON and events, with a model or an agent (pure)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.providers.amend import amend_members
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
from proxy.providers.body import (
    DEPTH_MAX,
    Json,
    flag,
    model_of,
    optional_object,
    optional_text,
    read_body,
    whole_number,
)
from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.format import kind_of, objects_of
from proxy.providers.gemini import thoughts_of
from proxy.providers.gemini_answer import folded_usage
from proxy.providers.plain import PlainFormat
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event
from proxy.providers.usage import Usage

_COUNTED = frozenset({"input", "system_instruction", "tools"})
_STORED = ("previous_interaction_id", "cached_content", "continuation_token")
_ALSO_BILLED = ("agent", "background", "environment")
_READ = frozenset({*_COUNTED, *_STORED, *_ALSO_BILLED, "model", "stream", "service_tier"}) | {
    "generation_config",
    "response_modalities",
    "response_format",
}
_MEDIA = frozenset({"audio", "video", "document", "file"})
_BOUND = "max_output_tokens"


class GeminiInteractions(PlainFormat):
    name: FormatName = "gemini.interactions"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        _refuse_other_spellings(members)
        model = model_of(members if members.get("model") else {"model": members.get("agent")})
        model = model.removeprefix("models/")
        config = _config(members)
        gatherer = PromptGatherer()
        for name in ("system_instruction", "input"):
            if members.get(name) is not None:
                _gather(members[name], gatherer)
        gatherer.add_members(body, _COUNTED)
        if any(members.get(name) for name in _STORED):
            gatherer.is_bounded = False
        tools = objects_of(members, "tools")
        thoughts = thoughts_of(model, {})
        bound = whole_number(config, _BOUND)
        return replace(
            self.call(model, gatherer, unbounded=_reasons(members, config, tools)),
            streaming=flag(members, "stream"),
            output_tokens_max=None if bound is None else bound + thoughts,
            prompt=gatherer.prompt(tools_text=body.source("tools"), has_tools=bool(tools)),
            service_tier=optional_text(members, "service_tier"),
            may_reason=thoughts > 0,
            can_be_lowered=not thoughts,
        )

    def answer(self, call: ModelCall) -> Answer:
        return InteractionsAnswer()

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """The whole `generation_config` is written anew: its bound is inside it."""
        if output_tokens is None or not call.can_be_lowered:
            return data
        body = read_body(data)
        config = dict(_config(body.members))
        known = whole_number(config, _BOUND)
        config[_BOUND] = output_tokens if known is None else min(known, output_tokens)
        return amend_members(body, {"generation_config": config})


def _refuse_other_spellings(members: Json) -> None:
    """Google may read `generationConfig` as well; which of two counts nobody could say."""
    for name in members:
        snake = re.sub("([A-Z])", lambda found: "_" + found[1].lower(), name).lstrip("_")
        if name not in _READ and (snake in _READ or name.lower() in _READ):
            raise BadRequest("a field is spelled in another way than the documented one", snake)


def _config(members: Json) -> Json:
    config = optional_object(members, "generation_config")
    if "maxOutputTokens" in config:
        raise BadRequest("a field is spelled in another way than the documented one", _BOUND)
    return config


def _gather(value: Any, gatherer: PromptGatherer) -> None:
    """Texts, contents, or steps that hold contents."""
    for item in value if isinstance(value, list) else [value]:
        gatherer.add(_without_media(item, gatherer, 0))


def _without_media(item: Any, gatherer: PromptGatherer, depth: int) -> Any:
    """The same with media taken out: bytes of an image are no text."""
    if depth > DEPTH_MAX:
        raise BadRequest("the input is nested too deeply", "input")
    if isinstance(item, list):
        return [_without_media(each, gatherer, depth + 1) for each in item]
    if not isinstance(item, dict):
        return item
    kind = kind_of(item)
    if kind == "image":
        held = item.get("data") or item.get("uri")
        gatherer.add_media(held if isinstance(held, str) else "", is_image=True)
        return {name: value for name, value in item.items() if name not in ("type", "data", "uri")}
    if kind in _MEDIA:
        gatherer.is_bounded = False
    inner = ("content", "result", "steps")
    return {
        name: _without_media(value, gatherer, depth + 1) if name in inner else value
        for name, value in item.items()
    }


def _reasons(members: Json, config: Json, tools: list[Json]) -> list[str]:
    """Every tool but functions runs at Google, and so does an agent; background work goes on after
    the answer; video has a price of its own."""
    kinds = {kind_of(tool) for tool in tools} - {"function"}
    reasons = [f"hosted_tool:{kind}" for kind in sorted(kinds)]
    reasons += [name for name in _ALSO_BILLED if members.get(name)]
    formats = members.get("response_format")
    wanted = [*as_list(members.get("response_modalities")), *as_list(formats), formats]
    kinds_out = {as_object(each).get("type", each) for each in wanted if not isinstance(each, list)}
    is_video = any(isinstance(kind, str) and kind.lower() == "video" for kind in kinds_out)
    if is_video or "video_config" in config or "omni" in str(members.get("model")):
        reasons.append("video")
    return reasons


class InteractionsAnswer(Answer):
    """An interaction, whole or in the event that completes it. One that goes on in the background
    has not ended."""

    def __init__(self) -> None:
        super().__init__()
        self._open: set[int] = set()

    def read_json(self, body: dict[str, Any]) -> None:
        if body.get("error") is not None:
            self.read_error(body["error"])
        for step in map(as_object, as_list(body.get("steps")) or as_list(body.get("outputs"))):
            self._read_step(step)
        self._read(body)

    def read_event(self, event: Event) -> bool:
        message = parse_object(event.data) or {}
        match message.get("event_type"):
            case "interaction.created" | "interaction.completed":
                self._read(as_object(message.get("interaction")))
            case "step.start":
                self._open.add(as_count(message.get("index")) or 0)
                self._read_step(as_object(message.get("step")))
            case "step.delta":
                delta = as_object(message.get("delta"))
                arguments = delta.get("arguments")
                told = arguments if isinstance(arguments, str) else repr(arguments or "")
                self.output_seen += text_bytes(delta.get("text"), told)
            case "step.stop":
                self._open.discard(as_count(message.get("index")) or 0)
            case "error":
                self.read_error(message.get("error"))
        return False

    def last_words(self) -> tuple[Event, ...]:
        if self.response_id is None or self.is_complete:
            return ()
        whole = {"id": self.response_id, "object": "interaction", "status": "incomplete"}
        words: list[dict[str, Any]] = [
            *({"event_type": "step.stop", "index": index} for index in sorted(self._open)),
            {"event_type": "interaction.completed", "interaction": whole},
        ]
        ended = tuple(said(word["event_type"], word) for word in words)
        return (*ended, Event("done", b"[DONE]", b""))

    def _read(self, interaction: dict[str, Any]) -> None:
        self.response_id = as_text(interaction.get("id")) or self.response_id
        self.model = as_text(interaction.get("model")) or self.model
        self.service_tier = as_text(interaction.get("service_tier")) or self.service_tier
        self.finish_reason = as_text(interaction.get("status")) or self.finish_reason
        usage = interactions_usage(as_object(interaction.get("usage")), self.service_tier)
        self.usage = usage or self.usage
        self.is_complete = self.finish_reason not in (None, "in_progress", "queued")

    def _read_step(self, step: dict[str, Any]) -> None:
        if step.get("type") == "function_call":
            self.add_tool(step.get("id"), step.get("name"))
            self.output_seen += text_bytes(step.get("name"))


_COUNTS: Mapping[str, str] = {
    "promptTokenCount": "total_input_tokens",
    "cachedContentTokenCount": "total_cached_tokens",
    "candidatesTokenCount": "total_output_tokens",
    "thoughtsTokenCount": "total_thought_tokens",
    "toolUsePromptTokenCount": "total_tool_use_tokens",
}
_KINDS: Mapping[str, str] = {
    "promptTokensDetails": "input_tokens_by_modality",
    "cacheTokensDetails": "cached_tokens_by_modality",
    "candidatesTokensDetails": "output_tokens_by_modality",
    "toolUsePromptTokensDetails": "tool_use_tokens_by_modality",
}
"""The same figures as generateContent's, under other names."""


def interactions_usage(usage: dict[str, Any], tier: str | None) -> Usage | None:
    counts = {
        name: count
        for name, theirs in _COUNTS.items()
        if (count := as_count(usage.get(theirs))) is not None
    }
    kinds: dict[tuple[str, str], int] = {}
    for name, theirs in _KINDS.items():
        for detail in map(as_object, as_list(usage.get(theirs))):
            kind, count = as_text(detail.get("modality")), as_count(detail.get("tokens"))
            if kind is not None and count is not None:
                kinds[name, kind.upper()] = count
    folded = folded_usage(counts, kinds, tier)
    searches = map(as_object, as_list(usage.get("grounding_tool_count")))
    searched = sum(as_count(each.get("count")) or 0 for each in searches)
    return None if folded is None else replace(folded, web_searches=searched)

"""OpenAI completions, the legacy format, and Mistral's fill-in-the-middle: `POST /v1/completions`
(wire.md 1.2; pure)."""

from collections.abc import Mapping
from typing import Any

from proxy.providers.amend import amend_members
from proxy.providers.answer import AnswerReader
from proxy.providers.body import (
    Json,
    flag,
    optional_object,
    optional_text,
    read_body,
    refuse_lookalikes,
    whole_number,
)
from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.dialects import OUTPUT_FIELDS, dialect_of
from proxy.providers.format import clamped, lowered
from proxy.providers.openai import fallback_models, hosted_reasons, may_reason
from proxy.providers.openai_chat import SAMPLINGS_MAX, chat_bound, model_in
from proxy.providers.openai_chat_answer import ChatAnswer
from proxy.providers.prompt import PromptGatherer

_COUNTED = frozenset({"prompt"})
_READ = frozenset(
    {*OUTPUT_FIELDS, "model", "models", "prompt", "suffix", "n", "best_of", "stream"}
    | {"stream_options", "service_tier", "messages"}
)
_OPENAI_OUTPUT_TOKENS = 16
"""What OpenAI takes for an absent `max_tokens`; compatible servers take other numbers."""
_PROMPTS_MAX = 2048


class OpenAICompletions:
    name: FormatName = "openai.completions"

    def __init__(self, provider: str = "openai") -> None:
        self.provider = provider
        self._dialect = dialect_of(provider)

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        refuse_lookalikes(members, _READ)
        model = model_in(members, path, self._dialect)
        prompts = _prompts(members)
        gatherer = PromptGatherer()
        for prompt in prompts:
            gatherer.add(prompt)
        gatherer.add_members(body, _COUNTED)
        thinks = may_reason(model, None)
        options = optional_object(members, "stream_options")
        asked = options.get("include_usage") is True
        return ModelCall(
            provider=self.provider,
            format=self.name,
            model=model,
            streaming=flag(members, "stream"),
            billable=True,
            output_tokens_max=self._bound(members, thinks),
            samplings=_samplings(members) * max(1, len(prompts)),
            prompt=gatherer.prompt(),
            service_tier=optional_text(members, "service_tier"),
            cache_lifetime=None,
            unbounded=tuple(hosted_reasons(members, model, self._dialect)),
            may_reason=thinks,
            usage_requested=asked or self._dialect.always_says_usage,
            digest=gatherer.digest(model),
            fallback_models=fallback_models(members, self._dialect),
            model_is_alias=self._dialect.model_is_alias,
            can_be_lowered=self._dialect.bounds_reasoning or not thinks,
        )

    def _bound(self, members: Json, thinks: bool) -> int | None:
        bound = chat_bound(members, self._dialect, thinks)
        absent = all(members.get(name) is None for name in OUTPUT_FIELDS)
        return _OPENAI_OUTPUT_TOKENS if absent and self.provider == "openai" else bound

    def answer_reader(
        self, call: ModelCall, headers: Mapping[str, str], *, hide_usage: bool = False
    ) -> AnswerReader:
        return AnswerReader(ChatAnswer(self.provider), headers, hide_usage=hide_usage)

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        body = read_body(data)
        changes: dict[str, Any] = {}
        if ask_usage and call.streaming:
            options = optional_object(body.members, "stream_options")
            changes["stream_options"] = {**options, "include_usage": True}
        if output_tokens is not None:
            changes |= clamped(body.members, ("max_tokens",), "max_tokens", output_tokens)
            changes |= lowered(body.members, OUTPUT_FIELDS, output_tokens)
        return amend_members(body, changes)


def _prompts(members: Json) -> list[Any]:
    """A text, texts, one list of token ids, or several: each is a sampling of its own."""
    value = members.get("prompt", "")
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or len(value) > _PROMPTS_MAX:
        raise BadRequest(f"prompt must be a string or up to {_PROMPTS_MAX} of them", "prompt")
    return [value] if value and isinstance(value[0], int) else value


def _samplings(members: Json) -> int:
    counts = [whole_number(members, name, least=1, most=SAMPLINGS_MAX) for name in ("n", "best_of")]
    return max(count or 1 for count in counts)

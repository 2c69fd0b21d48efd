"""Bedrock's InvokeModel and its stream: a model's native body, its name in the path (wire.md 1.5;
pure)."""

from collections.abc import Mapping

from proxy.providers.amend import amend_members
from proxy.providers.answer import AnswerReader
from proxy.providers.anthropic_messages import AnthropicMessages, messages_bound, messages_call
from proxy.providers.bedrock import model_in_path
from proxy.providers.bedrock_answer import InvokeAnswer
from proxy.providers.body import Body, Json, optional_object, read_body, whole_number
from proxy.providers.call import FormatName, ModelCall
from proxy.providers.prompt import PromptGatherer

_STREAM = "invoke-with-response-stream"

_BOUNDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "amazon.nova": ("inferenceConfig", ("maxTokens", "max_new_tokens")),
    "amazon.titan-text": ("textGenerationConfig", ("maxTokenCount",)),
    "anthropic.claude": ("", ("max_tokens_to_sample", "max_tokens")),
    "cohere.command": ("", ("max_tokens",)),
    "deepseek.": ("", ("max_tokens",)),
    "meta.llama": ("", ("max_gen_len",)),
    "mistral.": ("", ("max_tokens",)),
    "openai.": ("", ("max_completion_tokens",)),
}
"""Where each family's native body bounds its output, and by which names."""

_SAMPLINGS = ("num_generations", "n", "best_of")
_SAMPLINGS_MAX = 128


class BedrockInvoke:
    name: FormatName = "bedrock.invoke"

    def __init__(self, provider: str = "aws") -> None:
        self.provider = provider

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        model, is_alias, operation = model_in_path(path)
        if _is_messages(body.members):
            bound = messages_bound(body.members)
            return messages_call(
                self.provider,
                self.name,
                body,
                bound,
                model=model,
                streaming=operation == _STREAM,
                model_is_alias=is_alias,
            )
        gatherer = PromptGatherer()
        gatherer.add(body.members)
        has_tools = any(body.members.get(name) for name in ("tools", "toolConfig"))
        return ModelCall(
            provider=self.provider,
            format=self.name,
            model=model,
            streaming=operation == _STREAM,
            billable=True,
            output_tokens_max=_bound(body.members, model),
            samplings=_samplings(body.members),
            prompt=gatherer.prompt(has_tools=has_tools),
            service_tier=None,
            cache_lifetime="5m" if '"cachePoint"' in body.text else None,
            unbounded=(),
            may_reason=not any(name in model for name in ("nova-", "titan", "command", "llama3")),
            usage_requested=True,
            digest=gatherer.digest(model),
            model_is_alias=is_alias,
            can_be_lowered=bool(_family(model)[1]),
        )

    def answer_reader(
        self, call: ModelCall, headers: Mapping[str, str], *, hide_usage: bool = False
    ) -> AnswerReader:
        return AnswerReader(InvokeAnswer(headers), headers)

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """A body under a SigV4 signature cannot be changed; that its caller must know."""
        if output_tokens is None:
            return data
        body = read_body(data)
        if _is_messages(body.members):
            return AnthropicMessages(self.provider).amend(
                data, call, output_tokens=output_tokens, ask_usage=ask_usage
            )
        return _amended(body, call.model, output_tokens)


def _is_messages(members: Json) -> bool:
    return "anthropic_version" in members and "messages" in members


def _family(model: str) -> tuple[str, tuple[str, ...]]:
    return next((where for name, where in _BOUNDS.items() if name in model), ("", ()))


def _bound(members: Json, model: str) -> int | None:
    if "embed" in model or "rerank" in model:
        return 0
    inside, names = _family(model)
    config = optional_object(members, inside) if inside else members
    bounds = [whole_number(config, name) for name in names]
    return max((bound for bound in bounds if bound is not None), default=None)


def _samplings(members: Json) -> int:
    counts = [whole_number(members, name, least=1, most=_SAMPLINGS_MAX) for name in _SAMPLINGS]
    return max(count or 1 for count in counts)


def _amended(body: Body, model: str, output_tokens: int) -> bytes:
    inside, names = _family(model)
    if not names:
        return body.text.encode("utf-8")
    config = dict(optional_object(body.members, inside) if inside else body.members)
    given = [name for name in names if config.get(name) is not None] or [names[0]]
    held: Json = {
        name: output_tokens if known is None else min(output_tokens, known)
        for name in given
        for known in (whole_number(config, name),)
    }
    return amend_members(body, {inside: {**config, **held}} if inside else held)

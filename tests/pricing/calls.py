"""Calls for pricing tests, without a body."""

from dataclasses import replace
from typing import Any

from proxy.providers.call import ModelCall, Prompt

_PROMPT = Prompt(("hello",), "", 40, 1, has_tools=False)

_CALL = ModelCall(
    provider="openai",
    format="openai.chat",
    model="gpt-4o",
    streaming=True,
    billable=True,
    output_tokens_max=100,
    samplings=1,
    prompt=_PROMPT,
    service_tier=None,
    cache_lifetime=None,
    unbounded=(),
    may_reason=False,
    usage_requested=False,
    digest="",
)


def openai(
    model: str = "gpt-4o", *, prompt: dict[str, Any] | None = None, **facts: Any
) -> ModelCall:
    return replace(_CALL, model=model, prompt=replace(_PROMPT, **prompt or {}), **facts)


def anthropic(model: str = "claude-sonnet-4-5", **facts: Any) -> ModelCall:
    return openai(model, provider="anthropic", format="anthropic.messages", **facts)

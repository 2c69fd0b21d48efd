"""How each provider's OpenAI differs from OpenAI's (wire.md 1.6; pure)."""

from dataclasses import dataclass
from typing import Literal

OUTPUT_FIELDS = ("max_completion_tokens", "max_tokens", "max_output_tokens", "max_new_tokens")
"""Every name OpenAI or a compatible server gives to the output bound."""

_BOTH = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The defaults suit a server of which we know only that it speaks the format."""

    output_fields: tuple[str, ...] = ("max_tokens",)
    """The fields that surely bound a chat's output; the first is the one to add."""
    always_says_usage: bool = False
    """Its streams end with usage unasked, and asking may be an unknown field to it."""
    reasoning: Literal["inside", "beside", "in_total"] = "inside"
    """Is `reasoning_tokens` part of `completion_tokens`, beside it, or only in the total?"""
    bounds_reasoning: bool = True
    """The output bound holds for what is thought as well."""
    states_cost: bool = False
    """Its usage says what the call cost, in dollars: authoritative."""
    falls_back: bool = False
    """`models` lists models that may answer instead."""
    model_is_alias: bool = False
    """Models go by the operator's own names."""
    hosted: tuple[str, ...] = ()
    """Starts of model names that run tools or searches of the provider's own at every call."""
    hosted_fields: tuple[str, ...] = ()
    """Members that turn on work billed beside the tokens."""
    strips: str = ""
    """What stands before a model's own name in this provider's chat."""


_DIALECTS: dict[str, Dialect] = {
    "openai": Dialect(_BOTH),
    "azure": Dialect(_BOTH, model_is_alias=True, hosted_fields=("data_sources",)),
    "aws": Dialect(_BOTH),
    "baseten": Dialect(),
    "cerebras": Dialect(_BOTH),
    "cohere": Dialect(always_says_usage=True),
    "dashscope": Dialect(hosted_fields=("enable_search", "search_options")),
    "deepseek": Dialect(),
    "fireworks": Dialect(),
    "github-copilot": Dialect(),
    "google": Dialect(_BOTH, reasoning="in_total", strips="google/"),
    "groq": Dialect(
        _BOTH,
        always_says_usage=True,
        hosted=("groq/compound", "compound"),
        hosted_fields=("compound_custom", "search_settings"),
    ),
    "mistral": Dialect(always_says_usage=True),
    "moonshotai": Dialect(),
    "openrouter": Dialect(
        _BOTH,
        states_cost=True,
        falls_back=True,
        hosted=("openrouter/",),
        hosted_fields=("plugins",),
    ),
    "perplexity": Dialect(
        always_says_usage=True,
        reasoning="beside",
        bounds_reasoning=False,
        states_cost=True,
        hosted=("sonar",),
    ),
    "together": Dialect(),
    "x-ai": Dialect(
        _BOTH,
        reasoning="beside",
        bounds_reasoning=False,
        hosted_fields=("search_parameters",),
    ),
    "zai": Dialect(),
    "zhipuai": Dialect(),
}

_PLAIN = Dialect()


def dialect_of(provider: str) -> Dialect:
    """Of a provider id; of any other server, the plain one."""
    return _DIALECTS.get(provider, _PLAIN)

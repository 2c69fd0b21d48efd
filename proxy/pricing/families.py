"""How each family of models turns text, tools and images into tokens (measured: wire.md 3;
pure)."""

from dataclasses import dataclass
from typing import Literal

from proxy.pricing.images import Patches, Rule, Scaled, Tiles
from proxy.pricing.names import stem


@dataclass(frozen=True, slots=True)
class ToolTokens:
    """What tools add to an estimate."""

    base: int
    """The hidden prompt that any tool brings."""
    base_forced: int = 0
    """The same where the model must use one; 0 where that makes no difference."""
    per_schema: int = 0
    """The hidden prompt of an answer that must follow a schema."""
    milli: int = 1000
    """Tokens for each thousand tokens of what is read."""
    reads: Literal["words", "json", "schemas"] = "json"
    """Some providers write tools anew, as declarations; some leave the JSON as it is; the Gemini
    API does the one with its own schemas and the other with JSON schemas."""
    per_tool: int = 0
    per_property: int = 0
    per_call: int = 0
    """What frames a call and its result in the conversation."""
    per_builtin: int = 0
    """The hidden prompt of a tool that the provider describes itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Factors are in thousandths, so that counts stay integers."""

    prefixes: tuple[str, ...] = ("",)
    text_milli: int
    """Tokens for each thousand tokens of o200k_base."""
    message_tokens: int
    tools: ToolTokens
    image_tokens: int = 2_000
    """A usual image of unknown size, for estimates."""
    image_tokens_max: int = 10_000
    """The dearest image the provider will see, for bounds."""
    image_rule: Rule | None = None
    """What an image of known size costs."""
    image_rule_holds_for: tuple[str, ...] = ()
    """The models it was measured on, "*" for the whole family: only there it bounds. Others that
    begin alike may count otherwise."""
    hidden_tokens: int = 1024
    """For bounds: what a provider may add to any prompt."""
    hidden_tokens_with_tools: int = 2048
    """For bounds: Claude's hidden tool prompt reaches 1,247 tokens."""
    prompt_tokens: int = 3
    """What a chat brings once, whatever its messages."""
    reasoning_tokens: int = 0
    """The hidden prompt of a model that is asked to think."""
    sealed_bytes_per_token: int = 0
    """Of the reasoning that is handed back encrypted; 0 where it is not billed again."""
    bills_image_bytes: bool = False
    """It is not proved that an image is never billed as its base64, so those bytes bound it too."""


_DECLARED = ToolTokens(16, reads="words", per_tool=5, per_property=2, per_call=8)
"""OpenAI's: each tool a declaration, each parameter a line."""


def _openai(
    *prefixes: str,
    image_tokens: int,
    image_tokens_max: int,
    image_rule: Rule,
    measured: tuple[str, ...] = (),
) -> Family:
    return Family(
        prefixes=prefixes,
        text_milli=1000,
        message_tokens=4,
        tools=_DECLARED,
        image_tokens=image_tokens,
        image_tokens_max=image_tokens_max,
        image_rule=image_rule,
        image_rule_holds_for=measured or prefixes,
        hidden_tokens=128,
        hidden_tokens_with_tools=512,
        sealed_bytes_per_token=9,
    )


def _claude(
    *prefixes: str, text_milli: int, tools: int, edge: int, image_tokens: int, reasoning: int = 0
) -> Family:
    return Family(
        prefixes=prefixes or ("",),
        text_milli=text_milli,
        message_tokens=2,
        prompt_tokens=5,
        tools=ToolTokens(
            tools,
            base_forced=300,
            per_schema=125,
            milli=text_milli,
            per_call=48,
            per_builtin=1_000,
        ),
        reasoning_tokens=reasoning,
        image_tokens=image_tokens,
        image_tokens_max=4_800,
        image_rule=Scaled(edge),
        image_rule_holds_for=("*",) if edge == 1568 else (),
    )


_SMALL = tuple(
    _openai(name, image_tokens=800, image_tokens_max=3_800, image_rule=Patches(milli))
    for name, milli in (
        ("gpt-4.1-mini", 1620),
        ("gpt-4.1-nano", 2460),
        ("gpt-5-mini", 1200),
        ("gpt-5-nano", 1500),
        ("o4-mini", 1720),
    )
)

_FAMILIES: dict[str, tuple[Family, ...]] = {
    "openai": (
        _openai(
            "gpt-4o-mini",
            image_tokens=25_500,
            image_tokens_max=48_169,
            image_rule=Tiles(2833, 5667),
        ),
        *_SMALL,
        _openai("gpt-5", image_tokens=800, image_tokens_max=3_800, image_rule=Tiles(70, 140)),
        _openai(
            "gpt-3.5",
            "gpt-4",
            "chatgpt-4o",
            "o1",
            "o3",
            "o4",
            image_tokens=800,
            image_tokens_max=3_800,
            image_rule=Tiles(85, 170),
            measured=("gpt-4o", "gpt-4.1", "gpt-4-turbo"),
        ),
        Family(
            text_milli=1000,
            message_tokens=4,
            tools=_DECLARED,
            image_tokens=1_500,
            sealed_bytes_per_token=9,
            bills_image_bytes=True,
        ),
    ),
    "anthropic": (
        _claude("claude-2", "claude-3", text_milli=1160, tools=300, edge=1568, image_tokens=1_300),
        _claude(
            "claude-opus-4-0",
            "claude-opus-4-1",
            "claude-opus-4-2025",
            "claude-opus-4-5",
            "claude-opus-4-6",
            "claude-opus-4@",
            "claude-sonnet-4",
            "claude-haiku-4",
            text_milli=1160,
            tools=480,
            edge=1568,
            image_tokens=1_300,
            reasoning=27,
        ),
        _claude(text_milli=1410, tools=400, edge=2576, image_tokens=2_500),
    ),
    "google": (
        Family(
            text_milli=1030,
            message_tokens=0,
            tools=ToolTokens(0, reads="schemas", per_call=8),
            image_tokens=260,
            image_tokens_max=5_000,
            prompt_tokens=1,
            sealed_bytes_per_token=5,
        ),
    ),
    "vertex": (
        Family(
            text_milli=1030,
            message_tokens=0,
            tools=ToolTokens(0, reads="words", per_call=8),
            image_tokens=260,
            image_tokens_max=5_000,
            prompt_tokens=1,
        ),
    ),
    "mistral": (
        Family(
            text_milli=1130,
            message_tokens=3,
            tools=ToolTokens(10, milli=700),
            bills_image_bytes=True,
        ),
    ),
    "groq": (
        Family(text_milli=1050, message_tokens=12, tools=ToolTokens(100), bills_image_bytes=True),
    ),
    "cohere": (
        Family(
            text_milli=1000,
            message_tokens=0,
            tools=ToolTokens(0, milli=500),
            bills_image_bytes=True,
        ),
    ),
}
"""Bounds keep their allowances for every family; only the estimates are fitted. gpt-5.1 and later
are in the last of OpenAI's."""

_OTHER = Family(text_milli=1200, message_tokens=8, tools=ToolTokens(500), bills_image_bytes=True)

_ANY = Family(
    text_milli=1200,
    message_tokens=8,
    tools=ToolTokens(500),
    image_tokens_max=48_169,
    bills_image_bytes=True,
)
"""For a name that nothing maps: any model may stand behind it."""


def family_of(provider: str, model: str, host: str = "") -> Family:
    """The first family whose prefix fits; gpt-5.1 and later are not `gpt-5`. Resold models are
    their makers': a Claude counts as a Claude, whoever serves it. Google counts
    tools otherwise on Vertex's hosts."""
    if not model:
        return _ANY
    maker, name = _maker(provider, model)
    if maker == "google" and host.endswith("aiplatform.googleapis.com"):
        maker = "vertex"
    families = _FAMILIES.get(maker, ())
    for family in families:
        if name.startswith(family.prefixes) and not name.startswith("gpt-5."):
            return family
    return families[-1] if families else _OTHER


def bounding_rule(provider: str, model: str) -> Rule | None:
    """The rule that an image of known size is bounded by; None where it was not measured."""
    family = family_of(provider, model)
    name = stem(_maker(provider, model)[1])
    holds = {"*", name} & set(family.image_rule_holds_for)
    return family.image_rule if holds else None


def _maker(provider: str, model: str) -> tuple[str, str]:
    at = model.find("claude-")
    if at >= 0:
        return "anthropic", model[at:]
    if provider in _OPENAI_SELLERS:
        return "openai", model.removeprefix("openai/")
    return provider, model


_OPENAI_SELLERS = frozenset({"azure", "github-copilot", "openai-chatgpt"})

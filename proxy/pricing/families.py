"""How each family of models turns text, tools and images into tokens (measured: wire.md 3;
pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """Factors are in thousandths, so that counts stay integers."""

    prefixes: tuple[str, ...]
    text_milli: int
    """Tokens for each thousand tokens of o200k_base."""
    message_tokens: int
    tools_milli: int
    """The same for the JSON of tools, which most providers render anew, shorter."""
    tools_tokens: int
    """The hidden prompt that any tool brings."""
    image_tokens: int
    """A usual image, for estimates."""
    image_tokens_max: int
    """The dearest image the provider will see, for bounds."""
    hidden_tokens: int = 1024
    """For bounds: what a provider may add to any prompt."""
    hidden_tokens_with_tools: int = 2048
    """For bounds: Claude's hidden tool prompt reaches 1,247 tokens."""
    prompt_tokens: int = 3
    """What a chat brings once, whatever its messages."""
    bills_image_bytes: bool = False
    """It is not proved that an image is never billed as its base64, so those bytes bound it too."""


_CLAUDE = (
    Family(
        (
            "claude-2",
            "claude-3",
            "claude-opus-4-0",
            "claude-opus-4-1",
            "claude-opus-4-2025",
            "claude-opus-4-5",
            "claude-opus-4-6",
            "claude-opus-4@",
            "claude-sonnet-4",
            "claude-haiku-4",
        ),
        1160,
        5,
        1350,
        430,
        1_300,
        4_800,
    ),
    Family(("",), 1410, 5, 1410, 380, 2_500, 4_800),
)
_GEMINI = Family(("",), 1030, 0, 580, 0, 260, 5_000, prompt_tokens=0)

_FAMILIES: dict[str, tuple[Family, ...]] = {
    "openai": (
        Family(("gpt-4o-mini",), 1000, 4, 300, 12, 25_500, 48_169, 128, 512),
        Family(("gpt-5",), 1000, 4, 600, 0, 800, 3_800, 128, 512),
        Family(
            ("gpt-3.5", "gpt-4", "chatgpt-4o", "o1", "o3", "o4"),
            1000,
            4,
            300,
            12,
            800,
            3_800,
            128,
            512,
        ),
        Family(("",), 1000, 4, 700, 10, 1_500, 10_000, bills_image_bytes=True),
    ),
    "anthropic": _CLAUDE,
    "google": (_GEMINI,),
    "mistral": (Family(("",), 1130, 3, 700, 10, 2_000, 10_000, bills_image_bytes=True),),
    "groq": (Family(("",), 1050, 12, 1000, 100, 2_000, 10_000, bills_image_bytes=True),),
    "cohere": (
        Family(("",), 1000, 0, 500, 0, 2_000, 10_000, prompt_tokens=3, bills_image_bytes=True),
    ),
}
"""Bounds keep their allowances for every family; only the estimates are fitted."""

_OTHER = Family(("",), 1200, 8, 1000, 500, 2_000, 10_000, bills_image_bytes=True)


_ANY = Family(("",), 1200, 8, 1000, 500, 2_000, 48_169, bills_image_bytes=True)
"""For a name that nothing maps: any model may stand behind it."""


def family_of(provider: str, model: str) -> Family:
    """The first family whose prefix fits; gpt-5.1 and later are not `gpt-5`. Resold models are
    their makers': a Claude counts as a Claude, whoever serves it."""
    if not model:
        return _ANY
    maker, name = _maker(provider, model)
    families = _FAMILIES.get(maker, ())
    for family in families:
        if name.startswith(family.prefixes) and not name.startswith("gpt-5."):
            return family
    return families[-1] if families else _OTHER


def _maker(provider: str, model: str) -> tuple[str, str]:
    at = model.find("claude-")
    if at >= 0:
        return "anthropic", model[at:]
    if provider in _OPENAI_SELLERS:
        return "openai", model.removeprefix("openai/")
    return provider, model


_OPENAI_SELLERS = frozenset({"azure", "github-copilot", "openai-chatgpt"})

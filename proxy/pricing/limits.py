"""How much a model can read and write: the facts that turn an open question into a bound (pure).

`data/limits.json` holds only these two numbers per model; `generate_limits.py` writes it.
"""

import hashlib
import json
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from proxy.pricing.names import stem, unplaced

_DATA = Path(__file__).parent / "data" / "limits.json"


class Limits(NamedTuple):
    """Tokens one call may take in, and one sampling may put out."""

    input_tokens: int
    output_tokens: int


UNKNOWN = Limits(1_050_000, 393_216)
"""For a model with a price and no limits: the largest of any model we know, but for the few that
may fill their whole window, so the bound stays a bound. It makes for large holds; an operator
states the true limits beside the rate."""

_SOLD_AS = {
    "azure": ("openai", "anthropic", "deepseek", "mistral", "cohere"),
    "anthropic-aws": ("anthropic",),
    "anthropic-google": ("anthropic",),
    "openai-chatgpt": ("openai",),
}
"""Whose models these sell under the same names."""

_VENDORS = {"mistralai": "mistral", "z-ai": "zai", "qwen": "dashscope"}
"""OpenRouter's words for providers that we call otherwise."""


_MORE: dict[str, dict[str, Limits]] = {
    "openai": dict.fromkeys(("gpt-4o-transcribe", "gpt-4o-mini-transcribe"), Limits(16_000, 2_000))
}
"""What the file's source lacks, from the pages of the models themselves."""


@lru_cache(maxsize=4096)
def limits_of(provider: str, model: str) -> Limits:
    """By exact name first, then without its date."""
    name = model.lower()
    if provider == "openrouter":
        vendor, _, name = name.partition("/")
        provider, name = _VENDORS.get(vendor, vendor), name.partition(":")[0]
    for seller in (provider, *_SOLD_AS.get(provider, ())):
        models = _table().get(seller, {})
        for spelling in (name, stem(name), unplaced(name)):
            if spelling in models:
                return models[spelling]
    return UNKNOWN


def limits_digest() -> str:
    """Part of the price table's version."""
    return hashlib.sha256(_DATA.read_bytes() + repr(_MORE).encode()).hexdigest()


@cache
def _table() -> dict[str, dict[str, Limits]]:
    table: dict[str, dict[str, list[int]]] = json.loads(_DATA.read_bytes())
    return {
        provider: {name: Limits(*pair) for name, pair in models.items()} | _MORE.get(provider, {})
        for provider, models in table.items()
    }

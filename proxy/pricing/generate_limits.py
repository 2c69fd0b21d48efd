"""Writes data/limits.json from LiteLLM's model table (MIT). A maintainer runs it; nothing else
does.

python -m proxy.pricing.generate_limits path/to/model_prices_and_context_window_backup.json
"""

import json
import sys
from pathlib import Path
from typing import Any

from proxy.pricing.names import unplaced

TARGET = Path(__file__).parent / "data" / "limits.json"

_PROVIDERS: dict[str, tuple[str, ...]] = {
    "openai": ("openai", "text-completion-openai"),
    "anthropic": ("anthropic",),
    "google": (
        "gemini",
        "vertex_ai-language-models",
        "vertex_ai-anthropic_models",
        "vertex_ai-embedding-models",
    ),
    "aws": ("bedrock", "bedrock_converse", "bedrock_mantle"),
    "baseten": ("baseten",),
    "cerebras": ("cerebras",),
    "cohere": ("cohere", "cohere_chat"),
    "dashscope": ("dashscope",),
    "databricks": ("databricks",),
    "deepseek": ("deepseek",),
    "fireworks": ("fireworks_ai",),
    "github-copilot": ("github_copilot",),
    "groq": ("groq",),
    "mistral": ("mistral", "codestral"),
    "moonshotai": ("moonshot",),
    "novita": ("novita",),
    "perplexity": ("perplexity",),
    "together": ("together_ai",),
    "voyageai": ("voyage",),
    "x-ai": ("xai",),
    "zai": ("zai",),
}
"""genai-prices' provider ids to LiteLLM's."""

_MODES = ("chat", "responses", "completion", "embedding", "rerank", "realtime")

_EXACT = ("openai", "anthropic", "google", "aws", "cohere")
_INPUT_MIN, _OUTPUT_MIN = 131_072, 32_768
"""What LiteLLM lists for other providers is often an older model's or a default: a bound that is
too low would be none, so no model of theirs is taken to read or write less."""

RETIRED: dict[str, dict[str, list[int]]] = {
    "anthropic": {
        "claude-3-haiku": [200_000, 4_096],
        "claude-3-sonnet": [200_000, 4_096],
        "claude-3-opus": [200_000, 4_096],
        "claude-3-5-haiku": [200_000, 8_192],
        "claude-3-5-sonnet": [200_000, 8_192],
        "claude-3-7-sonnet": [200_000, 128_000],
        "claude-sonnet-4": [1_000_000, 64_000],
        "claude-sonnet-4-0": [1_000_000, 64_000],
        "claude-opus-4": [200_000, 32_000],
        "claude-opus-4-0": [200_000, 32_000],
        "claude-opus-4-1": [200_000, 32_000],
    }
}
"""Models LiteLLM has dropped and prices still name: Anthropic's model pages, largest beta
included."""

WIDER = {"claude-sonnet-4-5": 1_000_000}
"""Inputs that a beta header widens beyond the table's."""

EMBEDDING_TOKENS_MAX = {"openai": 300_000}
EMBEDDING_TOKENS_MAX_ELSEWHERE = 1_050_000
"""All inputs of one embeddings request together (OpenAI's reference); the table's 8,191 is for
each."""


def main(source: str) -> None:
    table = json.loads(Path(source).read_text())
    limits = {provider: _limits(table, provider) for provider in sorted(_PROVIDERS)}
    lines = (
        f"  {json.dumps(provider)}: {{\n"
        + ",\n".join(f"    {json.dumps(name)}: {pair}" for name, pair in sorted(models.items()))
        + "\n  }"
        for provider, models in limits.items()
    )
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _limits(table: dict[str, Any], provider: str) -> dict[str, list[int]]:
    """Model to [input limit, output limit] in tokens; the larger where two spellings differ."""
    found = dict(RETIRED.get(provider, {}))
    for name, facts in table.items():
        if not isinstance(facts, dict) or facts.get("litellm_provider") not in _PROVIDERS[provider]:
            continue
        window = facts.get("max_input_tokens")
        if facts.get("mode") not in _MODES or not isinstance(window, int):
            continue
        own = _own_name(name, provider)
        if own is None:
            continue
        pair = _pair(own, facts, window, provider)
        known = found.get(own, [0, 0])
        found[own] = [max(pair[0], known[0]), max(pair[1], known[1])]
    return found


def _own_name(name: str, provider: str) -> str | None:
    """As the provider itself calls it. Bedrock's places stand before the name, or in a path."""
    if provider == "openai":
        return None if "/" in name else name
    prefixes = (f"{prefix}/" for prefix in (*_PROVIDERS[provider], "vertex_ai"))
    for prefix in prefixes:
        name = name.removeprefix(prefix)
    if provider == "aws":
        return unplaced(name.rsplit("/", 1)[-1])
    return name.lower()


def _pair(name: str, facts: dict[str, Any], window: int, provider: str) -> list[int]:
    output = facts.get("max_output_tokens") or facts.get("max_tokens") or 0
    if facts["mode"] in ("embedding", "rerank"):
        return [EMBEDDING_TOKENS_MAX.get(provider, EMBEDDING_TOKENS_MAX_ELSEWHERE), 0]
    wider = next((size for base, size in WIDER.items() if base in name), 0)
    window = max(window, wider)
    if provider not in _EXACT:
        return [max(window, _INPUT_MIN), max(output, _OUTPUT_MIN)]
    return [window, output]


if __name__ == "__main__":
    main(sys.argv[1])

"""Writes data/limits.json from LiteLLM's model table (MIT). A maintainer runs it; nothing else
does.

python -m proxy.pricing.generate_limits path/to/model_prices_and_context_window_backup.json
"""

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent / "data" / "limits.json"

_PROVIDERS = ("openai", "anthropic")
_MODES = ("chat", "responses", "completion", "embedding")

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

EMBEDDING_TOKENS_MAX = 300_000
"""All inputs of one embeddings request together (OpenAI's reference); the table's 8,191 is for
each."""


def main(source: str) -> None:
    table = json.loads(Path(source).read_text())
    limits = {provider: _limits(table, provider) for provider in _PROVIDERS}
    lines = (
        f"  {json.dumps(provider)}: {{\n"
        + ",\n".join(f"    {json.dumps(name)}: {pair}" for name, pair in sorted(models.items()))
        + "\n  }"
        for provider, models in limits.items()
    )
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _limits(table: dict[str, Any], provider: str) -> dict[str, list[int]]:
    """Model to [input limit, output limit] in tokens."""
    found = dict(RETIRED.get(provider, {}))
    for name, facts in table.items():
        if not isinstance(facts, dict) or facts.get("litellm_provider") != provider:
            continue
        window = facts.get("max_input_tokens")
        if facts.get("mode") not in _MODES or not isinstance(window, int) or "/" in name:
            continue
        output = facts.get("max_output_tokens") or facts.get("max_tokens") or 0
        is_embedding = facts["mode"] == "embedding"
        wider = next((size for base, size in WIDER.items() if name.startswith(base)), 0)
        found[name] = [EMBEDDING_TOKENS_MAX, 0] if is_embedding else [max(window, wider), output]
    return found


if __name__ == "__main__":
    main(sys.argv[1])

"""Base-URL routes by name: whose language each speaks, and where that provider is at home (pure).

One rule for clients: in a provider's own base URL, `https://host` becomes `http://exeat:8080/name`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Home:
    """A provider's id, and its one address; None where each customer has one of their own."""

    provider: str
    url: str | None


HOMES: Mapping[str, Home] = {
    "openai": Home("openai", "https://api.openai.com"),
    "anthropic": Home("anthropic", "https://api.anthropic.com"),
    "gemini": Home("google", "https://generativelanguage.googleapis.com"),
    "mistral": Home("mistral", "https://api.mistral.ai"),
    "cohere": Home("cohere", "https://api.cohere.com"),
    "groq": Home("groq", "https://api.groq.com"),
    "deepseek": Home("deepseek", "https://api.deepseek.com"),
    "xai": Home("x-ai", "https://api.x.ai"),
    "openrouter": Home("openrouter", "https://openrouter.ai"),
    "together": Home("together", "https://api.together.xyz"),
    "fireworks": Home("fireworks", "https://api.fireworks.ai"),
    "cerebras": Home("cerebras", "https://api.cerebras.ai"),
    "perplexity": Home("perplexity", "https://api.perplexity.ai"),
    "moonshot": Home("moonshotai", "https://api.moonshot.ai"),
    "zai": Home("zai", "https://api.z.ai"),
    "huggingface": Home("huggingface", "https://router.huggingface.co"),
    "nvidia": Home("nvidia", "https://integrate.api.nvidia.com"),
    "voyage": Home("voyageai", "https://api.voyageai.com"),
    "ollama": Home("ollama", "http://127.0.0.1:11434"),
    "azure": Home("azure", None),
    "bedrock": Home("aws", None),
    "vertex": Home("google", None),
}
"""Names as the field writes them in base URLs and variables."""

DEFAULT_ROUTES: Mapping[str, str] = {
    name: home.url for name, home in HOMES.items() if home.url is not None
}

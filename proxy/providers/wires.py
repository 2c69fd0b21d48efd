"""In which shape a client of a call reads an error: by the language it speaks there, and by whose
host it is (pure).
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from proxy.providers.recognise import Free, Known, Recognised, Socket, Unsupported

_OWN_ENVELOPES = ("mistral", "openrouter")
"""Providers that speak OpenAI's language and have errors of their own."""

_HOME_WIRES: Mapping[str, str] = {
    "anthropic": "anthropic.other",
    "anthropic-aws": "anthropic.other",
    "anthropic-google": "anthropic.other",
    "google": "gemini.other",
    "aws": "bedrock.other",
    "cohere": "cohere.other",
    "ollama": "ollama.other",
    "voyageai": "http",
    "replicate": "http",
    "elevenlabs": "http",
    "fal": "http",
    "unknown": "http",
}
"""Of a provider's paths that say no language; whoever is not here speaks OpenAI's."""

_MARKS: tuple[tuple[str, str], ...] = (
    ("/anthropic/", "anthropic.other"),
    ("/v1/messages", "anthropic.other"),
    ("/openai/", "openai.other"),
    ("/compatib", "openai.other"),  # Cohere's compatibility/v1, DashScope's compatible-mode/v1.
    ("/openapi/", "openai.other"),
    ("/chat/completions", "openai.other"),
    ("/responses", "openai.responses"),
)
"""What a path says, whoever serves it: several providers serve two languages."""


def wire_of(seen: Recognised, path: str, headers: Mapping[str, str]) -> str:
    """For `proxy.shapes.answer`: a family, a dot, and what of it. "http" is no model's client."""
    if (
        headers.get("content-type", "")
        .lower()
        .startswith(("application/grpc;", "application/grpc+"))
    ):
        return "grpc.call"
    kind = headers.get("content-type", "").lower().partition(";")[0].strip()
    if kind == "application/grpc" or kind.startswith("application/grpc+"):
        return "grpc.call"
    path, _, query = path.partition("?")
    match seen:
        case Known(provider=provider, format=name):
            if name.startswith("openai.") and provider in _OWN_ENVELOPES:
                return f"{provider}.{name.partition('.')[2]}"
            if name == "gemini.generate" and _expects_array(path, query):
                return "gemini.array"
            return name
        case Socket(dialogue=name):
            return "openai.responses" if name.startswith("openai.") else "gemini.generate"
        case Unsupported(provider="unknown", reason="websocket"):
            return _marked(path, "http")
        case Unsupported(provider=provider) | Free(provider=provider):
            if provider in _OWN_ENVELOPES:
                return f"{provider}.other"
            return _marked(path, _HOME_WIRES.get(provider, "openai.other"))
        case _:
            return "http"


def _marked(path: str, otherwise: str) -> str:
    return next((wire for mark, wire in _MARKS if mark in path), otherwise)


def _expects_array(path: str, query: str) -> bool:
    """Without `alt=sse` Gemini streams one JSON array, and an error is its only element."""
    return path.endswith(":streamGenerateContent") and ("alt", "sse") not in parse_qsl(query)

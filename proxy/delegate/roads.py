"""Which base-URL routes a delegated call can take: where chats in OpenAI's language are asked (pure)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from proxy.config import RouteTo
from proxy.providers.paths import RULES
from proxy.providers.payee import payee_of
from proxy.providers.recognise import Known, NeedsShape
from proxy.routes import Upstream
from proxy.slip import Destination

CHAT = "/chat/completions"

BASES: Mapping[str, str] = {
    "aws": "/openai/v1",
    "azure": "/openai/v1",
    "baseten": "/v1",
    "cerebras": "/v1",
    "cohere": "/compatibility/v1",
    "dashscope": "/compatible-mode/v1",
    "deepseek": "/v1",
    "fireworks": "/inference/v1",
    "google": "/v1beta/openai",
    "groq": "/openai/v1",
    "huggingface": "/v1",
    "mistral": "/v1",
    "moonshotai": "/v1",
    "novita": "/v3/openai",
    "nvidia": "/v1",
    "ollama": "/v1",
    "openai": "/v1",
    "openrouter": "/api/v1",
    "perplexity": "",
    "together": "/v1",
    "vercel": "/v1",
    "x-ai": "/v1",
    "zai": "/api/paas/v4",
    "zhipuai": "/api/paas/v4",
}
"""Where each provider has OpenAI's paths, as `proxy/providers/paths.py` meters them. Anthropic's own
`/v1/chat/completions` is not metered, so it is not here."""

_UNLISTED = "/v1"
"""Of a server that speaks the language and is nobody's: vLLM, LM Studio, llama.cpp."""


_KEYLESS = frozenset({"ollama"})


@dataclass(frozen=True, slots=True)
class Road:
    """One route that leads to chats."""

    route: str
    provider: str
    """Who serves there, in the words of the price table; an authority where no table lists it."""
    to: Destination
    upstream_path: str
    """As the provider sees it, and the policy."""
    path: str
    """On Exeat's own port."""
    payee: str | None
    """Whose key is needed; None where the operator's own server asks for none."""


def roads_of(routes: Mapping[str, RouteTo]) -> Mapping[str, Road]:
    """By the route's name. Routes that lead to no chat are left out."""
    found = (_road(name, Upstream(name, route)) for name, route in routes.items())
    return {road.route: road for road in found if road is not None}


def keyed(road: Road, keys: Collection[str]) -> bool:
    """Can a call without a key of the agent's be answered there?"""
    return road.payee is None or road.payee in keys


def _road(name: str, upstream: Upstream) -> Road | None:
    base = _UNLISTED if upstream.provider is None else BASES.get(upstream.provider)
    if base is None:
        return None
    to, path = upstream.to, upstream.prefix + base + CHAT
    seen = upstream.recognise("POST", path, {"content-type": "application/json"})
    match seen:
        case Known(provider, "openai.chat"):
            payee = payee_of(seen, to.host, to.port, path)
            if payee is None and provider not in _KEYLESS:
                return None  # Vertex: it takes tokens that change by the hour.
        case NeedsShape():
            provider, payee = f"{to.host}:{to.port}", None
        case _:
            return None
    return Road(
        route=name,
        provider=provider,
        to=to,
        upstream_path=path,
        path=f"/{name}{base}{CHAT}",
        payee=payee if payee in RULES else None,
    )

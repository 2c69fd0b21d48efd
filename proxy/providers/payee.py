"""Who would be paid for a call, and so whose key goes on it (pure)."""

from collections.abc import Mapping

from proxy.providers.hosts import provider_of
from proxy.providers.recognise import Free, Known, Recognised, Socket

_KEYED_HOSTS: Mapping[str, str] = {
    "google": "generativelanguage.",
    "ollama": "ollama.com",
}
"""Providers of whose hosts only some take keys, and how those begin: Vertex wants tokens, an Ollama
of one's own wants nothing."""


def payee_of(seen: Recognised | None, host: str, port: int, path: str) -> str | None:
    """None where nobody is paid, or where no key belongs. Elsewhere than on providers' own hosts it is
    the operator who says, by a route, whose place this is."""
    if not isinstance(seen, Known | Socket | Free):
        return None
    # Hugging Face is paid for all those that it routes to.
    provider = "huggingface" if seen.provider.startswith("huggingface_") else seen.provider
    is_its_own = provider_of(host, port, path) == provider
    takes_keys = not is_its_own or host.startswith(_KEYED_HOSTS.get(provider, ""))
    return provider if takes_keys else None

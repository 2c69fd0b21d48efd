"""With whose key? The provider's real key goes on here, so that an agent needs none."""

from collections.abc import Mapping

from mitmproxy import http

from proxy.providers.recognise import Free, Known, Socket
from proxy.refusals import Refusal
from proxy.slip import Slip, Stamp

_KEY_HEADERS: Mapping[str, tuple[str, str]] = {
    "openai": ("authorization", "Bearer "),
    "anthropic": ("x-api-key", ""),
}
"""Provider to the header that carries its key, and what stands before the key."""


class Credentials:
    """Swaps what the agent sent for the operator's key, on that provider's own hosts only."""

    name = "credentials"

    def __init__(self, keys: Mapping[str, str]) -> None:
        unknown = sorted(set(keys) - set(_KEY_HEADERS))
        if unknown:
            known = ", ".join(sorted(_KEY_HEADERS))
            raise ValueError(f"credentials.{unknown[0]}: no such provider; there are {known}")
        self._keys = dict(keys)

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, always: with the operator's key, or with what the caller sent."""
        provider = _provider(slip)
        key = self._keys.get(provider) if provider is not None else None
        if slip.socket is not None:
            return Stamp("as its socket")
        if key is None or provider is None:
            return Stamp("the caller's own")
        headers = flow.request.headers
        # SDKs send either header, some both; what the agent sent must not ride along.
        headers.pop("authorization", None)
        headers.pop("x-api-key", None)
        header, prefix = _KEY_HEADERS[provider]
        headers[header] = prefix + key
        return Stamp(f"the operator's key for {provider}")


def _provider(slip: Slip) -> str | None:
    """Whose host this is. A format by itself is no proof: any host may speak it."""
    seen = slip.recognised
    if isinstance(seen, Known | Socket | Free) and slip.destination is not None:
        return seen.provider
    return None

"""With whose key? The provider's real key goes on here, so that an agent needs none."""

from collections.abc import Mapping

from mitmproxy import http

from proxy.providers.paths import RULES
from proxy.providers.payee import payee_of
from proxy.providers.recognise import Free, Known
from proxy.refusals import Code, Refusal
from proxy.seal import HEADER, Seal
from proxy.slip import Slip, Stamp

_BEARER = ("authorization", "Bearer ")
_HEADERS: Mapping[str, tuple[str, str]] = {
    "anthropic": ("x-api-key", ""),
    "anthropic-aws": ("x-api-key", ""),
    "azure": ("api-key", ""),
    "google": ("x-goog-api-key", ""),
}
"""Provider to the header that carries its key, and what stands before the key; others: a bearer."""

_OWN_ACCOUNTS = frozenset({"anthropic-google", "github-copilot", "openai-chatgpt"})
"""Providers whose tokens are a person's or a machine's, and change by the hour: no key for them."""

_SENT = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token")
"""Wherever SDKs put a key, some in two places at once. What the agent sent must not ride along."""


class Credentials:
    """Swaps what the agent sent for the operator's key, on that provider's own hosts only; and for
    Exeat's own seal, on calls to Exeat itself."""

    name = "credentials"

    def __init__(self, keys: Mapping[str, str], seal: Seal) -> None:
        takers = set(RULES) - _OWN_ACCOUNTS
        unknown = sorted(set(keys) - takers)
        if unknown:
            known = ", ".join(sorted(takers))
            raise ValueError(f"credentials.{unknown[0]}: no such provider; there are {known}")
        self._keys = dict(keys)
        self._seal = seal

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, with the operator's key, or with what the caller sent; no, where that is a signature
        over another request than the one that would leave."""
        if slip.door == "internal":
            return self._sealed(slip, flow)
        to = slip.destination
        assert to is not None
        provider = payee_of(slip.recognised, to.host, to.port, slip.path)
        key = self._keys.get(provider) if provider is not None else None
        if slip.socket is not None:
            return Stamp("as its socket")
        if key is None or provider is None:
            return _broken_signature(slip, flow) or Stamp("the caller's own")
        headers = flow.request.headers
        _take_off(headers)
        header, prefix = _HEADERS.get(provider, _BEARER)
        if provider == "google":
            _drop_key_parameter(slip, flow)
            if "/openai/" in slip.path:  # There it takes its keys as OpenAI does.
                header, prefix = _BEARER
        if provider == "azure" and "/anthropic/" in slip.path:
            header, prefix = _HEADERS["anthropic"]
        headers[header] = prefix + key
        return Stamp(f"the operator's key for {provider}")

    def _sealed(self, slip: Slip, flow: http.HTTPFlow) -> Stamp:
        """Who asks is the corridor's word, not that of any key."""
        headers = flow.request.headers
        _take_off(headers)
        headers[HEADER] = self._seal.on(slip.id)
        return Stamp("Exeat's own seal")


def _take_off(headers: http.Headers) -> None:
    for name in _SENT:
        headers.pop(name, None)


def _drop_key_parameter(slip: Slip, flow: http.HTTPFlow) -> None:
    path, mark, query = slip.path.partition("?")
    pairs = query.split("&")
    kept = [pair for pair in pairs if pair.partition("=")[0] != "key"]
    if len(kept) < len(pairs):
        slip.path = flow.request.path = path + (mark + "&".join(kept) if kept else "")


def _broken_signature(slip: Slip, flow: http.HTTPFlow) -> Refusal | None:
    """AWS signs host and path, and a base-URL route changes both."""
    signed = flow.request.headers.get("authorization", "").startswith("AWS4-")
    if not signed or not isinstance(slip.recognised, Known | Free):
        return None
    if slip.door != "base_url":
        return None
    return Refusal(
        Code.SIGNATURE_BROKEN,
        "This request is signed (SigV4) for Exeat's address, so the provider would turn it away. Call "
        "by HTTPS_PROXY, or ask the operator to set a key for aws, which takes the signature's place.",
    )

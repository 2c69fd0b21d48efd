"""A base-URL route's other end: where it leads, and whose language is spoken there (pure)."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from proxy.config import RouteTo
from proxy.hosts import normalise
from proxy.providers.homes import HOMES
from proxy.providers.hosts import provider_of
from proxy.providers.recognise import Recognised, recognise, recognise_as
from proxy.slip import Destination


class Upstream:
    """Raises ValueError, naming the route, where that is no place or another's."""

    def __init__(self, name: str, route: RouteTo) -> None:
        parts = urlsplit(route.to)
        host = normalise(parts.hostname or "")
        if host is None:
            raise ValueError(f"routes.{name}: {route.to!r} names no host")
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        self.to = Destination("https" if is_tls else "http", host, port)
        self.prefix = parts.path.rstrip("/")
        at_home = provider_of(host, port, self.prefix + "/")
        if route.provider is not None and at_home not in (None, route.provider):
            raise ValueError(f"routes.{name}: {host} is {at_home}'s, not {route.provider}'s")
        named = HOMES[name].provider if name in HOMES else None
        self.provider = route.provider or named

    def recognise(self, method: str, path: str, headers: Mapping[str, str]) -> Recognised:
        """What a call there is; `path` as it is sent, with the prefix. A provider's own host says who
        it is. Elsewhere a route speaks its provider's language, wherever the operator has it
        served."""
        to = self.to
        if self.provider is None or provider_of(to.host, to.port, path):
            return recognise(to.host, to.port, method, path, headers)
        return recognise_as(self.provider, method, path.removeprefix(self.prefix), headers)

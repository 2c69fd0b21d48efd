"""Where to? The destination of a call, by whichever door it came in."""

from collections.abc import Mapping
from typing import Literal

from mitmproxy import http

from proxy.config import RouteTo
from proxy.delegate.asked import PATHS
from proxy.engine.facts import ConnectionFacts
from proxy.hosts import is_ip, normalise, split_authority
from proxy.mcp.headers import is_declared
from proxy.providers.recognise import Known, NeedsShape, Recognised, recognise
from proxy.providers.wires import wire_of
from proxy.refusals import Code, Refusal
from proxy.routes import Upstream
from proxy.slip import Destination, Slip, Stamp

INTERNAL_HOST = "exeat.internal"


class Route:
    """CONNECT, TLS and HTTP must name one destination; a base-URL route is swapped for its own."""

    name = "route"

    def __init__(self, routes: Mapping[str, RouteTo]) -> None:
        self._routes = {name: Upstream(name, route) for name, route in routes.items()}

    def open(self, slip: Slip, flow: http.HTTPFlow, facts: ConnectionFacts) -> Refusal | None:
        """Settle where the call goes, and whether its body must be read before it may."""
        if facts.malformed is not None:
            code, reason = facts.malformed
            return Refusal(code, reason)
        found = self._destination(slip, flow, facts)
        if isinstance(found, Refusal):
            return found
        slip.destination = found
        request = flow.request
        request.data.host, request.data.port = found.host, found.port
        request.headers.pop("proxy-connection", None)
        if found.host == INTERNAL_HOST:
            self._turn_inside(slip, request)
            return None
        seen = self._recognise(slip, found, request.headers)
        slip.recognised = seen
        slip.wire = wire_of(seen, slip.path, request.headers)
        slip.declares_mcp = _is_mcp(request.headers)
        slip.reads_body = isinstance(seen, Known | NeedsShape) or slip.declares_mcp
        return None

    @staticmethod
    def _turn_inside(slip: Slip, request: http.Request) -> None:
        """To ourselves, by loopback: TLS with the client, if there was any, ends here."""
        slip.door = "internal"
        slip.reads_body = True
        if slip.path.partition("?")[0] in PATHS:
            slip.wire = "openai.chat"
        request.scheme = "http"

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, unless `open` found no destination (and has refused already)."""
        assert slip.destination is not None
        if slip.socket is not None:
            return Stamp(f"on socket {slip.socket}")
        return Stamp(f"{slip.door} to {slip.destination.authority}")

    def _recognise(self, slip: Slip, to: Destination, headers: Mapping[str, str]) -> Recognised:
        by = self._routes.get(slip.route or "")
        if by is None:
            return recognise(to.host, to.port, slip.method, slip.path, headers)
        return by.recognise(slip.method, slip.path, headers)

    def _destination(
        self, slip: Slip, flow: http.HTTPFlow, facts: ConnectionFacts
    ) -> Destination | Refusal:
        hosts = flow.request.headers.get_all("host")
        if len(hosts) > 1:
            return Refusal(Code.TARGET_MISMATCH, "The request has two Host headers; send one.")
        if facts.connect_target is not None:
            return _inside_tunnel(flow, facts.connect_target)
        if not facts.absolute_form:
            name, _, rest = slip.path.removeprefix("/").partition("/")
            upstream = self._routes.get(name)
            if upstream is not None:
                slip.door, slip.route = "base_url", name
                slip.path = upstream.prefix + "/" + rest
                flow.request.path = slip.path
                flow.request.scheme = upstream.to.scheme
                flow.request.headers["host"] = upstream.to.authority
                return upstream.to
            if flow.request.port == flow.client_conn.sockname[1]:
                known = ", ".join(f"/{each}/" for each in self._routes)
                return Refusal(
                    Code.ROUTE_UNKNOWN,
                    f"Exeat has no route for this path. Begin it with one of {known}, or use Exeat "
                    "as a proxy (HTTPS_PROXY).",
                )
        host = normalise(flow.request.host)
        if host is None:
            return Refusal(Code.BAD_REQUEST, "The request's host is not a host name.")
        to = Destination(_scheme(flow.request.scheme == "https"), host, flow.request.port)
        return to if not hosts else _agrees(hosts[0], to, "the Host header")


def _is_mcp(headers: http.Headers) -> bool:
    """Some servers read JSON-RPC under whatever content type."""
    return is_declared(headers.items(multi=True))


def _scheme(is_tls: bool) -> Literal["http", "https"]:
    return "https" if is_tls else "http"


def _inside_tunnel(flow: http.HTTPFlow, target: tuple[str, int]) -> Destination | Refusal:
    """CONNECT target = SNI = Host, or somebody is being told another name than somebody else."""
    host, port = target
    if not host:
        return Refusal(Code.BAD_REQUEST, "The CONNECT target is not a host name.")
    client = flow.client_conn
    to = Destination(_scheme(client.tls_established), host, port)
    if client.tls_established and not is_ip(host):
        if client.sni is None:
            return _mismatch("the TLS handshake names no host (SNI)", to)
        if normalise(client.sni) != host:
            return _mismatch("the TLS handshake (SNI) names another host", to)
    if client.tls_established and is_ip(host) and client.sni and normalise(client.sni) != host:
        return _mismatch("the TLS handshake (SNI) names another host", to)
    if flow.request.authority:
        agreed = _agrees(flow.request.authority, to, ":authority")
        if isinstance(agreed, Refusal):
            return agreed
    named = flow.request.headers.get("host") or flow.request.authority
    return _agrees(named, to, "the Host header") if named else _mismatch("no Host is named", to)


def _agrees(authority: str, to: Destination, who: str) -> Destination | Refusal:
    parts = split_authority(authority)
    default = 443 if to.scheme == "https" else 80
    if parts is None or parts[0] != to.host or (parts[1] or default) not in (to.port, default):
        return _mismatch(f"{who} names another host", to)
    if parts[1] is not None and parts[1] != to.port:
        return _mismatch(f"{who} names another port", to)
    return to


def _mismatch(how: str, to: Destination) -> Refusal:
    return Refusal(
        Code.TARGET_MISMATCH,
        f"This call is for {to.authority}, but {how}. CONNECT, TLS and HTTP must name one host.",
    )

"""Route alone: by which door a call came, where it goes, and when it is told two names."""

from typing import Any

import pytest
from mitmproxy import http

from addons.route import Route
from proxy.config import RouteTo
from proxy.engine.facts import ConnectionFacts
from proxy.providers.recognise import Free, Known, NeedsShape, NotModel, Unsupported
from proxy.refusals import Code, Refusal
from proxy.slip import Destination, Slip, Stamp
from tests.addons.slips import flow

OWN_PORT = 8080
ROUTES = {
    "openai": RouteTo(to="https://api.openai.com"),
    "anthropic": RouteTo(to="http://gateway.test:9000/claude/"),
    "wiki": RouteTo(to="https://wiki.test/base"),
    "team": RouteTo(to="https://gateway.test/aws", provider="aws"),
    "ours": RouteTo(to="https://acme.openai.azure.com"),
    "openrouter": RouteTo(to="https://openrouter.ai"),
}


def opened(
    facts: ConnectionFacts,
    *,
    host: str = "a.test",
    port: int = 443,
    path: str = "/",
    method: str = "GET",
    scheme: str = "https",
    sni: str | None = None,
    authority: str = "",
    named: str | tuple[str, ...] = (),
    **headers: str,
) -> tuple[Slip, http.HTTPFlow, Refusal | None]:
    """`named` is the Host header, or several; `host` and `port` are where mitmproxy says it goes."""
    over = flow(method=method, **headers)
    request = over.request
    request.headers.set_all("host", [named] if isinstance(named, str) else list(named))
    request.data.host, request.data.port = host, port
    request.data.path, request.data.scheme = path.encode(), scheme.encode()
    request.data.authority = authority.encode()
    over.client_conn.sockname = ("127.0.0.1", OWN_PORT)
    over.client_conn.sni = sni
    over.client_conn.timestamp_tls_setup = 1.0 if sni is not None or scheme == "https" else None
    door: Any = "tunnel" if facts.connect_target is not None else "forward"
    it = Slip("id", 0, 0, door, method, path)
    return it, over, Route(ROUTES).open(it, over, facts)


def tunnel(host: str = "a.test", port: int = 443) -> ConnectionFacts:
    return ConnectionFacts(connect_target=(host, port))


def absolute() -> ConnectionFacts:
    return ConnectionFacts(absolute_form=True)


DOORS: dict[str, tuple[Any, dict[str, Any], tuple[str, str, str]]] = {
    # name: (facts, request, (door, scheme, authority))
    "a tunnel with TLS": (
        tunnel,
        {"sni": "a.test", "named": "a.test"},
        ("tunnel", "https", "a.test"),
    ),
    "a tunnel without TLS": (
        lambda: tunnel(port=80),
        {"scheme": "http", "named": "a.test"},
        ("tunnel", "http", "a.test"),
    ),
    "a tunnel to another port, which Host names": (
        lambda: tunnel(port=8443),
        {"sni": "a.test", "named": "a.test:8443"},
        ("tunnel", "https", "a.test:8443"),
    ),
    "a tunnel to another port, which Host leaves out": (
        lambda: tunnel(port=8443),
        {"sni": "a.test", "named": "a.test"},
        ("tunnel", "https", "a.test:8443"),
    ),
    "names differ in case and a last dot only": (
        tunnel,
        {"sni": "A.Test.", "named": "a.TEST:443"},
        ("tunnel", "https", "a.test"),
    ),
    "an address needs no SNI": (
        lambda: tunnel("93.184.215.14"),
        {"named": "93.184.215.14"},
        ("tunnel", "https", "93.184.215.14"),
    ),
    "HTTP/2 names its authority": (
        tunnel,
        {"sni": "a.test", "authority": "a.test"},
        ("tunnel", "https", "a.test"),
    ),
    "an absolute URL": (
        absolute,
        {"scheme": "http", "port": 80, "named": "a.test"},
        ("forward", "http", "a.test"),
    ),
    "an absolute URL with a port": (
        absolute,
        {"scheme": "http", "port": 8000, "named": "a.test:8000"},
        ("forward", "http", "a.test:8000"),
    ),
    "an absolute URL to our own port is not a route": (
        absolute,
        {"scheme": "http", "host": "b.test", "port": OWN_PORT, "named": f"b.test:{OWN_PORT}"},
        ("forward", "http", f"b.test:{OWN_PORT}"),
    ),
    "Exeat itself": (
        absolute,
        {"scheme": "http", "host": "exeat.internal", "port": 80, "named": "exeat.internal"},
        ("internal", "http", "exeat.internal"),
    ),
    "Exeat itself in a tunnel": (
        lambda: tunnel("exeat.internal"),
        {"sni": "exeat.internal", "named": "exeat.internal"},
        ("internal", "https", "exeat.internal"),
    ),
}


@pytest.mark.parametrize("case", DOORS)
def test_by_which_door_and_where_to(case):
    facts, request, (door, scheme, authority) = DOORS[case]
    it, over, no = opened(facts(), **request)

    assert no is None
    assert it.destination is not None
    assert (it.door, it.destination.scheme, it.destination.authority) == (door, scheme, authority)
    assert (over.request.host, over.request.port) == (it.destination.host, it.destination.port)
    assert Route(ROUTES).depart(it, over) == Stamp(f"{door} to {authority}")


MISMATCHES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "SNI is another host": (tunnel, {"sni": "b.test", "named": "a.test"}, "(SNI) names another"),
    "SNI is missing": (tunnel, {"named": "a.test"}, "names no host (SNI)"),
    "SNI beside an address": (
        lambda: tunnel("93.184.215.14"),
        {"sni": "b.test", "named": "93.184.215.14"},
        "(SNI) names another",
    ),
    "Host is another host": (
        tunnel,
        {"sni": "a.test", "named": "b.test"},
        "the Host header names another host",
    ),
    "Host is another port": (
        lambda: tunnel(port=8443),
        {"sni": "a.test", "named": "a.test:443"},
        "names another port",
    ),
    "Host is a third port": (tunnel, {"sni": "a.test", "named": "a.test:9"}, "names another"),
    "Host is no host": (tunnel, {"sni": "a.test", "named": "a test"}, "names another host"),
    "Host is below the name": (tunnel, {"sni": "a.test", "named": "x.a.test"}, "another host"),
    "Host has somebody before it": (
        tunnel,
        {"sni": "a.test", "named": "me@a.test"},
        "another host",
    ),
    "no Host at all": (tunnel, {"sni": "a.test"}, "no Host is named"),
    "HTTP/2's authority is another host": (
        tunnel,
        {"sni": "a.test", "authority": "b.test", "named": "a.test"},
        ":authority names another host",
    ),
    "HTTP/2's authority agrees and Host does not": (
        tunnel,
        {"sni": "a.test", "authority": "a.test", "named": "b.test"},
        "the Host header names another host",
    ),
    "two Hosts": (tunnel, {"sni": "a.test", "named": ("a.test", "a.test")}, "two Host headers"),
    "two Hosts of an absolute URL": (
        absolute,
        {"scheme": "http", "port": 80, "named": ("a.test", "b.test")},
        "two Host headers",
    ),
    "an absolute URL and another Host": (
        absolute,
        {"scheme": "http", "port": 80, "named": "b.test"},
        "the Host header names another host",
    ),
    "an absolute URL and another port": (
        absolute,
        {"scheme": "http", "port": 8000, "named": "a.test:80"},
        "names another port",
    ),
}


@pytest.mark.parametrize("case", MISMATCHES)
def test_a_call_that_names_two_places_goes_to_neither(case):
    facts, request, says = MISMATCHES[case]
    it, _, no = opened(facts(), **request)

    assert no is not None
    assert no.code is Code.TARGET_MISMATCH
    assert says in no.message
    assert it.destination is None


BAD = {
    "CONNECT to what is no host": (lambda: tunnel(""), {"sni": "a.test", "named": "a.test"}),
    "a URL to what is no host": (absolute, {"scheme": "http", "host": "a b", "port": 80}),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_host_is_a_bad_request(case):
    facts, request = BAD[case]
    _, _, no = opened(facts(), **request)
    assert no is not None
    assert no.code is Code.BAD_REQUEST


def test_a_head_that_could_not_be_read_is_refused_with_its_own_reason():
    facts = ConnectionFacts(malformed=(Code.HEADERS_TOO_LARGE, "Too large."))
    _, _, no = opened(facts, named="a.test")
    assert no == Refusal(Code.HEADERS_TOO_LARGE, "Too large.")


def by_route(path: str, **more: Any) -> tuple[Slip, http.HTTPFlow, Refusal | None]:
    """A call in origin form to Exeat's own port, as a client with a base URL makes it."""
    own = {"host": "127.0.0.1", "port": OWN_PORT, "scheme": "http"}
    return opened(ConnectionFacts(), path=path, named=f"127.0.0.1:{OWN_PORT}", **own | more)


BY_ROUTE = {
    "a host": ("/openai/v1/models?x=1", "https", "api.openai.com", "/v1/models?x=1"),
    "a host with a port and a path": (
        "/anthropic/v1/messages",
        "http",
        "gateway.test:9000",
        "/claude/v1/messages",
    ),
    "a path that ends at the name": ("/wiki", "https", "wiki.test", "/base/"),
    "a path that ends in a slash": ("/wiki/", "https", "wiki.test", "/base/"),
}


@pytest.mark.parametrize("case", BY_ROUTE)
def test_a_base_url_route_is_swapped_for_its_upstream(case):
    path, scheme, authority, sent = BY_ROUTE[case]
    it, over, no = by_route(path)

    assert no is None
    assert it.destination is not None
    assert (it.door, it.route) == ("base_url", path.split("/")[1])
    assert (it.destination.scheme, it.destination.authority) == (scheme, authority)
    assert (it.path, over.request.path, over.request.scheme) == (sent, sent, scheme)
    assert over.request.headers["host"] == authority
    assert (over.request.host, over.request.port) == (it.destination.host, it.destination.port)


SPEAKS = {
    "OpenAI's own": ("/openai/v1/chat/completions", "POST", Known("openai", "openai.chat")),
    "Anthropic's language, wherever it is served": (
        "/anthropic/v1/messages",
        "POST",
        Known("anthropic", "anthropic.messages"),
    ),
    "a path of Anthropic's that is not metered": (
        "/anthropic/v1/complete",
        "POST",
        Unsupported("anthropic", "path_unsupported"),
    ),
    "what the operator says, behind a company's gateway": (
        "/team/model/amazon.nova-lite-v1%3A0/converse",
        "POST",
        Known("aws", "bedrock.converse"),
    ),
    "a provider's own host says who it is": (
        "/ours/openai/deployments/prod/chat/completions?api-version=1",
        "POST",
        Known("azure", "openai.chat"),
    ),
    "a provider's own host, by its whole path": (
        "/openrouter/api/v1/chat/completions",
        "POST",
        Known("openrouter", "openai.chat"),
    ),
    "a site that serves people too is its provider's by the route": (
        "/openrouter/rankings",
        "POST",
        Unsupported("openrouter", "path_unsupported"),
    ),
    "a route of nobody's speaks nothing": ("/wiki/v1/messages", "GET", NotModel()),
    "a route of nobody's may carry a model call": ("/wiki/v1/messages", "POST", NeedsShape()),
}


@pytest.mark.parametrize("case", SPEAKS)
def test_a_base_url_route_speaks_its_providers_language(case):
    path, method, seen = SPEAKS[case]
    it, _, no = by_route(path, method=method)
    assert (no, it.recognised) == (None, seen)


@pytest.mark.parametrize(
    "path", ["/", "/v1/chat/completions", "/OPENAI/v1", "//openai/v1", "/nope"]
)
def test_a_path_without_a_route_is_told_which_routes_there_are(path):
    it, _, no = by_route(path)

    assert no is not None
    assert no.code is Code.ROUTE_UNKNOWN
    assert "/openai/, /anthropic/, /wiki/, /team/" in no.message
    assert it.destination is None


def test_a_call_that_was_led_here_by_its_host_goes_to_its_host():
    """Origin form on another port than ours: a transparent redirect, or a Host that says where."""
    it, _, no = opened(ConnectionFacts(), scheme="http", port=80, named="a.test")
    assert no is None
    assert it.destination == Destination("http", "a.test", 80)


WIRES: dict[str, tuple[str, str, str, Any, str, bool]] = {
    "chat": ("api.openai.com", "POST", "/v1/chat/completions", Known, "openai.chat", True),
    "messages": ("api.anthropic.com", "POST", "/v1/messages", Known, "anthropic.messages", True),
    "free at OpenAI": ("api.openai.com", "GET", "/v1/models", Free, "openai.other", False),
    "unmetered at Anthropic": (
        "api.anthropic.com",
        "POST",
        "/v1/complete",
        Unsupported,
        "anthropic.other",
        False,
    ),
    "unmetered at another that speaks OpenAI's language": (
        "api.groq.com",
        "POST",
        "/openai/v1/audio/voices",
        Unsupported,
        "openai.other",
        False,
    ),
    "another provider's chat": (
        "api.groq.com",
        "POST",
        "/openai/v1/chat/completions",
        Known,
        "openai.chat",
        True,
    ),
    "anything": ("a.test", "GET", "/", NotModel, "http", False),
    "what may be a model call": ("a.test", "POST", "/v1/messages", NeedsShape, "http", True),
}


@pytest.mark.parametrize("case", WIRES)
def test_what_it_is_says_how_it_is_answered_and_whether_its_body_is_read(case):
    host, method, path, kind, wire, reads_body = WIRES[case]
    it, _, no = opened(tunnel(host), sni=host, named=host, method=method, path=path)

    assert no is None
    assert isinstance(it.recognised, kind)
    assert (it.wire, it.reads_body) == (wire, reads_body)


def test_exeat_itself_is_no_model_and_its_body_is_read():
    it, over, _ = opened(tunnel("exeat.internal"), sni="exeat.internal", named="exeat.internal")
    assert (it.door, it.reads_body, it.recognised) == ("internal", True, None)
    assert over.request.scheme == "http", "TLS ends here: it goes on by loopback"


def test_what_was_for_the_proxy_stays_with_the_proxy():
    _, over, _ = opened(tunnel(), sni="a.test", named="a.test", proxy_connection="keep-alive")
    assert "proxy-connection" not in over.request.headers


def test_a_route_to_no_host_is_an_error_at_start():
    with pytest.raises(ValueError, match="names no host"):
        Route({"x": RouteTo(to="https://a b/")})


def test_a_route_that_says_another_provider_than_its_host_is_an_error_at_start():
    with pytest.raises(ValueError, match="is openai's, not groq's"):
        Route({"x": RouteTo(to="https://api.openai.com", provider="groq")})

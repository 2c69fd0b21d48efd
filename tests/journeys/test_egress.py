"""E1 to E5: one destination per call, no address of anybody's inside, no name looked up for a refusal."""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest

import proxy.runtime
from proxy.engine.dial import Dialler
from tests.house import House, house, policy
from tests.journeys.wire import (
    IDENTITY,
    Message,
    Recorder,
    ask,
    connect,
    credentials,
    dial,
    read_message,
    request,
    trust,
    tunnel,
)


def get(host: str, *lines: bytes, target: str = "/page") -> bytes:
    return request(f"GET {target} HTTP/1.1", f"Host: {host}".encode(), *lines)


async def inside(built: House, target: str, sni: str | None, data: bytes) -> Message:
    """One request in a tunnel; `sni` None sends none."""
    tls = trust(built)
    tls.check_hostname = False
    async with dial(built.proxy_port) as (reader, writer):
        await connect(reader, writer, target)
        await writer.start_tls(tls, server_hostname=sni)
        return await ask(reader, writer, data)


HOME = "api.openai.com"
"""Allowed; `pages.test` is allowed as well, so only the disagreement can refuse."""


class TestOneName:
    """E1: CONNECT = SNI = Host."""

    @pytest.mark.parametrize(
        ("target", "sni", "host"),
        [
            (f"{HOME}:443", HOME, HOME),
            (f"{HOME}:443", HOME, f"{HOME}:443"),
            (f"{HOME}:443", HOME, f"{HOME}."),
            (f"{HOME}.:443", HOME, HOME),
            (f"{HOME.upper()}:443", HOME, HOME),
            (f"{HOME}:443", HOME.upper(), HOME),
            (f"{HOME}:443", HOME, HOME.upper()),
        ],
    )
    async def test_e1_spellings_of_one_name_are_one_name(
        self, open_house: House, target: str, sni: str, host: str
    ) -> None:
        answer = await inside(open_house, target, sni, get(host, target="/v1/models"))
        assert answer.status == 200
        assert len(open_house.tls.seen) == 1

    @pytest.mark.parametrize(
        ("target", "sni", "data"),
        [
            (f"{HOME}:443", "pages.test", get(HOME)),
            (f"{HOME}:443", HOME, get("pages.test")),
            (f"{HOME}:443", "pages.test", get("pages.test")),
            (f"{HOME}:443", None, get(HOME)),
            (f"{HOME}:443", HOME, get(f"{HOME}:80")),
            (f"{HOME}:443", HOME, get(f"{HOME}:444")),
            (f"{HOME}:443", HOME, get(f"{HOME}.evil.test")),
            (f"{HOME}:443", HOME, get(f"x@{HOME}")),
            (f"{HOME}:443", HOME, get(HOME, b"Host: pages.test")),
            (f"{HOME}:443", HOME, get("pages.test", f"Host: {HOME}".encode())),
            (f"{HOME}:443", HOME, get(HOME, f"Host: {HOME}".encode())),
            (f"{HOME}:443", HOME, get("pages.test", target=f"https://{HOME}/page")),
            (f"{HOME}:443", HOME, get(HOME, target="https://pages.test/page")),
            (f"{HOME}:443", HOME, get(HOME, target="http://pages.test/page")),
            (f"{HOME}:443", HOME, request("GET /page HTTP/1.1")),
            (f"{HOME}:443", HOME, request("GET /page HTTP/1.0")),
            ("b\u00fccher.test:443".encode("idna").decode(), "bucher.test", get("bucher.test")),
            ("203.0.113.7:443", HOME, get(HOME)),
            ("203.0.113.7:443", HOME, get("203.0.113.7")),
        ],
    )
    async def test_e1_two_names_in_one_call_are_refused(
        self, open_house: House, target: str, sni: str | None, data: bytes
    ) -> None:
        answer = await inside(open_house, target, sni, data)
        assert answer.status in (400, 403)
        assert answer.get(b"x-exeat-decision") in (b"target_mismatch", b"bad_request")
        assert open_house.upstream_calls == 0

    @pytest.mark.parametrize(
        "data",
        [
            get("pages.test", credentials(), target=f"http://{HOME}/page"),
            get(HOME, credentials(), target="http://pages.test/page"),
            get(HOME, credentials(), b"Host: pages.test", target=f"http://{HOME}/page"),
            get(f"{HOME}:81", credentials(), target=f"http://{HOME}/page"),
            get(HOME, credentials(), target=f"http://pages.test@{HOME}:x/page"),
        ],
    )
    async def test_e1_the_absolute_form_agrees_with_host_or_is_refused(
        self, open_house: House, data: bytes
    ) -> None:
        async with dial(open_house.proxy_port) as streams:
            answer = await ask(*streams, data)
        assert answer.status in (400, 403)
        assert answer.get(b"x-exeat-decision") in (b"target_mismatch", b"bad_request")
        assert open_house.upstream_calls == 0

    @pytest.mark.parametrize(
        ("named", "host", "passes"),
        [
            (HOME, None, True),
            (f"{HOME}:443", None, True),
            (HOME, HOME, True),
            ("pages.test", None, False),
            (HOME, "pages.test", False),
            ("pages.test", HOME, False),
            (f"{HOME}:444", None, False),
        ],
    )
    async def test_e1_over_http2_the_authority_is_held_to_the_same(
        self, open_house: House, named: str, host: str | None, passes: bool
    ) -> None:
        headers = [(":method", "GET"), (":path", "/v1/models"), (":scheme", "https")]
        headers.insert(2, (":authority", named))
        if host is not None:
            headers.append(("host", host))
        status = await http2(open_house, headers)
        assert status in ((200,) if passes else (403, None))
        assert len(open_house.tls.seen) == passes

    @pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\0b", "a\rb"])
    async def test_e1_a_header_of_http2_cannot_become_two_of_http1(
        self, open_house: House, value: str
    ) -> None:
        headers = [
            (":method", "GET"),
            (":path", "/v1/models"),
            (":authority", HOME),
            (":scheme", "https"),
            ("x-odd", value),
        ]
        assert await http2(open_house, headers) in (None, 400)
        assert open_house.upstream_calls == 0


async def http2(built: House, headers: list[tuple[str, str]]) -> int | None:
    """The status that a hand-written HTTP/2 request gets; None when its session is ended: two
    names, and bytes that no header may have, are a protocol error there (RFC 9113 8.2.1, 8.3.1)."""
    tls = trust(built)
    tls.set_alpn_protocols(["h2"])
    config = h2.config.H2Configuration(
        validate_outbound_headers=False, normalize_outbound_headers=False
    )
    session = h2.connection.H2Connection(config)
    async with tunnel(built, f"{HOME}:443", tls=tls) as (reader, writer):
        session.initiate_connection()
        session.send_headers(1, headers, end_stream=True)
        writer.write(session.data_to_send())
        while data := await reader.read(65_536):
            for event in session.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    return int(dict(event.headers)[b":status"])
                if isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    return None
    return None


RAW = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001",
    "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    "0.0.0.0", "169.254.169.254", "10.0.0.1", "192.168.0.1", "100.64.0.1", "[fe80::1]", "[fd00::1]",
    "[fd00:ec2::254]", "localhost",
)  # fmt: skip


class TestRaw:
    """E2: addresses instead of names, other ports, other protocols."""

    @pytest.mark.parametrize("host", RAW)
    async def test_e2_an_address_of_the_inside_is_refused_however_it_is_spelled(
        self, open_house: House, host: str
    ) -> None:
        port = open_house.plain.port
        async with dial(open_house.proxy_port) as streams:
            data = get(f"{host}:{port}", credentials(), target=f"http://{host}:{port}/page")
            answer = await ask(*streams, data)
        assert (answer.status, answer.get(b"x-exeat-decision")) == (403, b"address_not_allowed")
        async with dial(open_house.proxy_port) as (reader, writer):
            await connect(reader, writer, f"{host}:{port}")
            answer = await ask(reader, writer, get(f"{host}:{port}"))
        assert (answer.status, answer.get(b"x-exeat-decision")) == (403, b"address_not_allowed")
        assert open_house.upstream_calls == 0

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
    async def test_e2_tls_to_an_address_is_refused_too(self, open_house: House, host: str) -> None:
        answer = await inside(
            open_house, f"{host}:{open_house.tls.port}", None, get(f"{host}:{open_house.tls.port}")
        )
        assert (answer.status, answer.get(b"x-exeat-decision")) == (403, b"address_not_allowed")

    @pytest.mark.parametrize("port", [22, 25, 53, 3306, 8080])
    async def test_e2_other_ports_are_on_no_list(self, place: Path, port: int) -> None:
        async with house(place, policy(egress="  allow: [{host: pages.test}]")) as built:
            async with dial(built.proxy_port) as (reader, writer):
                await connect(reader, writer, f"pages.test:{port}")
                answer = await ask(reader, writer, get(f"pages.test:{port}"))
            assert (answer.status, answer.get(b"x-exeat-decision")) == (403, b"host_not_allowed")
            answer = await inside(
                built, f"pages.test:{port}", "pages.test", get(f"pages.test:{port}")
            )
            assert (answer.status, answer.get(b"x-exeat-decision")) == (403, b"host_not_allowed")
            assert built.upstream_calls == 0

    @pytest.mark.parametrize(
        "said",
        [
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"EHLO mail.test\r\n\r\n",
            b"\x00\x1d\x00\x00\x01\x00\x00\x01\x00\x00\r\n\r\n",
            b"\x13BitTorrent protocol\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ],
    )
    async def test_e2_what_is_no_http_dials_nobody(self, place: Path, said: bytes) -> None:
        async with recorded(place) as (built, provider):
            for target in ("pages.test:22", "pages.test:443", "pages.test:80"):
                async with dial(built.proxy_port) as (reader, writer):
                    await connect(reader, writer, target)
                    writer.write(said)
                    writer.write_eof()
                    answer = await reader.read()
                assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
            assert provider.connections == 0

    async def test_e2_plain_http_in_absolute_form_is_governed_the_same(self, place: Path) -> None:
        text = policy(
            egress="  allow: [{host: pages.test, ports: [80], paths: [/open/*], methods: [GET]}]"
        )
        async with recorded(place, text) as (built, provider):
            for method, path, passes in (
                ("GET", "/open/page", True),
                ("GET", "/closed", False),
                ("POST", "/open/page", False),
                ("GET", "/OPEN/page", False),
            ):
                url = f"http://pages.test{path}"
                async with dial(built.proxy_port) as streams:
                    data = request(f"{method} {url} HTTP/1.1", b"Host: pages.test", credentials())
                    answer = await ask(*streams, data)
                assert answer.status == (200 if passes else 403), path
            assert len(provider.seen) == 1

    async def test_e2_a_wildcard_covers_names_below_it_and_not_itself(self, place: Path) -> None:
        text = policy(egress="  allow: [{host: '*.test', ports: [80]}]")
        async with recorded(place, text) as (built, _):
            for host, status in (("pages.test", 200), ("test", 403), ("pages.test.evil", 403)):
                async with dial(built.proxy_port) as streams:
                    answer = await ask(*streams, get(host, credentials(), target=f"http://{host}/"))
                assert answer.status == status, host


@contextlib.asynccontextmanager
async def recorded(
    place: Path, text: str | None = None, **more: Any
) -> AsyncIterator[tuple[House, Recorder]]:
    """A house with a recorder at every port of pages.test that is asked for."""
    provider = Recorder()
    await provider.start()
    hosts = {f"pages.test:{port}": f"127.0.0.1:{provider.port}" for port in (22, 80, 443)}
    try:
        async with house(place, text or policy(), **{"hosts": hosts, **more}) as built:
            yield built, provider
    finally:
        await provider.stop()


class Names:
    """A resolver: every look-up is counted, each answer is the next of those given."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


FORBIDDEN = (
    "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.0.1",
    "169.254.0.1", "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16",
    "172.16.0.1", "172.31.255.1", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1", "100::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
)  # fmt: skip


class TestAfterResolution:
    """E3."""

    async def test_e3_a_name_that_leads_inside_is_refused(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = Names(())
        monkeypatch.setattr(proxy.runtime, "Dialler", functools.partial(Dialler, lookup=names))
        async with recorded(place) as (built, provider):
            for number, address in enumerate(FORBIDDEN):
                names.answers = [(address,)]
                host = f"h{number}.test"
                async with dial(built.proxy_port) as streams:
                    answer = await ask(*streams, get(host, credentials(), target=f"http://{host}/"))
                assert answer.status == 403, address
                assert answer.get(b"x-exeat-decision") == b"address_not_allowed", address
            assert provider.connections == 0

    async def test_e3_one_forbidden_address_among_others_refuses_the_name(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = Names(("1.1.1.1", "127.0.0.1"))
        monkeypatch.setattr(proxy.runtime, "Dialler", functools.partial(Dialler, lookup=names))
        async with recorded(place) as (built, _), dial(built.proxy_port) as streams:
            answer = await ask(*streams, get("h.test", credentials(), target="http://h.test/"))
            assert answer.get(b"x-exeat-decision") == b"address_not_allowed"

    async def test_e3_a_metadata_service_is_refused_even_in_a_network_that_is_allowed(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = Names(("169.254.169.254",))
        monkeypatch.setattr(proxy.runtime, "Dialler", functools.partial(Dialler, lookup=names))
        text = policy(egress="  default: allow\n  networks: [169.254.0.0/16]")
        async with recorded(place, text) as (built, _), dial(built.proxy_port) as streams:
            answer = await ask(*streams, get("h.test", credentials(), target="http://h.test/"))
            assert answer.get(b"x-exeat-decision") == b"address_not_allowed"

    async def test_e3_a_name_is_looked_up_once_and_what_was_checked_is_what_is_dialled(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """DNS rebinding: a second look-up would lead to an address that nobody has checked."""
        names = Names(("127.0.0.1",), ("127.0.0.2",))
        monkeypatch.setattr(proxy.runtime, "Dialler", functools.partial(Dialler, lookup=names))
        system: list[str] = []
        watch_lookups(monkeypatch, system)
        text = policy(egress="  default: allow\n  networks: [127.0.0.1/32]")
        async with recorded(place, text) as (built, provider):
            for _ in range(3):
                url = f"http://rebind.test:{provider.port}/"
                async with dial(built.proxy_port) as streams:
                    host = f"rebind.test:{provider.port}"
                    answer = await ask(*streams, get(host, credentials(), target=url))
                assert answer.status == 200
            assert len(provider.seen) == 3
        assert names.asked == ["rebind.test"]
        assert "rebind.test" not in system


def watch_lookups(patch: pytest.MonkeyPatch, asked: list[str]) -> None:
    """Note every name that this process asks the system for, by whatever way."""
    loop = asyncio.get_running_loop()
    by_loop, by_socket = loop.getaddrinfo, socket.getaddrinfo

    async def getaddrinfo(host: Any, *arguments: Any, **more: Any) -> Any:
        asked.append(str(host))
        return await by_loop(host, *arguments, **more)

    def blocking(host: Any, *arguments: Any, **more: Any) -> Any:
        asked.append(str(host))
        return by_socket(host, *arguments, **more)

    patch.setattr(loop, "getaddrinfo", getaddrinfo)
    patch.setattr(socket, "getaddrinfo", blocking)


async def test_e4_a_refused_name_is_never_looked_up(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(("1.1.1.1",))
    monkeypatch.setattr(proxy.runtime, "Dialler", functools.partial(Dialler, lookup=names))
    asked: list[str] = []
    watch_lookups(monkeypatch, asked)
    text = policy(
        'name: none, usd: "0"', egress="  allow: [{host: pages.test}, {host: api.openai.com}]"
    )
    async with recorded(place, text, hosts={}) as (built, provider):
        async with dial(built.proxy_port) as streams:  # Not on the list.
            answer = await ask(
                *streams, get("secret.test", credentials(), target="http://secret.test/")
            )
            assert answer.get(b"x-exeat-decision") == b"host_not_allowed"
        # Not on the list, in a tunnel; nor for the CONNECT or its TLS.
        answer = await inside(built, "secret.test:443", "secret.test", get("secret.test"))
        assert answer.get(b"x-exeat-decision") == b"host_not_allowed"
        answer = await inside(built, "secret.test:443", "other.test", get("secret.test"))
        assert answer.get(b"x-exeat-decision") == b"target_mismatch"
        async with tunnel(built, "pages.test:443", b"User-Agent: nobody") as streams:  # No name.
            answer = await ask(*streams, get("pages.test"))
            assert answer.get(b"x-exeat-decision") == b"identity_required"
        async with built.through() as client:  # No money.
            url = "https://api.openai.com/v1/embeddings"
            body = {"model": "text-embedding-3-small", "input": "x"}
            refused = await client.post(url, json=body)
            assert refused.headers["x-exeat-decision"] == "budget_exceeded"
        async with dial(built.proxy_port) as (reader, writer):  # An upload.
            writer.write(
                request(
                    "PUT http://secret.test/ HTTP/1.1",
                    b"Host: secret.test",
                    credentials(),
                    b"Content-Length: 5",
                    body=b"12345",
                )
            )
            assert (await read_message(reader)).status == 403
        assert provider.connections == 0
    assert names.asked == []
    assert not [host for host in asked if host not in ("127.0.0.1", "localhost", "None")]


async def test_e1_the_upstreams_certificate_must_be_for_the_name(place: Path) -> None:
    """A provider that cannot prove its name gets no byte of the request."""
    import trustme

    stranger = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger.issue_cert("api.openai.com").configure_cert(context)
    provider = Recorder()
    await provider.start(context)
    hosts = {"api.openai.com:443": f"127.0.0.1:{provider.port}"}
    async with house(place, hosts=hosts) as built, built.through() as client:
        answer = await client.get("https://api.openai.com/v1/models")
        assert answer.status_code in (502, 503)
        assert answer.headers["x-exeat-decision"] == "upstream_unreachable"
        assert provider.seen == []
    await provider.stop()


async def test_i4_headers_that_name_a_caller_do_not_pick_the_destination(
    open_house: House,
) -> None:
    async with dial(open_house.proxy_port) as streams:
        lines = (*IDENTITY, b"X-Forwarded-Host: pages.test", b"X-Exeat-Host: pages.test")
        answer = await ask(*streams, get("x", *lines, target="/openai/v1/models"))
    assert answer.status == 200
    assert len(open_house.plain.seen) == 1

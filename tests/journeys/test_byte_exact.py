"""S6, I4: what passes is passed unchanged, but for a declared list; both ways, to the byte."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from tests.house import AUTHORITY, House, chat, house, message
from tests.journeys.wire import (
    IDENTITY,
    Message,
    Recorder,
    ask,
    chunked,
    credentials,
    dial,
    request,
    tunnel,
)

ODD = (
    b"User-Agent: odd/1.0",
    b"x-lower: kept",
    b"X-Multi: one",
    b"ACCEPT: */*",
    b"X-Multi: two",
    b"Accept-Encoding: gzip, br",
    b"X-Empty:",
    b"Authorization: Bearer agent-key",
    b"x-claude-code-session-id: s1",
)
"""Order, case, repetition, an empty value; and a vendor's header, which stays."""

CHAT = json.dumps(chat(), indent=1).encode()
MESSAGE = json.dumps(message(stream=True)).encode() + b"\n"
JSON = b"Content-Type: application/json"


def length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


REQUESTS = {
    "a model call": request(
        "POST /v1/chat/completions HTTP/1.1", JSON, length(CHAT), *ODD, body=CHAT
    ),
    "a model call in chunks": request(
        "POST /v1/messages HTTP/1.1",
        JSON,
        b"Transfer-Encoding: chunked",
        *ODD,
        body=chunked(MESSAGE[:50], MESSAGE[50:]),
    ),
    "a model call under gzip": request(
        "POST /v1/chat/completions HTTP/1.1",
        JSON,
        b"Content-Encoding: gzip",
        length(gzip.compress(CHAT, mtime=0)),
        body=gzip.compress(CHAT, mtime=0),
    ),
    "a page with a query": request("GET /a/../b%2fc/?q=1&q=%20 HTTP/1.1", *ODD),
    "an upload": request(
        "PUT /up HTTP/1.1", length(b"\x00\xff" * 100_000), *ODD, body=b"\x00\xff" * 100_000
    ),
    "an upload in chunks": request(
        "POST /up HTTP/1.1",
        b"Transfer-Encoding: chunked",
        *ODD,
        body=chunked(b"\x00" * 70_000, b"x"),
    ),
    "an upload without a byte": request("POST /up HTTP/1.1", b"Content-Length: 0"),
    "a HEAD": request("HEAD /page HTTP/1.1", *ODD),
    "an OPTIONS": request("OPTIONS /page HTTP/1.1", *ODD),
    "a method of its own": request("PROPFIND /dav HTTP/1.1", b"Depth: 1"),
}

EVENTS = (b"event: ping\ndata: {}\n\n", b": comment\r\n\r\n", b"data: [DONE]\n\n")
ZIPPED = gzip.compress(b'{"object":"list"}' * 50, mtime=0)
ANSWERS = {
    "JSON": (
        b"HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nSet-Cookie: a=1\r\nx-lower: y\r\n"
        b"SET-COOKIE: b=2\r\nServer: odd\r\nContent-Length: 9\r\nX-Empty:\r\n\r\n",
        b'{ "a": 1}',
    ),
    "events in chunks": (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        *(b"%x\r\n%s\r\n" % (len(each), each) for each in EVENTS),
        b"0\r\n\r\n",
    ),
    "gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(ZIPPED),
        ZIPPED,
    ),
    "nothing": (b"HTTP/1.1 204 No Content\r\nX-Request-Id: r1\r\n\r\n",),
    "an error": (
        b"HTTP/1.1 529 \r\nRetry-After: 7\r\nx-should-retry: true\r\nContent-Length: 4\r\n\r\n",
        b"busy",
    ),
    "a redirect": (b"HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n",),
}


class Pair:
    """A house and a provider that records, without TLS and with."""

    def __init__(self, built: House, plain: Recorder, tls: Recorder) -> None:
        self.house, self.plain, self.tls = built, plain, tls

    def answers(self, *pieces: bytes) -> None:
        self.plain.answer = self.tls.answer = pieces

    async def direct(self, data: bytes) -> tuple[Message, Message]:
        """What the provider gets and the client gets without Exeat."""
        async with dial(self.plain.port) as streams:
            answer = await ask(*streams, data)
        return self.plain.seen.pop(), answer

    async def by_base_url(self, data: bytes, route: str) -> tuple[Message, Message]:
        line, rest = data.split(b"\r\n", 1)
        line = line.replace(b" /", b" /" + route.encode() + b"/", 1)
        async with dial(self.house.proxy_port) as streams:
            answer = await ask(*streams, b"\r\n".join((line, *IDENTITY, rest)))
        return self.plain.seen.pop(), answer

    async def by_tunnel(self, data: bytes, host: str) -> tuple[Message, Message]:
        async with tunnel(self.house, f"{host}:443") as streams:
            answer = await ask(*streams, data)
        return self.tls.seen.pop(), answer

    async def by_absolute_form(self, data: bytes, host: str) -> tuple[Message, Message]:
        data = data.replace(b" /", f" http://{host}/".encode(), 1)
        line, rest = data.split(b"\r\n", 1)
        async with dial(self.house.proxy_port) as streams:
            hop = (credentials(), b"Proxy-Connection: keep-alive")
            answer = await ask(*streams, b"\r\n".join((line, *hop, rest)))
        return self.plain.seen.pop(), answer


@pytest.fixture
async def pair(place: Path) -> AsyncIterator[Pair]:
    """Every name that the tests use leads to the recorders."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names = ("api.openai.com", "api.anthropic.com", "pages.test")
    AUTHORITY.issue_cert(*names).configure_cert(context)
    plain, tls = Recorder(), Recorder()
    await plain.start()
    await tls.start(context)
    more = {
        "routes": {
            "any": "http://pages.test",
            "openai": "http://pages.test",
            "anthropic": "http://pages.test",
        },
        "hosts": {
            "pages.test:80": f"127.0.0.1:{plain.port}",
            **{f"{name}:443": f"127.0.0.1:{tls.port}" for name in names},
        },
    }
    async with house(place, **more) as built:
        yield Pair(built, plain, tls)
    await plain.stop()
    await tls.stop()


def host_for(data: bytes, named: str = "pages.test") -> bytes:
    """The request with a Host header first, as clients send it."""
    line, rest = data.split(b"\r\n", 1)
    return b"\r\n".join((line, b"Host: " + named.encode(), rest))


def route_of(data: bytes) -> str:
    if b"/v1/messages" in data:
        return "anthropic"
    return "openai" if b"/v1/chat" in data else "any"


def home_of(data: bytes) -> str:
    return {"anthropic": "api.anthropic.com", "openai": "api.openai.com", "any": "pages.test"}[
        route_of(data)
    ]


@pytest.mark.parametrize("kind", REQUESTS)
class TestRequests:
    """The provider sees what the client sent."""

    async def test_s6_by_base_url(self, pair: Pair, kind: str) -> None:
        data = host_for(REQUESTS[kind])
        seen, answer = await pair.direct(data)
        assert await pair.by_base_url(data, route_of(data)) == (seen, answer)

    async def test_s6_in_a_tunnel(self, pair: Pair, kind: str) -> None:
        data = REQUESTS[kind]
        data = host_for(data, home_of(data))
        assert await pair.by_tunnel(data, home_of(data)) == await pair.direct(data)

    async def test_s6_in_absolute_form(self, pair: Pair, kind: str) -> None:
        data = host_for(REQUESTS[kind])
        if b"/v1/" in data:
            data = data.replace(b"/v1/chat/completions", b"/page").replace(
                b"/v1/messages", b"/page"
            )
            data = data.replace(b"application/json", b"text/plain")
        assert await pair.by_absolute_form(data, "pages.test") == await pair.direct(data)


@pytest.mark.parametrize("kind", ANSWERS)
class TestAnswers:
    """The client sees what the provider said."""

    async def test_s6_to_a_page(self, pair: Pair, kind: str) -> None:
        pair.answers(*ANSWERS[kind])
        data = host_for(REQUESTS["a page with a query"])
        direct = await pair.direct(data)
        assert await pair.by_base_url(data, "any") == direct
        assert await pair.by_tunnel(data, "pages.test") == direct
        assert await pair.by_absolute_form(data, "pages.test") == direct

    async def test_s6_to_a_model_call(self, pair: Pair, kind: str) -> None:
        pair.answers(*ANSWERS[kind])
        data = REQUESTS["a model call"]
        for named in ("api.openai.com", "pages.test"):
            sent = host_for(data, named)
            direct = await pair.direct(sent)
            by = pair.by_base_url if named == "pages.test" else pair.by_tunnel
            assert await by(sent, "openai" if named == "pages.test" else named) == direct

    async def test_s6_to_a_stream_that_did_not_ask_for_usage(self, pair: Pair, kind: str) -> None:
        pair.answers(*ANSWERS[kind])
        body = json.dumps(chat(stream=True)).encode()
        line = "POST /v1/chat/completions HTTP/1.1"
        data = request(line, b"Host: pages.test", JSON, length(body), body=body)
        _, told = await pair.direct(data)
        _, answer = await pair.by_base_url(data, "openai")
        framing = (b"content-length", b"transfer-encoding")
        assert answer.without(*framing) == told.without(*framing)


async def test_s6_an_answer_that_ends_with_its_connection_is_whole(pair: Pair) -> None:
    pair.answers(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", b"to the end")
    pair.plain.closes = pair.tls.closes = True
    data = host_for(REQUESTS["a page with a query"])
    direct = await pair.direct(data)
    assert (await pair.by_base_url(data, "any"))[1].body == direct[1].body
    assert (await pair.by_tunnel(data, "pages.test"))[1].body == direct[1].body


async def test_e5_alt_svc_is_the_only_header_taken_from_an_answer(pair: Pair) -> None:
    pair.answers(
        b'HTTP/1.1 200 OK\r\nA: 1\r\nAlt-Svc: h3=":443"\r\nContent-Length: 2\r\nB: 2\r\n\r\nok'
    )
    data = host_for(REQUESTS["a page with a query"])
    _, told = await pair.direct(data)
    _, answer = await pair.by_tunnel(data, "pages.test")
    assert answer == told.without(b"alt-svc")


async def test_i4_identity_headers_never_reach_a_provider(pair: Pair) -> None:
    ours = (
        b"X-Exeat-Task-Id: t1",
        b"X-Task-Id: t1",
        b"X-Exeat-Parent-Agent-Id: boss",
        b"X-Parent-Agent-Id: boss",
        b"X-Exeat-Anything: at all",
        credentials(),
    )
    data = host_for(request("GET /page HTTP/1.1", *ours, b"X-Kept: yes"))
    seen, answer = await pair.by_base_url(data, "any")
    assert answer.status == 200
    assert seen.headers == ((b"Host", b"pages.test"), (b"X-Kept", b"yes"))
    seen, _ = await pair.by_tunnel(data, "pages.test")
    assert seen.headers == ((b"Host", b"pages.test"), (b"X-Kept", b"yes"))


async def test_s6_a_usage_request_is_all_that_is_added_and_the_caller_does_not_see_it(
    open_house: House,
) -> None:
    body = json.dumps(chat(stream=True)).encode()
    line = "POST /v1/chat/completions HTTP/1.1"
    headers = (b"Host: provider.test", JSON, length(body), b"X-Kept: yes")
    async with dial(open_house.plain.port) as streams:
        told = await ask(*streams, request(line, *headers, body=body))
    asked = open_house.plain.seen.pop()
    async with dial(open_house.proxy_port) as streams:
        path = "POST /openai/v1/chat/completions HTTP/1.1"
        answer = await ask(*streams, request(path, *IDENTITY, *headers, body=body))
        # Nothing of the hidden event is left over on the connection.
        again = await ask(*streams, request(path, *IDENTITY, *headers, body=body))
    seen = open_house.plain.seen[0]
    assert seen.body == b'{"stream_options":{"include_usage":true},' + body[1:]
    changed = {"host", "content-length", "accept-encoding"}
    kept = [each for each in seen.headers if each[0].lower() not in changed]
    assert kept == [each for each in asked.headers if each[0].lower() not in changed]
    assert answer.without(b"date") == told.without(b"date")
    assert again.without(b"date") == told.without(b"date")
    (first, _) = await open_house.outcomes(2)
    assert first["resource"]["usage"]["source"] == "provider"
    assert first["resource"]["tokens"] == 20


async def test_s6_an_operators_key_replaces_what_the_agent_sent(place: Path) -> None:
    keys = {"openai": SecretStr("sk-real"), "anthropic": SecretStr("sk-ant-real")}
    async with house(place, credentials=keys) as built:
        async with built.client() as client:
            sent = {"authorization": "Bearer fake", "x-api-key": "fake"}
            await client.post("/openai/v1/chat/completions", json=chat(), headers=sent)
            await client.post("/anthropic/v1/messages", json=message(), headers=sent)
            await client.get("/openai/v1/models", headers=sent)
        async with built.through() as client:
            await client.get("https://pages.test/page", headers=sent)
        openai, anthropic, models = built.plain.seen
        (page,) = built.tls.seen
        assert (openai.header("authorization"), openai.header("x-api-key")) == (
            "Bearer sk-real",
            None,
        )
        assert (anthropic.header("authorization"), anthropic.header("x-api-key")) == (
            None,
            "sk-ant-real",
        )
        assert models.header("authorization") == "Bearer sk-real"
        assert (page.header("authorization"), page.header("x-api-key")) == ("Bearer fake", "fake")
        told = json.dumps(await built.records())
        assert "sk-real" not in told
        assert "fake" not in told


class Http2Context(ssl.SSLContext):
    """httpx offers HTTP/1.1 first, and the first is what it gets."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols(["h2"])


def talking(built: House, *, http2: bool) -> httpx.AsyncClient:
    """A client of the proxy that speaks that version of HTTP."""
    context = (Http2Context if http2 else ssl.SSLContext)(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(built.directory / "certs" / "bundle.pem"))
    return httpx.AsyncClient(
        proxy=built.proxy_url(), verify=context, trust_env=False, http2=http2, timeout=30
    )


async def test_s6_an_http2_client_gets_the_same_as_an_http1_client(open_house: House) -> None:
    answers, requests = [], []
    for http2 in (False, True):
        async with talking(open_house, http2=http2) as client:
            calls = (
                client.post("https://api.openai.com/v1/chat/completions", json=chat()),
                client.post("https://api.anthropic.com/v1/messages", json=message(stream=True)),
                client.put("https://pages.test/up", content=b"\x00" * 200_000),
                client.head("https://pages.test/page"),
                client.get("https://pages.test/bytes/300000"),
            )
            for call in calls:
                answer = await call
                assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
                kept = [
                    each
                    for each in answer.headers.multi_items()
                    if each[0] not in ("date", "transfer-encoding", "connection")
                ]
                answers.append((answer.status_code, kept, answer.content))
        for seen in open_house.tls.seen:
            headers = {name.lower(): value for name, value in seen.headers}
            headers.pop("connection", None)
            requests.append((seen.method, seen.path, headers, seen.body))
        open_house.tls.seen.clear()
    assert answers[:5] == answers[5:]
    assert requests[:5] == requests[5:]


async def test_s6_many_streams_of_one_http2_connection_do_not_mix(open_house: House) -> None:
    open_house.says(pause_s=0.002)
    async with talking(open_house, http2=True) as client:
        sizes = range(1, 40_000, 1_000)
        answers = await asyncio.gather(
            *(client.get(f"https://pages.test/bytes/{size}") for size in sizes),
            *(
                client.post(
                    "https://api.openai.com/v1/responses",
                    json={"model": "gpt-4o", "input": "x", "stream": True},
                )
                for _ in range(5)
            ),
        )
    assert [len(each.content) for each in answers[: len(sizes)]] == list(sizes)
    assert len({each.content for each in answers[len(sizes) :]}) == 1

"""Bad input: a clear 4xx in the caller's shape, a record, nothing upstream, and the house stands."""

import gzip
import json

import pytest

from tests.house import House, chat, message
from tests.journeys.wire import (
    IDENTITY,
    Message,
    ask,
    chunked,
    credentials,
    dial,
    read_message,
    request,
    tunnel,
)

JSON = b"Content-Type: application/json"
DOORS = {
    "openai": "/openai/v1/chat/completions",
    "responses": "/openai/v1/responses",
    "anthropic": "/anthropic/v1/messages",
}


async def still_stands(built: House, refused: int = 1) -> None:
    """Nothing left, each refusal is on record, and a good call passes."""
    assert built.upstream_calls == 0
    decisions = await built.records(kind="decision")
    assert len(decisions) == refused
    assert {each["result"]["decision"] for each in decisions} == {"deny"}
    async with built.client() as client:
        assert (await client.post(DOORS["openai"], json=chat())).status_code == 200
        assert (await client.post(DOORS["anthropic"], json=message())).status_code == 200


def in_shape(answer: Message, door: str, code: str) -> None:
    """The error is one that this door's SDK parses, and is not repeated."""
    told = json.loads(answer.body)
    if door == "anthropic":
        assert told["type"] == "error"
        assert told["error"]["type"] in ("invalid_request_error", "request_too_large")
        assert told["request_id"]
        machine = told["error"]["exeat"]
    elif door == "http":
        assert answer.get(b"content-type") == b"application/problem+json"
        assert told["status"] == answer.status
        machine = told["exeat"]
    else:
        assert told["error"]["type"] == "invalid_request_error"
        assert told["error"]["code"] == code
        machine = told["error"]["exeat"]
    assert machine["code"] == code
    assert answer.get(b"x-exeat-decision") == code.encode()
    assert answer.get(b"x-should-retry") == b"false"
    assert answer.get(b"x-exeat-record")


async def send(built: House, data: bytes) -> Message:
    async with dial(built.proxy_port) as streams:
        return await ask(*streams, data)


def post(door: str, body: bytes, *headers: bytes) -> bytes:
    line = f"POST {DOORS[door]} HTTP/1.1"
    length = b"Content-Length: %d" % len(body)
    return request(line, b"Host: x", *IDENTITY, *(headers or (JSON,)), length, body=body)


DEEP = b"[" * 9_000 + b"]" * 9_000
BODIES = {
    "nothing": b"",
    "no JSON": b"hello",
    "half a body": b'{"model":"gpt-4o"',
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "an empty object": b"{}",
    "no messages": b'{"model":"gpt-4o"}',
    "messages that are no list": b'{"model":"gpt-4o","messages":5,"input":5.5,"max_tokens":1}',
    "messages of numbers": b'{"model":"gpt-4o","messages":[1],"input":[1],"max_tokens":1}',
    "a model that is no name": b'{"model":["gpt-4o"],"messages":[],"input":"x","max_tokens":1}',
    "a model of control characters": b'{"model":"\\u0000","messages":[],"input":"x","max_tokens":1}',
    "invalid UTF-8": b'{"model":"gpt-4o","messages":[{"role":"user","content":"\xff"}],'
    b'"max_tokens":1}',
    "too deep": b'{"model":"gpt-4o","max_tokens":1,"input":%s,"messages":%s}' % (DEEP, DEEP),
    "stream that is no boolean": b'{"model":"gpt-4o","messages":[],"input":"x","max_tokens":1,'
    b'"stream":"yes"}',
    "a form": b"model=gpt-4o&messages=hi",
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", BODIES)
async def test_bad_input_a_body_that_cannot_be_read_is_400_in_the_callers_shape(
    narrow: House, case: str, door: str
) -> None:
    if (door, case) == ("responses", "no messages"):
        return  # That API takes a stored prompt instead.
    answer = await send(narrow, post(door, BODIES[case]))
    assert answer.status == 400
    in_shape(answer, door, "bad_request")
    await still_stands(narrow)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "kind",
    [b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x"],
)
async def test_bad_input_another_content_type_is_no_way_round_the_meter(
    narrow: House, kind: bytes, door: str
) -> None:
    """It is read as what the path says it is: JSON passes, and is metered; anything else is 400."""
    answer = await send(narrow, post(door, b"--x\r\nnot JSON", b"Content-Type: " + kind))
    assert answer.status == 400
    in_shape(answer, door, "bad_request")
    await still_stands(narrow)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", b"not gzip"),
        (b"gzip", gzip.compress(b"{}")[:-4]),
        (b"br", b"\xff\xff\xff\xff"),
        (b"zstd", b"\x00" * 9),
        (b"snappy", b"{}"),
        (b"gzip, gzip, gzip", b"{}"),
        (b"gzip", gzip.compress(b" " * 10_000_000)),
    ],
    ids=["corrupt", "cut", "corrupt br", "corrupt zstd", "unknown", "thrice", "a bomb"],
)
async def test_bad_input_a_coding_that_cannot_be_undone_is_400(
    narrow: House, coding: bytes, body: bytes, door: str
) -> None:
    answer = await send(narrow, post(door, body, JSON, b"Content-Encoding: " + coding))
    assert answer.status in (400, 413)
    code = (answer.get(b"x-exeat-decision") or b"").decode()
    assert code in ("bad_request", "body_too_large")
    in_shape(answer, door, code)
    await still_stands(narrow)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("form", ["a length", "chunks"])
async def test_bad_input_a_body_over_the_limit_is_413(narrow: House, form: str, door: str) -> None:
    body = json.dumps(chat(messages=[{"role": "user", "content": "x" * 300_000}])).encode()
    if form == "a length":
        data = post(door, body)
    else:
        line = f"POST {DOORS[door]} HTTP/1.1"
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
        coding = b"Transfer-Encoding: chunked"
        data = request(line, b"Host: x", *IDENTITY, JSON, coding, body=chunked(*pieces))
    answer = await send(narrow, data)
    assert answer.status == 413
    in_shape(answer, door, "body_too_large")
    await still_stands(narrow)


async def test_bad_input_an_upload_over_the_limit_that_nobody_need_read_passes(
    narrow: House,
) -> None:
    async with narrow.through() as client:
        answer = await client.put("https://pages.test/up", content=b"x" * 3_000_000)
    assert answer.json()["bytes"] == 3_000_000


def page(*headers: bytes, line: str = "POST /page HTTP/1.1", body: bytes = b"") -> bytes:
    """A request of somebody known."""
    return request(line, *headers, *IDENTITY, body=body)


HEADS = {
    "a header bomb": (
        request("GET /openai/v1/models HTTP/1.1", b"Host: x", *IDENTITY, b"X: " + b"y" * 9_000),
        431,
        "headers_too_large",
    ),
    "a bomb of many headers": (
        request(
            "GET /openai/v1/models HTTP/1.1",
            b"Host: x",
            *IDENTITY,
            *(b"X-%d: y" % number for number in range(2_000)),
        ),
        431,
        "headers_too_large",
    ),
    "a bomb that never ends": (b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000, 431, "headers_too_large"),
    "a request line that is a bomb": (
        b"GET /" + b"y" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        431,
        "headers_too_large",
    ),
    "no Host": (request("GET /page HTTP/1.1", *IDENTITY), 400, "bad_request"),
    "an empty Host": (request("GET /page HTTP/1.1", b"Host:", *IDENTITY), 400, "bad_request"),
    "a Host that is none": (
        request("GET /page HTTP/1.1", b"Host: a b", *IDENTITY),
        400,
        "bad_request",
    ),
    "a length and chunks": (
        page(
            b"Host: pages.test",
            b"Content-Length: 3",
            b"Transfer-Encoding: chunked",
            body=chunked(b"x"),
        ),
        400,
        "bad_request",
    ),
    "two lengths": (
        page(b"Host: pages.test", b"Content-Length: 3", b"Content-Length: 4", body=b"abc"),
        400,
        "bad_request",
    ),
    "a negative length": (page(b"Host: pages.test", b"Content-Length: -1"), 400, "bad_request"),
    "an unknown transfer coding": (
        page(b"Host: pages.test", b"Transfer-Encoding: xchunked"),
        400,
        "bad_request",
    ),
    "a NUL in a header": (page(b"Host: pages.test", b"X: a\x00b"), 400, "bad_request"),
    "a space before the colon": (page(b"Host: pages.test", b"X : a"), 400, "bad_request"),
    "a folded header": (page(b"Host: pages.test", b"X: a", b" b"), 400, "bad_request"),
    "a line that is no header": (page(b"Host: pages.test", b"nonsense"), 400, "bad_request"),
    "no HTTP": (b"hello there\r\n\r\n", 400, "bad_request"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", 400, "bad_request"),
    "HTTP/2 without TLS": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"),
    "binary": (b"\x00\x01\x02\r\n\r\n", 400, "bad_request"),
    "a version that is none": (
        request("GET /page HTTP/9.9", b"Host: pages.test", *IDENTITY),
        400,
        "bad_request",
    ),
    "a host that is no name": (
        request("GET http://a..b/ HTTP/1.1", b"Host: a..b", credentials()),
        400,
        "bad_request",
    ),
    "a scheme of its own": (
        request("GET ftp://pages.test/ HTTP/1.1", b"Host: pages.test", credentials()),
        400,
        "bad_request",
    ),
    "a port out of range": (
        request("GET http://pages.test:99999/ HTTP/1.1", b"Host: pages.test", credentials()),
        400,
        "bad_request",
    ),
}


@pytest.mark.parametrize("case", HEADS)
async def test_bad_input_a_head_that_cannot_be_read_is_a_4xx_with_a_record(
    narrow: House, case: str
) -> None:
    data, status, code = HEADS[case]
    async with dial(narrow.proxy_port) as (reader, writer):
        writer.write(data)
        answer = await read_message(reader)
    assert answer.status == status
    in_shape(answer, "http", code)
    told = json.loads(answer.body)
    assert "y" * 20 not in told["detail"]
    await still_stands(narrow)


async def test_bad_input_inside_a_tunnel_it_is_the_same(narrow: House) -> None:
    for data in (b"SSH-2.0-x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: pages.test\r\nX: a\x00b\r\n\r\n"):
        async with tunnel(narrow, "pages.test:443") as (reader, writer):
            writer.write(data)
            answer = await read_message(reader)
        assert answer.status == 400
    await still_stands(narrow, 2)


async def test_bad_input_a_secret_in_a_line_that_cannot_be_read_is_not_repeated(
    narrow: House,
) -> None:
    data = b"GET /page HTTP/1.1\r\nHost: pages.test\r\nAuthorization Bearer sk-secret\r\n\r\n"
    answer = await send(narrow, data)
    assert answer.status == 400
    assert b"sk-secret" not in answer.body
    assert "sk-secret" not in json.dumps(await narrow.records())


async def test_bad_input_a_connection_that_says_nothing_harms_nobody(narrow: House) -> None:
    for start in (b"", b"\x16", b"\x16\x03\x01\x00", b"GET", b"GET / HTTP/1.1\r\n"):
        async with dial(narrow.proxy_port) as (_, writer):
            writer.write(start)
            await writer.drain()
    async with narrow.client() as client:
        assert (await client.post(DOORS["openai"], json=chat())).status_code == 200

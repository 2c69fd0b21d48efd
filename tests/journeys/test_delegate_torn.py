"""A provider that answers with a head and then fails: before its first byte the next one is asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from proxy.config import Delegate
from tests.house import House, chat, eventually, house, policy

ONE, TWO = "torn/gpt-4o-mini", "spare/gpt-4o"
URL = "http://exeat.internal/v1/chat/completions"
HEAD = "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{length}\r\n\r\n"
JSON, EVENTS = "application/json", "text/event-stream"
CHUNKED, SIZED = "transfer-encoding: chunked", "content-length: 400"


def head(kind: str, length: str) -> bytes:
    return HEAD.format(kind=kind, length=length).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


ERROR = chunk(b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n')
FAILURES = {
    "a head with a length": head(JSON, SIZED),
    "a head with chunks": head(JSON, CHUNKED),
    "the head of a stream": head(EVENTS, CHUNKED),
    "comments of a stream": head(EVENTS, CHUNKED) + chunk(b": wait\n\n"),
    "an error in a stream": head(EVENTS, CHUNKED) + ERROR + b"0\r\n\r\n",
    "an error in a stream that is cut": head(EVENTS, CHUNKED) + ERROR,
}


@contextlib.asynccontextmanager
async def torn(place: Path, answer: bytes) -> AsyncIterator[House]:
    """A house whose cheaper provider answers with these bytes, and is gone."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        size = next(
            int(line.split(b":")[1])
            for line in asked.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        await reader.readexactly(size)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    routes = {
        "torn": {"to": "http://torn.test:9", "provider": "openai"},
        "spare": "https://api.openai.com",
    }
    async with (
        server,
        house(
            place,
            policy('name: cap, usd: "1.00"'),
            routes=routes,
            more_hosts={"torn.test:9": f"127.0.0.1:{port}"},
            credentials={"openai": SecretStr("sk-operator")},
            delegate=Delegate(aliases={"exeat/fast": (ONE, TWO), "exeat/torn": (ONE,)}),
        ) as built,
    ):
        yield built


@pytest.mark.parametrize("case", FAILURES)
async def test_who_fails_after_its_head_is_followed_by_the_next_and_both_are_metered(
    place: Path, case: str
) -> None:
    is_stream = "stream" in case
    async with torn(place, FAILURES[case]) as built:
        async with built.through() as client:
            answer = await client.post(URL, json=chat("exeat/fast", stream=is_stream))

        async def outcomes() -> list[dict]:
            found = await built.records(kind="outcome")
            return [each for each in found if each["request"]["class"] == "llm.call"]

        first, second = await eventually(outcomes, lambda found: len(found) >= 2)
        (cap,) = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
        spent = await built.spent()

    why = "error event" if "error" in case else "broke off"
    assert answer.status_code == 200
    assert f"after {ONE} ({why})" in answer.headers["x-exeat-delegate"]
    assert b"overloaded" not in answer.content
    assert answer.content.endswith(b"[DONE]\n\n" if is_stream else b"}")
    assert {first["resource"]["requests"], second["resource"]["requests"]} == {1}
    assert (cap["settled"], spent) == (
        spent,
        first["resource"]["nanousd"] + second["resource"]["nanousd"],
    )
    assert len(built.tls.seen) == 1


async def test_when_nobody_answers_it_is_said_who_was_asked(place: Path) -> None:
    async with torn(place, head(JSON, SIZED)) as built, built.through() as client:
        answer = await client.post(URL, json=chat("exeat/torn"))

    assert answer.status_code == 503
    assert f"{ONE} (broke off)" in answer.json()["error"]["message"]


NO_COMPLETIONS = {
    "breaks off": (head(JSON, SIZED) + b'{"id":', "broke off before its end"),
    "is no JSON": (head(JSON, "content-length: 2") + b"hi", "is no chat completion"),
    "is an error": (head(JSON, "content-length: 12") + b'{"error":{}}', "is no chat completion"),
    "streams an error": (head(EVENTS, CHUNKED) + ERROR + b"0\r\n\r\n", "is no chat completion"),
}


@pytest.mark.parametrize("case", NO_COMPLETIONS)
async def test_delegate_says_what_was_wrong_with_an_answer_that_is_none(
    place: Path, case: str
) -> None:
    answer, why = NO_COMPLETIONS[case]
    async with torn(place, answer) as built, built.through() as client:
        told = await client.post("http://exeat.internal/v1/delegate", json=chat("exeat/torn"))

    assert told.status_code == 502
    assert told.json()["error"]["code"] == "bad_answer"
    assert told.json()["error"]["message"] == f"The answer of {ONE} {why}."
    assert told.headers["x-exeat-record"]

"""How an answer begins: what counts as one, however its bytes are cut."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence

import pytest

from proxy.delegate import beginning
from proxy.delegate.beginning import Beginning, begin, go_on, read
from proxy.delegate.sender import Broken

STREAM, JSON = "text/event-stream; charset=utf-8", "application/json"
CHUNK = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
ERROR = b'data: {"error":{"message":"overloaded"}}\n\n'


async def body(*pieces: bytes | None) -> AsyncGenerator[bytes]:
    """None: there it breaks off."""
    for piece in pieces:
        if piece is None:
            raise Broken
        yield piece


ANSWERS: dict[str, tuple[str, Sequence[bytes | None], Beginning]] = {
    "a body": (JSON, [b"{", b"}"], Beginning(b"{", False)),
    "a body that breaks later": (JSON, [b"{", None], Beginning(b"{", False)),
    "a body that tells an error": (JSON, [b'{"error":{}}'], Beginning(b'{"error":{}}', False)),
    "a stream": (STREAM, [CHUNK, CHUNK], Beginning(CHUNK, False)),
    "a stream that breaks later": (STREAM, [CHUNK, None], Beginning(CHUNK, False)),
    "no more than its end": (STREAM, [b"data: [DONE]\n\n"], Beginning(b"data: [DONE]\n\n", False)),
    "comments first": (STREAM, [b": wait\n\n", CHUNK], Beginning(b": wait\n\n" + CHUNK, False)),
    "an event whose blank line never came": (STREAM, [CHUNK[:-1]], Beginning(CHUNK[:-1], False)),
    "an error": (STREAM, [ERROR], Beginning(ERROR, True)),
    "an error after comments": (STREAM, [b": wait\n\n", ERROR], Beginning(b": wait\n\n" + ERROR, True)),
    "an error, and no more": (STREAM, [ERROR[:-2]], Beginning(ERROR[:-2], True)),
    "an error by name": (
        STREAM,
        [b"event: error\ndata: overloaded\n\n"],
        Beginning(b"event: error\ndata: overloaded\n\n", True),
    ),
    "an error later": (STREAM, [CHUNK + ERROR], Beginning(CHUNK + ERROR, False)),
    "no error": (STREAM, [b'data: {"error":null}\n\n'], Beginning(b'data: {"error":null}\n\n', False)),
    "a deep one": (
        STREAM,
        [b"data: " + b"[" * 60_000 + b"\n\n"],
        Beginning(b"data: " + b"[" * 60_000 + b"\n\n", False),
    ),
    "comments without end": (STREAM, [b":" * 70_000, None], Beginning(b":" * 70_000, False)),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
async def test_an_answer_has_begun_with_its_first_byte_or_its_first_event(case: str) -> None:
    content_type, pieces, found = ANSWERS[case]
    assert await begin(body(*pieces), content_type) == found


NO_ANSWERS: dict[str, tuple[str, Sequence[bytes | None]]] = {
    "nothing": (JSON, []),
    "no byte": (JSON, [b""]),
    "broken at once": (JSON, [None]),
    "a stream of nothing": (STREAM, []),
    "a stream broken at once": (STREAM, [None]),
    "comments alone": (STREAM, [b": wait\n\n"]),
    "broken after comments": (STREAM, [b": wait\n\n", None]),
    "broken within the first event": (STREAM, [CHUNK[:-1], None]),
}


@pytest.mark.parametrize("case", NO_ANSWERS)
async def test_whoever_says_nothing_has_not_answered(case: str) -> None:
    content_type, pieces = NO_ANSWERS[case]
    with pytest.raises(Broken):
        await begin(body(*pieces), content_type)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_cut_anywhere_it_begins_the_same_and_goes_on_to_its_end(size: int) -> None:
    whole = b": wait\n\n" + ERROR + CHUNK
    pieces = body(*(whole[at : at + size] for at in range(0, len(whole), size)))
    found = await begin(pieces, STREAM)

    assert found.is_error
    assert found.first.startswith(b": wait\n\n" + ERROR)
    assert await read(go_on(found.first, pieces)) == whole


async def test_what_is_read_of_a_failure_has_an_end() -> None:
    assert await read(body(b"a", b"b", None)) == b"ab"
    megabytes = [b"x" * (1 << 20)] * 5
    assert len(await read(body(*megabytes))) == 2 << 20


async def test_a_failure_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "_REST_S", 0.01)

    async def endless() -> AsyncGenerator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    assert await read(endless()) == b"a"


async def test_closing_what_goes_on_closes_the_rest() -> None:
    rest = body(b"a", json.dumps(1).encode())
    whole = go_on(b"first", rest)
    assert await anext(whole) == b"first"
    await whole.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(rest)

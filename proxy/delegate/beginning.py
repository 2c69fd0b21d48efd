"""How an answer's body begins: whoever breaks off, or tells an error, before that has not answered."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import NamedTuple

from proxy.delegate.sender import Broken
from proxy.providers.sse import Event, SseParser

_EVENTS = "text/event-stream"
_HELD_BYTES_MAX = 64 * 1024
"""Of a stream whose first event has not ended. One that goes on longer is passed on as it is."""
_REST_BYTES_MAX = 1 << 20
_REST_S = 5.0
"""How much of a failure is read, and for how long: it is told when nobody else answers."""


class Beginning(NamedTuple):
    """What was read of a body, in order to know whether it is an answer."""

    first: bytes
    is_error: bool
    """Its first event tells an error."""


async def begin(pieces: AsyncGenerator[bytes], content_type: str) -> Beginning:
    """Waits for the first byte; of a stream, for its first event: comments come before one. Raises
    Broken, also where the body ends before that."""
    is_stream = content_type.partition(";")[0].strip().lower() == _EVENTS
    held, parser = b"", SseParser()
    async for piece in pieces:
        held += piece
        event = next(parser.feed(piece), None) if is_stream else None
        if event is not None or len(held) > _HELD_BYTES_MAX or (held and not is_stream):
            return Beginning(held, event is not None and _tells_error(event))
    event = parser.finish()
    if event is None:
        raise Broken
    return Beginning(held, _tells_error(event))


async def go_on(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The whole body, its beginning too. Closing it closes the rest."""
    async with contextlib.aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


async def read(pieces: AsyncGenerator[bytes]) -> bytes:
    """The body to its end, or to where it breaks, stalls or is too much. It is closed."""
    body = b""
    with contextlib.suppress(Broken, TimeoutError):
        async with contextlib.aclosing(pieces), asyncio.timeout(_REST_S):
            async for piece in pieces:
                body += piece
                if len(body) > _REST_BYTES_MAX:
                    break
    return body


def _tells_error(event: Event) -> bool:
    """In OpenAI's words, as each provider spells them: by the event's name or in its data."""
    if event.name == "error":
        return True
    try:
        told = json.loads(event.data)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and bool(told.get("error"))

"""Holds back the tool calls of an answer until they are decided (pure, sans-io).

An answer's bytes go in, the client's come out. What does not ask the client to act passes as it
comes; a call is held from its first byte to its last, then released byte for byte, or replaced so
that the client reads a valid message that says why.
"""

from collections.abc import Callable, Mapping

from proxy.providers.answer import JSON_BYTES_MAX, parse_object, said
from proxy.providers.call import FormatName
from proxy.providers.decoding import ContentDecoder
from proxy.providers.event_stream import EXCEPTION
from proxy.providers.framing import Framing, framing_of, tells_at_once
from proxy.providers.json_stream import JsonArrayParser
from proxy.providers.sse import Event
from proxy.providers.tool_gate_bedrock import ConverseSieve, InvokeSieve
from proxy.providers.tool_gate_chat import ChatSieve
from proxy.providers.tool_gate_cohere import CohereSieve
from proxy.providers.tool_gate_events import EventGate
from proxy.providers.tool_gate_gemini import GeminiSieve
from proxy.providers.tool_gate_interactions import InteractionsSieve
from proxy.providers.tool_gate_messages import MessagesSieve
from proxy.providers.tool_gate_ollama import OllamaSieve
from proxy.providers.tool_gate_responses import ResponsesSieve
from proxy.providers.tool_gate_sieve import (
    HELD_BYTES_MAX,
    Asked,
    Judge,
    Piece,
    Ruling,
    Sieve,
    Unasked,
)

__all__ = ["SIEVES", "Asked", "Ruling", "ToolGate"]

SIEVES: dict[FormatName, Callable[[Judge], Sieve]] = {
    "openai.chat": ChatSieve,
    "openai.responses": ResponsesSieve,
    "anthropic.messages": MessagesSieve,
    "gemini.generate": GeminiSieve,
    "gemini.interactions": InteractionsSieve,
    "bedrock.converse": ConverseSieve,
    "bedrock.invoke": InvokeSieve,
    "cohere.chat": CohereSieve,
    "ollama.chat": OllamaSieve,
}
"""Formats whose answers may ask for tools."""


class ToolGate:
    """Feed it an answer's bytes and send on what it returns, then what `close` returns. `headers`
    are the answer's, names in lower case or their case ignored; both names come from `recognise`."""

    def __init__(
        self,
        format: FormatName,  # noqa: A002  # It is called so everywhere.
        provider: str,
        headers: Mapping[str, str],
        decide: Callable[[Asked], Ruling],
        *,
        unasked: Unasked | None = None,
        held_bytes_max: int = HELD_BYTES_MAX,
    ) -> None:
        self._judge = Judge(decide, held_bytes_max, unasked)
        wanted = SIEVES.get(format)
        self._sieve = wanted(self._judge) if wanted else None
        self._events = EventGate(self._sieve) if self._sieve else None
        self._content_type = headers.get("content-type", "")
        self._framing: Framing | None = None
        self._json = bytearray()
        self._has_chosen = self._is_shut = False
        if self._sieve is None:
            return
        if not ContentDecoder(headers.get("content-encoding", "")).is_identity:
            self._shut()
        elif tells_at_once(self._content_type):
            self._choose(b"")

    @property
    def rulings(self) -> list[tuple[Asked, Ruling]]:
        """In the order in which the calls were whole."""
        return self._judge.rulings

    @property
    def unreadable(self) -> bool:
        """Something could not be read and did not pass; no call behind it is allowed."""
        return self._judge.is_unreadable

    def feed(self, chunk: bytes) -> bytes:
        if self._is_shut:
            return b""
        if self._events is None:
            return chunk
        if not self._has_chosen:
            chunk = bytes(self._json) + chunk
            start = chunk.lstrip()[:1]
            self._json = bytearray(b"" if start else chunk)
            if not start:
                return b""
            self._choose(start)
        if self._framing is not None:
            return self._sift(self._framing, self._events, chunk)
        self._json += chunk
        if len(self._json) > JSON_BYTES_MAX:
            self._shut()
        return b""

    def close(self) -> bytes:
        """The answer ended, well or badly. Returns what was still held and may pass."""
        if self._is_shut or self._events is None:
            return b""
        self._is_shut = True
        if self._framing is None:
            return self._whole(bytes(self._json))
        out: list[bytes] = []
        last = self._framing.finish()
        if last is not None and not _is_cut(last.data):
            out += self._take(self._events, last)
        out += self._written(self._events.close())
        rest = self._framing.rest()
        # Half an event says nothing to a client, but half a call may.
        return b"".join(out) + (b"" if b"{" in rest else rest)

    def _choose(self, start: bytes) -> None:
        self._framing = framing_of(self._content_type, start, keep_raw=True)
        self._has_chosen = True

    def _shut(self) -> None:
        self._judge.is_unreadable = self._is_shut = True
        self._json.clear()

    def _sift(self, framing: Framing, events: EventGate, chunk: bytes) -> bytes:
        out: list[bytes] = []
        try:
            for event in framing.feed(chunk):
                out += self._take(events, event)
        except RecursionError:  # JSON that could just be read is too deep to be written.
            self._shut()
        if framing.has_overflowed:
            self._shut()
            out += self._written(events.close())
        return b"".join(out)

    def _take(self, events: EventGate, event: Event) -> list[bytes]:
        if not event.data:
            if _is_comment(event.raw):
                return [event.raw]
            self._judge.is_unreadable = True
            return self._written(events.lose(Piece(event.name, {}, event.raw)))
        lead = event.raw.removesuffix(event.data) if self._is_array else b""
        fields = parse_object(event.data)
        piece = Piece(event.name, fields or {}, event.raw, lead)
        if fields is not None or event.name.startswith(EXCEPTION):
            return self._written(events.take(piece))
        if b"{" in event.data:
            return self._written(events.lose(piece))
        done = events.finish() if event.data.startswith(b"[DONE]") else []
        return self._written([*done, *events.pass_on(piece)])

    @property
    def _is_array(self) -> bool:
        return isinstance(self._framing, JsonArrayParser)

    def _written(self, pieces: list[Piece]) -> list[bytes]:
        return [self._bytes(piece) if piece.is_ours else piece.raw for piece in pieces]

    def _bytes(self, piece: Piece) -> bytes:
        event = said(piece.name, piece.fields)
        if self._framing is None or self._is_array:
            return piece.lead + event.data
        written = self._framing.write(event)
        if piece.raw.endswith(b"\r\n\r\n"):
            return written.replace(b"\n", b"\r\n")  # JSON has no line ends of its own.
        return written

    def _whole(self, data: bytes) -> bytes:
        body = parse_object(data)
        if body is None or self._sieve is None:
            self._judge.is_unreadable = b"{" in data
            return b"" if self._judge.is_unreadable else data
        try:
            written = self._sieve.whole(body)
            if self._judge.is_event_lost:
                return b""
            return data if written is body else said("", written).data
        except RecursionError:
            self._shut()
            return b""


def _is_cut(data: bytes) -> bool:
    return b"{" in data and parse_object(data) is None


def _is_comment(raw: bytes) -> bool:
    """Lines that no client reads as data: comments, ids, names. JSON on a line of its own is an
    answer under the wrong content type."""
    lines = raw.splitlines()
    return all(b"{" not in line or line.startswith(b":") for line in lines)

"""Reads an answer while it passes: the shared half of every format's reader (pure, sans-io).

A format says what its JSON answer and its stream events mean; this says how bytes become those,
what the client gets, and what happens when they cannot be read. Nothing a provider sends may raise
here.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.providers.decoding import ContentDecoder
from proxy.providers.framing import Framing, framing_of, tells_at_once
from proxy.providers.sse import Event, SseParser
from proxy.providers.usage import Usage

JSON_BYTES_MAX = 16 * 1024 * 1024
"""One JSON answer held for reading. A larger one passes, unread."""

TOOLS_KEPT_MAX = 1024
NAME_KEPT_MAX = 256
"""What is remembered of tool calls, however many and long an answer makes them."""

_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null|(\{)\s*"usage"\s*:\s*null\s*,\s*')
"""Asked for usage, OpenAI puts `"usage":null` in every other event. Whoever did not ask does not see it.
Inside a JSON string the quotes would be escaped, so this matches a member and nothing else."""


class ToolCall(NamedTuple):
    """A tool the model asks for, as the client will see it."""

    id: str
    name: str


class Answer(ABC):
    """What an answer said so far. Formats fill it in `read_json` and `read_event`, checking every
    type: the JSON is whatever came over the wire."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.model: str | None = None
        self.finish_reason: str | None = None
        self.response_id: str | None = None
        self.service_tier: str | None = None
        self.tools: list[ToolCall] = []
        self.output_seen = 0
        self.error: str | None = None
        self.is_complete = False

    @abstractmethod
    def read_json(self, body: dict[str, Any]) -> None:
        """The whole answer of a call that did not stream, errors included."""

    @abstractmethod
    def read_event(self, event: Event) -> bool:
        """One stream event. Returns True when it exists only because we asked for usage."""

    def last_words(self) -> tuple[Event, ...]:
        """Events that end the stream here, as the provider's own do when the output limit is
        reached. None: this format has no such events, or nothing has been said yet."""
        return ()

    def read_error(self, error: Any) -> None:
        """The provider's error code or type; never its message, which may quote the prompt."""
        fields = as_object(error)
        names = (fields.get(name) for name in ("code", "status", "type"))
        self.error = next((name for name in names if name and isinstance(name, str)), "error")

    def add_tool(self, id_: Any, name: Any) -> None:
        """A tool call that came whole."""
        if len(self.tools) < TOOLS_KEPT_MAX:
            id_, name = as_text(id_) or "", as_text(name) or ""
            self.tools.append(ToolCall(id_[:NAME_KEPT_MAX], name[:NAME_KEPT_MAX]))


class Ending(NamedTuple):
    """How a stream is ended before its provider ends it."""

    taken_back: int
    """Bytes at the end of the chunk that was fed last which must not reach the client: they begin an
    event that will not end."""
    words: bytes
    """What the client reads in their place."""


def said(name: str, fields: Mapping[str, Any]) -> Event:
    """An event of our own."""
    return Event(name, json.dumps(fields, separators=(",", ":")).encode(), b"")


class AnswerReader:
    """Feed it the answer's bytes as they come and pass on what it returns.

    `feed` and `close` return the same bytes, except that with `hide_usage` the one event that
    carries the usage we asked for is left out. The properties are valid at any time, final after
    `close`.
    """

    def __init__(
        self,
        answer: Answer,
        headers: Mapping[str, str],
        *,
        hide_usage: bool = False,
        json_bytes_max: int = JSON_BYTES_MAX,
    ) -> None:
        self._answer = answer
        self._content_type = headers.get("content-type", "")
        self._decoder = ContentDecoder(headers.get("content-encoding", ""))
        # Compressed bytes cannot be edited in passing; then the extra event stays visible.
        self._hides = hide_usage and self._decoder.is_identity
        self._framing: Framing | None = None
        self._is_whole = False
        if tells_at_once(self._content_type):
            self._choose(b"")
        self._json = bytearray()
        self._json_bytes_max = json_bytes_max
        self._is_closed = False
        self._fed = 0
        self.unreadable = self._decoder.has_failed
        """True when reading gave up (too large, corrupt, unknown coding). Bytes still pass."""

    def feed(self, chunk: bytes) -> bytes:
        self._fed = len(chunk)
        if self._is_closed or self.unreadable:
            return self._rest() + chunk if self._hides else chunk
        decoded = chunk if self._decoder.is_identity else self._decoder.feed(chunk)
        if self._decoder.has_failed:
            self.unreadable = True
            return chunk
        if self._framing is None and not self._is_whole:
            start = decoded.lstrip()[:1]
            if not start:
                return chunk
            self._choose(start)
        if self._framing is None:
            self._hold_json(decoded)
            return chunk
        shown = self._read_events(self._framing, decoded)
        return shown if self._hides else chunk

    def close(self) -> bytes:
        """The answer ended, well or badly. Returns what was still held back."""
        if self._is_closed:
            return b""
        self._is_closed = True
        if self._framing is not None:
            last = self._framing.finish()
            is_hidden = last is not None and self._answer.read_event(last) and self._hides
            return b"" if is_hidden else (last.raw if last else b"") + self._rest()
        if not self.unreadable and self._decoder.is_complete:
            body = parse_object(bytes(self._json))
            if body is not None:
                self._answer.read_json(body)
        self._json.clear()
        return b""

    @property
    def can_be_edited(self) -> bool:
        """Its bytes are what they say, not compressed."""
        return self._decoder.is_identity

    @property
    def can_end_early(self) -> bool:
        """Whether `end_early` will find a place to end this answer at: a stream that can be edited,
        in a format that has words for it."""
        is_stream = self._framing is not None and self.can_be_edited
        return is_stream and not self.unreadable and bool(self._answer.last_words())

    def end_early(self) -> Ending | None:
        """What makes the client read an answer that ended at its output limit, here. None while part
        of an event has passed: ask again after the next chunk. Only when `can_end_early`."""
        framing = self._framing
        if framing is None or framing.pending > self._fed:
            return None
        words = b"".join(framing.write(event) for event in self._answer.last_words())
        return Ending(framing.pending, words)

    def _choose(self, start: bytes) -> None:
        self._framing = framing_of(self._content_type, start, keep_raw=self._hides)
        self._is_whole = self._framing is None
        self._hides = self._hides and isinstance(self._framing, SseParser)

    def _rest(self) -> bytes:
        return self._framing.rest() if self._framing is not None else b""

    def _read_events(self, framing: Framing, decoded: bytes) -> bytes:
        shown: list[bytes] = []
        for event in framing.feed(decoded):
            if not event.data and not event.name:  # A blank line: a flood of them must cost little.
                shown.append(event.raw)
                continue
            is_ours = self._answer.read_event(event)
            if self._hides and not is_ours:
                shown.append(_NULL_USAGE.sub(rb"\1", event.raw))
        if framing.has_overflowed:
            self.unreadable = True
            shown.append(framing.rest())
        return b"".join(shown)

    def _hold_json(self, decoded: bytes) -> None:
        self._json += decoded
        if len(self._json) > self._json_bytes_max:
            self.unreadable = True
            self._json.clear()

    @property
    def usage(self) -> Usage | None:
        """None until the provider has said; a stream cut short usually never says."""
        return self._answer.usage

    @property
    def model(self) -> str | None:
        """The model that answered, often a dated form of the one asked for."""
        return self._answer.model

    @property
    def finish_reason(self) -> str | None:
        return self._answer.finish_reason

    @property
    def response_id(self) -> str | None:
        return self._answer.response_id

    @property
    def service_tier(self) -> str | None:
        return self._answer.service_tier

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(self._answer.tools)

    @property
    def output_seen(self) -> int:
        """UTF-8 bytes of output that passed: text, visible reasoning, tool names and arguments."""
        return self._answer.output_seen

    @property
    def error(self) -> str | None:
        """The provider's own error code, in a JSON answer or inside a stream."""
        return self._answer.error

    @property
    def complete(self) -> bool:
        """The terminal event (or the whole JSON) was seen, and nothing was cut off."""
        return self._answer.is_complete and not self.unreadable


def parse_object(data: bytes) -> dict[str, Any] | None:
    """JSON from a provider, read as leniently as its SDK does; None when it is not an object."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def as_count(value: Any) -> int | None:
    """A token count as a provider may report it, or None; never negative, never a float or a
    bool."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if is_count else None


def text_bytes(*values: Any) -> int:
    """UTF-8 bytes of those values that are strings."""
    return sum(
        len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
        for value in values
        if isinstance(value, str)
    )

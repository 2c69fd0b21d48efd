"""A server's answer, screened as it passes: bytes in, bytes out, whatever their framing (pure).

Answers are JSON, or server-sent events whose messages pass one by one. Bytes are content-decoded. A
message of up to 16 MiB is held until it is whole; nothing else waits for it.
"""

from collections.abc import Callable

from proxy.mcp.calls import Id, speaks_json_rpc
from proxy.mcp.errors import as_event
from proxy.mcp.screen import McpEvent, Screen
from proxy.providers.body import Json
from proxy.providers.sse import EVENT_BYTES_MAX, Event, SseParser

_TOO_LARGE = "the server's answer is too large to be read"


class AnswerFilter:
    """One HTTP answer. Call it with each chunk, and with b"" at the end.

    `asked`: the ids that wait for an answer here. It may be shared by the POSTs of a session whose
    answers come on one stream; ids leave it as they are answered.
    `admits`: whether a tool of a list may be seen.
    `is_certain`: False for a stream of which nothing says that it is MCP. Until it names an endpoint,
    only what speaks JSON-RPC is looked at.
    `on_endpoint`: is told where a client of HTTP+SSE shall post to.
    """

    def __init__(
        self,
        content_type: str,
        asked: set[Id],
        admits: Callable[[Json], bool],
        *,
        result_bytes_max: int,
        on_event: Callable[[McpEvent], None] = lambda event: None,
        message_bytes_max: int = EVENT_BYTES_MAX,
        is_certain: bool = True,
        on_endpoint: Callable[[str], None] = lambda endpoint: None,
    ) -> None:
        self._is_certain = is_certain
        self._on_endpoint = on_endpoint
        self._screen = Screen(asked, admits, on_event, result_bytes_max=result_bytes_max)
        self._tell = on_event
        self._bytes_max = message_bytes_max
        kind = content_type.partition(";")[0].strip().lower()
        self._is_json = kind == "application/json" or kind.endswith("+json")
        self._sse: SseParser | None = None
        if kind == "text/event-stream":
            self._sse = SseParser(keep_raw=True, event_bytes_max=message_bytes_max)
        self._held = bytearray()
        self._is_cut = False

    def __call__(self, chunk: bytes) -> bytes:
        """What may go on to the client now."""
        if self._sse is not None:
            return self._events(self._sse, chunk)
        if not self._is_json:
            return chunk  # No client reads a message out of another type.
        return self._json(chunk)

    def _json(self, chunk: bytes) -> bytes:
        if self._is_cut:
            return b""
        if chunk:
            self._held += chunk
            if len(self._held) > self._bytes_max:
                return self._cut(lambda body: body)
            return b""
        whole = bytes(self._held)
        self._held.clear()
        return self._screen.message(whole) if whole.strip() else whole

    def _events(self, sse: SseParser, chunk: bytes) -> bytes:
        if self._is_cut:
            return b""
        out = bytearray()
        for event in sse.feed(chunk):
            out += self._event(event)
        if sse.has_overflowed:
            sse.rest()
            return bytes(out) + self._cut(as_event)
        if not chunk:
            last = sse.finish()
            if last is not None:
                out += self._event(last)
            out += sse.rest()
        return bytes(out)

    def _event(self, event: Event) -> bytes:
        if event.name == "endpoint":
            self._is_certain = True
            self._on_endpoint(event.data.decode("utf-8", "replace"))
        if not event.data.lstrip(b" \t\r\n\xef\xbb\xbf").startswith((b"{", b"[")):
            return event.raw
        if not self._is_certain and not speaks_json_rpc(event.data):
            return event.raw
        screened = self._screen.message(event.data)
        if screened is event.data:
            return event.raw
        return _with_data(event.raw, screened)

    def _cut(self, framed: Callable[[bytes], bytes]) -> bytes:
        """Too much to hold: whoever waits gets an error, and nothing more comes."""
        self._is_cut = True
        self._tell(McpEvent("oversized", bytes=self._bytes_max))
        self._held.clear()
        body = self._screen.instead(_TOO_LARGE)
        return framed(body) if body else b""


def _with_data(raw: bytes, data: bytes) -> bytes:
    """The event with other data; its name, id and comments stay. Without data it says nothing, and
    only its id is left for the client to come back with."""
    lines: list[bytes] = []
    is_written = not data
    for line in raw.splitlines(keepends=True):
        field = line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n").partition(b":")[0]
        if field != b"data":
            lines.append(line)
        elif not is_written:
            is_written = True
            lines += [b"data: " + part + b"\n" for part in data.split(b"\n")]
    return b"".join(lines)

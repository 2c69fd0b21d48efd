"""WebSockets: every message is shown to the corridor before it goes on, and none is kept.

mitmproxy's layer keeps each message for as long as the socket lives, and knows no way to answer one.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from mitmproxy import http
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.websocket import (
    Fragmentizer,
    WebsocketConnection,
    WebsocketEndHook,
    WebsocketLayer,
)
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

type Commands = Generator[commands.Command, Any, None]

_REASON_BYTES_MAX = 120
"""A close frame holds 123 bytes of reason at most (RFC 6455 section 5.5)."""


@dataclass(slots=True)
class SocketMessage:
    """A whole message on its way. Without a clear word about it the socket ends."""

    flow: http.HTTPFlow
    from_client: bool
    data: bytes
    onward: Sequence[bytes] | None = None
    """What goes on in its place: itself, nothing, or several messages."""
    back: Sequence[bytes] = ()
    """What is told to the side that it came from."""
    farewell: "Farewell | None" = None
    """It does not go on: the socket ends with this."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """What the client is told before the socket closes."""

    message: bytes | None
    reason: str
    code: int = CloseReason.POLICY_VIOLATION


_UNDECIDED = Farewell(None, "Nothing was decided about a message.", CloseReason.INTERNAL_ERROR)


@dataclass
class SocketMessageHook(commands.StartHook):
    """A message has come. Neither side's next one passes until this is done."""

    message: SocketMessage


class GuardedSocket(WebsocketLayer):
    """Relays whole messages, in the frames they came in, with pings, close codes and compression."""

    def __init__(self, context: Context, flow: http.HTTPFlow, message_bytes_max: int) -> None:
        super().__init__(context, flow)
        self._message_bytes_max = message_bytes_max
        self._client_writes_text = True

    def relay_messages(self, event: events.Event) -> Commands:
        if not isinstance(event, events.ConnectionEvent):
            return
        from_client = event.connection == self.context.client
        source, target = self._ends(from_client)
        source.receive_data(event.data if isinstance(event, events.DataReceived) else None)
        for found in source.events():
            match found:
                case Message():
                    is_over = yield from self._take(source, target, found, from_client)
                    if is_over:
                        return
                case Ping() | Pong():
                    yield target.send2(found)
                case CloseConnection():
                    yield from self._close(found, from_client)
                    return
                case _:
                    raise AssertionError(f"unexpected in a WebSocket: {found}")

    def _ends(self, from_client: bool) -> tuple[WebsocketConnection, WebsocketConnection]:
        ends = (self.client_ws, self.server_ws)
        return ends if from_client else ends[::-1]

    def _take(
        self,
        source: WebsocketConnection,
        target: WebsocketConnection,
        found: Message[Any],
        from_client: bool,
    ) -> Generator[commands.Command, Any, bool]:
        """One frame, or part of one. True when the socket ends with it."""
        is_text = isinstance(found, TextMessage)
        if from_client:
            self._client_writes_text = is_text
        source.frame_buf[-1] += found.data.encode() if isinstance(found.data, str) else found.data
        if sum(map(len, source.frame_buf)) > self._message_bytes_max:
            reason = "The message is too large to be read before a decision."
            yield from self._say_farewell(
                Farewell(None, reason, CloseReason.MESSAGE_TOO_BIG), is_text=is_text
            )
            return True
        if not found.message_finished:
            if found.frame_finished:
                source.frame_buf.append(b"")
            return False
        pieces, source.frame_buf = source.frame_buf, [b""]
        message = SocketMessage(self.flow, from_client, b"".join(pieces))
        yield SocketMessageHook(message)
        if message.farewell is not None or message.onward is None:
            yield from self._say_farewell(message.farewell or _UNDECIDED, is_text=is_text)
            return True
        for data in message.onward:
            for piece in Fragmentizer(pieces, is_text)(data):
                yield target.send2(piece)
        for data in message.back:
            yield source.send2(_whole(data, is_text=self._client_writes_text))
        return False

    def _say_farewell(self, farewell: Farewell, *, is_text: bool) -> Commands:
        if farewell.message is not None:
            yield self.client_ws.send2(_whole(farewell.message, is_text=is_text))
        reason = farewell.reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
        yield from self._close(CloseConnection(code=farewell.code, reason=reason), False)

    def _close(self, found: CloseConnection, from_client: bool) -> Commands:
        socket = self.flow.websocket
        assert socket is not None
        socket.closed_by_client = from_client
        socket.close_code = found.code
        socket.close_reason = found.reason
        for end in (self.server_ws, self.client_ws):
            if end.state in {ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING}:
                yield end.send2(found)
            yield commands.CloseConnection(end.conn)
        yield WebsocketEndHook(self.flow)
        self.flow.live = False
        self._handle_event = self.done


def _whole(data: bytes, *, is_text: bool) -> Message[Any]:
    return TextMessage(data=data.decode()) if is_text else BytesMessage(data=data)

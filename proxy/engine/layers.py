"""The protocol stack: mitmproxy's layers, with the choices that let nothing through by default.

Only HTTP and TLS are spoken: no raw TCP, UDP, DNS or QUIC layer is ever built, so a protocol that
is none of these ends as a malformed request. Heads and bodies are bounded here, where they are read.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.flow import Error
from mitmproxy.net.http import http1
from mitmproxy.net.http.url import parse_authority
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import ClientTLSLayer, HttpLayer, ServerTLSLayer, modes
from mitmproxy.proxy.layers.http import (
    DropStream,
    HTTPMode,
    HttpStream,
    SendHttp,
    validate_request,
)
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook, HttpResponseHook
from mitmproxy.proxy.layers.http._http1 import Http1Server, make_body_reader

from proxy.engine.facts import facts_of
from proxy.engine.sockets import GuardedSocket
from proxy.policy.addresses import why_refused
from proxy.refusals import Code
from proxy.slip import Slip

type Commands = Generator[commands.Command, Any, None]

_NOWHERE = "http://malformed.invalid/"
"""Stands for the destination of a request that has none; `.invalid` never resolves (RFC 2606)."""

SLIP = "slip"
"""Where the slip rides: `flow.metadata[SLIP]`."""

_UNSAFE_LINE = re.compile(rb"^[ \t]|[\0\r\n]")
"""A folded header, or bytes that the next reader may take for the end of one: to be refused (RFC 9112
section 5.2, RFC 9110 section 5.5)."""

_DISCARD_BYTES_MAX = 64 * 1024 * 1024
"""A refused upload is read (so that the client reads our answer) up to here, then cut off."""


def slip_of(flow: http.HTTPFlow) -> Slip | None:
    """The slip of a flow; None before its headers were read."""
    slip: Slip | None = flow.metadata.get(SLIP)
    return slip


class Guard:
    """Limits that the layers hold every connection to."""

    def __init__(self, *, header_bytes_max: int, body_bytes_max: int) -> None:
        self.header_bytes_max = header_bytes_max
        self.body_bytes_max = body_bytes_max

    def next_layer(self, asked: layer.NextLayer) -> None:
        """TLS where a TLS record starts, HTTP everywhere else."""
        context = asked.context
        start = asked.data_client()
        if len(start) < 3 and b"\x16\x03".startswith(start[:2]):
            return  # Could still become a TLS record; ask again with more bytes.
        outermost = len(context.layers) == 1 and isinstance(context.layers[0], modes.HttpProxy)
        if starts_like_tls_record(start):
            if outermost:
                tls = ClientTLSLayer(context)
                tls.child_layer = GuardedHttpLayer(context, HTTPMode.regular, self)
                asked.layer = tls
            else:
                server_tls = ServerTLSLayer(context)
                server_tls.child_layer = ClientTLSLayer(context)
                asked.layer = server_tls
            return
        mode = HTTPMode.regular if outermost else HTTPMode.transparent
        asked.layer = GuardedHttpLayer(context, mode, self)


@dataclass
class AnswerRoomHook(commands.StartHook):
    """An answer has come near the end of what is held for it. Passes no more until this is done."""

    flow: http.HTTPFlow


@dataclass
class Severed(events.Event):
    """Some calls end here, by no will of either side."""

    ids: frozenset[str]


@dataclass
class Told(events.Event):
    """Something that we say ourselves in an answer that streams."""

    id: str
    data: bytes


class GuardedHttpLayer(HttpLayer):
    """mitmproxy's HTTP layer with bounded heads and our own streams."""

    def __init__(self, context: Context, mode: HTTPMode, guard: Guard) -> None:
        super().__init__(context, mode)
        self._guard = guard

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, Severed | Told):
            for stream in tuple(self.streams.values()):
                yield from self.event_to_child(stream, event)
            return
        if isinstance(event, events.Start) and self.context.client.alpn not in (b"h2", b"h3"):
            self.connections[self.context.client] = BoundedHttp1Server(
                self.context.fork(), self._guard.header_bytes_max
            )
        yield from super()._handle_event(event)

    def make_stream(self, stream_id: int) -> Commands:
        stream = GuardedStream(self.context.fork(), stream_id, self._guard)
        self.streams[stream_id] = stream
        yield from self.event_to_child(stream, events.Start())


class BoundedHttp1Server(Http1Server):
    """Reads request heads up to a limit; what it cannot read becomes a call that is refused."""

    def __init__(self, context: Context, header_bytes_max: int) -> None:
        super().__init__(context)
        self._header_bytes_max = header_bytes_max

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        if not isinstance(event, events.DataReceived):
            yield from super().read_headers(event)
            return
        lines = self.buf.maybe_extract_lines()
        size = sum(map(len, lines)) if lines else len(self.buf)
        if size > self._header_bytes_max:
            reason = f"The request's headers are larger than {self._header_bytes_max} bytes."
            yield from self._malformed(Code.HEADERS_TOO_LARGE, reason)
        elif lines:
            try:
                if any(_UNSAFE_LINE.search(line) for line in lines):
                    raise ValueError("a line that two readers may end in two places")
                request = http1.read_request_head([bytes(line) for line in lines])
                body_bytes = http1.expected_http_body_size(request)
                if request.http_version not in ("HTTP/1.1", "HTTP/1.0"):
                    raise ValueError("only HTTP/1 is spoken without TLS")
            except ValueError:
                # What was sent is not quoted: a key may stand in the line that cannot be read.
                reason = "The request's head is not HTTP/1.1, or frames its body in two ways."
                yield from self._malformed(Code.BAD_REQUEST, reason)
                return
            self.request = request
            yield ReceiveHttp(RequestHeaders(self.stream_id, request, body_bytes == 0))
            self.body_reader = make_body_reader(body_bytes)
            self.state = self.read_body
            yield from self.state(event)

    def _malformed(self, code: Code, reason: str) -> Commands:
        """Hand the stream a request that says nothing but what was wrong, so that it is refused and
        recorded like any other; the connection ends with the answer."""
        self.buf.maybe_extract_at_most(len(self.buf))
        facts_of(self.context.client).malformed = (code, reason)
        self.request = http.Request.make("GET", _NOWHERE)
        self.request.headers = http.Headers([(b"connection", b"close")])
        self.request_done = True
        self.state = self._ignore
        yield ReceiveHttp(RequestHeaders(self.stream_id, self.request, True))
        yield ReceiveHttp(RequestEndOfMessage(self.stream_id))

    def _ignore(self, event: events.Event) -> Commands:
        """What follows a head that could not be read has no meaning."""
        if isinstance(event, events.DataReceived):
            self.buf.maybe_extract_at_most(len(self.buf))
        elif isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.conn)


def _without(client: Connection, asked: Commands) -> Commands:
    """What a stream asks for, but for what it would send to a client that is not there."""
    reply: Any = None
    while True:
        try:
            command = asked.send(reply)
        except StopIteration:
            return
        reply = None
        if not (isinstance(command, SendHttp) and command.connection is client):
            reply = yield command


def _over(_: events.Event) -> Commands:
    """The state of a stream that was let go: nothing more has a meaning."""
    yield from ()


class GuardedStream(HttpStream):
    """One call. Keeps a body only as long as somebody may read it, and dials only what is cleared."""

    def __init__(self, context: Context, stream_id: int, guard: Guard) -> None:
        super().__init__(context, stream_id)
        self._guard = guard
        self._body_bytes = 0
        self._is_unheard = False

    def handle_event(self, event: events.Event) -> Commands:
        """A client that goes is noticed at once, also while a hook is waited for."""
        if isinstance(event, RequestProtocolError) and hasattr(self, "flow"):
            slip = slip_of(self.flow)
            if slip is not None:
                slip.caller_left = True
                slip.ring()
        yield from super().handle_event(event)

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, RequestProtocolError) and hasattr(self, "flow"):
            slip = slip_of(self.flow)
            if slip is not None:
                slip.caller_left = True
                if slip.is_read_on and slip.terms is not None and not self._is_unheard:
                    self._is_unheard = True
                    yield commands.RequestWakeup(slip.terms.drain_s)
                    return
        if isinstance(event, Severed):
            if hasattr(self, "flow") and self.flow.live:
                yield from self._sever(event.ids)
        elif isinstance(event, Told):
            yield from self._tell(event)
        elif self._is_unheard:
            yield from self._read_on(event)
        else:
            yield from super()._handle_event(event)

    def _read_on(self, event: events.Event) -> Commands:
        """The client has gone, and its answer is read to its end, or until that takes too long."""
        if isinstance(event, events.Wakeup):
            yield from self._cancel_upstream("nobody reads")
        elif isinstance(event, ResponseProtocolError):
            self.server_state = self.state_errored
        elif not isinstance(event, RequestProtocolError):
            yield from _without(self.context.client, super()._handle_event(event))
        if self.server_state == self.state_errored:
            self.flow.error = Error("Client disconnected.")
            yield HttpErrorHook(self.flow)
        if self.server_state in (self.state_done, self.state_errored):
            self.flow.live = False
            yield DropStream(self.stream_id)
            self._let_go()

    def _cancel_upstream(self, why: str) -> Commands:
        event = RequestProtocolError(self.stream_id, why, ErrorCode.CANCEL)
        yield SendHttp(event, self.context.server)
        self.server_state = self.state_errored

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        facts = facts_of(self.context.client)
        request = event.request
        facts.absolute_form = bool(request.host)
        if self.mode is HTTPMode.regular and not request.host:
            try:
                host, port = parse_authority(request.host_header or "", check=True)
            except ValueError:
                facts.malformed = (Code.BAD_REQUEST, "The request names no host that can be read.")
                request.url = _NOWHERE
            else:
                is_tls = self.context.client.tls_established
                request.data.host = host
                request.data.port = port or (443 if is_tls else 80)
                request.data.scheme = b"https" if is_tls else b"http"
        yield from super().state_wait_for_request_headers(event)

    def check_invalid(self, request: bool) -> Generator[commands.Command, Any, bool]:
        """An invalid request is refused in the corridor, so that it gets a record and our words."""
        if not request:
            return (yield from super().check_invalid(False))
        problem = validate_request(self.mode, self.flow.request, validate_inbound_headers=True)
        if problem is not None:
            facts = facts_of(self.context.client)
            reason = "The request's headers are not valid HTTP."
            facts.malformed = facts.malformed or (Code.BAD_REQUEST, reason)
            if self.flow.request.method == "CONNECT":
                self.flow.request.method = "GET"
        return False

    def state_consume_request_body(self, event: events.Event) -> Commands:
        if isinstance(event, RequestData):
            self._body_bytes += len(event.data)
            too_large = self._body_bytes > self._guard.body_bytes_max
            if too_large or self.flow.response is not None:
                self.request_body_buf.clear()
                slip = slip_of(self.flow)
                if slip is not None:
                    slip.body_bytes = self._body_bytes
                if self._body_bytes > self._guard.body_bytes_max + _DISCARD_BYTES_MAX:
                    yield from self._cut_off()
                return
        yield from super().state_consume_request_body(event)

    def state_stream_response_body(self, event: events.Event) -> Commands:
        """An empty piece (HTTP/2 allows one anywhere) would end a chunked body, and tell the answer's
        readers that it has ended."""
        slip, answer = slip_of(self.flow), self.flow.response
        is_metered = slip is not None and answer is not None and callable(answer.stream)
        if isinstance(event, ResponseData) and event.data and slip is not None and is_metered:
            yield from self._pass_while_it_may(slip, event.data)
        elif not isinstance(event, ResponseData) or event.data:
            yield from super().state_stream_response_body(event)

    def _pass_while_it_may(self, slip: Slip, data: bytes) -> Commands:
        """Before the answer outgrows what is held for it, more is asked for. Without room it ends here,
        and so it does when what screens it broke."""
        answer = self.flow.response
        assert answer is not None
        assert callable(answer.stream)
        passed = answer.stream(data)
        shown = passed if isinstance(passed, bytes) else b"".join(passed)
        if slip.grows and (slip.wants_room or slip.unread):
            yield AnswerRoomHook(self.flow)
            slip.wants_room = False
        ending = slip.ending
        if ending is not None:
            taken_back = 0 if slip.shows_whole_events else ending.taken_back
            shown = shown[: len(shown) - taken_back] + ending.words
        if shown:
            if self.context.options.store_streamed_bodies:  # For the raw view.
                self.response_body_buf += shown
            yield SendHttp(ResponseData(self.stream_id, shown), self.context.client)
        if ending is None:
            return
        answer.stream(b"")  # What it used is counted to here; it says no more.
        yield from self._cancel_upstream("it ends here")
        yield HttpResponseHook(self.flow)
        if ending.words:
            yield from self.flow_done()
        else:
            event = ResponseProtocolError(self.stream_id, "cut off", ErrorCode.CANCEL)
            yield SendHttp(event, self.context.client)
            yield DropStream(self.stream_id)
            self._let_go()

    def _sever(self, ids: frozenset[str]) -> Commands:
        """End this call if it is meant: to both sides, with no word more."""
        slip = slip_of(self.flow)
        if slip is None or slip.id not in ids:
            return
        if slip.left and self.server_state not in (self.state_done, self.state_errored):
            yield from self._cancel_upstream("severed")
        self.flow.error = Error("severed")
        yield HttpErrorHook(self.flow)
        if not self._is_unheard:
            event = ResponseProtocolError(self.stream_id, "severed", ErrorCode.KILL)
            yield SendHttp(event, self.context.client)
        self.flow.live = False
        yield DropStream(self.stream_id)
        self._let_go()

    def _tell(self, told: Told) -> Commands:
        slip = slip_of(self.flow) if hasattr(self, "flow") else None
        streams = self.server_state == self.state_stream_response_body
        if slip is not None and slip.id == told.id and streams and not self._is_unheard:
            yield SendHttp(ResponseData(self.stream_id, told.data), self.context.client)

    def _cut_off(self) -> Commands:
        message = "The body is too large to be read to its end."
        self.flow.error = Error(message)
        yield HttpErrorHook(self.flow)
        event = ResponseProtocolError(self.stream_id, message, ErrorCode.REQUEST_TOO_LARGE)
        yield SendHttp(event, self.context.client)
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False

    def check_body_size(self, request: bool) -> Generator[commands.Command, Any, bool]:
        """Sizes are our own concern: `state_consume_request_body` bounds what is kept."""
        yield from ()
        return False

    def make_server_connection(self) -> Generator[commands.Command, Any, bool]:
        """Dial, or reuse; then make sure that the peer is one this very call may talk to: another
        call of the same connection may have been cleared under other terms."""
        ok: bool = yield from super().make_server_connection()
        slip = slip_of(self.flow)
        if not ok or slip is None:
            return ok
        if any(isinstance(event, RequestProtocolError) for event in self._paused_event_queue):
            return False  # The client went while we dialled: nothing is sent for it any more.
        peer = self.flow.server_conn.peername
        # Whoever was stopped while we dialled sends nothing any more.
        may_send = slip.cleared and slip.stopped is None
        networks = slip.terms.networks if slip.terms else ()
        if (
            may_send
            and peer is not None
            and (peer[0] in slip.addresses or why_refused(peer[0], networks) is None)
        ):
            slip.left = slip.door != "internal"  # What goes to ourselves leaves nobody a bill.
            self._frame_body()
            return True
        yield from self.handle_protocol_error(
            ResponseProtocolError(self.stream_id, "not cleared", ErrorCode.CONNECT_FAILED)
        )
        return False

    def flow_done(self) -> Commands:
        if self.flow.websocket is None:
            yield from super().flow_done()
            if self.child_layer is None:
                self._let_go()
            return
        self.child_layer = GuardedSocket(self.context, self.flow, self._guard.body_bytes_max)
        self._handle_event = self.passthrough  # type: ignore[method-assign]  # As mitmproxy does.
        yield from self.child_layer.handle_event(events.Start())
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    def _let_go(self) -> None:
        """The call is over. A stream refers to itself, by its states and its context's list of layers:
        unless let go, it and all that hangs on it wait for the garbage collector, which costs an
        eighth of a call's time (benchmarks/throughput.py)."""
        self.context.layers.clear()
        self.client_state = self.server_state = _over

    def _frame_body(self) -> None:
        """HTTP/2 needs no length; HTTP/1.1 does, and mitmproxy adds none."""
        request = self.flow.request
        to_http1 = request.is_http2 and self.flow.server_conn.alpn != b"h2"
        if not to_http1 or "content-length" in request.headers:
            return
        if request.stream:
            request.headers["transfer-encoding"] = "chunked"
        elif request.raw_content:
            request.headers["content-length"] = str(len(request.raw_content))

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> Commands:
        """The upstream failed before it answered: say so in the caller's own shape."""
        waits = self.client_state == self.state_done and self.flow.response is None
        if not (waits and isinstance(event, ResponseProtocolError) and slip_of(self.flow)):
            yield from super().handle_protocol_error(event)
            self._let_go()
            return
        self.flow.error = Error(event.message)
        yield HttpErrorHook(self.flow)
        if (yield from self.check_killed(False)):
            return
        answer: http.Response | None = self.flow.response
        self.server_state = self.state_errored
        self.flow.live = False
        yield DropStream(self.stream_id)
        if answer is None:
            yield SendHttp(event, self.context.client)
            return
        body = answer.raw_content or b""
        yield SendHttp(ResponseHeaders(self.stream_id, answer, False), self.context.client)
        yield SendHttp(ResponseData(self.stream_id, body), self.context.client)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        self._let_go()

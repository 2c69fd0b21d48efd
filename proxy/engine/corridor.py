"""The corridor: every call walks the chain, and leaves only with every stamp on its slip.

The corridor knows no question and no answer. It asks each addon in order, writes down who said yes
and how long that took, and treats everything that is not a clear yes as a no.
"""

import asyncio
import hashlib
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol

import structlog
from mitmproxy import http
from mitmproxy.proxy import server_hooks

from proxy.engine.answers import (
    CUT_OFF,
    Filter,
    broken,
    message_of,
    metered,
    refusal_response,
    unavailable,
)
from proxy.engine.dial import Pinned, dial_freely, dial_only
from proxy.engine.facts import facts_of
from proxy.engine.layers import SLIP, slip_of
from proxy.engine.opening import has_body, open_slip
from proxy.engine.sockets import SocketMessage
from proxy.engine.turns import Turns
from proxy.events import CallEnded, CallOpened, Events
from proxy.patience import within
from proxy.refusals import Code, Refusal
from proxy.slip import NeedsBody, Slip, Stamp, Stamped, Status

log = structlog.get_logger()

type Verdict = Stamp | Refusal | NeedsBody


class Addon(Protocol):
    """One question. Beyond `depart`, an addon may have any of:

    - `open(slip, flow, facts) -> Refusal | None`: headers have arrived, nothing else;
    - `refused(slip)`: the call was refused, by whomever; undo what was promised for it;
    - `answer(slip, flow) -> Filter | None`: the answer's headers have arrived;
    - `screen(slip, flow) -> Filter | None`: the same, for what must not pass unseen: where it breaks,
      the answer is cut off;
    - `extend(slip) -> Refusal | None`: the answer needs more room than was promised; may it go on?
    - `settle(slip)`: the call has ended; make good what was promised for it;
    - `file(slip)`: write its outcome down;
    - `patience_s(slip)`: seconds beyond the usual limit that its `depart` may take, because it waits for a
      person.
    """

    name: str

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Verdict | Coroutine[Any, Any, Verdict]:
        """May it leave? Yes with a note, or no with a reason."""


class Corridor:
    """Walks calls through a chain; its methods are the hooks that the engine fires."""

    def __init__(
        self,
        chain: Sequence[Addon],
        *,
        timeout_s: float,
        body_bytes_max: int,
        live: dict[str, Slip] | None = None,
        events: Events | None = None,
        watchers: Sequence[Callable[[Slip], None]] = (),
    ) -> None:
        """`live` is kept as the calls in flight by their ids, for whoever else must know them.
        `watchers` are told of each call once, when it has ended and is settled."""
        self._chain = tuple(
            (addon.name, addon.depart, getattr(addon, "patience_s", _no_patience))
            for addon in chain
        )
        self._required = frozenset(addon.name for addon in chain)
        self._openers = _having(chain, "open")
        self._undoers = _having(chain, "refused")
        # The way back is the way out reversed: what a call used is known before it is charged.
        self._readers = tuple(
            (*each, kind == "screen")
            for addon in chain[::-1]
            for kind in ("answer", "screen")
            for each in _having([addon], kind)
        )
        self._extenders = _having(chain, "extend")
        self._closers = (*_having(chain[::-1], "settle"), *_having(chain, "file"))
        self._timeout_s = timeout_s
        self._body_bytes_max = body_bytes_max
        self._events = events or Events()
        self._closing: set[asyncio.Task[None]] = set()
        self._live = {} if live is None else live
        self._watchers = tuple(watchers)
        self.idle = asyncio.Event()
        """Set while no call is in flight."""
        self.idle.set()
        self.is_stopping = False
        self._turns = Turns(self._decide_turn, self._end)

    @property
    def live(self) -> Sequence[Slip]:
        """Calls in flight, oldest first."""
        return tuple(self._live.values())

    async def drained(self) -> None:
        """Returns when every ended call has its outcome on file."""
        while self._closing:
            await asyncio.wait(tuple(self._closing))

    # -- out ---------------------------------------------------------------------------------

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        """A call's headers are here: open its slip; decide now if nobody needs its body."""
        facts = facts_of(flow.client_conn)
        slip = open_slip(flow, facts)
        flow.metadata[SLIP] = slip
        self._open(slip, flow)
        for name, opens in self._openers:
            try:
                slip.refusal = slip.refusal or opens(slip, flow, facts)
            except Exception as error:
                slip.refusal = self._fault(name, slip, error)
        if slip.refusal is not None:
            await self._refuse(slip, flow)
        elif not slip.reads_body and has_body(flow):
            await self._walk(slip, flow)
            # Either goes out as it comes in, or was answered and is thrown away as it comes in.
            flow.request.stream = flow.response is None and not slip.awaits_body

    def _open(self, slip: Slip, flow: http.HTTPFlow) -> None:
        facts_of(flow.client_conn).open_slips[slip.id] = slip
        self._live[slip.id] = slip
        self.idle.clear()
        self._events.tell(lambda: [CallOpened(slip)])

    async def request(self, flow: http.HTTPFlow) -> None:
        """The whole call is here."""
        slip = slip_of(flow)
        if slip is None or slip.cleared or flow.response is not None:
            return
        if slip.body_bytes > self._body_bytes_max:
            slip.refusal = Refusal(
                Code.BODY_TOO_LARGE,
                f"The body is larger than the {self._body_bytes_max} bytes that are read before a "
                "decision. Send less, or raise limits.body_bytes_max in exeat.toml.",
            )
            await self._refuse(slip, flow)
            return
        body = flow.request.raw_content
        if body:
            slip.body_bytes = len(body)
            slip.body_sha256 = hashlib.sha256(body).hexdigest()
        slip.awaits_body = False
        await self._walk(slip, flow)

    async def _walk(self, slip: Slip, flow: http.HTTPFlow) -> None:
        await self._judge(slip, flow)
        if slip.finished or slip.awaits_body:
            return
        if slip.refusal is not None:
            await self._refuse(slip, flow)
        else:
            self._clear(slip, flow)

    async def _judge(self, slip: Slip, flow: http.HTTPFlow) -> None:
        """Ask everybody. Afterwards there is a refusal, or every stamp; or the call has ended."""
        slip.deciding = True
        await self._ask_all(slip, flow)
        slip.deciding = False
        if slip.finished:  # Its client went meanwhile: nobody is answered, and nothing leaves.
            self._start_closing(slip)
            return
        if slip.stopped is not None:  # Whatever was said before, and by whomever.
            slip.refusal = slip.stopped
        slip.awaits_body = slip.awaits_body and slip.refusal is None
        if slip.awaits_body:
            return
        if slip.refusal is None and not self._required <= slip.stamped_by():
            missing = ", ".join(sorted(self._required - slip.stamped_by()))
            log.error("call without every stamp", record=slip.id, missing=missing)
            slip.refusal = unavailable(f"{missing} did not answer")
        if slip.refusal is None and self.is_stopping:
            slip.refusal = unavailable("it is stopping")

    async def _decide_turn(self, turn: Slip, flow: http.HTTPFlow) -> None:
        """The same questions for one call on a socket; nobody answers it but the socket."""
        self._open(turn, flow)
        await self._judge(turn, flow)
        if turn.finished:
            return
        if turn.refusal is not None:
            await self._undo(turn)
            self._forget(turn, flow)
        else:
            turn.cleared = True

    async def _ask_all(self, slip: Slip, flow: http.HTTPFlow) -> None:
        asked_before = slip.stamped_by()
        for name, depart, patience_s in self._chain:
            if slip.finished or slip.stopped is not None:
                return
            if name in asked_before:
                continue
            started, waited_us = time.perf_counter_ns(), slip.bells.waited_us
            verdict: object
            try:
                verdict = depart(slip, flow)
                if inspect.iscoroutine(verdict):
                    verdict = await within(self._timeout_s + patience_s(slip), verdict)
            except Exception as error:
                verdict = self._fault(name, slip, error)
            if isinstance(verdict, Stamp):
                took_us = (time.perf_counter_ns() - started) // 1000
                waited_us = slip.bells.waited_us - waited_us
                slip.stamps.append(Stamped(name, took_us, verdict.note, waited_us))
            elif isinstance(verdict, Refusal):
                slip.refusal = verdict
                return
            elif isinstance(verdict, NeedsBody):
                slip.reads_body = slip.awaits_body = True
                return

    def _clear(self, slip: Slip, flow: http.HTTPFlow) -> None:
        assert slip.destination is not None
        slip.cleared = True
        facts_of(flow.client_conn).cleared[slip.destination.host, slip.destination.port] = Pinned(
            slip.addresses, slip.dial_port or slip.destination.port
        )

    async def _refuse(self, slip: Slip, flow: http.HTTPFlow) -> None:
        """Undo, record, answer: in that order, and the answer whatever became of the others."""
        slip.spoken = message_of(slip)
        await self._undo(slip)
        if slip.also_told is not None:
            slip.also_told()
        flow.response = refusal_response(slip)
        if facts_of(flow.client_conn).malformed is not None:
            flow.response.headers["connection"] = "close"
        self._forget(slip, flow)

    async def _undo(self, slip: Slip) -> None:
        assert slip.refusal is not None
        slip.status = "refused"
        for name, undo in self._undoers:
            try:
                await within(self._timeout_s, undo(slip))
            except Exception as error:
                self._fault(name, slip, error)
        self._tell(slip)

    def _tell(self, slip: Slip) -> None:
        for watcher in self._watchers:
            try:
                watcher(slip)
            except Exception as error:
                self._fault("watcher", slip, error)

    def _fault(self, name: str, slip: Slip, error: BaseException) -> Refusal:
        """What went wrong, for the operator; that it went wrong, for the caller."""
        kind = type(error).__name__
        log.error("addon failed", addon=name, record=slip.id, error=kind, exc_info=error)
        what = "took too long" if isinstance(error, TimeoutError) else "failed"
        return unavailable(f"{name} {what}")

    # -- the dial ----------------------------------------------------------------------------

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """The last door: without a cleared call to this very place, nothing is resolved or dialled."""
        address = data.server.address
        pinned = facts_of(data.client).cleared.get((address[0], address[1])) if address else None
        if pinned is None:
            log.error("dial without a cleared call")
            data.server.error = "not cleared"
        else:
            dial_only(pinned)

    def server_connected(self, data: server_hooks.ServerConnectionHookData) -> None:
        """The dial is over; what this task does from here on resolves names as usual."""
        dial_freely()

    server_connect_error = server_connected

    # -- back --------------------------------------------------------------------------------

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """The answer begins: it is streamed, always, past whoever reads it."""
        slip = slip_of(flow)
        if slip is None or flow.response is None or not slip.cleared:
            return
        slip.first_byte_ns = time.monotonic_ns()
        slip.http_status = flow.response.status_code
        filters: list[tuple[Filter, bool]] = []
        for name, reads, is_screen in self._readers:
            try:
                found = reads(slip, flow)
            except Exception as error:
                self._fault(name, slip, error)
                found = broken if is_screen else None
            if found is not None:
                filters.append((found, is_screen))
        for header, note in slip.notes.items():
            flow.response.headers[header] = note
        flow.response.headers.pop("alt-svc", None)  # HTTP/3 would go around us.
        flow.response.stream = metered(slip, filters)

    async def answer_room(self, flow: http.HTTPFlow) -> None:
        """The answer needs more room. Without a clear yes it ends here, in its format's own words, or
        is cut off where it has none."""
        slip = slip_of(flow)
        assert slip is not None
        refusal = unavailable("nobody counts it") if slip.unread else None
        for name, extend in self._extenders:
            try:
                refusal = refusal or await within(self._timeout_s, extend(slip))
            except Exception as error:
                refusal = self._fault(name, slip, error)
        if refusal is None or slip.reader is None:
            return
        slip.ending = slip.reader.end_early() if slip.reader.can_end_early else CUT_OFF
        if slip.ending is not None:
            slip.refusal = refusal

    def response(self, flow: http.HTTPFlow) -> None:
        """The answer has ended, or a WebSocket has opened."""
        slip = slip_of(flow)
        if slip is None:
            return
        if flow.websocket is not None:
            self._turns.open(slip)
        else:
            self._end(slip, flow, "client_gone" if slip.caller_left else "answered")

    def socket_message(self, message: SocketMessage) -> Awaitable[None] | None:
        """A WebSocket message passes, and may have to wait for a decision."""
        slip = slip_of(message.flow)
        return self._turns.message(slip, message) if slip is not None else None

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        """A WebSocket has closed."""
        slip = slip_of(flow)
        if slip is not None:
            by_client = flow.websocket is not None and flow.websocket.closed_by_client is True
            self._turns.close(slip, flow, by_client=by_client)
            self._end(slip, flow, "answered")

    def error(self, flow: http.HTTPFlow) -> None:
        """The call ended without a whole answer: the client left, or the upstream failed."""
        slip = slip_of(flow)
        if slip is None or slip.finished:
            return
        if slip.caller_left or _client_left(flow):
            self._end(slip, flow, "client_gone")
            return
        if flow.response is None and slip.cleared:
            slip.refusal = slip.stopped or _failed(slip)
            flow.response = refusal_response(slip)
        self._end(slip, flow, "errored")

    def client_disconnected(self, client: Any) -> None:
        """Whatever this connection left open ends with it."""
        for slip in tuple(facts_of(client).open_slips.values()):
            if slip.dialogue is not None:
                self._turns.close(slip, None, client, by_client=True)
        for slip in tuple(facts_of(client).open_slips.values()):
            self._end(slip, None, "client_gone" if slip.cleared else "aborted", client)

    def _end(
        self, slip: Slip, flow: http.HTTPFlow | None, status: Status, client: Any = None
    ) -> None:
        if slip.finished:
            return
        slip.status = status
        if slip.stopped is not None:
            slip.status = "killed"
            slip.refusal = slip.refusal or slip.stopped
        self._forget(slip, flow, client)
        if not slip.deciding:
            self._start_closing(slip)

    def _start_closing(self, slip: Slip) -> None:
        closing = asyncio.create_task(self._close(slip), name=f"close {slip.id}")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _forget(self, slip: Slip, flow: http.HTTPFlow | None, client: Any = None) -> None:
        slip.finished = True
        slip.ring()
        if self._live.pop(slip.id, None) is not None:
            self._events.tell(lambda: [CallEnded(slip)])
        if not self._live:
            self.idle.set()
        connection = flow.client_conn if flow is not None else client
        facts_of(connection).close(slip)

    async def _close(self, slip: Slip) -> None:
        for name, close in self._closers:
            try:
                await close(slip)
            except Exception as error:
                self._fault(name, slip, error)
        self._tell(slip)


def _having(chain: Sequence[Addon], method: str) -> tuple[tuple[str, Callable[..., Any]], ...]:
    found = ((addon.name, getattr(addon, method, None)) for addon in chain)
    return tuple((name, bound) for name, bound in found if bound is not None)


def _failed(slip: Slip) -> Refusal:
    """Why there is no answer from the other end."""
    if slip.door == "internal":
        return unavailable("exeat.internal did not answer")
    reason = "broke off" if slip.left else "could not be reached"
    return Refusal(Code.UPSTREAM_UNREACHABLE, f"The upstream {reason}. Try again later.")


def _client_left(flow: http.HTTPFlow) -> bool:
    message = flow.error.msg if flow.error is not None else ""
    return "Client disconnected" in message or "stream reset by client" in message


def _no_patience(_: Slip) -> float:
    return 0.0

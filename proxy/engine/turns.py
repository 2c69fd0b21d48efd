"""Turns: each call on a WebSocket walks the chain by itself, with a slip of its own."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from mitmproxy import http

from proxy import shapes
from proxy.engine.sockets import Farewell, SocketMessage
from proxy.providers.call import BadRequest
from proxy.providers.dialogue import Heard, Turn
from proxy.providers.dialogues import dialogue_named
from proxy.providers.recognise import Socket
from proxy.providers.tool_gate_socket import Passing
from proxy.refusals import Code, Refusal
from proxy.slip import Bells, Slip, Status, new_id

type Decide = Callable[[Slip, http.HTTPFlow], Awaitable[None]]
"""Walks a slip through the chain: afterwards it is cleared, or carries its refusal."""

_UNREADABLE = Refusal(
    Code.FORMAT_UNSUPPORTED,
    "A rule is about tools, and the provider sent a message that may ask for one in a way that Exeat "
    "cannot read, so it did not pass. Connect again, or use this API over HTTP.",
)

type End = Callable[[Slip, http.HTTPFlow | None, Status, Any], None]
"""Ends a slip, by its flow or by its client's connection."""


class Turns:
    """What a socket's messages mean, in calls."""

    def __init__(self, decide: Decide, end: End) -> None:
        self._decide = decide
        self._end = end

    def open(self, slip: Slip) -> None:
        """The socket is there."""
        seen = slip.recognised
        if isinstance(seen, Socket):
            slip.dialogue = dialogue_named(seen.dialogue, seen.provider, slip.path)

    def message(self, slip: Slip, message: SocketMessage) -> Awaitable[None] | None:
        """A message passes. One that begins a turn waits for its decision; an answer that ends one
        does not wait for its settlement."""
        slip.answer_bytes += 0 if message.from_client else len(message.data)
        if slip.dialogue is None:
            message.onward = (message.data,)
            return None
        if not message.from_client:
            return self._received(slip, message)
        try:
            data = slip.gate.sent(message.data) if slip.gate else message.data
            turn = slip.dialogue.sent(data)
        except BadRequest as error:
            where = f" ({error.param})" if error.param else ""
            no = Refusal(Code.BAD_REQUEST, f"The message cannot be read: {error.reason}{where}.")
            message.farewell = self._farewell(slip, no, slip.id)
            return None
        if turn is not None:
            return self._ask(slip, message, turn, data)
        message.onward = (data,)
        return None

    def close(
        self, slip: Slip, flow: http.HTTPFlow | None, client: Any = None, *, by_client: bool
    ) -> None:
        """The socket is gone: turns that were open end with it."""
        idle = slip.dialogue.idle() if slip.dialogue is not None else ()
        for lane, turn in tuple(slip.turns.items()):
            turn.left = lane not in idle
            is_whole = lane in idle or (turn.reader is not None and turn.reader.complete)
            gone: Status = "client_gone" if by_client else "errored"
            self._end(turn, flow, "answered" if is_whole else gone, client)
        slip.turns.clear()

    def _received(self, slip: Slip, message: SocketMessage) -> Awaitable[None] | None:
        assert slip.dialogue is not None
        heard = slip.dialogue.received(message.data)
        if heard.begun is not None:
            return self._begun_by_itself(slip, message, heard, heard.begun)
        self._pass(slip, message, heard)
        return None

    async def _begun_by_itself(
        self, slip: Slip, message: SocketMessage, heard: Heard, asked: Turn
    ) -> None:
        await self._ask(slip, message, asked, None)
        if message.onward is not None:
            message.onward = None
            self._pass(slip, message, heard)

    def _pass(self, slip: Slip, message: SocketMessage, heard: Heard) -> None:
        """Down to the client, with what it may see of the tool calls in it; then what ended ends."""
        turn = slip.turns.get(heard.lane, slip) if heard.lane is not None else slip
        passing: Passing | None = Passing((message.data,))
        if slip.gate is not None:
            passing = slip.gate.received(message.data, turn)
        if passing is None:
            turn.refusal = _UNREADABLE
            message.farewell = self._farewell(slip, _UNREADABLE, turn.id)
            return
        message.onward, message.back = passing.down, passing.up
        for ended in heard.ended:
            over = slip.turns.pop(ended.lane, None)
            if over is not None:
                over.http_status = ended.http_status or over.http_status
                self._end(over, message.flow, "answered", None)

    async def _ask(
        self, slip: Slip, message: SocketMessage, asked: Turn, data: bytes | None
    ) -> None:
        """`data` is the message that asks, where the client sent one."""
        turn = _slip_of(slip, asked, data)
        await self._decide(turn, message.flow)
        if turn.refusal is not None:
            assert slip.dialogue is not None
            slip.dialogue.forget(asked.lane)
            message.farewell = self._farewell(slip, turn.refusal, turn.id)
        elif turn.cleared:
            turn.left = True
            slip.turns[asked.lane] = turn
            message.onward = (turn.message if turn.message is not None else message.data,)

    def _farewell(self, slip: Slip, refusal: Refusal, record: str) -> Farewell:
        assert slip.dialogue is not None
        answer = shapes.answer(
            refusal,
            wire="openai.responses",
            user_agent=slip.user_agent,
            originator=slip.originator,
            record=record,
        )
        error = json.loads(answer.body)["error"]
        return Farewell(slip.dialogue.refusal(answer.status, error), refusal.message)


def _slip_of(socket: Slip, asked: Turn, message: bytes | None) -> Slip:
    """A slip like its socket's, for what is asked on it."""
    now_ms = time.time_ns() // 1_000_000
    return replace(
        socket,
        id=new_id(now_ms),
        opened_ns=time.monotonic_ns(),
        opened_ms=now_ms,
        socket=socket.id,
        message=message,
        dialogue=None,
        turns={},
        tool_events=[],
        held_for=None,
        held_tools=(),
        approval=None,
        bells=Bells(),
        call=asked.call,
        reader=asked.reader,
        body_sha256=None,
        body_bytes=len(message or b""),
        quote=None,
        price_version=None,
        hold=None,
        ration=None,
        counted=[],
        over=(),
        tool_calls=(),
        tool_calls_passed=0,
        stamps=[],
        refusal=None,
        repeats=0,
        notes={},
        decided_seq=None,
        cleared=False,
        left=False,
        status=None,
        first_byte_ns=0,
        answer_bytes=0,
        answer_sha256=None,
    )

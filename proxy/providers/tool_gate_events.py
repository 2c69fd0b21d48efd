"""An answer's events held until the tool calls in them are decided (pure).

Events go in one by one and come out in the same order; only what keeps a connection alive overtakes.
Of bytes it knows nothing, so the messages of a WebSocket can pass through it as well.
"""

from collections import deque
from collections.abc import Sequence

from proxy.providers.tool_gate_sieve import TOO_LARGE, UNFINISHED, UNREADABLE, Call, Piece, Sieve


class EventGate:
    def __init__(self, sieve: Sieve) -> None:
        self._sieve = sieve
        self._judge = sieve.judge
        self._waiting: deque[tuple[Piece, Sequence[Call]]] = deque()
        self._held = 0

    def take(self, piece: Piece) -> list[Piece]:
        """One event, and what the client gets now."""
        if self._sieve.passes_at_once(piece):
            return [piece]
        self._judge.open_event(piece.raw)
        calls = self._sieve.read(piece)
        if self._judge.is_event_lost:
            self._refuse(UNREADABLE)
            self._waiting.extend((mark, ()) for mark in self._sieve.instead(piece))
        else:
            self._waiting.append((piece, calls))
            self._held += len(piece.raw)
        ready = self._flush()
        if self._held > self._judge.held_bytes_max:
            self._refuse(TOO_LARGE)
            ready += self._flush()
        return ready

    def lose(self, piece: Piece) -> list[Piece]:
        """An event that is no JSON. Nothing of it passes, and no later call is allowed."""
        self._judge.is_unreadable = True
        self._refuse(UNREADABLE)
        self._waiting.extend((mark, ()) for mark in self._sieve.instead(piece))
        return self._flush()

    def pass_on(self, piece: Piece) -> list[Piece]:
        """An event that says nothing we read, in its turn."""
        self._waiting.append((piece, ()))
        return self._flush()

    def finish(self) -> list[Piece]:
        """The stream said that it is over."""
        self._sieve.finish()
        return self._flush()

    def close(self) -> list[Piece]:
        """Nothing more comes. Calls that are not whole never will be."""
        self._refuse(UNFINISHED)
        return self._flush()

    def _refuse(self, why: str) -> None:
        for call in list(self._sieve.open_calls()):
            self._judge.refuse(call, why)

    def _flush(self) -> list[Piece]:
        ready: list[Piece] = []
        while self._waiting and all(call.ruling for call in self._waiting[0][1]):
            piece, calls = self._waiting.popleft()
            self._held -= len(piece.raw)
            is_read = piece.fields and not piece.is_ours
            ready += self._sieve.write(piece, calls) if is_read else [piece]
        return ready

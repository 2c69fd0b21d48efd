"""An answer's events held until the tool calls in them are decided (pure).

Events go in one by one and come out in the same order, lane by lane; only what keeps a connection
alive overtakes. Of bytes it knows nothing, so the messages of a WebSocket pass through it as well.
"""

from collections import deque
from collections.abc import Sequence
from operator import itemgetter

from proxy.providers.tool_gate_sieve import TOO_LARGE, UNFINISHED, UNREADABLE, Call, Piece, Sieve


class EventGate:
    def __init__(self, sieve: Sieve) -> None:
        self._sieve = sieve
        self._judge = sieve.judge
        self._waiting: dict[str, deque[tuple[int, Piece, Sequence[Call]]]] = {}
        """Lane to what is held in it, each with its place among all events."""
        self._count = 0
        self._held = 0

    def take(self, piece: Piece) -> list[Piece]:
        """One event, and what the client gets now."""
        if self._sieve.passes_at_once(piece):
            return [piece]
        lane = self._sieve.lane(piece)
        self._judge.open_event(piece.raw, lane)
        calls = self._sieve.read(piece)
        if self._judge.is_event_lost:
            self._refuse(UNREADABLE)
            for mark in self._sieve.instead(piece):
                self._wait(lane, mark)
        else:
            self._wait(lane, piece, calls)
        ready = self._flush()
        if self._held > self._judge.held_bytes_max:
            self._refuse(TOO_LARGE)
            ready += self._flush()
        return ready

    def lose(self, piece: Piece) -> list[Piece]:
        """An event that is no JSON. Nothing of it passes, and no later call is allowed."""
        self._judge.is_unreadable = True
        self._refuse(UNREADABLE)
        for mark in self._sieve.instead(piece):
            self._wait("", mark)
        return self._flush()

    def pass_on(self, piece: Piece) -> list[Piece]:
        """An event that says nothing we read, in its turn."""
        self._wait("", piece)
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

    def _wait(self, lane: str, piece: Piece, calls: Sequence[Call] = ()) -> None:
        self._count += 1
        self._waiting.setdefault(lane, deque()).append((self._count, piece, calls))
        self._held += len(piece.raw)

    def _flush(self) -> list[Piece]:
        ready: list[tuple[int, Piece, Sequence[Call]]] = []
        for lane, waiting in list(self._waiting.items()):
            while waiting and all(call.ruling for call in waiting[0][2]):
                ready.append(waiting.popleft())
            if not waiting:
                del self._waiting[lane]
        shown: list[Piece] = []
        for _, piece, calls in sorted(ready, key=itemgetter(0)):
            self._held -= len(piece.raw)
            is_read = piece.fields and not piece.is_ours
            shown += self._sieve.write(piece, calls) if is_read else [piece]
        return shown

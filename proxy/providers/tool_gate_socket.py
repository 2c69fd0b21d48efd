"""Holds back the tool calls on a model's WebSocket until they are decided (pure, sans-io).

A provider's message goes in, and none, one or several come out. Where a call is not allowed, the
client reads a message of its protocol that says why, and the provider, which keeps the conversation
and waits for each call's result, is told the same.
"""

import json
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from proxy.providers.answer import parse_object, said
from proxy.providers.tool_gate_events import EventGate
from proxy.providers.tool_gate_sieve import HELD_BYTES_MAX, Asked, Judge, Piece, Ruling, Sieve

CALLS_KEPT_MAX = 1000
"""Of one socket, for the copies that may follow. A copy of one that is forgotten is a new call."""


class SocketSieve(Sieve):
    """What the messages of one dialogue say of tool calls, as long as its socket lives."""

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge)
        self.replies: list[dict[str, Any]] = []
        """What the provider is to be told now; whoever sends it takes it out."""

    @abstractmethod
    def sent(self, data: bytes) -> bytes:
        """The client's message on its way up, and what goes up in its place. Raises BadRequest where
        it must be changed and cannot be read in one way only."""

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        """Sockets have no answer in one piece."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Passing:
    """What becomes of a provider's message."""

    down: tuple[bytes, ...] = ()
    """To the client."""
    up: tuple[bytes, ...] = ()
    """Back to the provider."""


class SocketGate[By]:
    """One socket. `decide` and `unasked` are told by whom a call was asked for: whatever `received` was
    given."""

    def __init__(
        self,
        sieve: Callable[[Judge], SocketSieve],
        decide: Callable[[By, Asked], Ruling],
        *,
        unasked: Callable[[By, Asked, Ruling], None] | None = None,
        held_bytes_max: int = HELD_BYTES_MAX,
    ) -> None:
        self._decide = decide
        self._unasked = unasked
        self._judge = Judge(_nobody, held_bytes_max)
        self._sieve = sieve(self._judge)
        self._events = EventGate(self._sieve)

    def sent(self, data: bytes) -> bytes:
        """The client's message on its way up. Raises BadRequest, as the dialogue does."""
        return self._sieve.sent(data)

    def received(self, data: bytes, by: By) -> Passing | None:
        """The provider's message on its way down. None: it may ask for a tool in a way that we
        cannot read, so neither it nor anything behind it may pass."""
        fields = parse_object(data)
        if fields is None:
            return None if b"{" in data else Passing((data,))
        self._judge.decide = partial(self._decide, by)
        self._judge.unasked = partial(self._unasked, by) if self._unasked else None
        try:
            down = tuple(map(_bytes, self._events.take(Piece("", fields, data))))
            up = tuple(json.dumps(reply).encode() for reply in self._sieve.replies)
        except RecursionError:  # JSON that could just be read is too deep to be written.
            return None
        self._judge.decide = _nobody
        self._judge.rulings.clear()
        self._sieve.replies.clear()
        return None if self._judge.is_unreadable else Passing(down, up)


def _bytes(piece: Piece) -> bytes:
    return said("", piece.fields).data if piece.is_ours else piece.raw


def _nobody(_: Asked) -> Ruling:
    return Ruling(False)

"""What happens, told to whoever listens in this process: records once they are durable, calls as they
open and end.

Telling never waits. Nothing is built while nobody listens, and a listener that does not keep up loses
what is oldest and can say how much that was: the ledger still has it, by its sequence number.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from proxy.slip import Slip

WAITING_MAX = 1024
"""Happenings that wait for one listener."""


@dataclass(frozen=True, slots=True)
class RecordFiled:
    """A record is durable: which one it is, not what it says."""

    seq: int
    kind: str
    id: str
    decision_id: str | None


@dataclass(frozen=True, slots=True)
class CallOpened:
    """A call's headers are here. Its slip is filled in as it goes on."""

    slip: "Slip"


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call is over; its outcome is not on file yet."""

    slip: "Slip"


type Happening = RecordFiled | CallOpened | CallEnded


class Events:
    """Tells listeners, in the order in which they came. Used from the loop's own thread."""

    def __init__(self) -> None:
        self._listeners: dict[Listener, None] = {}

    @property
    def is_heard(self) -> bool:
        """Does anybody listen?"""
        return bool(self._listeners)

    def tell(self, build: Callable[[], Iterable[Happening]]) -> None:
        """What happened, as `build` says: it is asked only when somebody listens."""
        if self._listeners:
            happened = tuple(build())
            for listener in self._listeners:
                listener.take(happened)

    def listen(self, waiting_max: int = WAITING_MAX) -> "Listener":
        """Hear everything from here on, until the listener's `with` ends."""
        return Listener(self._listeners, waiting_max)


class Listener:
    """One listener, as a context: `with events.listen() as heard: … await heard.all()`."""

    def __init__(self, among: "dict[Listener, None]", waiting_max: int) -> None:
        self._among = among
        self._waiting: deque[Happening] = deque(maxlen=waiting_max)
        self._is_woken = asyncio.Event()
        self.missed = 0
        """How many happenings were lost because they were not fetched in time."""

    def take(self, happened: Iterable[Happening]) -> None:
        """What `Events` tells."""
        for each in happened:
            self.missed += len(self._waiting) == self._waiting.maxlen
            self._waiting.append(each)
        self._is_woken.set()

    async def all(self) -> tuple[Happening, ...]:
        """Everything that waits, in order; at least one thing."""
        await self._is_woken.wait()
        self._is_woken.clear()
        waiting = tuple(self._waiting)
        self._waiting.clear()
        return waiting

    def __enter__(self) -> Self:
        self._among[self] = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._among.pop(self, None)

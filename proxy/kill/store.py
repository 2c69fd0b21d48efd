"""The port of the kill switch: where processes that share agents share what is stopped.

Every store answers alike (tests/contracts/test_kill.py).
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.identity.scope import Scope
from proxy.kill.stops import Stop


class StopsUnavailable(Exception):  # noqa: N818  # the word the operator reads
    """The store did not answer: what is stopped elsewhere cannot be known, or told."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in force."""

    stops: tuple[Stop, ...]
    run: str
    """Which life of the store this is; it changes when the store may have lost something."""


class StopStore(Protocol):
    """Each method but `changes` is one atomic step, and raises StopsUnavailable."""

    async def load(self, mine: Sequence[Stop], run: str) -> Loaded:
        """Everything in force. When the store is not in the life that is named, it may have lost what
        it knew: then what the asking process knows is put there first. Nothing is lost by that, and a
        revive of the last moments may be."""
        ...

    async def put(self, stop: Stop) -> Stop:
        """Put it in force, unless something as strict is there; returns what is in force then."""
        ...

    async def remove(self, scope: Scope) -> Stop | None:
        """Lift what is in force on this very scope; returns what that was."""
        ...

    def changes(self) -> AsyncGenerator[None]:
        """Comes round whenever something may have changed, and every second or so. Never raises what
        the next round may mend."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...

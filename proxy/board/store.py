"""What the board and the messages ask of a store: one transaction at a time over a shelf."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.board.message import Address, Message, Received
from proxy.board.states import State
from proxy.board.task import Task
from proxy.ledger.records import Event


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks; every part given must match."""

    org: str | None = None
    states: tuple[State, ...] = ()
    created_by: str | None = None
    holder: str | None = None
    under: str | None = None
    waits_for: str | None = None
    """A task that they depend on."""


type Place = tuple[int, str]
"""A task's priority and id: where a page of tasks ends."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened, by its number in the order in which it happened."""

    seq: int
    event: Event


class TaskShelf(Protocol):
    """The tasks."""

    def get(self, org: str | None, task_id: str) -> Task | None:
        """Without an org, for the operator: whosever it is."""

    def made_with(self, org: str, agent: str, key: str) -> Task | None:
        """The task that this agent made under this key."""

    def put(self, task: Task) -> None:
        """Keep it, in place of what was kept under its id."""

    def states(self, org: str, task_ids: Sequence[str]) -> Mapping[str, State]: ...

    def find(self, wanted: TaskFilter, after: Place | None) -> Iterable[Task]:
        """By priority, then by age; read as far as they are wanted."""

    def lapsing(self, org: str | None, now_ms: int) -> Sequence[Task]:
        """Those whose lease has ended."""

    def count(self, org: str, created_by: str | None = None) -> int: ...

    def held_up(self, org: str, agent: str) -> int:
        """How many cannot be forgotten because of this agent: its own that have not ended, and ended
        ones that these wait for."""

    def forgettable(
        self, org: str | None, ended_before_ms: int, limit: int, created_by: str | None = None
    ) -> Sequence[Task]:
        """Ended tasks that no other waits for, those that ended first first."""

    def forget(self, task: Task) -> None: ...

    def put_artifact(self, task_id: str, name: str, text: str) -> None: ...

    def artifact(self, task_id: str, name: str) -> str | None: ...


class MessageShelf(Protocol):
    """The messages. What has expired is not found."""

    def get(self, org: str, message_id: str, now_ms: int) -> Message | None: ...

    def sent_with(self, org: str, agent: str, key: str, now_ms: int) -> Message | None: ...

    def put(self, message: Message) -> None: ...

    def inbox(
        self, org: str, agent: str, roles: Sequence[str], after: int, now_ms: int
    ) -> Iterable[Received]:
        """What came for this agent behind the number `after`, oldest first."""

    def thread(self, org: str, thread: str, now_ms: int) -> Sequence[Message]:
        """A conversation, oldest first."""

    def acknowledged_ms(self, message_id: str, agent: str) -> int | None: ...

    def acknowledge(self, message_id: str, agent: str, now_ms: int) -> None: ...

    def waiting(self, org: str, to: Address, sender: str | None, now_ms: int) -> int:
        """Messages to this very address, from one sender or from all; those to one agent only while it
        has not acknowledged them."""

    def count(self, org: str, now_ms: int, sender: str | None = None) -> int: ...

    def pending(self, org: str, sender: str, now_ms: int) -> int:
        """How many of one sender's are not done with."""

    def done(self, org: str, sender: str | None, limit: int, now_ms: int) -> Sequence[Message]:
        """Those to one agent that it has acknowledged, oldest first; of one sender, or of all."""

    def forget(self, message: Message) -> None: ...

    def forget_expired(self, now_ms: int) -> None: ...


class EventShelf(Protocol):
    """What happened: written with what it happened to, filed in the ledger after."""

    def put(self, event: Event) -> None: ...

    def unfiled(self, limit: int) -> Sequence[Change]: ...

    def filed(self, up_to_seq: int) -> None: ...

    def since(self, org: str, kind: str, after_seq: int, limit: int) -> Sequence[Change]:
        """Filed ones, oldest first."""

    def bounds(self) -> tuple[int, int]:
        """The first number that is kept (the next one, when none is), and the last that was given."""

    def forget(self, before_ms: int) -> None:
        """Filed ones that are older."""


class Shelf(Protocol):
    """All that is kept, within one transaction."""

    @property
    def tasks(self) -> TaskShelf: ...
    @property
    def messages(self) -> MessageShelf: ...
    @property
    def events(self) -> EventShelf: ...


class Store(Protocol):
    """Where it is kept."""

    async def run[T](self, work: Callable[[Shelf], T]) -> T:
        """Do `work` alone: all of it is kept on return, or, when it raises, none of it happened.
        Raises DatabaseUnavailable."""

    def close(self) -> None:
        """Let go of the files. Idempotent."""

"""Who works on the board in tests, and the short ways to say what they do."""

import itertools
from collections.abc import Callable, Sequence

from proxy.board.acts import NewTask
from proxy.board.task import Task
from proxy.board.tasks import made
from proxy.ledger.records import Event, Record
from proxy.ledger.store import Filed, LedgerUnavailable
from proxy.slip import Identity

NOW = 1_795_000_000_000
ADA = Identity("acme", "ada", "s1")
BOB = Identity("acme", "bob", "s1")
CAL = Identity("acme", "cal", "s1")
STRANGER = Identity("other", "ada", "s1")
TASK = "00000000-0000-7000-8000-000000000001"


def task(title: str = "count the hats", by: Identity = ADA, **more: object) -> Task:
    """A task that nobody has yet."""
    return made(NewTask(title=title, **more), by, TASK, NOW)  # type: ignore[arg-type]


def counting() -> Callable[[int], str]:
    """Ids in the order in which they are asked for."""
    numbers = itertools.count(1)
    return lambda now_ms: f"00000000-0000-7000-8000-{next(numbers):012x}"


class Diary:
    """A ledger that knows its records by their ids; `fails` as often as it is told to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.asked = 0
        self.fails = 0
        self.loses_replies = 0

    async def append(self, record: Record) -> Filed:
        assert isinstance(record, Event)
        self.asked += 1
        if self.fails:
            self.fails -= 1
            raise LedgerUnavailable("disk full")
        known = [each for each in self.events if each.id == record.id]
        assert known in ([], [record]), "one id says one thing"
        if not known:
            self.events.append(record)
        if self.loses_replies:
            self.loses_replies -= 1
            raise LedgerUnavailable("it was written, and the answer did not arrive")
        return Filed(len(self.events), b"", is_new=not known)

    @property
    def told(self) -> Sequence[str]:
        """What was done, in order."""
        return [str(each.facts.get("act", each.status)) for each in self.events]

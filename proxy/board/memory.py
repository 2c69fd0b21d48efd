"""The store in memory: the SQL store's twin."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from proxy.board.message import Address, Message, Received
from proxy.board.states import ENDED, State
from proxy.board.store import Change, Place, Shelf, TaskFilter
from proxy.board.task import Task
from proxy.ledger.records import Event


class MemoryStore:
    """Kept as long as the process lives; one transaction at a time, as the loop has one task at a
    time."""

    def __init__(self) -> None:
        self._shelf = MemoryShelf()

    async def run[T](self, work: Callable[[Shelf], T]) -> T:
        trial = self._shelf.copied()
        result = work(trial)
        self._shelf = trial
        return result

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(slots=True)
class MemoryTasks:
    by_id: dict[str, Task] = field(default_factory=dict)
    artifacts: dict[tuple[str, str], str] = field(default_factory=dict)

    def get(self, org: str | None, task_id: str) -> Task | None:
        task = self.by_id.get(task_id)
        return task if task is not None and org in (None, task.org) else None

    def made_with(self, org: str, agent: str, key: str) -> Task | None:
        for task in self.by_id.values():
            if (task.org, task.created_by, task.create_key) == (org, agent, key):
                return task
        return None

    def put(self, task: Task) -> None:
        self.by_id[task.id] = task

    def states(self, org: str, task_ids: Sequence[str]) -> Mapping[str, State]:
        found = (self.get(org, each) for each in task_ids)
        return {task.id: task.state for task in found if task is not None}

    def find(self, wanted: TaskFilter, after: Place | None) -> Iterable[Task]:
        tasks = sorted(self.by_id.values(), key=lambda task: (task.priority, task.id))
        return (
            task
            for task in tasks
            if _is_wanted(task, wanted) and (after is None or (task.priority, task.id) > after)
        )

    def lapsing(self, org: str | None, now_ms: int) -> Sequence[Task]:
        return [
            task
            for task in self.by_id.values()
            if task.lease_until_ms is not None
            and task.lease_until_ms <= now_ms
            and org in (None, task.org)
        ]

    def count(self, org: str, created_by: str | None = None) -> int:
        return sum(
            task.org == org and created_by in (None, task.created_by)
            for task in self.by_id.values()
        )

    def held_up(self, org: str, agent: str) -> int:
        mine = [
            task
            for task in self.by_id.values()
            if (task.org, task.created_by) == (org, agent) and not task.has_ended
        ]
        waited_for = {each for task in mine for each in task.depends_on}
        return len(mine) + sum(
            task.id in waited_for and task.has_ended for task in self.by_id.values()
        )

    def forgettable(
        self, org: str | None, ended_before_ms: int, limit: int, created_by: str | None = None
    ) -> Sequence[Task]:
        waited_for = {
            each
            for task in self.by_id.values()
            if task.state not in ENDED
            for each in task.depends_on
        }
        ended = [
            task
            for task in self.by_id.values()
            if task.has_ended
            and task.changed_ms < ended_before_ms
            and org in (None, task.org)
            and created_by in (None, task.created_by)
            and task.id not in waited_for
        ]
        return sorted(ended, key=lambda task: (task.changed_ms, task.id))[:limit]

    def forget(self, task: Task) -> None:
        del self.by_id[task.id]
        for artifact in task.artifacts:
            del self.artifacts[task.id, artifact.name]

    def put_artifact(self, task_id: str, name: str, text: str) -> None:
        self.artifacts[task_id, name] = text

    def artifact(self, task_id: str, name: str) -> str | None:
        return self.artifacts.get((task_id, name))


def _is_wanted(task: Task, wanted: TaskFilter) -> bool:
    return (
        wanted.org in (None, task.org)
        and (not wanted.states or task.state in wanted.states)
        and wanted.created_by in (None, task.created_by)
        and (wanted.holder is None or (task.holder and task.holder.agent) == wanted.holder)
        and wanted.under in (None, task.under)
        and (wanted.waits_for is None or wanted.waits_for in task.depends_on)
    )


@dataclass(slots=True)
class MemoryMessages:
    by_number: dict[int, Message] = field(default_factory=dict)
    last: int = 0
    acknowledged: dict[tuple[str, str], int] = field(default_factory=dict)

    def get(self, org: str, message_id: str, now_ms: int) -> Message | None:
        for message in self._kept(org, now_ms).values():
            if message.id == message_id:
                return message
        return None

    def sent_with(self, org: str, agent: str, key: str, now_ms: int) -> Message | None:
        for message in self._kept(org, now_ms).values():
            if (message.sender, message.key) == (agent, key):
                return message
        return None

    def put(self, message: Message) -> None:
        self.last += 1
        self.by_number[self.last] = message

    def inbox(
        self, org: str, agent: str, roles: Sequence[str], after: int, now_ms: int
    ) -> Iterable[Received]:
        return (
            Received(number, message, self.acknowledged_ms(message.id, agent))
            for number, message in self._kept(org, now_ms).items()
            if number > after and message.to.reaches(agent, roles)
        )

    def thread(self, org: str, thread: str, now_ms: int) -> Sequence[Message]:
        return [each for each in self._kept(org, now_ms).values() if each.thread == thread]

    def acknowledged_ms(self, message_id: str, agent: str) -> int | None:
        return self.acknowledged.get((message_id, agent))

    def acknowledge(self, message_id: str, agent: str, now_ms: int) -> None:
        self.acknowledged[message_id, agent] = now_ms

    def waiting(self, org: str, to: Address, sender: str | None, now_ms: int) -> int:
        return sum(
            message.to == to and sender in (None, message.sender) and not self._is_done(message)
            for message in self._kept(org, now_ms).values()
        )

    def count(self, org: str, now_ms: int, sender: str | None = None) -> int:
        return sum(sender in (None, each.sender) for each in self._kept(org, now_ms).values())

    def pending(self, org: str, sender: str, now_ms: int) -> int:
        kept = self._kept(org, now_ms).values()
        return sum(each.sender == sender and not self._is_done(each) for each in kept)

    def done(self, org: str, sender: str | None, limit: int, now_ms: int) -> Sequence[Message]:
        kept = self._kept(org, now_ms).values()
        found = (each for each in kept if sender in (None, each.sender) and self._is_done(each))
        return list(islice(found, limit))

    def forget(self, message: Message) -> None:
        self._keep([each for each in self.by_number.values() if each.id != message.id])

    def forget_expired(self, now_ms: int) -> None:
        self._keep([each for each in self.by_number.values() if each.expires_ms > now_ms])

    def _keep(self, messages: Sequence[Message]) -> None:
        kept = {each.id for each in messages}
        self.by_number = {at: each for at, each in self.by_number.items() if each.id in kept}
        self.acknowledged = {key: at for key, at in self.acknowledged.items() if key[0] in kept}

    def _is_done(self, message: Message) -> bool:
        to = message.to
        return to.is_one and self.acknowledged_ms(message.id, to.value) is not None

    def _kept(self, org: str, now_ms: int) -> dict[int, Message]:
        return {
            number: each
            for number, each in self.by_number.items()
            if each.org == org and each.expires_ms > now_ms
        }


@dataclass(slots=True)
class MemoryEvents:
    kept: list[Change] = field(default_factory=list)
    last: int = 0
    filed_up_to: int = 0

    def put(self, event: Event) -> None:
        self.last += 1
        self.kept.append(Change(self.last, event))

    def unfiled(self, limit: int) -> Sequence[Change]:
        return [each for each in self.kept if each.seq > self.filed_up_to][:limit]

    def filed(self, up_to_seq: int) -> None:
        self.filed_up_to = max(self.filed_up_to, up_to_seq)

    def since(self, org: str, kind: str, after_seq: int, limit: int) -> Sequence[Change]:
        return [
            each
            for each in self.kept
            if after_seq < each.seq <= self.filed_up_to
            and (each.event.org, each.event.kind) == (org, kind)
        ][:limit]

    def bounds(self) -> tuple[int, int]:
        return (self.kept[0].seq if self.kept else self.last + 1, self.last)

    def forget(self, before_ms: int) -> None:
        self.kept = [
            each
            for each in self.kept
            if each.seq > self.filed_up_to or each.event.ts_ms >= before_ms
        ]


@dataclass(slots=True)
class MemoryShelf:
    tasks: MemoryTasks = field(default_factory=MemoryTasks)
    messages: MemoryMessages = field(default_factory=MemoryMessages)
    events: MemoryEvents = field(default_factory=MemoryEvents)

    def copied(self) -> "MemoryShelf":
        """What a transaction works on, until it is done."""
        return MemoryShelf(
            MemoryTasks(dict(self.tasks.by_id), dict(self.tasks.artifacts)),
            MemoryMessages(
                dict(self.messages.by_number),
                self.messages.last,
                dict(self.messages.acknowledged),
            ),
            MemoryEvents(list(self.events.kept), self.events.last, self.events.filed_up_to),
        )

"""What the ledger hears of the board: ids, states, who, hashes; never a title or a text (pure)."""

from collections.abc import Mapping

from proxy.board.conditions import Actor
from proxy.board.task import Person, Task
from proxy.board.words import sha256_of
from proxy.ledger.records import Event, Fact
from proxy.slip import Identity

KIND = "task"


def task_event(
    event_id: str, now_ms: int, what: str, who: Actor | None, before: Task | None, after: Task
) -> Event:
    """One transition. Nobody did what came by itself, such as the end of a lease."""
    agent = who if isinstance(who, Identity) else None
    return Event(
        kind=KIND,
        id=event_id,
        ts_ms=now_ms,
        org=after.org,
        agent=agent.agent if agent else None,
        session=agent.session if agent else None,
        task=after.id,
        status=after.state,
        facts={
            "act": what,
            "from": before.state if before else None,
            "version": after.version,
            "fence": after.fence,
            "holder": after.holder.agent if after.holder else None,
            "by": who.name if isinstance(who, Person) else None,
            **_made(after, before),
            **_written(after, before),
        },
    )


def _made(task: Task, before: Task | None) -> Mapping[str, Fact]:
    facts: dict[str, Fact] = {}
    if before is None:
        facts["title_sha256"] = sha256_of(task.title)
        facts["text_sha256"] = sha256_of(task.text)
        facts["priority"] = task.priority
        facts["under"] = task.under
        facts["allowance_nanousd"] = task.allowance_nanousd
    if before is None or before.depends_on != task.depends_on:
        facts["depends_on"] = ",".join(task.depends_on)
    return facts


def _written(task: Task, before: Task | None) -> Mapping[str, Fact]:
    """What was added, as hashes."""
    facts: dict[str, Fact] = {}
    for name in ("question", "answer", "result", "reason"):
        text = getattr(task, name)
        if text and (before is None or getattr(before, name) != text):
            facts[f"{name}_sha256"] = sha256_of(text)
    if task.artifacts:
        facts["artifacts"] = len(task.artifacts)
        facts["artifacts_sha256"] = sha256_of(
            "\n".join(f"{each.sha256} {each.name}" for each in task.artifacts)
        )
    return facts

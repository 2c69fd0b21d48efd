"""What is done to tasks in one transaction, over whatever keeps them (pure over the shelf)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from proxy.board.acts import Act, Complete, Depend, NewTask, name_of
from proxy.board.conditions import Actor, may_claim
from proxy.board.dependencies import circle
from proxy.board.filing import task_event
from proxy.board.message import unknown_role
from proxy.board.roles import Roles
from proxy.board.store import Place, Shelf, TaskFilter
from proxy.board.task import Dependency, Shown, Task
from proxy.board.tasks import acted, is_same, lapsed, made
from proxy.endpoint import Problem
from proxy.money import format_usd
from proxy.slip import Identity

TASKS_MAX = 10_000
"""Tasks that are kept of one org. Beyond it those that ended first make room."""
SHARE_MAX = 1_000
"""Of these that cannot be forgotten because of one agent, so that nobody can fill the board."""
KEPT_MS = 30 * 86_400_000
"""How long an ended task is kept."""
_FORGOTTEN_AT_ONCE = 500

type NewId = Callable[[int], str]
"""An id made at this moment."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the tasks that were asked for, and where the next page begins."""

    tasks: tuple[Shown, ...]
    at: int
    """The number of the last change that is in it: whoever watches goes on from there."""
    following: Place | None = None


def create(
    shelf: Shelf, new: NewTask, who: Identity, now_ms: int, new_id: NewId, roles: Roles
) -> Shown:
    """Make a task, unless its key says that it was made before. Raises Problem."""
    known_already = earlier(shelf, new, who)
    if known_already is not None:
        return known_already
    if new.for_role is not None and new.for_role not in roles.names:
        raise unknown_role(new.for_role, roles)
    _must_exist(shelf, who.org, new.depends_on)
    above = shelf.tasks.get(who.org, who.task) if who.task else None
    if above is not None and above.allowance_nanousd is not None:
        _hand_out(shelf, above, new.allowance_nanousd)
    _make_room(shelf, who, now_ms)
    task = made(new, who, new_id(now_ms), now_ms, above.id if above else None)
    kept = _keep(shelf, None, task, "create", who, now_ms, new_id)
    _must_be_a_share(shelf, kept)
    return show(shelf, kept)


def earlier(shelf: Shelf, new: NewTask, who: Identity) -> Shown | None:
    """The task that was made under the key of this request. Raises Problem where that was another."""
    task = shelf.tasks.made_with(who.org, who.agent, new.key) if new.key else None
    return show(shelf, task) if task is not None and is_same(task, new) else None


def act(
    shelf: Shelf,
    org: str,
    task_id: str,
    doing: Act,
    who: Actor,
    now_ms: int,
    new_id: NewId,
    roles: Roles,
) -> Shown:
    """Do something with a task. Raises Problem, and then nothing was done."""
    lapse(shelf, org, now_ms, new_id)
    before = known(shelf, org, task_id)
    if isinstance(doing, Depend):
        _must_exist(shelf, org, doing.depends_on)
        _must_not_close_a_circle(shelf, before, doing)
    after = acted(before, doing, who, now_ms, waits_for(shelf, before), roles)
    if after.version != before.version:
        after = _keep(shelf, before, after, name_of(doing), who, now_ms, new_id)
    elif after is not before:
        shelf.tasks.put(after)
    if isinstance(doing, Depend):
        _must_be_a_share(shelf, after)
    if isinstance(doing, Complete) and after.version != before.version:
        for artifact in doing.artifacts:
            shelf.tasks.put_artifact(task_id, artifact.name, artifact.text)
    return show(shelf, after)


def lapse(shelf: Shelf, org: str | None, now_ms: int, new_id: NewId) -> None:
    """Open again what nobody kept."""
    for before in shelf.tasks.lapsing(org, now_ms):
        after = lapsed(before, now_ms)
        if after is not None:
            _keep(shelf, before, after, "lapse", None, now_ms, new_id)


def forget(shelf: Shelf, now_ms: int) -> None:
    """Let go of what ended long ago, and of what nobody will ask for any more."""
    for task in shelf.tasks.forgettable(None, now_ms - KEPT_MS, _FORGOTTEN_AT_ONCE):
        shelf.tasks.forget(task)
    shelf.messages.forget_expired(now_ms)
    shelf.events.forget(now_ms - KEPT_MS)


def known(shelf: Shelf, org: str | None, task_id: str) -> Task:
    """A task of this org, or of any. Raises Problem."""
    task = shelf.tasks.get(org, task_id)
    if task is None:
        raise Problem(
            404,
            "task_not_found",
            f"There is no task {task_id[:64]} here. List the tasks for their ids.",
        )
    return task


def show(shelf: Shelf, task: Task) -> Shown:
    """With what it waits for."""
    return Shown(task, waits_for(shelf, task))


def waits_for(shelf: Shelf, task: Task) -> tuple[Dependency, ...]:
    """Its dependencies that are not completed."""
    if task.has_ended or not task.depends_on:
        return ()
    states = shelf.tasks.states(task.org, task.depends_on)
    every = [Dependency(each, states[each]) for each in task.depends_on if each in states]
    return tuple(each for each in every if each.state != "completed")


def find(
    shelf: Shelf,
    wanted: TaskFilter,
    after: Place | None,
    limit: int,
    claimable_by: Identity | None,
    roles: Roles,
) -> Page:
    """A page of tasks; with `claimable_by`, of those that this agent may claim now."""
    found: list[Shown] = []
    _, at = shelf.events.bounds()
    for task in shelf.tasks.find(wanted, after):
        if claimable_by is not None and not may_claim(task, claimable_by, roles):
            continue
        shown = show(shelf, task)
        if claimable_by is not None and (task.state != "open" or shown.is_blocked):
            continue
        if len(found) == limit:
            last = found[-1].task
            return Page(tuple(found), at, (last.priority, last.id))
        found.append(shown)
    return Page(tuple(found), at)


def _keep(
    shelf: Shelf,
    before: Task | None,
    after: Task,
    what: str,
    who: Actor | None,
    now_ms: int,
    new_id: NewId,
) -> Task:
    """A transition, with the note that it has to be filed."""
    event = task_event(new_id(now_ms), now_ms, what, who, before, after)
    kept = replace(after, record=event.id)
    shelf.tasks.put(kept)
    shelf.events.put(event)
    return kept


def _must_exist(shelf: Shelf, org: str, task_ids: Sequence[str]) -> None:
    there = shelf.tasks.states(org, task_ids)
    missing = [each for each in task_ids if each not in there]
    if missing:
        raise Problem(
            404,
            "dependency_not_found",
            f"depends_on names {missing[0]}, which is no task of your org. Make it first.",
        )


def _must_not_close_a_circle(shelf: Shelf, task: Task, doing: Depend) -> None:
    def edges_of(task_id: str) -> Sequence[str]:
        found = shelf.tasks.get(task.org, task_id)
        return found.depends_on if found is not None else ()

    ring = circle(task.id, doing.depends_on, edges_of)
    if ring:
        raise Problem(
            409,
            "dependency_circle",
            f"These would wait for each other: {' -> '.join(ring[:12])}. Leave one of them out.",
        )


def _hand_out(shelf: Shelf, above: Task, amount: int | None) -> None:
    """A task made for a task with an allowance gets a part of that one, or is not made."""
    cap = above.cap_nanousd
    assert cap is not None
    if above.has_ended:
        raise Problem(
            409,
            "task_ended",
            f"You make this task for task {above.id}, which has ended; its allowance is closed.",
        )
    if amount is None:
        raise Problem(
            409,
            "allowance_required",
            f"You make this task for task {above.id}, which has an allowance: say with "
            f"allowance_nanousd how much of its {format_usd(cap)} the new one may use.",
        )
    if amount > cap:
        raise Problem(
            409,
            "allowance_too_large",
            f"Task {above.id} has {format_usd(cap)} of its allowance left to give; "
            f"{format_usd(amount)} is more.",
        )
    shelf.tasks.put(replace(above, given_nanousd=above.given_nanousd + amount))


def _must_be_a_share(shelf: Shelf, task: Task) -> None:
    """Asked with the task in its place."""
    if shelf.tasks.held_up(task.org, task.created_by) > SHARE_MAX:
        raise Problem(
            409,
            "share_full",
            f"{SHARE_MAX} tasks are kept because of yours, which is your share of the board: those that "
            "have not ended, and what they wait for. Cancel some, or see that they are completed.",
        )


def _make_room(shelf: Shelf, who: Identity, now_ms: int) -> None:
    """Ended tasks give way; this agent's own first, when it has more than its share."""
    too_many = shelf.tasks.count(who.org) + 1 - TASKS_MAX
    if too_many <= 0:
        return
    has_more = shelf.tasks.count(who.org, who.agent) >= SHARE_MAX
    for agent in [who.agent, None] if has_more else [None]:
        forgotten = shelf.tasks.forgettable(who.org, now_ms + 1, too_many, agent)
        for task in forgotten:
            shelf.tasks.forget(task)
        too_many -= len(forgotten)
    if too_many > 0:
        raise Problem(
            409,
            "board_full",
            f"Your org has {TASKS_MAX} tasks that have not ended. Complete or cancel some.",
        )

"""The state machine of a task: who may do what, when, and what becomes of it (pure).

open -> claimed -> in_progress -> completed | failed | cancelled, and input_required while somebody
must answer. A claim gives a fencing token, which rises with each claim, and a lease; with an older
token nothing can be done. Whatever is not allowed is a Problem that says what to do next.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from proxy.board.acts import (
    Act,
    Answer,
    Ask,
    Cancel,
    Claim,
    Complete,
    Depend,
    Fail,
    Heartbeat,
    NewTask,
    Release,
    Start,
)
from proxy.board.conditions import (
    Actor,
    must_be,
    must_be_claimable,
    must_be_creator,
    must_hold,
    must_not_have_ended,
)
from proxy.board.roles import Roles
from proxy.board.states import LEASED, State
from proxy.board.task import Artifact, Dependency, Holder, Person, Task
from proxy.board.words import digest_of, sha256_of
from proxy.endpoint import Problem
from proxy.slip import Identity


def made(new: NewTask, who: Identity, task_id: str, now_ms: int, under: str | None = None) -> Task:
    """A task that nobody has yet."""
    return Task(
        id=task_id,
        org=who.org,
        title=new.title,
        text=new.text,
        priority=new.priority,
        for_agents=new.for_agents,
        for_role=new.for_role,
        depends_on=tuple(dict.fromkeys(new.depends_on)),
        created_by=who.agent,
        created_ms=now_ms,
        changed_ms=now_ms,
        create_key=new.key,
        create_digest=digest_of(new),
        allowance_nanousd=new.allowance_nanousd,
        under=under,
    )


def is_same(task: Task, new: NewTask) -> bool:
    """Was `task` made by this very request? Raises Problem where its key was used for another."""
    if task.create_digest != digest_of(new):
        raise Problem(
            409,
            "key_reused",
            f"Your key {new.key} made task {task.id}, from another request. Use a new key.",
        )
    return True


def lapsed(task: Task, now_ms: int) -> Task | None:
    """The task given back, when its lease has ended; None while it has not."""
    if task.state not in LEASED or task.lease_until_ms is None or task.lease_until_ms > now_ms:
        return None
    return _given_back(task, now_ms)


def acted(
    task: Task,
    act: Act,
    who: Actor,
    now_ms: int,
    waits_for: Sequence[Dependency] = (),
    roles: Roles | None = None,
) -> Task:
    """The task after `act`: the same object where the act was done before. Raises Problem.

    `task` has not lapsed, and `waits_for` are its unfinished dependencies, read in one step with it.
    Whether `Depend` closes a circle is looked at by who knows the other tasks.
    """
    match act:
        case Answer():
            return _answered(task, act, who, now_ms)
        case Cancel():
            return _cancelled(task, act, who, now_ms)
        case Depend():
            return _depending(task, act, who, now_ms)
        case _:
            if isinstance(who, Person):
                raise Problem(403, "agents_only", "Only an agent can work on a task.")
            return _worked(task, act, who, now_ms, waits_for, roles or Roles())


def _worked(
    task: Task,
    act: Claim | Heartbeat | Start | Ask | Complete | Fail | Release,
    who: Identity,
    now_ms: int,
    waits_for: Sequence[Dependency],
    roles: Roles,
) -> Task:
    match act:
        case Claim():
            return _claimed(task, act, who, now_ms, waits_for, roles)
        case Complete():
            return _completed(task, act, who, now_ms)
        case Heartbeat():
            must_hold(task, act.fence, who)
            return _leased(task, act.lease_s * 1000, now_ms) if task.state in LEASED else task
        case Start():
            must_hold(task, act.fence, who)
            if task.state == "in_progress":
                return task
            must_be(task, "claimed")
            return _changed(_leased(task, task.lease_ms, now_ms), "in_progress", now_ms)
        case Ask():
            return _asked(task, act, who, now_ms)
        case Fail():
            must_hold(task, act.fence, who)
            return replace(_ended(task, "failed", now_ms), reason=act.reason)
        case Release():
            must_hold(task, act.fence, who)
            return _given_back(task, now_ms)
        case _:
            assert_never(act)


def _claimed(
    task: Task,
    act: Claim,
    who: Identity,
    now_ms: int,
    waits_for: Sequence[Dependency],
    roles: Roles,
) -> Task:
    must_be_claimable(task, who, waits_for, roles)
    taken = replace(task, fence=task.fence + 1, holder=Holder(who.agent, who.session))
    return _changed(_leased(taken, act.lease_s * 1000, now_ms), "claimed", now_ms)


def _asked(task: Task, act: Ask, who: Identity, now_ms: int) -> Task:
    must_hold(task, act.fence, who)
    if task.state == "input_required" and task.question == act.question:
        return task
    must_be(task, "in_progress")
    waiting = replace(task, question=act.question, answer=None, lease_until_ms=None)
    return _changed(waiting, "input_required", now_ms)


def _answered(task: Task, act: Answer, who: Actor, now_ms: int) -> Task:
    must_be_creator(task, who, "answer its question")
    if task.state == "in_progress" and task.answer == act.answer:
        return task
    must_be(task, "input_required")
    going_on = replace(_leased(task, task.lease_ms, now_ms), answer=act.answer)
    return _changed(going_on, "in_progress", now_ms)


def _completed(task: Task, act: Complete, who: Identity, now_ms: int) -> Task:
    if task.state == "completed" and act.key is not None and act.key == task.complete_key:
        return _completed_before(task, act, who)
    must_hold(task, act.fence, who)
    must_be(task, "in_progress")
    return replace(
        _ended(task, "completed", now_ms),
        result=act.result,
        artifacts=tuple(
            Artifact(each.name, each.media_type, len(each.text.encode()), sha256_of(each.text))
            for each in act.artifacts
        ),
        complete_key=act.key,
        complete_digest=digest_of(act),
    )


def _completed_before(task: Task, act: Complete, who: Identity) -> Task:
    is_same_claim = task.holder == Holder(who.agent, who.session) and task.fence == act.fence
    if is_same_claim and digest_of(act) == task.complete_digest:
        return task
    raise Problem(
        409,
        "key_reused",
        f"Task {task.id} was completed under the key {act.key}, from another request. "
        "What was completed does not change; make a new task for what is to be added.",
    )


def _cancelled(task: Task, act: Cancel, who: Actor, now_ms: int) -> Task:
    must_be_creator(task, who, "cancel it")
    if task.state == "cancelled":
        return task
    must_not_have_ended(task)
    return replace(_ended(task, "cancelled", now_ms), reason=act.reason or None)


def _depending(task: Task, act: Depend, who: Actor, now_ms: int) -> Task:
    must_be_creator(task, who, "change what it depends on")
    depends_on = tuple(dict.fromkeys(act.depends_on))
    if depends_on == task.depends_on:
        return task
    must_be(task, "open")
    return _changed(replace(task, depends_on=depends_on), "open", now_ms)


# -- steps ---------------------------------------------------------------------------------------


def _changed(task: Task, state: State, now_ms: int) -> Task:
    return replace(task, state=state, version=task.version + 1, changed_ms=now_ms)


def _leased(task: Task, lease_ms: int, now_ms: int) -> Task:
    return replace(task, lease_ms=lease_ms, lease_until_ms=now_ms + lease_ms)


def _given_back(task: Task, now_ms: int) -> Task:
    free = replace(task, holder=None, lease_until_ms=None, question=None, answer=None)
    return _changed(free, "open", now_ms)


def _ended(task: Task, state: State, now_ms: int) -> Task:
    return _changed(replace(task, lease_until_ms=None), state, now_ms)

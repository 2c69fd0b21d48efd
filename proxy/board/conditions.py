"""What must hold before a task changes; where it does not, what was wrong and what to do next (pure)."""

from collections.abc import Sequence
from typing import NoReturn

from proxy.board.roles import Roles, matches_any
from proxy.board.states import State
from proxy.board.task import Dependency, Holder, Person, Task
from proxy.endpoint import Problem
from proxy.slip import Identity

type Actor = Identity | Person


def may_claim(task: Task, who: Identity, roles: Roles) -> bool:
    """Is it for this agent?"""
    is_in_role = task.for_role is None or task.for_role in roles.of(who.agent)
    return is_in_role and matches_any(task.for_agents, who.agent)


def must_be_claimable(
    task: Task, who: Identity, waits_for: Sequence[Dependency], roles: Roles
) -> None:
    """Open, for this agent, and waiting for nothing."""
    must_not_have_ended(task)
    if task.holder is not None:
        _refuse_second_claim(task, who)
    if not may_claim(task, who, roles):
        for_whom = f"role {task.for_role}, " if task.for_role else ""
        raise Problem(
            403,
            "not_for_you",
            f"Task {task.id} is for {for_whom}agents {', '.join(task.for_agents)}; "
            f"you are {who.agent}. List tasks with claimable=true for those you may claim.",
        )
    if waits_for:
        raise Problem(409, "task_blocked", _blocked(task, waits_for))


def _refuse_second_claim(task: Task, who: Identity) -> NoReturn:
    assert task.holder is not None
    if task.holder == Holder(who.agent, who.session):
        raise Problem(
            409,
            "already_yours",
            f"You hold task {task.id} since your earlier claim: go on with fence {task.fence}.",
        )
    raise Problem(
        409,
        "task_taken",
        f"Task {task.id} is {task.state}: {task.holder.agent} has it. "
        "Claim another, or watch /v1/tasks/watch until it is open again.",
    )


def _blocked(task: Task, waits_for: Sequence[Dependency]) -> str:
    hopeless = [each for each in waits_for if each.is_hopeless]
    named = ", ".join(f"{each.id} ({each.state})" for each in waits_for[:5])
    more = f" and {len(waits_for) - 5} more" if len(waits_for) > 5 else ""
    what = (
        f"Those that failed or were cancelled never will be: {task.created_by}, who made the task, "
        "can change what it depends on, or cancel it."
        if hopeless
        else "Claim another meanwhile."
    )
    return f"Task {task.id} waits for {named}{more}. {what}"


def must_not_have_ended(task: Task) -> None:
    if task.has_ended:
        raise Problem(
            409,
            "task_ended",
            f"Task {task.id} is {task.state}, for good. Make a new one for what is still to do.",
        )


def must_hold(task: Task, fence: int, who: Identity) -> None:
    """Only the newest claim counts, and only for who made it."""
    must_not_have_ended(task)
    if task.holder is None or fence != task.fence:
        raise Problem(
            409,
            "stale_fence",
            f"Your claim {fence} of task {task.id} is over: its lease ended, or it was given back. "
            f"The task is {task.state} now. Keep what you made, and claim it again while it is open.",
        )
    if task.holder != Holder(who.agent, who.session):
        raise Problem(
            403,
            "not_holder",
            f"Task {task.id} is held by another session, of {task.holder.agent}. "
            "Only that one can work on it.",
        )


_WHAT_FIRST = {
    "claimed": "A claimed task must be started first: POST it to …/start with your fence.",
    "in_progress": "It is being worked on.",
    "input_required": "It waits for an answer to its question, from who made it (…/answer).",
    "open": "It is open: claim it first (…/claim).",
}


def must_be(task: Task, state: State) -> None:
    must_not_have_ended(task)
    if task.state != state:
        raise Problem(
            409,
            "wrong_state",
            f"Task {task.id} is {task.state}; for this it must be {state}. "
            f"{_WHAT_FIRST[task.state]}",
        )


def must_be_creator(task: Task, who: Actor, what: str) -> None:
    if isinstance(who, Identity) and who.agent != task.created_by:
        raise Problem(
            403,
            "not_creator",
            f"Only {task.created_by}, who made task {task.id}, can {what}. Send it a message.",
        )

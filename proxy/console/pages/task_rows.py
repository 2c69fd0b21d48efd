"""A task of the board as one row: the same in the list, on the pages of agents, and in exports."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.board import limit_of
from proxy.board.states import HELD
from proxy.board.store import TaskFilter
from proxy.board.task import Dependency, Shown, Task
from proxy.budgets import CountersUnavailable
from proxy.budgets.results import Balance
from proxy.console import said
from proxy.console.pages.rows import State
from proxy.console.ports import Ports
from proxy.csv_rows import Cell

_SHOWN_MAX = 20
"""Tasks on the page of an agent or a session."""

STATES: Mapping[str, State] = {
    "open": State("ready", "open"),
    "claimed": State("claimed", "claimed"),
    "in_progress": State("open", "in progress"),
    "input_required": State("waiting", "asks"),
    "completed": State("answered", "completed"),
    "failed": State("errored", "failed"),
    "cancelled": State("aborted", "cancelled"),
}
"""Shape and word of each state of the board."""
BLOCKED = State("blocked", "blocked")
"""Open, and waiting for other tasks: this is derived, and no state of the board."""

COLUMNS = (
    "created", "changed", "id", "org", "title", "state", "blocked", "priority", "created_by",
    "holder", "holder_session", "lease_until", "depends_on", "under", "allowance_nanousd",
    "spent_nanousd", "held_nanousd", "record",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What a row says of a task."""

    task: Task
    state: State
    waits_for: Sequence[Dependency]
    balance: Balance | None
    """Of its allowance; None where it has none, or where the counters do not answer."""

    @property
    def has_lease(self) -> bool:
        """Somebody has it, and loses it when the lease ends."""
        return self.task.state in HELD and self.task.lease_until_ms is not None


def task_row(shown: Shown, balance: Balance | None = None) -> TaskRow:
    """The row of a task."""
    state = BLOCKED if shown.is_blocked else STATES[shown.task.state]
    return TaskRow(shown.task, state, shown.waits_for, balance)


def exported(row: TaskRow) -> dict[str, Cell]:
    """A task as a flat row, by COLUMNS."""
    task, balance = row.task, row.balance
    return {
        "created": said.iso(task.created_ms),
        "changed": said.iso(task.changed_ms),
        "id": task.id,
        "org": task.org,
        "title": task.title,
        "state": task.state,
        "blocked": row.state is BLOCKED,
        "priority": task.priority,
        "created_by": task.created_by,
        "holder": task.holder.agent if task.holder else None,
        "holder_session": task.holder.session if task.holder else None,
        "lease_until": said.iso(task.lease_until_ms) if task.lease_until_ms else None,
        "depends_on": " ".join(task.depends_on),
        "under": task.under,
        "allowance_nanousd": task.cap_nanousd,
        "spent_nanousd": balance.settled if balance else None,
        "held_nanousd": balance.held if balance else None,
        "record": task.record,
    }


async def with_allowances(ports: Ports, found: Iterable[Shown]) -> list[TaskRow]:
    """Rows with what is spent of each allowance. Without counters the tasks are shown all the same."""
    found = list(found)
    caps: dict[str, dict[str, int]] = {}
    for task in (each.task for each in found):
        if task.cap_nanousd is not None:
            caps.setdefault(task.org, {})[task.id] = task.cap_nanousd
    balances: dict[str, Balance] = {}
    try:
        for org, of_org in caps.items():
            limits = [limit_of(org, task_id, cap) for task_id, cap in of_org.items()]
            told = await ports.accounts.balances(org, limits, ports.now_ms())
            balances |= zip(of_org, told, strict=True)
    except CountersUnavailable:
        balances = {}
    return [task_row(each, balances.get(each.task.id)) for each in found]


async def tasks_of(ports: Ports, org: str, agent: str, session: str | None) -> list[TaskRow]:
    """What an agent, or one session of it, has taken."""
    wanted = TaskFilter(org=org, holder=agent)
    found: Any = (await ports.board.find(wanted, ports.now_ms(), limit=_SHOWN_MAX)).tasks
    if session is not None:
        found = [each for each in found if each.task.holder.session == session]
    return await with_allowances(ports, found)

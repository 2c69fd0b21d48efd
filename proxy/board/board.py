"""The board: tasks that the agents of an org share. The clock is whoever asks."""

from collections.abc import AsyncGenerator

from proxy.board import task_steps
from proxy.board.acts import Act, NewTask
from proxy.board.conditions import Actor
from proxy.board.filing import KIND
from proxy.board.outbox import Outbox, Watched
from proxy.board.roles import Roles
from proxy.board.store import Place, Shelf, TaskFilter
from proxy.board.task import Artifact, Shown
from proxy.board.task_steps import NewId, Page
from proxy.endpoint import Problem
from proxy.slip import Identity, new_id


class Board:
    """Every method raises Problem for what may not be, and LedgerUnavailable when what was done
    cannot be filed now; it will be, and the same request again says what came of it."""

    def __init__(self, outbox: Outbox, roles: Roles, new_id: NewId = new_id) -> None:
        self._outbox = outbox
        self._roles = roles
        self._new_id = new_id

    async def create(self, new: NewTask, who: Identity, now_ms: int) -> Shown:
        """Make a task."""
        return await self._outbox.run(
            lambda shelf: task_steps.create(shelf, new, who, now_ms, self._new_id, self._roles)
        )

    async def earlier(self, new: NewTask, who: Identity) -> Shown | None:
        """The task that this very request has made before, under its key."""
        return await self._outbox.look(lambda shelf: task_steps.earlier(shelf, new, who))

    async def act(self, org: str, task_id: str, act: Act, who: Actor, now_ms: int) -> Shown:
        """Claim it, complete it, …"""
        return await self._outbox.run(
            lambda shelf: task_steps.act(
                shelf, org, task_id, act, who, now_ms, self._new_id, self._roles
            )
        )

    async def get(self, org: str | None, task_id: str, now_ms: int) -> Shown:
        """One task; of any org without one, for the operator."""

        def work(shelf: Shelf) -> Shown:
            task_steps.lapse(shelf, org, now_ms, self._new_id)
            return task_steps.show(shelf, task_steps.known(shelf, org, task_id))

        return await self._outbox.run(work)

    async def cap_nanousd(self, org: str, task_id: str) -> int | None:
        """What calls made for this task may cost; None where it has no allowance, or is no task."""

        def work(shelf: Shelf) -> int | None:
            task = shelf.tasks.get(org, task_id)
            return task.cap_nanousd if task is not None else None

        return await self._outbox.look(work)

    async def artifact(self, org: str | None, task_id: str, name: str) -> tuple[Artifact, str]:
        """What a task left behind, with its text."""

        def work(shelf: Shelf) -> tuple[Artifact, str]:
            task = task_steps.known(shelf, org, task_id)
            text = shelf.tasks.artifact(task_id, name)
            for artifact in task.artifacts:
                if artifact.name == name and text is not None:
                    return artifact, text
            names = ", ".join(each.name for each in task.artifacts) or "none"
            raise Problem(
                404, "artifact_not_found", f"Task {task_id} has no such artifact; it has: {names}."
            )

        return await self._outbox.look(work)

    async def find(
        self,
        wanted: TaskFilter,
        now_ms: int,
        *,
        after: Place | None = None,
        limit: int = 50,
        claimable_by: Identity | None = None,
    ) -> Page:
        """Tasks by priority, then by age; with `claimable_by`, those that this agent may claim now."""

        def work(shelf: Shelf) -> Page:
            task_steps.lapse(shelf, wanted.org, now_ms, self._new_id)
            return task_steps.find(shelf, wanted, after, limit, claimable_by, self._roles)

        return await self._outbox.run(work)

    def watchers(self, org: str) -> int:
        """How many watch this org now."""
        return self._outbox.watchers(org)

    def watch(self, org: str, after: int | None = None) -> AsyncGenerator[Watched]:
        """What happens to tasks, behind number `after` or from now on."""
        return self._outbox.watch(org, KIND, after)

    async def sweep(self, now_ms: int) -> None:
        """Open again what nobody kept, forget what is old, file what could not be filed."""

        def work(shelf: Shelf) -> None:
            task_steps.lapse(shelf, None, now_ms, self._new_id)
            task_steps.forget(shelf, now_ms)

        await self._outbox.run(work)

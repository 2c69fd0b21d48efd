"""The task board: what is to be done, by whom, and how far it is."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from pydantic import Field

from proxy.board import Allowances, Board
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
from proxy.board.asked import TasksAsked
from proxy.board.views import (
    ArtifactText,
    TaskList,
    TaskView,
    artifact_text,
    place_of,
    task_list,
    task_view,
)
from proxy.endpoint import Asked, Endpoint, Nothing
from proxy.inside.caller import caller
from proxy.slip import Slip

PATH = "/v1/tasks"
_ONE = f"{PATH}/{{task}}"
TAG = "tasks"

ACTS: Sequence[type[Act]] = (
    Claim,
    Heartbeat,
    Start,
    Ask,
    Answer,
    Complete,
    Fail,
    Release,
    Cancel,
    Depend,
)


class AgentsTasksAsked(TasksAsked):
    """Of your org."""

    claimable: Annotated[
        bool, Field(description="Only those that you may claim now: open, unblocked, for you.")
    ] = False


class Tasks:
    """For agents: each sees its own org's tasks, and acts as whom it was proved to be."""

    def __init__(self, board: Board, allowances: Allowances, now_ms: Callable[[], int]) -> None:
        self._board = board
        self._allowances = allowances
        self._now_ms = now_ms

    async def create(self, asked: Asked[Slip, Nothing, NewTask]) -> TaskView:
        """Make a task."""
        terms = asked.who.terms
        assert terms is not None
        who, now_ms = caller(asked), self._now_ms()
        return task_view(await self._allowances.create(asked.body, who, terms, now_ms))

    async def find(self, asked: Asked[Slip, AgentsTasksAsked, Nothing]) -> TaskList:
        """The tasks of your org, by priority and then by age."""
        who, query = caller(asked), asked.query
        page = await self._board.find(
            query.wanted(who.org),
            self._now_ms(),
            after=place_of(query.after),
            limit=query.limit,
            claimable_by=who if query.claimable else None,
        )
        return task_list(page)

    async def get(self, asked: Asked[Slip, Nothing, Nothing]) -> TaskView:
        """One task, in full."""
        org, task = caller(asked).org, asked.path["task"]
        return task_view(await self._board.get(org, task, self._now_ms()))

    async def artifact(self, asked: Asked[Slip, Nothing, Nothing]) -> ArtifactText:
        """A text that a completed task left behind."""
        org, path = caller(asked).org, asked.path
        return artifact_text(*await self._board.artifact(org, path["task"], path["name"]))

    def acting(self, act: type[Act]) -> Callable[[Asked[Slip, Any, Any]], Awaitable[TaskView]]:
        """The handler of one act."""

        async def handle(asked: Asked[Slip, Nothing, Act]) -> TaskView:
            who, task = caller(asked), asked.path["task"]
            return task_view(await self._board.act(who.org, task, asked.body, who, self._now_ms()))

        handle.__doc__ = act.__doc__
        return handle

    def endpoints(self) -> Sequence[Endpoint[Slip]]:
        found: list[Endpoint[Slip]] = [
            Endpoint(
                "POST",
                PATH,
                "agent",
                self.create,
                TaskView,
                body=NewTask,
                status=201,
                problems=(404, 409),
                tag=TAG,
            ),
            Endpoint("GET", PATH, "agent", self.find, TaskList, query=AgentsTasksAsked, tag=TAG),
            Endpoint("GET", _ONE, "agent", self.get, TaskView, problems=(404,), tag=TAG),
            Endpoint(
                "GET",
                f"{_ONE}/artifacts/{{name}}",
                "agent",
                self.artifact,
                ArtifactText,
                problems=(404,),
                tag=TAG,
            ),
        ]
        return [*found, *(self._act(act) for act in ACTS)]

    def _act(self, act: type[Act]) -> Endpoint[Slip]:
        return Endpoint(
            "POST",
            f"{_ONE}/{act.__name__.lower()}",
            "agent",
            self.acting(act),
            TaskView,
            body=act,
            problems=(403, 404, 409),
            tag=TAG,
        )

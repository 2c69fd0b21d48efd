"""The task board: what is to be done, by whom, and how far it is."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field

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
from proxy.board.states import STATES, State
from proxy.board.store import TaskFilter
from proxy.board.views import (
    ArtifactText,
    TaskList,
    TaskView,
    place_of,
    task_list,
    task_view,
)
from proxy.endpoint import Asked, Endpoint, Model, Nothing
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


def _states(text: str) -> str:
    unknown = [each for each in text.split(",") if each not in STATES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no state; there are {', '.join(STATES)}")
    return text


class TasksAsked(Model):
    """Which tasks; every part given must match."""

    state: Annotated[
        str | None,
        AfterValidator(lambda text: text if text is None else _states(text)),
        Field(description="One or more, with commas between."),
    ] = None
    created_by: Annotated[str | None, Field(max_length=128)] = None
    holder: Annotated[str | None, Field(max_length=128)] = None
    under: Annotated[
        str | None, Field(max_length=36, description="Only those made for this task.")
    ] = None
    claimable: Annotated[
        bool, Field(description="Only those that you may claim now: open, unblocked, for you.")
    ] = False
    after: Annotated[
        str | None, Field(max_length=64, description="`following` of the page before.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50

    def wanted(self, org: str | None) -> TaskFilter:
        """As a store is asked."""
        states: list[State] = [each for each in STATES if each in (self.state or "").split(",")]
        return TaskFilter(org, tuple(states), self.created_by, self.holder, self.under)


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

    async def find(self, asked: Asked[Slip, TasksAsked, Nothing]) -> TaskList:
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
        found, text = await self._board.artifact(org, path["task"], path["name"])
        return ArtifactText(
            name=found.name, media_type=found.media_type, sha256=found.sha256, text=text
        )

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
            Endpoint("GET", PATH, "agent", self.find, TaskList, query=TasksAsked, tag=TAG),
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

"""Tasks: what the agents of every org work on; a person may answer a question, and cancel."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from proxy.board import Board
from proxy.board.acts import Act, Answer, Cancel
from proxy.board.asked import TasksAsked, Word
from proxy.board.task import Person
from proxy.board.views import (
    ArtifactText,
    TaskList,
    TaskView,
    artifact_text,
    place_of,
    task_list,
    task_view,
)
from proxy.console.access import Viewer
from proxy.endpoint import Asked, Endpoint, Nothing

_ONE = "/api/tasks/{task}"


class OrgsTasksAsked(TasksAsked):
    """Of one org, or of all."""

    org: Annotated[Word | None, Field(description="Without it, of every org.")] = None


def endpoints(board: Board, now_ms: Callable[[], int]) -> list[Endpoint[Viewer]]:
    """What can be asked of tasks, and done to them."""

    async def find(asked: Asked[Viewer, OrgsTasksAsked, Nothing]) -> TaskList:
        """Tasks, by priority and then by age."""
        query = asked.query
        wanted, after = query.wanted(query.org), place_of(query.after)
        return task_list(await board.find(wanted, now_ms(), after=after, limit=query.limit))

    async def get(asked: Asked[Viewer, Nothing, Nothing]) -> TaskView:
        """One task, in full."""
        return task_view(await board.get(None, asked.path["task"], now_ms()))

    async def artifact(asked: Asked[Viewer, Nothing, Nothing]) -> ArtifactText:
        """A text that a completed task left behind."""
        path = asked.path
        return artifact_text(*await board.artifact(None, path["task"], path["name"]))

    async def acted(asked: Asked[Viewer, Nothing, Act]) -> TaskView:
        task = (await board.get(None, asked.path["task"], now_ms())).task
        person = Person(asked.who.name)
        return task_view(await board.act(task.org, task.id, asked.body, person, now_ms()))

    async def cancel(asked: Asked[Viewer, Nothing, Cancel]) -> TaskView:
        """End a task that is not wanted any more."""
        return await acted(asked)

    async def answer(asked: Asked[Viewer, Nothing, Answer]) -> TaskView:
        """Answer the question of whoever holds a task."""
        return await acted(asked)

    tag, not_there = "tasks", (404,)
    return [
        Endpoint("GET", "/api/tasks", "viewer", find, TaskList, query=OrgsTasksAsked, tag=tag),
        Endpoint("GET", _ONE, "viewer", get, TaskView, problems=not_there, tag=tag),
        Endpoint(
            "GET",
            f"{_ONE}/artifacts/{{name}}",
            "viewer",
            artifact,
            ArtifactText,
            problems=not_there,
            tag=tag,
        ),
        Endpoint(
            "POST",
            f"{_ONE}/cancel",
            "admin",
            cancel,
            TaskView,
            body=Cancel,
            problems=(404, 409),
            tag=tag,
        ),
        Endpoint(
            "POST",
            f"{_ONE}/answer",
            "approver",
            answer,
            TaskView,
            body=Answer,
            problems=(404, 409),
            tag=tag,
        ),
    ]

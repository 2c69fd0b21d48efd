"""What happens to tasks, as it happens: server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from pydantic import Field

from proxy.board import Board
from proxy.board.outbox import Watched
from proxy.board.views import TaskChange, task_change
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem, Reply
from proxy.inside.caller import caller
from proxy.inside.tasks import PATH, TAG
from proxy.slip import Slip

EVENTS = "text/event-stream"
WATCHERS_MAX = 200
"""Streams of one org at a time."""
_BEAT_S = 15.0
"""A line goes out at least so often, so that a broken connection is noticed and a live one is not."""


class WatchAsked(Model):
    """From where on."""

    after: int | None = Field(
        default=None,
        ge=0,
        lt=2**53,
        description="The number behind which to begin: `at` of a list, or the id of the last event. "
        "Without it, and without Last-Event-ID, from now on.",
    )


class Watching:
    """Streams of an org's changes."""

    def __init__(self, board: Board, beat_s: float = _BEAT_S) -> None:
        self._board = board
        self._beat_s = beat_s

    async def watch(self, asked: Asked[Slip, WatchAsked, Nothing]) -> Reply:
        """What happens to the tasks of your org, as events; resumed with Last-Event-ID."""
        org = caller(asked).org
        if self._board.watchers(org) >= WATCHERS_MAX:
            raise Problem(
                409, "too_many_watchers", "Your org has too many of these open. Close one."
            )
        watched = self._board.watch(org, _from(asked))
        return Reply(self._events(watched), content_type=EVENTS)

    async def _events(self, watched: AsyncGenerator[Watched]) -> AsyncGenerator[bytes]:
        """The stream's bytes. Nothing is kept for a reader that is slow."""
        yield b"retry: 1000\n\n"
        following = asyncio.ensure_future(anext(watched))
        try:
            while True:
                await asyncio.wait({following}, timeout=self._beat_s)
                if not following.done():
                    yield b":\n\n"
                    continue
                yield _event(following.result())
                following = asyncio.ensure_future(anext(watched))
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            await watched.aclose()

    def endpoints(self) -> Sequence[Endpoint[Slip]]:
        return [
            Endpoint(
                "GET",
                f"{PATH}/watch",
                "agent",
                self.watch,
                TaskChange,
                query=WatchAsked,
                problems=(409,),
                kinds=(EVENTS,),
                tag=TAG,
            )
        ]


def _from(asked: Asked[Slip, WatchAsked, Nothing]) -> int | None:
    """Where a browser or a client resumes comes before where it first began."""
    last = asked.last_event_id
    if last is None:
        return asked.query.after
    if not (last.isascii() and last.isdigit() and len(last) <= 15):
        raise Problem(400, "bad_query", "Last-Event-ID is no id of an event of ours.")
    return int(last)


def _event(watched: Watched) -> bytes:
    if watched.change is None:
        name, data = "gap", '{"do":"list the tasks again: some changes are not kept any more"}'
    else:
        name, data = "task", task_change(watched.change).model_dump_json()
    return f"id: {watched.seq}\nevent: {name}\ndata: {data}\n\n".encode()

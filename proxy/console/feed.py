"""The live feed: server-sent events for the page that its query names, drawn with that page's own macros.

One answer to one question serves the first look, every wake-up and every return: what is there behind
this sequence number? So nothing is told twice or lost between a page and its feed, or over a pause.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from proxy.endpoint import Problem
from proxy.events import Events, Listener

PING_S = 15.0
"""Between two comments that keep the connection, and two looks whether its viewer may still look."""
GATHER_S = 0.1
"""What happens within this is told at once."""
FEEDS_MAX = 256
SHARE_MAX = 16
"""Of one viewer, in all their logins: so that one shuts out nobody else."""
_RETRY_MS = 2000
_DIGITS_MAX = 15
_line_end = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Told:
    """A piece of the page: a row to put in, or a panel to put in place of itself."""

    kind: Literal["row", "panel"]
    html: str


@dataclass(frozen=True, slots=True)
class News:
    """What is there behind a sequence number."""

    told: Sequence[Told]
    after: int
    """Where the next question begins."""
    missed: int = 0
    """How many rows were too many to be told."""
    again_s: float | None = None
    """Ask again this soon, even when nothing happens."""


type Source = Callable[[Mapping[str, str], int], Awaitable[News]]
"""Of one page: its query, and what is known already. Raises Problem for a query without a view."""


@dataclass(frozen=True, slots=True)
class _Looking:
    """Who looks at an open feed."""

    viewer: str
    request: web.Request

    @property
    def is_there(self) -> bool:
        """Has their connection not ended?"""
        transport = self.request.transport
        return transport is not None and not transport.is_closing()


class Feeds:
    """Serves the feeds of all pages, and ends them when it is told to."""

    def __init__(
        self,
        events: Events,
        sources: Mapping[str, Source],
        may_look: Callable[[web.Request], Awaitable[bool]],
        viewer_of: Callable[[web.Request], str],
    ) -> None:
        """`viewer_of` is the name of who asks."""
        self._events = events
        self._sources = sources
        self._may_look = may_look
        self._viewer_of = viewer_of
        self._open: dict[asyncio.Task[None], _Looking] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One viewer's feed, for as long as they look and may."""
        source = self._sources.get(request.query.get("page", ""))
        if source is None:
            raise Problem(404, "not_found", "No page of this name has a feed.")
        viewer = self._viewer_of(request)
        self._check_room(viewer)
        response = web.StreamResponse(headers={"x-accel-buffering": "no"})
        response.content_type, response.charset = "text/event-stream", "utf-8"
        task = asyncio.create_task(self._follow(request, response, source), name="feed")
        self._open[task] = _Looking(viewer, request)
        try:
            # Whoever asked may have left the page before the first byte.
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await task
        finally:
            task.cancel()
            self._open.pop(task, None)
        return response

    def _check_room(self, viewer: str) -> None:
        """Raises Problem when there are too many. Whose viewer has left the page is ended here: by
        itself, a feed finds that out only when it has something to write."""
        for task, looking in tuple(self._open.items()):
            if not looking.is_there:
                task.cancel()
                del self._open[task]
        if len(self._open) >= FEEDS_MAX:
            raise Problem(
                503, "too_many_feeds", "Too many pages are open. Close some, then reload."
            )
        if sum(looking.viewer == viewer for looking in self._open.values()) >= SHARE_MAX:
            raise Problem(
                429,
                "too_many_own_feeds",
                f"{SHARE_MAX} live pages of yours are open already. Close some, then reload.",
            )

    async def close(self, _: web.Application) -> None:
        """The house stops: every feed ends, and its page will try again."""
        for task in self._open:
            task.cancel()

    async def _follow(
        self, request: web.Request, response: web.StreamResponse, source: Source
    ) -> None:
        after = _after(request)
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        await response.write(f"retry: {_RETRY_MS}\n\n".encode())
        shown: frozenset[str] = frozenset()
        looked = loop.time()
        with self._events.listen() as heard:
            while True:
                news = await source(request.query, after)
                await response.write(written(news, shown, is_moved=news.after != after))
                after = news.after
                shown = frozenset(told.html for told in news.told if told.kind == "panel") or shown
                if await _happens(heard, news.again_s or PING_S):
                    await asyncio.sleep(GATHER_S)
                elif news.again_s is None:
                    await response.write(b": nothing new\n\n")
                if loop.time() - looked >= PING_S:
                    looked = loop.time()
                    if not await self._may_look(request):
                        await response.write(b"event: bye\ndata: signed out\n\n")
                        return


def written(news: News, shown: frozenset[str], *, is_moved: bool) -> bytes:
    """As events. A panel that is `shown` already is left out; where nothing is told, a viewer who
    comes back later still knows from where on."""
    lines = [f"event: missed\ndata: {news.missed}\n\n"] if news.missed else []
    for told in news.told:
        if told.kind == "row" or told.html not in shown:
            # A carriage return ends a line too, and whose text it stands in may be anybody's.
            data = "".join(f"data: {line}\n" for line in _line_end.split(told.html.strip()))
            lines.append(f"event: {told.kind}\n{data}id: {news.after}\n\n")
    if not lines and is_moved:
        lines = [f"id: {news.after}\n\n"]
    return "".join(lines).encode("utf-8", "replace")


async def _happens(heard: Listener, within_s: float) -> bool:
    try:
        await asyncio.wait_for(heard.all(), within_s)
    except TimeoutError:
        return False
    return True


def _after(request: web.Request) -> int:
    """What the viewer has: by the browser's word on its return, else by the page's own."""
    for text in (request.headers.get("last-event-id"), request.query.get("after")):
        if text and text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
            return int(text)
    return -1

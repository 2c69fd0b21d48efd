"""Tasks: what the agents share, found by the URL's filters, paged by key, exported as shown, live."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from proxy.board.states import ENDED, STATES, State
from proxy.board.store import Place, TaskFilter
from proxy.board.views import place_of
from proxy.console.feed import News, Source, Told
from proxy.console.pages.asked import Asked, Choices
from proxy.console.pages.exports import export_pages
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.task_rows import COLUMNS, TaskRow, exported, with_allowances
from proxy.console.ports import Ports
from proxy.console.templates import render_part
from proxy.csv_rows import Cell
from proxy.endpoint import Problem
from proxy.ledger.store import Filter

PATH = "/tasks"
SIZE = 50
_CHUNK = 500
_VALUE_MAX = 128
_FIELDS = ("org", "holder", "created_by", "under", "waits_for")
LEASES_S = 5.0
"""How soon leases are looked at again: a heartbeat is no transition, and in no record."""
UNFINISHED: tuple[State, ...] = tuple(each for each in STATES if each not in ENDED)
EVERY = "all"
CHOICES = Choices(
    "state",
    "State",
    (
        *(
            (each, "asks" if each == "input_required" else each.replace("_", " "))
            for each in STATES
        ),
        (EVERY, "all of them"),
    ),
)


@dataclass(frozen=True, slots=True)
class TasksAsked:
    """A page's query, read."""

    asked: Asked
    wanted: TaskFilter
    after: Place | None = None
    """Only what comes behind it: a further page."""


@dataclass(frozen=True, slots=True)
class TasksView:
    """One page of tasks."""

    asked: Asked
    rows: Sequence[TaskRow]
    following: str | None
    first: str | None
    states: Choices = CHOICES
    fields: Sequence[str] = _FIELDS

    @property
    def in_words(self) -> str:
        """How many there are of what somebody may have to look at."""
        names = [row.state.word for row in self.rows]
        counted = [(word, names.count(word)) for word in ("asks", "in progress", "blocked")]
        return ", ".join(f"{count} {word}" for word, count in counted if count)


def read(query: Mapping[str, str]) -> TasksAsked:
    """What cannot be read is left out and told: a page is shown all the same."""
    given: dict[str, str] = {}
    problems: list[str] = []
    for name in ("state", *_FIELDS):
        value = query.get(name, "").strip()
        if len(value) > _VALUE_MAX or not _is_sayable(value):
            problems.append(f"{name}: no task can be like this")
        elif name == "state" and value and value not in (EVERY, *STATES):
            problems.append(f"state: there are {', '.join(STATES)}, and {EVERY}")
        elif value:
            given[name] = value
    states: tuple[State, ...] = UNFINISHED
    if "state" in given:
        states = tuple(each for each in STATES if given["state"] == each)
    try:
        after = place_of(query.get("after") or None)
    except Problem as problem:
        after = None
        problems.append(problem.message)
    named = {name: given.get(name) for name in _FIELDS}
    asked = Asked(PATH, given, Filter(), None, problems)
    return TasksAsked(asked, TaskFilter(states=states, **named), after)


def _is_sayable(value: str) -> bool:
    return value == value.encode("utf-8", "replace").decode()


async def look(ports: Ports, wanted: TasksAsked) -> TasksView:
    """Ask the board."""
    found = await ports.board.find(wanted.wanted, ports.now_ms(), after=wanted.after, limit=SIZE)
    asked, key = wanted.asked, found.following
    return TasksView(
        asked=asked,
        rows=await with_allowances(ports, found.tasks),
        following=asked.url(after=f"{key[0]}.{key[1]}") if key else None,
        first=asked.url() if wanted.after is not None else None,
    )


def pages(ports: Ports) -> list[Page]:
    """The board."""

    async def show(request: web.Request) -> web.Response:
        wanted = read(request.query)
        view = await look(ports, wanted)
        place = request.query.get("after") if wanted.after is not None else None
        feed = wanted.asked.url("/feed", page="tasks", after=place)
        return page("tasks.html", frame(ports, request, "Tasks", "tasks", feed=feed), view)

    async def rows(request: web.Request) -> AsyncIterator[Iterator[dict[str, Cell]]]:
        wanted = read(request.query).wanted
        after: Place | None = None
        while True:
            found = await ports.board.find(wanted, ports.now_ms(), after=after, limit=_CHUNK)
            yield map(exported, await with_allowances(ports, found.tasks))
            if found.following is None:
                return
            after = found.following

    return [Page("GET", PATH, "viewer", show), *export_pages(PATH, COLUMNS, rows)]


def source(ports: Ports) -> Source:
    """The list, drawn anew whenever something happened to a task."""

    async def news(query: Mapping[str, str], after: int) -> News:
        head = await ports.ledger.head()
        view = await look(ports, read(query))
        drawn = render_part("task_parts.html", "board", view, ports.now_ms())
        again_s = LEASES_S if any(row.has_lease for row in view.rows) else None
        return News([Told("panel", drawn)], head, again_s=again_s)

    return news

"""Agents & sessions: who calls, what they spend and are refused, what their budgets leave them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from proxy.console.links import url
from proxy.console.pages.asked import Asked, read
from proxy.console.pages.calls import source as calls_source
from proxy.console.pages.exports import export_pages
from proxy.console.pages.gauges import Gauge
from proxy.console.pages.kills import Steering, steering
from proxy.console.pages.now import standing_of
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.rows import CallRow, call_row
from proxy.console.pages.spender_rows import (
    AGENT,
    AGENT_COLUMNS,
    HOUR_MS,
    KNOWN_MAX,
    SESSION,
    SESSION_COLUMNS,
    SPARKS,
    Place,
    SpenderRow,
    SpendersPage,
    Who,
    exported,
    is_of,
    paged,
    place_of,
    row_of,
    spender_rows,
    with_sparks,
)
from proxy.console.pages.task_rows import TaskRow, tasks_of
from proxy.console.ports import Ports
from proxy.csv_rows import Row
from proxy.endpoint import Problem
from proxy.kill.stops import Stop
from proxy.ledger.store import Counted, Filter

PATH = "/agents"
SESSIONS = "/sessions"
"""Where sessions are exported."""
_CALLS = 20
_SPENT_MAX = 100_000
"""Hours of agents."""
_PERIOD = "24h"
"""Shown unless the URL says otherwise."""


@dataclass(frozen=True, slots=True)
class AgentsView:
    """Every agent that called in the period."""

    asked: Asked
    listed: SpendersPage
    sessions: SpendersPage
    """Of all agents."""
    agents: int
    """How many have a name."""
    calls: int
    """Of all of them, on whatever page, as is what follows."""
    refused: int
    nanousd: int


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A tool, and how often each decision fell."""

    tool: str
    decisions: Sequence[tuple[str, int]]
    count: int


@dataclass(frozen=True, slots=True)
class OneView:
    """One agent, or one session."""

    asked: Asked
    org: str
    agent: str
    session: str | None
    row: SpenderRow
    steering: Steering
    sessions: SpendersPage
    gauges: Sequence[Gauge]
    counters_problem: str | None
    tools: Sequence[ToolRow]
    refusals: Sequence[tuple[str, int]]
    calls: Sequence[CallRow]
    more: str
    """Where all their calls are."""
    tasks: Sequence[TaskRow]


def tool_rows(counted: Sequence[Counted]) -> list[ToolRow]:
    """Tools by how often they were asked for."""
    found: dict[str, list[tuple[str, int]]] = {}
    for each in counted:
        tool, decision = each.group
        found.setdefault(str(tool or ""), []).append((str(decision), each.count))
    rows = [ToolRow(tool, said, sum(n for _, n in said)) for tool, said in found.items()]
    return sorted(rows, key=lambda row: (-row.count, row.tool))


def pages(ports: Ports) -> list[Page]:
    """All agents; one agent; one session."""

    def asked_of(request: web.Request, path: str) -> Asked:
        query = {"since": _PERIOD, **request.query}
        return read(path, query, ports.now_ms())

    async def everybody(request: web.Request) -> web.Response:
        asked = asked_of(request, PATH)
        asked, after = _place(asked, request, "after")
        asked, sessions_after = _place(asked, request, "sessions_after")
        now_ms = ports.now_ms()
        rows, sessions, spent = await asyncio.gather(
            _found(ports, asked.filter, AGENT),
            _found(ports, asked.filter, SESSION),
            ports.ledger.spent(
                AGENT, HOUR_MS, Filter(since_ms=now_ms - SPARKS * HOUR_MS), _SPENT_MAX
            ),
        )
        listed = _marked(ports, paged(rows, asked, after))
        drawn = await asyncio.to_thread(with_sparks, listed.rows, spent, now_ms)
        view = AgentsView(
            asked,
            replace(listed, rows=drawn),
            _marked(ports, paged(sessions, asked, sessions_after, "sessions_after")),
            agents=sum(row.who[1] is not None for row in rows),
            calls=sum(row.calls for row in rows),
            refused=sum(row.refused for row in rows),
            nanousd=sum(row.nanousd for row in rows),
        )
        return page("agents.html", frame(ports, request, "Agents & sessions", "agents"), view)

    async def agent_rows(request: web.Request) -> AsyncIterator[Iterator[Row]]:
        found = await _found(ports, asked_of(request, PATH).filter, AGENT)
        yield map(exported, _stops_of(ports, found))

    async def session_rows(request: web.Request) -> AsyncIterator[Iterator[Row]]:
        found = await _found(ports, asked_of(request, PATH).filter, SESSION)
        yield map(exported, _stops_of(ports, found))

    async def agent(request: web.Request) -> web.Response:
        asked = asked_of(request, "/agent")
        asked, after = _place(asked, request, "after")
        view = await _one(ports, asked, after, session=False)
        return page("agent.html", frame(ports, request, f"Agent {view.agent}", "agents"), view)

    async def session(request: web.Request) -> web.Response:
        asked = asked_of(request, "/session")
        head = await ports.ledger.head()
        view = await _one(ports, asked, None, session=True)
        feed = url("/feed", {**_who(view)}, page="session", after=head)
        around = frame(ports, request, f"Session {view.session}", "agents", feed=feed)
        return page("session.html", around, view)

    return [
        Page("GET", PATH, "viewer", everybody),
        *export_pages(PATH, AGENT_COLUMNS, agent_rows),
        *export_pages(SESSIONS, SESSION_COLUMNS, session_rows),
        Page("GET", "/agent", "viewer", agent),
        Page("GET", "/session", "viewer", session),
    ]


source = calls_source
"""Of a session's page: its calls."""


async def _found(ports: Ports, wanted: Filter, by: Sequence[str]) -> list[SpenderRow]:
    """All of them. Put together off the loop: they may be many."""
    spenders, refusals = await asyncio.gather(
        ports.ledger.spenders(by, wanted, KNOWN_MAX), ports.ledger.refusals(by, wanted)
    )
    live = [slip for slip in ports.calls.live if is_of(slip, wanted)]
    return await asyncio.to_thread(spender_rows, spenders, refusals, live, len(by))


def _place(asked: Asked, request: web.Request, name: str) -> tuple[Asked, Place | None]:
    """Where a page begins; what is no place is told, and the first page is shown."""
    try:
        return asked, place_of(request.query.get(name, ""))
    except ValueError as error:
        return replace(asked, problems=[*asked.problems, f"{name}: {error}"]), None


def _marked(ports: Ports, found: SpendersPage) -> SpendersPage:
    return replace(found, rows=_stops_of(ports, found.rows))


def _stops_of(ports: Ports, rows: Iterable[SpenderRow]) -> list[SpenderRow]:
    """With what is stopped."""
    stops = ports.switch.in_force
    return [replace(row, stopped=_stopped(stops, row.who)) if stops else row for row in rows]


def _stopped(stops: Sequence[Stop], who: Who) -> str | None:
    org, agent = who[0], who[1]
    if org is None or agent is None:
        return None
    found = steering(stops, org, agent, who[2] if len(who) > 2 else None).stops
    levels = [stop.level for stop in found]
    return "kill" if "kill" in levels else levels[0] if levels else None


def _who(view: OneView) -> dict[str, str | None]:
    return {"org": view.org, "agent": view.agent, "session": view.session}


async def _one(ports: Ports, asked: Asked, after: Place | None, *, session: bool) -> OneView:
    """Raises Problem 404 when the URL names nobody."""
    wanted = asked.filter
    if wanted.org is None or wanted.agent is None or (session and wanted.session is None):
        raise Problem(404, "not_found", "The link names nobody: it needs org and agent.")
    now_ms = ports.now_ms()
    name = wanted.session if session else None
    who = Filter(org=wanted.org, agent=wanted.agent, session=name)
    period = replace(who, since_ms=wanted.since_ms, until_ms=wanted.until_ms)
    by = SESSION if session else AGENT
    rows, sessions, spent, tools, codes, calls = await asyncio.gather(
        _found(ports, period, by),
        _found(ports, period, SESSION),
        ports.ledger.spent(by, HOUR_MS, replace(who, since_ms=now_ms - SPARKS * HOUR_MS)),
        ports.ledger.tools(period),
        ports.ledger.refusals(("code",), period),
        ports.ledger.calls(period, _CALLS),
    )
    key: Who = (wanted.org, wanted.agent, wanted.session) if session else (wanted.org, wanted.agent)
    theirs = next((row for row in rows if row.who == key), row_of(key))
    standing, problem = await standing_of(ports, who)
    return OneView(
        asked=asked,
        org=wanted.org,
        agent=wanted.agent,
        session=name,
        steering=steering(ports.switch.in_force, wanted.org, wanted.agent, name),
        row=with_sparks([theirs], spent, now_ms)[0],
        sessions=_marked(ports, paged(sessions, asked, after)),
        gauges=[each for each in standing if _is_theirs(each, key)],
        counters_problem=problem,
        tools=tool_rows(tools),
        refusals=[(str(each.group[0]), each.count) for each in codes],
        calls=[call_row(call) for call in calls],
        more=url("/calls", {"org": wanted.org, "agent": wanted.agent, "session": name}),
        tasks=await tasks_of(ports, wanted.org, wanted.agent, name),
    )


def _is_theirs(gauge: Gauge, who: Who) -> bool:
    """Not another session's: those of an agent are on their own pages."""
    return len(who) > 2 or "session" not in dict(gauge.scope)

"""Agents & sessions: who calls, what they spend and are refused, what their budgets leave them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from markupsafe import Markup

from proxy.console import said
from proxy.console.links import url
from proxy.console.pages.asked import Asked, read
from proxy.console.pages.calls import source as calls_source
from proxy.console.pages.gauges import Gauge
from proxy.console.pages.kills import Steering, steering
from proxy.console.pages.now import standing_of
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.rows import CallRow, call_row
from proxy.console.pages.task_rows import TaskRow, tasks_of
from proxy.console.plots import spark
from proxy.console.ports import Ports
from proxy.endpoint import Problem
from proxy.kill.stops import Stop
from proxy.ledger.store import Counted, Filter, Spender, Spent
from proxy.slip import Slip

PATH = "/agents"
_HOUR_MS = 3_600_000
_SPARKS = 24
_CALLS = 20
_SESSIONS_MAX = 50
"""Of one agent: the latest."""
_LATELY = 20
"""Sessions of all agents."""
_PERIOD = "24h"
"""Shown unless the URL says otherwise."""

type Who = tuple[str | None, ...]
"""(org, agent), or (org, agent, session)."""


@dataclass(frozen=True, slots=True)
class SpenderRow:
    """Somebody who called: an agent, or one session of one."""

    who: Who
    calls: int
    refused: int
    live: int
    sessions: int
    tokens: int
    nanousd: int
    last_ms: int
    spark: Markup | None
    stopped: str | None = None
    """kill or quarantine, where one is in force."""


@dataclass(frozen=True, slots=True)
class AgentsView:
    """Every agent that called in the period."""

    asked: Asked
    rows: Sequence[SpenderRow]
    sessions: Sequence[SpenderRow]
    """The latest, of all agents."""

    @property
    def agents(self) -> int:
        """How many have a name."""
        return sum(row.who[1] is not None for row in self.rows)

    @property
    def calls(self) -> int:
        """Of all of them."""
        return sum(row.calls for row in self.rows)

    @property
    def refused(self) -> int:
        """Of all of them."""
        return sum(row.refused for row in self.rows)

    @property
    def nanousd(self) -> int:
        """Of all of them."""
        return sum(row.nanousd for row in self.rows)


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
    sessions: Sequence[SpenderRow]
    gauges: Sequence[Gauge]
    counters_problem: str | None
    tools: Sequence[ToolRow]
    refusals: Sequence[tuple[str, int]]
    calls: Sequence[CallRow]
    more: str
    """Where all their calls are."""
    tasks: Sequence[TaskRow]


def spender_rows(
    spenders: Sequence[Spender],
    refusals: Sequence[Counted],
    live: Sequence[Slip],
    spent: Sequence[Spent] = (),
    now_ms: int = 0,
) -> list[SpenderRow]:
    """Whoever called or was refused, or is calling; who did so last comes first."""
    width = len(spenders[0].group) if spenders else len(refusals[0].group) if refusals else 2
    called = {each.group: each for each in spenders}
    refused: dict[Any, Counted] = {each.group: each for each in refusals}
    flying: dict[Who, list[Slip]] = {}
    for slip in live:
        if slip.identity is not None:
            who = slip.identity
            flying.setdefault((who.org, who.agent, who.session)[:width], []).append(slip)
    drawn = _sparks(spent, now_ms)
    rows = [
        _row(who, called.get(who), refused.get(who), flying.get(who, ()), drawn.get(who))
        for who in {**called, **refused, **flying}
    ]
    return sorted(rows, key=lambda row: (-row.last_ms, str(row.who)))


def _row(
    who: Who,
    spender: Spender | None,
    refused: Counted | None,
    live: Sequence[Slip],
    drawn: Markup | None,
) -> SpenderRow:
    times = [slip.opened_ms for slip in live]
    times += [each.last_ms for each in (spender, refused) if each is not None]
    return SpenderRow(
        who=who,
        calls=spender.calls if spender else 0,
        refused=refused.count if refused else 0,
        live=len(live),
        sessions=spender.sessions if spender else 0,
        tokens=spender.tokens if spender else 0,
        nanousd=spender.nanousd if spender else 0,
        last_ms=max(times, default=0),
        spark=drawn,
    )


def _sparks(spent: Sequence[Spent], now_ms: int) -> dict[Who, Markup]:
    """Spending of the last hours, for each who spent."""
    first = now_ms // _HOUR_MS - _SPARKS + 1
    values: dict[Who, list[int]] = {}
    for each in spent:
        at = each.start_ms // _HOUR_MS - first
        if 0 <= at < _SPARKS:
            values.setdefault(each.group, [0] * _SPARKS)[at] += each.nanousd
    return {
        who: spark(each, f"{said.money(sum(each))} in {_SPARKS} hours, by the hour")
        for who, each in values.items()
    }


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
        now_ms = ports.now_ms()
        by, each = ("org", "agent"), ("org", "agent", "session")
        spenders, refusals, spent, sessions, no_sessions = await asyncio.gather(
            ports.ledger.spenders(by, asked.filter),
            ports.ledger.refusals(by, asked.filter),
            ports.ledger.spent(by, _HOUR_MS, Filter(since_ms=now_ms - _SPARKS * _HOUR_MS)),
            ports.ledger.spenders(each, asked.filter, _LATELY),
            ports.ledger.refusals(each, asked.filter),
        )
        live = ports.calls.live
        view = AgentsView(
            asked,
            _marked(ports, spender_rows(spenders, refusals, live, spent, now_ms)),
            _marked(ports, spender_rows(sessions, no_sessions, live)[:_LATELY]),
        )
        return page("agents.html", frame(ports, request, "Agents & sessions", "agents"), view)

    async def agent(request: web.Request) -> web.Response:
        asked = asked_of(request, "/agent")
        view = await _one(ports, asked, session=False)
        return page("agent.html", frame(ports, request, f"Agent {view.agent}", "agents"), view)

    async def session(request: web.Request) -> web.Response:
        asked = asked_of(request, "/session")
        head = await ports.ledger.head()
        view = await _one(ports, asked, session=True)
        feed = url("/feed", {**_who(view)}, page="session", after=head)
        around = frame(ports, request, f"Session {view.session}", "agents", feed=feed)
        return page("session.html", around, view)

    return [
        Page("GET", PATH, "viewer", everybody),
        Page("GET", "/agent", "viewer", agent),
        Page("GET", "/session", "viewer", session),
    ]


source = calls_source
"""Of a session's page: its calls."""


def _marked(ports: Ports, rows: Sequence[SpenderRow]) -> list[SpenderRow]:
    """With what is stopped."""
    stops = ports.switch.in_force
    if not stops:
        return list(rows)
    return [replace(row, stopped=_stopped(stops, row.who)) for row in rows]


def _stopped(stops: Sequence[Stop], who: Who) -> str | None:
    org, agent = who[0], who[1]
    if org is None or agent is None:
        return None
    found = steering(stops, org, agent, who[2] if len(who) > 2 else None).stops
    levels = [stop.level for stop in found]
    return "kill" if "kill" in levels else levels[0] if levels else None


def _who(view: OneView) -> dict[str, str | None]:
    return {"org": view.org, "agent": view.agent, "session": view.session}


async def _one(ports: Ports, asked: Asked, *, session: bool) -> OneView:
    """Raises Problem 404 when the URL names nobody."""
    wanted = asked.filter
    if wanted.org is None or wanted.agent is None or (session and wanted.session is None):
        raise Problem(404, "not_found", "The link names nobody: it needs org and agent.")
    now_ms = ports.now_ms()
    name = wanted.session if session else None
    who = Filter(org=wanted.org, agent=wanted.agent, session=name)
    period = replace(who, since_ms=wanted.since_ms, until_ms=wanted.until_ms)
    by = ("org", "agent", "session") if session else ("org", "agent")
    spenders, refusals, spent = await asyncio.gather(
        ports.ledger.spenders(by, period),
        ports.ledger.refusals(by, period),
        ports.ledger.spent(by, _HOUR_MS, replace(who, since_ms=now_ms - _SPARKS * _HOUR_MS)),
    )
    sessions, no_sessions, tools, codes, calls = await asyncio.gather(
        ports.ledger.spenders(("org", "agent", "session"), period, _SESSIONS_MAX),
        ports.ledger.refusals(("org", "agent", "session"), period),
        ports.ledger.tools(period),
        ports.ledger.refusals(("code",), period),
        ports.ledger.calls(period, _CALLS),
    )
    live = [slip for slip in ports.calls.live if _is_of(slip, who)]
    key: Who = (wanted.org, wanted.agent, wanted.session) if session else (wanted.org, wanted.agent)
    rows = {row.who: row for row in spender_rows(spenders, refusals, live, spent, now_ms)}
    standing, problem = await standing_of(ports, who)
    return OneView(
        asked=asked,
        org=wanted.org,
        agent=wanted.agent,
        session=name,
        steering=steering(ports.switch.in_force, wanted.org, wanted.agent, name),
        row=rows.get(key) or _row(key, None, None, (), None),
        sessions=_marked(ports, spender_rows(sessions, no_sessions, live)[:_SESSIONS_MAX]),
        gauges=[each for each in standing if _is_theirs(each, key)],
        counters_problem=problem,
        tools=tool_rows(tools),
        refusals=[(str(each.group[0]), each.count) for each in codes],
        calls=[call_row(call) for call in calls],
        more=url("/calls", {"org": wanted.org, "agent": wanted.agent, "session": name}),
        tasks=await tasks_of(ports, wanted.org, wanted.agent, name),
    )


def _is_of(slip: Slip, who: Filter) -> bool:
    it = slip.identity
    return (
        it is not None
        and (it.org, it.agent) == (who.org, who.agent)
        and who.session in (None, it.session)
    )


def _is_theirs(gauge: Gauge, who: Who) -> bool:
    """Not another session's: those of an agent are on their own pages."""
    return len(who) > 2 or "session" not in dict(gauge.scope)

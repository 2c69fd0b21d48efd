"""One task: what it is, what became of it, what it cost; its question answered and itself cancelled."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from proxy.board import limit_of
from proxy.board.acts import Answer, Cancel
from proxy.board.store import TaskFilter
from proxy.board.task import Artifact, Person, Task
from proxy.budgets import CountersUnavailable
from proxy.console.access.guard import VIEWER
from proxy.console.feed import News, Source, Told
from proxy.console.links import url
from proxy.console.pages.forms import form_of
from proxy.console.pages.gauges import Gauge, gauge
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.rows import State
from proxy.console.pages.task_rows import STATES, TaskRow, task_row
from proxy.console.pages.tasks import LEASES_S, PATH
from proxy.console.ports import Ports
from proxy.console.templates import render_part
from proxy.endpoint import Problem
from proxy.ledger.r6 import ms_of
from proxy.ledger.store import Entry, Filter, Spender

_HISTORY_MAX = 200
_AROUND_MAX = 50
ONE = f"{PATH}/{{task}}"

ACTS: Mapping[str, str] = {
    "create": "made",
    "claim": "claimed",
    "start": "begun",
    "ask": "asked a question",
    "answer": "answered",
    "complete": "completed",
    "fail": "failed",
    "release": "given back",
    "cancel": "cancelled",
    "depend": "made to wait for others",
    "lapse": "the lease ended",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A transition, as the ledger has it."""

    seq: int
    at_ms: int
    words: str
    state: State
    agent: str | None
    session: str | None
    person: str | None


@dataclass(frozen=True, slots=True)
class OneTask:
    """A task with everything around it."""

    row: TaskRow
    before: Sequence[TaskRow]
    """What it depends on."""
    behind: Sequence[TaskRow]
    """What depends on it."""
    above: TaskRow | None
    """The task for which it was made."""
    below: Sequence[TaskRow]
    """Tasks made for it."""
    steps: Sequence[Step]
    spenders: Sequence[Spender]
    """Whose calls named it, by org and agent."""
    allowance: Gauge | None
    counters_problem: str | None

    @property
    def task(self) -> Task:
        """As the board keeps it."""
        return self.row.task


@dataclass(frozen=True, slots=True)
class ArtifactView:
    """A text that a task left behind."""

    task: Task
    artifact: Artifact
    text: str


def step(entry: Entry) -> Step:
    """A transition from its record."""
    body: Any = entry.body
    role, result = body["role"], body["result"]
    facts = result["facts"]
    return Step(
        seq=entry.seq,
        at_ms=ms_of(body["ts"]),
        words=ACTS.get(facts["act"], str(facts["act"])),
        state=STATES.get(result["status"], State("event", str(result["status"]))),
        agent=role["agent"],
        session=role["session"],
        person=facts["by"],
    )


async def look_up(ports: Ports, task_id: str) -> OneTask:
    """Ask the ports. Raises Problem 404."""
    now_ms = ports.now_ms()
    shown = await ports.board.get(None, task_id, now_ms)
    task = shown.task
    around = (
        TaskFilter(org=task.org, waits_for=task.id),
        TaskFilter(org=task.org, under=task.id),
    )
    behind, below = [
        [task_row(each) for each in (await ports.board.find(it, now_ms, limit=_AROUND_MAX)).tasks]
        for it in around
    ]
    above = await _known(ports, task.org, [task.under] if task.under else [])
    entries, spenders = await asyncio.gather(
        ports.ledger.find(Filter(org=task.org, kind="task", task=task.id), _HISTORY_MAX),
        ports.ledger.spenders(("org", "agent"), Filter(org=task.org, task=task.id), _AROUND_MAX),
    )
    allowance, problem = await _allowance(ports, task)
    return OneTask(
        row=task_row(shown),
        before=await _known(ports, task.org, task.depends_on),
        behind=behind,
        above=above[0] if above else None,
        below=below,
        steps=[step(entry) for entry in entries],
        spenders=spenders,
        allowance=allowance,
        counters_problem=problem,
    )


async def _known(ports: Ports, org: str, task_ids: Sequence[str]) -> list[TaskRow]:
    """Those that are still kept."""
    found = []
    for each in task_ids[:_AROUND_MAX]:
        try:
            found.append(task_row(await ports.board.get(org, each, ports.now_ms())))
        except Problem:
            continue
    return found


async def _allowance(ports: Ports, task: Task) -> tuple[Gauge | None, str | None]:
    if task.cap_nanousd is None:
        return None, None
    limit, now_ms = limit_of(task.org, task.id, task.cap_nanousd), ports.now_ms()
    try:
        (balance,) = await ports.accounts.balances(task.org, [limit], now_ms)
    except CountersUnavailable as error:
        return None, str(error)
    return gauge(task.org, balance, now_ms), None


def pages(ports: Ports) -> list[Page]:
    """One task, its artifacts, and what a person may do about it."""

    async def show(request: web.Request) -> web.Response:
        view = await look_up(ports, request.match_info["task"])
        feed = url("/feed", page="task", task=view.task.id)
        return page("task.html", frame(ports, request, view.task.title, "tasks", feed=feed), view)

    async def artifact(request: web.Request) -> web.Response:
        task_id, name = request.match_info["task"], request.match_info["name"]
        found, text = await ports.board.artifact(None, task_id, name)
        task = (await ports.board.get(None, task_id, ports.now_ms())).task
        around = frame(ports, request, found.name, "tasks")
        return page("artifact.html", around, ArtifactView(task, found, text))

    async def act(request: web.Request, doing: Answer | Cancel) -> web.Response:
        now_ms = ports.now_ms()
        task = (await ports.board.get(None, request.match_info["task"], now_ms)).task
        await ports.board.act(task.org, task.id, doing, Person(request[VIEWER].name), now_ms)
        raise web.HTTPSeeOther(f"{PATH}/{task.id}")

    async def answer(request: web.Request) -> web.Response:
        text = (await form_of(request)).get("answer", "")
        return await act(request, _read(Answer, {"answer": text}))

    async def cancel(request: web.Request) -> web.Response:
        text = (await form_of(request)).get("reason", "")
        return await act(request, _read(Cancel, {"reason": text}))

    return [
        Page("GET", ONE, "viewer", show),
        Page("GET", f"{ONE}/artifacts/{{name}}", "viewer", artifact),
        Page("POST", f"{ONE}/answer", "approver", answer),
        Page("POST", f"{ONE}/cancel", "admin", cancel),
    ]


def _read[Form: (Answer, Cancel)](model: type[Form], given: Mapping[str, str]) -> Form:
    (name,) = given
    if not given[name].strip():
        raise Problem(400, "bad_query", f"{name}: write something. The agent is told.")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Problem(400, "bad_query", f"{name}: {first['msg']}") from None


def source(ports: Ports) -> Source:
    """All of a task but its forms, drawn anew."""

    async def news(query: Mapping[str, str], after: int) -> News:
        head = await ports.ledger.head()
        view = await look_up(ports, query.get("task", ""))
        now_ms = ports.now_ms()
        told = [
            Told("panel", render_part("task_parts.html", panel, view, now_ms))
            for panel in ("standing", "around")
        ]
        return News(told, head, again_s=LEASES_S if view.row.has_lease else None)

    return news

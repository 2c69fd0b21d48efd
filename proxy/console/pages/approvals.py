"""Approvals: what waits for a person and what became of the rest, found by the URL, paged, exported, live."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from proxy.approvals.approval import Approval, Kind
from proxy.console import said
from proxy.console.feed import News, Source, Told
from proxy.console.pages.asked import Asked, Choices
from proxy.console.pages.exports import export_pages
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.rows import State
from proxy.console.ports import Ports
from proxy.console.templates import render_part
from proxy.csv_rows import Cell
from proxy.ledger.store import Filter

PATH = "/approvals"
SIZE = 50
AGAIN_S = 1.0
"""How soon it is looked again: what another process asks or decides is in no record of this one's."""
COLUMNS = (
    "asked", "changed", "until", "id", "state", "kind", "org", "agent", "session", "task", "rule",
    "reason", "summary", "needed", "approved_by", "denied_by", "call", "claimed_by",
)  # fmt: skip
STATES: Mapping[str, State] = {
    "pending": State("waiting", "waits"),
    "approved": State("ready", "approved"),
    "claimed": State("answered", "approved, done"),
    "denied": State("refused", "denied"),
    "expired": State("aborted", "expired"),
}
"""Shape and word of each."""
EVERY = "all"
CHOICES = Choices(
    "state", "State", (*((name, it.word) for name, it in STATES.items()), (EVERY, "all of them"))
)
_FIELDS = ("org", "agent", "session", "task", "rule")
_VALUE_MAX = 128


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """What a row says of one."""

    it: Approval
    state: State

    @property
    def title(self) -> str:
        """What is asked for, in one line, from what was parsed."""
        names = _TITLES[self.it.wanted.kind]
        parts = [value for name, value in self.it.wanted.summary if name in names]
        return " ".join(parts[:3]) or self.it.wanted.kind


_TITLES: Mapping[Kind, frozenset[str]] = {
    "model": frozenset({"model", "at most"}),
    "request": frozenset({"method", "host", "path"}),
    "mcp": frozenset({"tool", "command", "target", "host"}),
    "tool": frozenset({"tool", "command", "target"}),
    "budget": frozenset({"budget", "of", "at most"}),
}


@dataclass(frozen=True, slots=True)
class ApprovalsView:
    """One page of them."""

    asked: Asked
    rows: Sequence[ApprovalRow]
    waiting: int
    """How many wait, whatever is shown."""
    following: str | None
    first: str | None
    is_blind: bool
    states: Choices = CHOICES
    fields: Sequence[str] = _FIELDS


def row_of(it: Approval, now_ms: int) -> ApprovalRow:
    """Its row; a question whose time is up has expired, also before that is on file."""
    is_over = it.state in ("pending", "approved") and now_ms >= it.until_ms
    return ApprovalRow(it, STATES["expired" if is_over else it.state])


def waiting(ports: Ports) -> list[ApprovalRow]:
    """What a person may still decide, the oldest first: it gives up first."""
    now_ms = ports.now_ms()
    rows = [row_of(it, now_ms) for it in ports.approvals.all if it.state == "pending"]
    return [row for row in reversed(rows) if row.state is STATES["pending"]]


def read(query: Mapping[str, str]) -> Asked:
    """What cannot be read is left out and told: a page is shown all the same."""
    given: dict[str, str] = {}
    problems: list[str] = []
    for name in ("state", *_FIELDS):
        value = query.get(name, "").strip()
        if len(value) > _VALUE_MAX:
            problems.append(f"{name} is longer than {_VALUE_MAX} characters")
        elif name == "state" and value and value not in (EVERY, *STATES):
            problems.append(f"state: there are {', '.join(STATES)}, and {EVERY}")
        elif value:
            given[name] = value
    return Asked(PATH, given, Filter(), None, problems)


def found(ports: Ports, asked: Asked) -> list[ApprovalRow]:
    """Those that the query wants: without a state, what waits and, behind it, what was decided."""
    now_ms, given = ports.now_ms(), asked.given
    rows = [row_of(it, now_ms) for it in ports.approvals.all]
    wanted = STATES.get(given.get("state", ""))
    kept = [
        row
        for row in rows
        if (wanted is None or row.state is wanted)
        and all(
            getattr(row.it.wanted, name) == given.get(name) for name in _FIELDS if name in given
        )
    ]
    return sorted(kept, key=lambda row: row.state is not STATES["pending"])


def look(ports: Ports, query: Mapping[str, str]) -> ApprovalsView:
    """Of what this process knows now."""
    asked, after = read(query), query.get("after", "")
    rows = found(ports, asked)
    start = next((at + 1 for at, row in enumerate(rows) if row.it.id == after), None)
    if after and start is None:
        asked = replace(asked, problems=[*asked.problems, "after: there is no such approval"])
    shown = rows[start or 0 : (start or 0) + SIZE]
    is_last = (start or 0) + SIZE >= len(rows)
    return ApprovalsView(
        asked=asked,
        rows=shown,
        waiting=len(waiting(ports)),
        following=None if is_last else asked.url(after=shown[-1].it.id),
        first=asked.url() if start else None,
        is_blind=ports.approvals.is_blind,
    )


def exported(row: ApprovalRow) -> dict[str, Cell]:
    """As a flat row, by COLUMNS."""
    it, wanted = row.it, row.it.wanted
    return {
        "asked": said.iso(it.asked_ms),
        "changed": said.iso(it.changed_ms),
        "until": said.iso(it.until_ms),
        "id": it.id,
        "state": it.state,
        "kind": wanted.kind,
        "org": wanted.org,
        "agent": wanted.agent,
        "session": wanted.session,
        "task": wanted.task,
        "rule": wanted.rule,
        "reason": wanted.reason,
        "summary": "; ".join(f"{name}: {value}" for name, value in wanted.summary),
        "needed": it.needed,
        "approved_by": " ".join(vote.by for vote in it.votes if vote.says_yes),
        "denied_by": " ".join(vote.by for vote in it.votes if not vote.says_yes),
        "call": it.call,
        "claimed_by": it.claimed_by,
    }


def pages(ports: Ports) -> list[Page]:
    """What people are asked."""

    async def show(request: web.Request) -> web.Response:
        view = look(ports, request.query)
        feed = view.asked.url("/feed", page="approvals", behind=request.query.get("after"))
        return page(
            "approvals.html", frame(ports, request, "Approvals", "approvals", feed=feed), view
        )

    async def rows(request: web.Request) -> AsyncIterator[Iterator[dict[str, Cell]]]:
        yield map(exported, found(ports, read(request.query)))

    return [Page("GET", PATH, "viewer", show), *export_pages(PATH, COLUMNS, rows)]


def source(ports: Ports) -> Source:
    """The list, drawn anew."""

    async def news(query: Mapping[str, str], after: int) -> News:
        head = await ports.ledger.head()
        view = look(ports, {**query, "after": query.get("behind", "")})
        drawn = render_part("approval_parts.html", "board", view, ports.now_ms())
        return News([Told("panel", drawn)], head, again_s=AGAIN_S)

    return news

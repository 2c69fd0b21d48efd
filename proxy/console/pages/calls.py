"""Calls: found by the URL's filters, paged by sequence number, exported as shown, live."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from proxy.console import said
from proxy.console.feed import News, Source, Told
from proxy.console.pages.asked import Asked, Choices, read
from proxy.console.pages.exports import export_pages
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.rows import CallRow, call_row
from proxy.console.ports import Ports
from proxy.console.templates import render_part
from proxy.csv_rows import Cell
from proxy.ledger.store import OPEN, Call

PATH = "/calls"
SIZE = 50
_CHUNK = 500
STATUSES = Choices(
    "status",
    "Outcome",
    (
        (OPEN, "in flight"),
        ("answered", "answered"),
        ("refused", "refused"),
        ("errored", "upstream failed"),
        ("client_gone", "client left"),
        ("killed", "killed"),
        ("aborted", "aborted"),
        ("lost", "lost in a crash"),
    ),
)
COLUMNS = (
    "time", "id", "seq", "outcome", "code", "org", "agent", "session", "method", "host", "path",
    "provider", "model", "tokens", "nanousd", "estimated", "took_us", "tools",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallsView:
    """One page of calls."""

    asked: Asked
    rows: Sequence[CallRow]
    older: str | None
    newest: str | None
    statuses: Choices = STATUSES


def calls_view(asked: Asked, found: Sequence[Call]) -> CallsView:
    """Of one call more than a page shows, where there are older ones."""
    rows = [call_row(call) for call in found[:SIZE]]
    older = asked.url(before=rows[-1].seq) if len(found) > SIZE else None
    return CallsView(asked, rows, older, asked.url() if asked.before is not None else None)


def exported(call: Call) -> dict[str, Cell]:
    """A call as a flat row, by COLUMNS."""
    row = call_row(call)
    return {
        "time": said.iso(row.at_ms),
        "id": row.id,
        "seq": row.seq,
        "outcome": row.state.word,
        "code": row.code,
        "org": row.org,
        "agent": row.agent,
        "session": row.session,
        "method": row.method,
        "host": row.host,
        "path": row.path,
        "provider": row.provider,
        "model": row.model,
        "tokens": row.tokens,
        "nanousd": row.nanousd,
        "estimated": row.is_estimated,
        "took_us": row.took_us,
        "tools": " ".join(row.tools),
    }


def pages(ports: Ports) -> list[Page]:
    """What there is to see of calls."""

    def asked_of(request: web.Request) -> Asked:
        return read(PATH, request.query, ports.now_ms())

    async def show(request: web.Request) -> web.Response:
        asked = asked_of(request)
        head = await ports.ledger.head()
        found = await ports.ledger.calls(asked.filter, SIZE + 1, asked.before)
        feed = asked.url("/feed", page="calls", after=head) if asked.before is None else None
        around = frame(ports, request, "Calls", "calls", feed=feed)
        return page("calls.html", around, calls_view(asked, found))

    async def rows(request: web.Request) -> AsyncIterator[Iterator[dict[str, Cell]]]:
        asked, before = asked_of(request), None
        while found := await ports.ledger.calls(asked.filter, _CHUNK, before):
            yield map(exported, found)
            before = found[-1].decision.seq

    return [Page("GET", PATH, "viewer", show), *export_pages(PATH, COLUMNS, rows)]


def source(ports: Ports) -> Source:
    """The rows of calls of which something was filed, the newest last."""

    async def news(query: Mapping[str, str], after: int) -> News:
        now_ms = ports.now_ms()
        asked = read(PATH, query, now_ms)
        head = await ports.ledger.head()
        if head <= after:
            return News((), after)
        found = await ports.ledger.news(asked.filter, after, _CHUNK)
        rows = [call_row(call) for call in reversed(found[:SIZE])]
        told = [
            Told("row", render_part("parts.html", "call_row", row, now_ms, is_new=True))
            for row in rows
        ]
        return News(told, head, missed=len(found) - len(rows))

    return news

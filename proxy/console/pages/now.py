"""Now: calls in flight, money in flight, what was refused lately, and which budgets run out."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from markupsafe import Markup

from proxy.budgets import CountersUnavailable
from proxy.console.feed import News, Source, Told
from proxy.console.links import url
from proxy.console.pages import approvals
from proxy.console.pages.approvals import ApprovalRow
from proxy.console.pages.gauges import Gauge, gauges
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.rows import CallRow, call_row
from proxy.console.plots import spark
from proxy.console.ports import Ports
from proxy.console.templates import render_part
from proxy.ledger.store import Call, Counted, Filter, Spent
from proxy.slip import Slip

PANELS = ("waiting", "figures", "live", "refused", "budgets")
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_LIVE_MAX = 50
_REFUSED_MAX = 6
_GAUGES_MAX = 6
_LIVE_S = 1.0
"""While calls are in flight their figures move, though nothing is filed."""


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A call in flight."""

    id: str
    opened_ms: int
    org: str | None
    agent: str | None
    session: str | None
    method: str
    host: str | None
    model: str | None
    held_nanousd: int
    answer_bytes: int
    stage: str


@dataclass(frozen=True, slots=True)
class NowView:
    """The page."""

    waiting: Sequence[ApprovalRow]
    """What a person may decide, the oldest first."""
    live: Sequence[LiveRow]
    in_flight: int
    held_nanousd: int
    calls_hour: int
    refused_hour: int
    activity: Markup
    today_nanousd: int
    yesterday_nanousd: int
    refused: Sequence[CallRow]
    gauges: Sequence[Gauge]
    counters_problem: str | None
    is_first: bool
    """Nothing has ever been called."""


def live_row(slip: Slip) -> LiveRow:
    """A slip as it is shown: without its path, whose query may hold a secret."""
    who, to = slip.identity, slip.destination
    return LiveRow(
        id=slip.id,
        opened_ms=slip.opened_ms,
        org=who.org if who else None,
        agent=who.agent if who else None,
        session=who.session if who else None,
        method=slip.method,
        host=to.host if to else None,
        model=slip.call.model if slip.call else None,
        held_nanousd=_held(slip),
        answer_bytes=slip.answer_bytes,
        stage=_stage(slip),
    )


def _held(slip: Slip) -> int:
    return slip.quote.bound_nanousd if slip.quote and slip.hold else 0


def _stage(slip: Slip) -> str:
    if not slip.cleared:
        return f"after {slip.stamps[-1].name.replace('_', ' ')}" if slip.stamps else "arriving"
    return "answering" if slip.first_byte_ns else "waiting for its answer"


def activity(counted: Sequence[Counted], now_ms: int) -> tuple[int, int, Markup]:
    """Calls and refusals of the last hour, and both by the minute."""
    first = (now_ms - _HOUR_MS) // _MINUTE_MS + 1
    every, no = [0] * 60, [0] * 60
    for each in counted:
        start, decision = each.group
        at = int(start or 0) // _MINUTE_MS - first
        if 0 <= at < 60:
            every[at] += each.count
            no[at] += each.count if decision != "allow" else 0
    calls, refused = sum(every), sum(no)
    label = f"{calls} calls in the last hour, {refused} of them refused"
    return calls, refused, spark(every, label, no)


def now_view(
    *,
    waiting: Sequence[ApprovalRow] = (),
    live: Sequence[Slip],
    counted: Sequence[Counted],
    spent: Sequence[Spent],
    refused: Sequence[Call],
    standing: Sequence[Gauge],
    counters_problem: str | None,
    is_first: bool,
    now_ms: int,
) -> NowView:
    """Of what the ports say now."""
    calls_hour, refused_hour, drawn = activity(counted, now_ms)
    today_ms = now_ms - now_ms % _DAY_MS
    by_day = {each.start_ms: each.nanousd for each in spent}
    return NowView(
        waiting=waiting,
        live=[live_row(slip) for slip in live[-_LIVE_MAX:]],
        in_flight=len(live),
        held_nanousd=sum(map(_held, live)),
        calls_hour=calls_hour,
        refused_hour=refused_hour,
        activity=drawn,
        today_nanousd=by_day.get(today_ms, 0),
        yesterday_nanousd=by_day.get(today_ms - _DAY_MS, 0),
        refused=[call_row(call) for call in refused],
        gauges=standing[:_GAUGES_MAX],
        counters_problem=counters_problem,
        is_first=is_first,
    )


async def look(ports: Ports) -> NowView:
    """Ask the ports."""
    now_ms = ports.now_ms()
    today_ms = now_ms - now_ms % _DAY_MS
    lately = Filter(status="refused", since_ms=now_ms - _DAY_MS)
    counted, spent, refused = await asyncio.gather(
        ports.ledger.activity(_MINUTE_MS, now_ms - _HOUR_MS),
        ports.ledger.spent((), _DAY_MS, Filter(since_ms=today_ms - _DAY_MS)),
        ports.ledger.calls(lately, _REFUSED_MAX),
    )
    standing, problem = await standing_of(ports, Filter())
    return now_view(
        waiting=approvals.waiting(ports),
        live=ports.calls.live,
        counted=counted,
        spent=spent,
        refused=refused,
        standing=standing,
        counters_problem=problem,
        is_first=not (counted or spent or await ports.ledger.calls(Filter(), 1)),
        now_ms=now_ms,
    )


async def standing_of(ports: Ports, wanted: Filter) -> tuple[list[Gauge], str | None]:
    """The gauges, or why there are none: a page is shown also while the counters do not answer."""
    try:
        return await gauges(ports, wanted), None
    except CountersUnavailable as error:
        return [], str(error)


def pages(ports: Ports) -> list[Page]:
    """The first page."""

    async def show(request: web.Request) -> web.Response:
        head = await ports.ledger.head()
        view = await look(ports)
        around = frame(ports, request, "Now", "now", feed=url("/feed", page="now", after=head))
        return page("now.html", around, view)

    return [Page("GET", "/", "viewer", show)]


def source(ports: Ports) -> Source:
    """Every panel, drawn anew."""

    async def news(query: Mapping[str, str], after: int) -> News:
        head, view = await asyncio.gather(ports.ledger.head(), look(ports))
        now_ms = ports.now_ms()
        told = [
            Told("panel", render_part("now_panels.html", panel, view, now_ms)) for panel in PANELS
        ]
        return News(told, head, again_s=_LIVE_S if view.in_flight else None)

    return news

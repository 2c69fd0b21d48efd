"""Costs: spending over time by agent, session, model and the like; and every budget as a gauge."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aiohttp import web
from markupsafe import Markup

from proxy.console import said
from proxy.console.pages.asked import Asked, read
from proxy.console.pages.exports import export_pages
from proxy.console.pages.gauges import FORECAST_RULE, Gauge
from proxy.console.pages.now import standing_of
from proxy.console.pages.page import Page, frame, page
from proxy.console.plots import Column, columns, scale_for
from proxy.console.ports import Ports
from proxy.csv_rows import Cell
from proxy.ledger.store import Filter, Spent

PATH = "/costs"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "agent": ("org", "agent"),
    "model": ("model",),
    "session": ("org", "agent", "session"),
    "provider": ("provider",),
    "host": ("host",),
    "task": ("org", "task"),
    "org": ("org",),
}
"""What costs are shown by, and the dimensions that name one of it."""
PERIODS = (
    ("1h", "hour"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"), ("13w", "13 weeks"),
)  # fmt: skip
_PERIOD = "7d"
_S, _M, _H, _D = 1000, 60_000, 3_600_000, 86_400_000
_WIDTHS = (30 * _S, _M, 2 * _M, 5 * _M, 10 * _M, 30 * _M, _H, 2 * _H, 6 * _H, 12 * _H, _D, 7 * _D)
_COLUMNS_MAX = 40
_SERIES = 5
"""That have a shade of their own; the rest is one."""
_ROWS_MAX = 100
SPENT_MAX = 200_000
"""Stretches of groups that are added up for one look."""
_EXPORTED_MAX = 1_000_000
_DESK, _PHONE = 1120, 380
"""Widths of the plot: text in a picture that is stretched could not be read."""


@dataclass(frozen=True, slots=True)
class CostsRow:
    """One group, and its part in the whole."""

    group: tuple[str | None, ...]
    shade: int
    """Of its series, from 1; the last is for all others."""
    calls: int
    tokens: int
    nanousd: int


@dataclass(frozen=True, slots=True)
class CostsView:
    """The page."""

    asked: Asked
    by: str
    groups: Sequence[str]
    periods: Sequence[tuple[str, str]]
    rows: Sequence[CostsRow]
    more: int
    """Groups that are not shown one by one."""
    rest: CostsRow
    """Of these, the sum."""
    is_cut: bool
    """There may be more than was added up."""
    calls: int
    tokens: int
    nanousd: int
    before_nanousd: int
    """In the time before, of the same length."""
    plot: Markup
    plot_phone: Markup
    width_ms: int
    gauges: Sequence[Gauge]
    counters_problem: str | None
    forecast_rule: str = FORECAST_RULE


def width_for(span_ms: int) -> int:
    """How long a column is, so that there are not too many."""
    return next((each for each in _WIDTHS if span_ms <= each * _COLUMNS_MAX), 30 * _D)


def ranked(spent: Sequence[Spent]) -> list[CostsRow]:
    """Groups with their sums, the dearest first."""
    sums: dict[tuple[str | None, ...], list[int]] = {}
    for each in spent:
        at = sums.setdefault(each.group, [0, 0, 0])
        for number, value in enumerate((each.nanousd, each.tokens, each.calls)):
            at[number] += value
    order = sorted(sums.items(), key=lambda item: (-item[1][0], -item[1][2], str(item[0])))
    return [
        CostsRow(group, min(rank, _SERIES + 1), calls, tokens, nanousd)
        for rank, (group, (nanousd, tokens, calls)) in enumerate(order, 1)
    ]


def summed(rows: Sequence[CostsRow]) -> CostsRow:
    """All of them as one."""
    return CostsRow(
        group=(),
        shade=_SERIES + 1,
        calls=sum(row.calls for row in rows),
        tokens=sum(row.tokens for row in rows),
        nanousd=sum(row.nanousd for row in rows),
    )


def plotted(
    spent: Sequence[Spent], rows: Sequence[CostsRow], start_ms: int, end_ms: int, width_ms: int
) -> list[Column]:
    """A column for every stretch, also where nothing was spent."""
    shades = {row.group: row.shade for row in rows}
    names = {row.shade: said_of(row.group) for row in reversed(rows)}
    names[_SERIES + 1] = "all others"
    sizes: dict[int, list[int]] = {
        start: [0] * (_SERIES + 1)
        for start in range(start_ms - start_ms % width_ms, end_ms, width_ms)
    }
    for each in spent:
        if each.start_ms in sizes:
            sizes[each.start_ms][shades[each.group] - 1] += each.nanousd
    return [
        Column(_label(start, width_ms), _words(start, width_ms, found, names), found)
        for start, found in sizes.items()
    ]


def said_of(group: Sequence[str | None]) -> str:
    """A group by name."""
    return "/".join(each or "none" for each in group)


def _label(start_ms: int, width_ms: int) -> str:
    at = datetime.fromtimestamp(start_ms // 1000, UTC)
    if width_ms >= _D or (width_ms >= 6 * _H and at.hour == 0):
        return f"{at.day} {at:%b}"
    return f"{at:%H:%M}"


def _words(start_ms: int, width_ms: int, sizes: Sequence[int], names: Mapping[int, str]) -> str:
    at = datetime.fromtimestamp(start_ms // 1000, UTC)
    lines = [f"{at:%Y-%m-%d %H:%M} UTC, {said.duration(width_ms * 1000)}: {said.money(sum(sizes))}"]
    lines += [f"{names[n]}: {said.money(size)}" for n, size in enumerate(sizes, 1) if size]
    return "\n".join(lines)


def costs_view(
    *,
    asked: Asked,
    by: str,
    spent: Sequence[Spent],
    before: Sequence[Spent],
    standing: Sequence[Gauge],
    counters_problem: str | None,
    start_ms: int,
    end_ms: int,
) -> CostsView:
    """Of what the ports say."""
    rows = ranked(spent)
    width_ms = width_for(end_ms - start_ms)
    drawn = plotted(spent, rows, start_ms, end_ms, width_ms)
    scale = scale_for(max((sum(each.sizes) for each in drawn), default=0), said.money)
    label = f"Spending by {by} over time"
    return CostsView(
        asked=asked,
        by=by,
        groups=list(GROUPS),
        periods=PERIODS,
        rows=rows[:_ROWS_MAX],
        more=max(0, len(rows) - _ROWS_MAX),
        rest=summed(rows[_ROWS_MAX:]),
        is_cut=len(spent) >= SPENT_MAX,
        calls=sum(row.calls for row in rows),
        tokens=sum(row.tokens for row in rows),
        nanousd=sum(row.nanousd for row in rows),
        before_nanousd=sum(each.nanousd for each in before),
        plot=columns(drawn, scale, label, width=_DESK, height=240),
        plot_phone=columns(drawn, scale, label, width=_PHONE, height=200),
        width_ms=width_ms,
        gauges=standing,
        counters_problem=counters_problem,
    )


def pages(ports: Ports) -> list[Page]:
    """Costs, and their exports."""

    def asked_of(request: web.Request) -> tuple[Asked, str, int, int]:
        now_ms = ports.now_ms()
        asked = read(PATH, {"since": _PERIOD, **request.query}, now_ms)
        by = request.query.get("by", "agent")
        by = by if by in GROUPS else "agent"
        asked = replace(asked, given={**asked.given, "by": by})
        until = asked.filter.until_ms or now_ms
        since = asked.filter.since_ms if asked.filter.since_ms is not None else until - 7 * _D
        return asked, by, min(max(since, 0), until), until

    async def show(request: web.Request) -> web.Response:
        asked, by, since, until = asked_of(request)
        wanted = replace(asked.filter, since_ms=since, until_ms=until)
        earlier = replace(wanted, since_ms=max(0, 2 * since - until), until_ms=since)
        spent, before, (standing, problem) = await asyncio.gather(
            ports.ledger.spent(GROUPS[by], width_for(until - since), wanted, SPENT_MAX),
            ports.ledger.spent((), 365 * _D, earlier),
            standing_of(ports, Filter(org=wanted.org, agent=wanted.agent, session=wanted.session)),
        )
        view = await asyncio.to_thread(
            costs_view,
            asked=asked,
            by=by,
            spent=spent,
            before=before,
            standing=standing,
            counters_problem=problem,
            start_ms=since,
            end_ms=until,
        )
        return page("costs.html", frame(ports, request, "Costs", "costs"), view)

    async def rows(request: web.Request) -> AsyncIterator[Iterator[dict[str, Cell]]]:
        asked, by, since, until = asked_of(request)
        wanted = replace(asked.filter, since_ms=since, until_ms=until)
        width_ms = width_for(until - since)
        spent = await ports.ledger.spent(GROUPS[by], width_ms, wanted, _EXPORTED_MAX)
        yield (exported(GROUPS[by], each) for each in spent)

    def titles(request: web.Request) -> Sequence[str]:
        _, by, _, _ = asked_of(request)
        return ("from", *GROUPS[by], "calls", "tokens", "nanousd")

    return [Page("GET", PATH, "viewer", show), *export_pages(PATH, titles, rows)]


def exported(names: Sequence[str], spent: Spent) -> dict[str, Cell]:
    """One stretch of one group, as a flat row."""
    return {
        "from": said.iso(spent.start_ms),
        **dict(zip(names, spent.group, strict=True)),
        "calls": spent.calls,
        "tokens": spent.tokens,
        "nanousd": spent.nanousd,
    }

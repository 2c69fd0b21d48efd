"""exeat top: what a running Exeat does now, drawn anew every second."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from proxy.cli.asking import ConsoleUrl, Token, ask, ask_text
from proxy.cli.rows import printable
from proxy.metrics.reading import Figures, read
from proxy.money import format_usd

_CALLS_MAX = 40
"""Rows; what is older comes first, and what is hidden is counted."""


def top(
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="One look, and out.")] = False,
    console: ConsoleUrl = None,
    token: Token = None,
) -> None:
    """Watch calls in flight, rates, money and the ledger. Takes a viewer's token."""
    figures, calls = _look(console, token)
    if once:
        Console().print(frame(figures, None, calls, _now_ms()))
        return
    began = time.monotonic()
    with Live(frame(figures, None, calls, _now_ms()), auto_refresh=False, screen=True) as screen:
        try:
            while True:
                time.sleep(every)
                before, began_before = figures, began
                figures, calls = _look(console, token)
                began = time.monotonic()
                since = Since(before, began - began_before)
                screen.update(frame(figures, since, calls, _now_ms()), refresh=True)
        except KeyboardInterrupt:
            return


class Since:
    """An earlier look, for rates."""

    def __init__(self, before: Figures, seconds: float) -> None:
        self._before = before
        self._seconds = max(seconds, 1e-3)

    def rate(self, now: Figures, name: str) -> float:
        """By the second; never below nought, also where Exeat was started anew."""
        return max(0.0, now.of(name) - self._before.of(name)) / self._seconds


def frame(
    now: Figures, since: Since | None, calls: Sequence[Mapping[str, Any]], now_ms: int
) -> RenderableType:
    """One picture: the figures above, the calls below."""
    hidden = len(calls) - _CALLS_MAX
    more = [Text(f"and {hidden} more", style="dim")] if hidden > 0 else []
    return Group(_summary(now, since), _calls(calls[:_CALLS_MAX], now_ms), *more)


def _summary(now: Figures, since: Since | None) -> Table:
    table = Table.grid(padding=(0, 3))
    ledger = "up" if now.of("exeat_ledger_up") else "DOWN"
    rows = (
        (
            f"calls {_count(now, 'exeat_calls_total')}{_rate(now, since, 'exeat_calls_total')}",
            f"refused {_count(now, 'exeat_refusals_total')}"
            f"{_rate(now, since, 'exeat_refusals_total')}",
            f"in flight {_count(now, 'exeat_calls_in_flight')}",
            f"waiting for a person {_count(now, 'exeat_approvals_waiting')}",
        ),
        (
            f"spent {_usd(now, 'exeat_cost_nanousd_total')}",
            f"tokens {_count(now, 'exeat_tokens_total')}{_rate(now, since, 'exeat_tokens_total')}",
            f"held {_usd(now, 'exeat_held_nanousd')}",
            f"ledger {ledger}, {_count(now, 'exeat_ledger_waiting')} waiting",
        ),
    )
    for row in rows:
        table.add_row(*row)
    return table


def _calls(calls: Sequence[Mapping[str, Any]], now_ms: int) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("age", "who", "session", "host", "model"):
        table.add_column(title, overflow="ellipsis", no_wrap=True)
    for title in ("held", "bytes"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("last stamp", no_wrap=True)
    for call in calls:
        who = f"{call['org'] or '?'}/{call['agent'] or '?'}"
        texts = (who, call["session"] or "", call["host"] or "", call["model"] or "")
        table.add_row(
            f"{max(0, now_ms - call['opened_ms']) / 1000:.1f} s",
            *(Text(printable(text)) for text in texts),
            format_usd(call["held_nanousd"]),
            f"{call['answer_bytes']:,}",
            call["stamps"][-1] if call["stamps"] else "",
        )
    return table


def _count(now: Figures, name: str) -> str:
    return f"{now.of(name):,.0f}"


def _rate(now: Figures, since: Since | None, name: str) -> str:
    return "" if since is None else f" ({since.rate(now, name):,.1f}/s)"


def _usd(now: Figures, name: str) -> str:
    return format_usd(int(now.of(name)))


def _look(console: str | None, token: str | None) -> tuple[Figures, Sequence[Mapping[str, Any]]]:
    calls: Sequence[Mapping[str, Any]] = ask(console, token, "GET", "/api/calls/live")["calls"]
    return read(ask_text(console, token, "GET", "/metrics")), calls


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

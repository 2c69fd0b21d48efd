"""Rows of agents and of sessions: who called, was refused or is calling; paged by key, exported (pure).

A page ends where its last row stands, by its time and its name, and the next one begins behind that: who
calls meanwhile moves to the first page, and nobody is shown twice or passed over.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from proxy.console import said
from proxy.console.pages.asked import Asked
from proxy.console.plots import spark
from proxy.csv_rows import Cell
from proxy.ledger.store import Counted, Filter, Spender, Spent
from proxy.slip import Slip

SIZE = 50
KNOWN_MAX = 20_000
"""So many are told apart at once: those that called last."""
HOUR_MS = 3_600_000
SPARKS = 24
"""Hours of a spark."""
AGENT = ("org", "agent")
SESSION = ("org", "agent", "session")
_FIGURES = (
    "calls", "refused", "in_flight", "sessions", "tokens", "nanousd", "last", "stopped",
)  # fmt: skip
AGENT_COLUMNS = (*AGENT, *_FIGURES)
SESSION_COLUMNS = (*SESSION, *(name for name in _FIGURES if name != "sessions"))
_DIGITS_MAX = 15

type Who = tuple[str | None, ...]
"""(org, agent), or (org, agent, session)."""
type Place = tuple[int, str]
"""Where a row stands: the later first, then by name."""


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
    spark: Markup | None = None
    stopped: str | None = None
    """kill or quarantine, where one is in force."""

    @property
    def place(self) -> Place:
        """Where it stands among others."""
        return -self.last_ms, json.dumps(self.who, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class SpendersPage:
    """One page of them."""

    rows: Sequence[SpenderRow]
    total: int
    following: str | None
    first: str | None

    @property
    def is_cut(self) -> bool:
        """There may be more than are told apart."""
        return self.total >= KNOWN_MAX


def spender_rows(
    spenders: Sequence[Spender], refusals: Sequence[Counted], live: Iterable[Slip], width: int
) -> list[SpenderRow]:
    """Whoever called or was refused, or is calling, by their first `width` names; who did so last comes
    first."""
    called = {each.group: each for each in spenders}
    refused: dict[Any, Counted] = {each.group: each for each in refusals}
    flying: dict[Who, list[Slip]] = {}
    for slip in live:
        if slip.identity is not None:
            who = slip.identity
            flying.setdefault((who.org, who.agent, who.session)[:width], []).append(slip)
    rows = [
        row_of(who, called.get(who), refused.get(who), flying.get(who, ()))
        for who in {**called, **refused, **flying}
    ]
    return sorted(rows, key=lambda row: row.place)


def row_of(
    who: Who,
    spender: Spender | None = None,
    refused: Counted | None = None,
    live: Sequence[Slip] = (),
) -> SpenderRow:
    """One of them; with nothing else, of somebody who never called."""
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
    )


def is_of(slip: Slip, wanted: Filter) -> bool:
    """Is this call of whom is asked for?"""
    it = slip.identity
    return it is not None and all(
        getattr(wanted, name) in (None, getattr(it, name)) for name in SESSION
    )


def place_of(text: str) -> Place | None:
    """Of a place in a URL; None where there is none. Raises ValueError for what is no place."""
    if not text:
        return None
    digits, _, name = text.partition(".")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX):
        raise ValueError("there is no such place")
    return -int(digits), name


def paged(
    rows: Sequence[SpenderRow], asked: Asked, after: Place | None, name: str = "after"
) -> SpendersPage:
    """What stands behind `after`; the URLs of other pages say it by this name."""
    start = 0 if after is None else bisect_right(rows, after, key=lambda row: row.place)
    shown = rows[start : start + SIZE]
    following = None
    if start + SIZE < len(rows):
        time, who = shown[-1].place
        following = asked.url(**{name: f"{-time}.{who}"})
    return SpendersPage(shown, len(rows), following, asked.url() if start else None)


def with_sparks(
    rows: Iterable[SpenderRow], spent: Sequence[Spent], now_ms: int
) -> list[SpenderRow]:
    """With the spending of their last hours, of those who spent."""
    first = now_ms // HOUR_MS - SPARKS + 1
    rows = list(rows)
    values: dict[Who, list[int]] = {row.who: [] for row in rows}
    for each in spent:
        at = each.start_ms // HOUR_MS - first
        if each.group in values and 0 <= at < SPARKS:
            hours = values[each.group] or [0] * SPARKS
            hours[at] += each.nanousd
            values[each.group] = hours
    return [replace(row, spark=_spark(values[row.who])) for row in rows]


def _spark(hours: Sequence[int]) -> Markup | None:
    if not hours:
        return None
    return spark(hours, f"{said.money(sum(hours))} in {SPARKS} hours, by the hour")


def exported(row: SpenderRow) -> Mapping[str, Cell]:
    """As a flat row, by AGENT_COLUMNS or SESSION_COLUMNS."""
    figures: dict[str, Cell] = {
        "calls": row.calls,
        "refused": row.refused,
        "in_flight": row.live,
        "sessions": row.sessions,
        "tokens": row.tokens,
        "nanousd": row.nanousd,
        "last": said.iso(row.last_ms),
        "stopped": row.stopped,
    }
    if len(row.who) == len(SESSION):
        del figures["sessions"]
    return {**dict(zip(SESSION, row.who, strict=False)), **figures}

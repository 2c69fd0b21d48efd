"""What a page's URL asks for: the URL is the view, so that a link to it shows the same (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.console.links import url
from proxy.ledger.moments import moment_ms
from proxy.ledger.store import Filter

NAMES = ("org", "agent", "session", "task", "host", "provider", "model", "tool", "code", "status")
"""Filters that must match whole."""
EXTRA = ("kind", "q", "since", "until")
PERIODS = (
    ("15m", "last 15 minutes"),
    ("1h", "last hour"),
    ("24h", "last 24 hours"),
    ("7d", "last 7 days"),
    ("30d", "last 30 days"),
)
_VALUE_MAX = 512
_DIGITS_MAX = 15


@dataclass(frozen=True, slots=True)
class Choices:
    """A field of the form that is chosen from a list."""

    name: str
    word: str
    choices: Sequence[tuple[str, str]]
    """As written in the URL, and as said."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is on, and where the page is without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A page's query, read."""

    path: str
    given: Mapping[str, str]
    """Filters by name, without those that are empty."""
    filter: Filter
    before: int | None = None
    """Only what was filed before this sequence number: a further page."""
    problems: Sequence[str] = ()
    """What could not be read, and was left out."""

    def url(self, path: str | None = None, **changes: str | int | None) -> str:
        """The same filters elsewhere, or others here."""
        return url(path or self.path, {**self.given, **changes})

    @property
    def chips(self) -> list[Chip]:
        """The filters that are on, but for search and time, which have fields of their own."""
        shown = [name for name in self.given if name not in ("q", "since", "until")]
        return [Chip(name, self.given[name], self.url(**{name: None})) for name in shown]

    @property
    def periods(self) -> Sequence[tuple[str, str]]:
        """The choices of the time field: as written, as said. One of another kind is kept."""
        since = self.given.get("since")
        is_own = since is not None and since not in dict(PERIODS)
        return (*PERIODS, (since, f"since {since}")) if since and is_own else PERIODS

    def value(self, name: str) -> str:
        """Of a field of the form."""
        return self.given.get(name, "")


def read(path: str, query: Mapping[str, str], now_ms: int) -> Asked:
    """What cannot be read is left out and told: a page is shown all the same."""
    given: dict[str, str] = {}
    problems: list[str] = []
    for name in (*NAMES, *EXTRA):
        value = query.get(name, "").strip()
        if len(value) > _VALUE_MAX:
            problems.append(f"{name} is longer than {_VALUE_MAX} characters")
        elif value:
            given[name] = value
    moments: dict[str, Any] = {}
    for name in ("since", "until"):
        try:
            moments[f"{name}_ms"] = moment_ms(given[name], now_ms) if name in given else None
        except (ValueError, OverflowError) as error:
            problems.append(f"{name}: {error}")
            del given[name]
    named: dict[str, Any] = {name: given.get(name) for name in (*NAMES, "kind")}
    wanted = Filter(**named, text=given.get("q"), **moments)
    return Asked(path, given, wanted, _before(query, problems), problems)


def _before(query: Mapping[str, str], problems: list[str]) -> int | None:
    text = query.get("before", "")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        return int(text)
    problems.append("before: write the number of a record")
    return None

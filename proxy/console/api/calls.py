"""Calls: the ledger's records, and what is in flight."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Annotated

from pydantic import Field

from proxy.console.access import Viewer
from proxy.console.api.asked import (
    CSV,
    AsFormat,
    Count,
    Moment,
    Record,
    Text,
    as_ms,
    attachment,
    is_number,
)
from proxy.console.ports import Calls
from proxy.csv_rows import csv_rows, csv_titles
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem, Reply
from proxy.ledger.listed import LISTED, listed
from proxy.ledger.store import Entry, Filter, Ledger
from proxy.serving import BAD_QUERY
from proxy.slip import Slip

_LIMIT = 100
_LIMIT_MAX = 1000


class CallsAsked(Model):
    """Which records; all that is given must match."""

    org: Text | None = None
    agent: Text | None = None
    session: Text | None = None
    task: Text | None = None
    host: Text | None = None
    provider: Text | None = None
    model: Text | None = None
    decision: Text | None = None
    status: Text | None = None
    code: Text | None = None
    kind: Text | None = None
    since: Moment | None = None
    until: Moment | None = None
    limit: Annotated[
        Count | None,
        Field(description="100 if not given, and at most 1000; as CSV, all that match"),
    ] = None
    before: Annotated[Count | None, Field(description="A seq: only records before it.")] = None
    format: AsFormat = "json"

    def filter(self, now_ms: int) -> Filter:
        """As the ledger is asked. Raises Problem 400."""
        names = set(Filter.__dataclass_fields__) & set(type(self).model_fields)
        return Filter(
            **{name: getattr(self, name) for name in names},
            since_ms=as_ms("since", self.since, now_ms),
            until_ms=as_ms("until", self.until, now_ms),
        )


class Records(Model):
    """Records, the newest first."""

    records: list[Record]
    next_before: int | None
    """Where the next page begins; none after the last."""


class OneCall(Model):
    """Every record of a call, in order."""

    records: list[Record]


class CallInFlight(Model):
    """A call that has no outcome yet."""

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
    stamps: list[str]


class InFlight(Model):
    """Calls in flight, oldest first."""

    calls: list[CallInFlight]


def endpoints(ledger: Ledger, calls: Calls, now_ms: Callable[[], int]) -> list[Endpoint[Viewer]]:
    """What can be asked of calls."""

    async def find(asked: Asked[Viewer, CallsAsked, Nothing]) -> Records | Reply:
        """Records, newest first; pages by `before` (a seq)."""
        query = asked.query
        wanted = query.filter(now_ms())
        if query.format == "csv":
            pages = _pages(ledger, wanted, query.before, query.limit)
            first = await anext(pages)  # What cannot be read at all is still told as that.
            return attachment("calls.csv", _lines(first, pages))
        limit = min(query.limit or _LIMIT, _LIMIT_MAX)
        entries = await ledger.find(wanted, limit, query.before)
        following = entries[-1].seq if len(entries) == limit else None
        return Records(records=[entry.body for entry in entries], next_before=following)

    async def live(asked: Asked[Viewer, Nothing, Nothing]) -> InFlight:
        """Calls in flight, oldest first."""
        return InFlight(calls=[in_flight(slip) for slip in calls.live])

    async def one(asked: Asked[Viewer, Nothing, Nothing]) -> OneCall:
        """Every record of one call: by seq, record id, or the start of a decision's id."""
        which = asked.path["which"]
        try:
            entries = await ledger.get(int(which) if is_number(which) else which)
        except ValueError as error:
            raise Problem(400, BAD_QUERY, str(error)) from None
        if not entries:
            raise Problem(404, "not_found", "There is no such record.")
        return OneCall(records=[entry.body for entry in entries])

    tag = "calls"
    return [
        Endpoint(
            "GET", "/api/calls", "viewer", find, Records, query=CallsAsked, kinds=CSV, tag=tag
        ),
        Endpoint("GET", "/api/calls/live", "viewer", live, InFlight, tag=tag),
        Endpoint("GET", "/api/calls/{which}", "viewer", one, OneCall, problems=(404,), tag=tag),
    ]


async def _pages(
    ledger: Ledger, wanted: Filter, before: int | None, limit: int | None
) -> AsyncGenerator[Sequence[Entry]]:
    """All that match, or so many, the newest first."""
    left = limit
    while left is None or left > 0:
        size = _LIMIT_MAX if left is None else min(left, _LIMIT_MAX)
        entries = await ledger.find(wanted, size, before)
        yield entries
        if len(entries) < size:
            return
        before = entries[-1].seq
        left = None if left is None else left - size


async def _lines(
    first: Sequence[Entry], more: AsyncGenerator[Sequence[Entry]]
) -> AsyncGenerator[bytes]:
    yield (csv_titles(LISTED) + _rows(first)).encode()
    async with contextlib.aclosing(more):
        async for entries in more:
            yield _rows(entries).encode()


def _rows(entries: Sequence[Entry]) -> str:
    return csv_rows(LISTED, [listed(entry.body) for entry in entries])


def in_flight(slip: Slip) -> CallInFlight:
    """A slip as it is shown: without its path, whose query may hold a secret."""
    identity, to = slip.identity, slip.destination
    return CallInFlight(
        id=slip.id,
        opened_ms=slip.opened_ms,
        org=identity.org if identity else None,
        agent=identity.agent if identity else None,
        session=identity.session if identity else None,
        method=slip.method,
        host=to.host if to else None,
        model=slip.call.model if slip.call else None,
        held_nanousd=slip.quote.bound_nanousd if slip.quote and slip.hold else 0,
        answer_bytes=slip.answer_bytes,
        stamps=[stamp.name for stamp in slip.stamps],
    )

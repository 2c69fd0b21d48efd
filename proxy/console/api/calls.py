"""Calls: the ledger's records, and what is in flight."""

from collections.abc import Callable

from proxy.console.access import Viewer
from proxy.console.api.asked import Count, Moment, Record, Text, as_ms, is_number
from proxy.console.ports import Calls
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.ledger.store import Filter, Ledger
from proxy.serving import BAD_QUERY
from proxy.slip import Slip

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
    limit: Count = 100
    """At most 1000 are given at once."""
    before: Count | None = None
    """A seq: only records before it."""

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

    async def find(asked: Asked[Viewer, CallsAsked, Nothing]) -> Records:
        """Records, newest first; pages by `before` (a seq)."""
        query = asked.query
        limit = min(query.limit, _LIMIT_MAX)
        entries = await ledger.find(query.filter(now_ms()), limit, query.before)
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
        Endpoint("GET", "/api/calls", "viewer", find, Records, query=CallsAsked, tag=tag),
        Endpoint("GET", "/api/calls/live", "viewer", live, InFlight, tag=tag),
        Endpoint("GET", "/api/calls/{which}", "viewer", one, OneCall, problems=(404,), tag=tag),
    ]


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

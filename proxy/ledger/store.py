"""The ledger's port: what the gate and the readers ask of any store, and how it fails."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from proxy.ledger.r6 import Body
from proxy.ledger.records import Record


class LedgerError(Exception):
    """The ledger did not do what was asked; the message says what to do next."""


class LedgerUnavailable(LedgerError):  # noqa: N818  # named for the state it reports
    """Nothing can be filed now, so nothing may leave. The record may or may not be in the file:
    append the same record again to learn which."""


class LedgerBusy(LedgerUnavailable):
    """Another process appends to this file."""


class LedgerCorrupt(LedgerError):  # noqa: N818  # named for the state it reports
    """The file is no ledger, or does not agree with itself. It is left untouched."""


class RecordConflict(LedgerError):  # noqa: N818  # named for the state it reports
    """Filed already under this kind and id with other words; or an outcome of no decision."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A durable record."""

    seq: int
    leaf_hash: bytes
    is_new: bool = True
    """False when this very record was in the ledger already (a lost reply, sent again)."""


class OpenHold(NamedTuple):
    """What a call still in flight holds of one limit."""

    hold_id: str
    amount: int
    lease_until_ms: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """A call that a crash cut off, now filed as `lost` and charged at its bound."""

    decision_id: str
    org: str | None
    agent: str | None
    session: str | None
    hold_id: str | None
    nanousd: int
    tokens: int
    requests: int


OPEN = "open"
"""As a call's status: it has left, and has no outcome yet."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records; every part given must match."""

    org: str | None = None
    agent: str | None = None
    session: str | None = None
    task: str | None = None
    host: str | None = None
    provider: str | None = None
    model: str | None = None
    decision: str | None = None
    """allow, deny or fault."""
    status: str | None = None
    """An outcome's or an event's. Of calls: an outcome's, `refused`, or OPEN."""
    code: str | None = None
    kind: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    tool: str | None = None
    """A tool that its answer or its agent's runtime asked for. Of calls only."""
    text: str | None = None
    """A part of a name or of the path, or the beginning of an id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as read back."""

    seq: int
    leaf_hash: bytes
    body: Body


@dataclass(frozen=True, slots=True)
class Call:
    """A decision, and the outcome once there is one."""

    decision: Entry
    outcome: Entry | None = None

    @property
    def last_seq(self) -> int:
        """Of what was filed last."""
        return self.outcome.seq if self.outcome is not None else self.decision.seq


@dataclass(frozen=True, slots=True)
class CostRow:
    """What the calls of one group cost."""

    group: tuple[str | None, ...]
    """The values of the dimensions asked for, in the order asked."""
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    tokens: int
    requests: int
    nanousd: int
    estimated: int
    """How many of the calls were charged an estimate."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the calls of one group, decided within one stretch of time, cost."""

    start_ms: int
    group: tuple[str | None, ...]
    calls: int
    tokens: int
    nanousd: int


@dataclass(frozen=True, slots=True)
class Spender:
    """What a group's calls came to, and when the last was decided."""

    group: tuple[str | None, ...]
    calls: int
    sessions: int
    tokens: int
    nanousd: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Counted:
    """How many records have these values in common."""

    group: tuple[str | int | None, ...]
    count: int
    last_ms: int


class Limit(Protocol):
    """The part of a budget's limit that the ledger's history is asked by."""

    @property
    def scope(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def unit(self) -> str: ...
    @property
    def window(self) -> str: ...
    @property
    def key(self) -> str: ...


class Ledger(Protocol):
    """Append-only; one sequencer. A store implements exactly this.

    Every allowed decision, whatever its action, is owed an outcome. A caller who gave up on a
    decision (LedgerUnavailable, a timeout, a cancellation) sends an `aborted` outcome that costs
    nothing; a RecordConflict then says that the decision never was filed.
    To rebuild counters ask `open_holds` before `settled`: a call that ends in between is then
    counted twice, never not at all.
    """

    @property
    def recovered(self) -> tuple[Recovered, ...]:
        """The calls that opening this ledger found cut off."""

    @property
    def problem(self) -> str | None:
        """Why nothing could be filed the last time it was tried; None while all is well."""

    def submit(self, record: Record, *, is_urgent: bool = True) -> "asyncio.Future[Filed]":
        """Queue a record; the future resolves once it is durable. Raises LedgerUnavailable at once
        when closed or when the queue is full. A future that is cancelled is filed all the same.
        A record that is not urgent may wait a few milliseconds for company."""

    async def append(self, record: Record) -> Filed:
        """`submit`, and wait. Raises LedgerUnavailable, RecordConflict, NotCanonical."""

    async def settled(self, org: str, limit: Limit, since_ms: int) -> int:
        """What calls decided at or after `since_ms` cost within the limit's scope, in its unit."""

    async def open_holds(self, org: str, limit: Limit, since_ms: int) -> list[OpenHold]:
        """What calls without an outcome hold of this limit."""

    async def last_seq(self, org: str) -> int:
        """The largest `hold.seq` ever filed for this org; 0 when none."""

    async def find(
        self, wanted: Filter, limit: int = 100, before_seq: int | None = None
    ) -> list[Entry]:
        """The newest first."""

    async def after(self, seq: int, limit: int, since_ms: int | None = None) -> list[Entry]:
        """The records behind `seq`, oldest first: for whoever goes through all of them."""

    async def events(self, kinds: Sequence[str], since_ms: int | None = None) -> list[Entry]:
        """All events of these kinds, oldest first: for whoever rebuilds a state from them."""

    async def get(self, which: int | str) -> list[Entry]:
        """By sequence number, record id, or decision id or its first characters (8 or more)."""

    async def costs(
        self, by: Sequence[str], since_ms: int | None = None, until_ms: int | None = None
    ) -> list[CostRow]:
        """Sums per combination of org, agent, session, task, provider, model, host.
        The dearest first."""

    async def calls(
        self, wanted: Filter, limit: int = 100, before_seq: int | None = None
    ) -> list[Call]:
        """Decisions before `before_seq` with their outcomes, the newest first."""

    async def news(self, wanted: Filter, after_seq: int, limit: int = 100) -> list[Call]:
        """Calls of which something was filed behind `after_seq`; what was filed last first."""

    async def head(self) -> int:
        """The sequence number of the last record; -1 when there is none."""

    async def spent(
        self, by: Sequence[str], width_ms: int, wanted: Filter, limit: int = 20_000
    ) -> list[Spent]:
        """Costs in stretches of `width_ms` since the epoch, by these dimensions; the oldest first."""

    async def spenders(self, by: Sequence[str], wanted: Filter, limit: int = 1000) -> list[Spender]:
        """Whoever called, by these dimensions; who did so last first."""

    async def refusals(self, by: Sequence[str], wanted: Filter) -> list[Counted]:
        """Refused calls by columns of their records; the most first."""

    async def activity(self, width_ms: int, since_ms: int) -> list[Counted]:
        """Decisions by (start of a stretch of `width_ms`, allow, deny or fault); the oldest first."""

    async def tools(self, wanted: Filter) -> list[Counted]:
        """Tools that were asked for by (name, what was decided); the most first."""

    async def close(self) -> None:
        """File what is queued, then let go of the file."""

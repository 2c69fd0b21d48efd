"""Calls as pairs, each decision with its outcome, in SQLAlchemy Core (pure: statements only)."""

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    or_,
    select,
    text,
)

from proxy.ledger.queries import says
from proxy.ledger.store import OPEN, Filter
from proxy.ledger.tables import records

_decided = records.alias("decided")
_ended = records.alias("ended")
_told = records.alias("told")

_exact = ("org", "agent", "session", "task", "host", "provider", "model", "code")
_PAIR = ("decision", "outcome")
_about_others = text("told.decision_id IS NOT NULL AND told.kind NOT IN ('decision', 'outcome')")
"""As the partial index has it: SQLite uses it for nothing less."""

type Pair = tuple[int, bytes, bytes, int, bytes, bytes]
"""The decision's seq, leaf hash and body, and the outcome's, which are None while there is none."""


def calls(wanted: Filter, limit: int, before_seq: int | None) -> Select[Pair]:
    """The newest decision first."""
    asked = _pairs(wanted).order_by(_decided.c.seq.desc()).limit(limit)
    return asked if before_seq is None else asked.where(_decided.c.seq < before_seq)


def news(wanted: Filter, after_seq: int, limit: int) -> Select[Pair]:
    """Calls of which something was filed behind `after_seq`, what was filed last first."""
    ids = select(records.c.id).where(records.c.seq > after_seq, records.c.kind.in_(_PAIR))
    latest = func.coalesce(_ended.c.seq, _decided.c.seq)
    return _pairs(wanted).where(_decided.c.id.in_(ids)).order_by(latest.desc()).limit(limit)


def _pairs(wanted: Filter) -> Select[Pair]:
    both = _decided.outerjoin(
        _ended, and_(_ended.c.id == _decided.c.id, _ended.c.kind == "outcome")
    )
    columns = [each.c[name] for each in (_decided, _ended) for name in ("seq", "leaf_hash", "body")]
    asked: Select[Pair] = select(*columns).select_from(both)
    return asked.where(_decided.c.kind == "decision", *_parts(wanted))


def _parts(wanted: Filter) -> list[ColumnElement[bool]]:
    parts = [
        _decided.c[name] == getattr(wanted, name)
        for name in _exact
        if getattr(wanted, name) is not None
    ]
    if wanted.decision is not None:
        parts.append(_decided.c.status == wanted.decision)
    if wanted.status is not None:
        parts.append(_status(wanted.status))
    if wanted.since_ms is not None:
        parts.append(_decided.c.ts_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        parts.append(_decided.c.ts_ms < wanted.until_ms)
    if wanted.tool is not None:
        parts.append(_asked_for(wanted.tool))
    if wanted.text:
        parts.append(says(_decided, wanted.text))
    return parts


def _status(status: str) -> ColumnElement[bool]:
    if status == OPEN:
        return and_(_decided.c.status == "allow", _ended.c.seq.is_(None))
    if status == "refused":  # Before it left, mostly; or after, as its outcome.
        return or_(_decided.c.status.in_(("deny", "fault")), _ended.c.status == "refused")
    return _ended.c.status == status


def _asked_for(tool: str) -> ColumnElement[bool]:
    named = func.json_extract(_text(_told), "$.result.facts.tool")
    return (
        exists()
        .where(_told.c.decision_id == _decided.c.id, _told.c.kind == "tool_call", named == tool)
        .where(_about_others)
    )


def _text(table: FromClause) -> ColumnElement[str]:
    return cast(table.c.body, Text)

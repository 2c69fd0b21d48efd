"""The questions readers ask, in SQLAlchemy Core (pure: statements only)."""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    cast,
    func,
    or_,
    select,
    text,
)
from sqlalchemy import case as sql_case

from proxy.ledger.store import Filter
from proxy.ledger.tables import costs, marks, records

DIMENSIONS = ("org", "agent", "session", "task", "provider", "model", "answered_model", "host")
PREFIX_MIN = 8
"""Characters of an id that may stand for it: fewer would find too much."""

_unit = {"usd": costs.c.nanousd, "tokens": costs.c.tokens, "requests": costs.c.requests}
_exact = ("org", "agent", "session", "task", "host", "provider", "model", "code", "kind")
_searched = ("agent", "session", "task", "host", "model", "provider", "code", "kind", "org")
_about_others = text("kind NOT IN ('decision', 'outcome')")


def found(wanted: Filter, limit: int, before_seq: int | None) -> Select[tuple[int, bytes, bytes]]:
    parts = _of_records(wanted)
    if wanted.decision is not None:
        parts.append(and_(records.c.kind == "decision", records.c.status == wanted.decision))
    if wanted.status is not None:
        parts.append(and_(records.c.kind != "decision", records.c.status == wanted.status))
    if wanted.text:
        parts.append(says(records, wanted.text))
    if before_seq is not None:
        parts.append(records.c.seq < before_seq)
    return _entries().where(*parts).order_by(records.c.seq.desc()).limit(limit)


def after(seq: int, limit: int, since_ms: int | None) -> Select[tuple[int, bytes, bytes]]:
    """The records behind `seq`, in the order in which they were filed."""
    asked = _entries().where(records.c.seq > seq).order_by(records.c.seq).limit(limit)
    return asked if since_ms is None else asked.where(records.c.ts_ms >= since_ms)


def events(kinds: Sequence[str], since_ms: int | None) -> Select[tuple[int, bytes, bytes]]:
    """Events of some kinds, in the order in which they were filed. They are few among many: the inner
    question is answered from the index of ids, which holds the kind, without reading any body."""
    of_kind = select(records.c.seq).where(records.c.kind.in_(kinds))
    asked = _entries().where(records.c.seq.in_(of_kind)).order_by(records.c.seq)
    return asked if since_ms is None else asked.where(records.c.ts_ms >= since_ms)


def one(which: int | str) -> Select[tuple[int, bytes, bytes]]:
    """Raises ValueError for a prefix too short to mean one call."""
    if isinstance(which, int):
        return _entries().where(records.c.seq == which)
    if len(which) < PREFIX_MIN:
        raise ValueError(f"{which!r}: give at least {PREFIX_MIN} characters of an id")
    # A range, which an index serves; LIKE would scan, and read % and _ as wildcards.
    last = which + "\U0010ffff"
    return (
        _entries()
        .where(
            or_(
                and_(records.c.id >= which, records.c.id <= last),
                and_(records.c.decision_id >= which, records.c.decision_id <= last, _about_others),
            )
        )
        .order_by(records.c.seq)
    )


def settled(
    org: str, scope: Sequence[tuple[str, str]], unit: str, since_ms: int
) -> Select[tuple[int]]:
    """Raises ValueError for a unit or a dimension that no cost row has."""
    if unit not in _unit:
        raise ValueError(f"{unit!r} is no unit of a cost row; one of {', '.join(_unit)}")
    return select(func.coalesce(func.sum(_unit[unit]), 0)).where(
        costs.c.org == org,
        costs.c.ts_ms >= since_ms,
        *(costs.c[_dimension(name)] == value for name, value in scope),
    )


def cost_sums(
    by: Sequence[str], since_ms: int | None, until_ms: int | None
) -> Select[tuple[object, ...]]:
    group = [costs.c[_dimension(name)] for name in by]
    asked = select(
        *group,
        func.count(),
        *(
            func.coalesce(func.sum(costs.c[name]), 0)
            for name in (
                "input_tokens",
                "output_tokens",
                "cache_read_tokens",
                "cache_write_tokens",
                "tokens",
                "requests",
                "nanousd",
            )
        ),
        func.coalesce(func.sum(sql_case((costs.c.estimated, 1), else_=0)), 0),
    )
    if since_ms is not None:
        asked = asked.where(costs.c.ts_ms >= since_ms)
    if until_ms is not None:
        asked = asked.where(costs.c.ts_ms < until_ms)
    dearest = func.coalesce(func.sum(costs.c.nanousd), 0).desc()
    return asked.group_by(*group).order_by(dearest, *group) if group else asked


def head() -> Select[tuple[int]]:
    return select(func.coalesce(func.max(records.c.seq), -1))


def spent(
    by: Sequence[str], width_ms: int, wanted: Filter, limit: int
) -> Select[tuple[object, ...]]:
    """Raises ValueError for what is no dimension of a cost."""
    start = costs.c.ts_ms - costs.c.ts_ms % width_ms
    group = [costs.c[_dimension(name)] for name in by]
    sums = (func.sum(costs.c[name]) for name in ("tokens", "nanousd"))
    asked = select(start, *group, func.count(), *sums).where(*_of_costs(wanted))
    return asked.group_by(start, *group).order_by(start, *group).limit(limit)


def spenders(by: Sequence[str], wanted: Filter, limit: int) -> Select[tuple[object, ...]]:
    """Raises ValueError for what is no dimension of a cost."""
    group = [costs.c[_dimension(name)] for name in by]
    last = func.max(costs.c.ts_ms)
    sums = (func.sum(costs.c[name]) for name in ("tokens", "nanousd"))
    sessions = func.count(costs.c.session.distinct())
    asked = select(*group, func.count(), sessions, *sums, last).where(*_of_costs(wanted))
    return asked.group_by(*group).order_by(last.desc(), *group).limit(limit)


def refusals(by: Sequence[str], wanted: Filter) -> Select[tuple[object, ...]]:
    """Raises ValueError for what is no column of a refusal."""
    group = [records.c[_refused_by(name)] for name in by]
    count = func.count()
    return (
        select(*group, count, func.max(records.c.ts_ms))
        .where(records.c.status.in_(("deny", "fault")), records.c.kind == "decision")
        .where(records.c.status.not_in(("allow", "answered")))  # As the partial index has it.
        .where(*_of_records(wanted))
        .group_by(*group)
        .order_by(count.desc(), *group)
    )


def activity(width_ms: int, since_ms: int) -> Select[tuple[object, ...]]:
    start = records.c.ts_ms - records.c.ts_ms % width_ms
    return (
        select(start, records.c.status, func.count(), func.max(records.c.ts_ms))
        .where(records.c.ts_ms >= since_ms, records.c.kind == "decision")
        .group_by(start, records.c.status)
        .order_by(start, records.c.status)
    )


def tools(wanted: Filter) -> Select[tuple[object, ...]]:
    named = func.json_extract(cast(records.c.body, Text), "$.result.facts.tool")
    count = func.count()
    return (
        select(named, records.c.status, count, func.max(records.c.ts_ms))
        .where(records.c.kind == "tool_call", records.c.decision_id.is_not(None), _about_others)
        .where(*_of_records(wanted))
        .group_by(named, records.c.status)
        .order_by(count.desc(), named)
    )


def mark(name: str) -> Select[tuple[int]]:
    return select(marks.c.value).where(marks.c.name == name)


def _entries() -> Select[tuple[int, bytes, bytes]]:
    return select(records.c.seq, records.c.leaf_hash, records.c.body)


def says(table: FromClause, words: str) -> ColumnElement[bool]:
    """A part of a name, of the path, or the beginning of the record's id."""
    lower = words.lower()
    path = func.json_extract(cast(table.c.body, Text), "$.request.path")
    named = [table.c[name] for name in _searched]
    found = [func.instr(func.lower(each), lower) > 0 for each in (*named, path)]
    return or_(func.substr(table.c.id, 1, len(lower)) == lower, *found)


def _of_costs(wanted: Filter) -> list[ColumnElement[bool]]:
    return _parts(costs, DIMENSIONS, wanted)


def _of_records(wanted: Filter) -> list[ColumnElement[bool]]:
    return _parts(records, _exact, wanted)


def _parts(table: Table, names: Sequence[str], wanted: Filter) -> list[ColumnElement[bool]]:
    given = {name: getattr(wanted, name, None) for name in names}
    parts = [table.c[name] == value for name, value in given.items() if value is not None]
    if wanted.since_ms is not None:
        parts.append(table.c.ts_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        parts.append(table.c.ts_ms < wanted.until_ms)
    return parts


def _refused_by(name: str) -> str:
    if name not in _exact:
        raise ValueError(f"{name!r} is no column of a refusal; one of {', '.join(_exact)}")
    return name


def _dimension(name: str) -> str:
    if name not in DIMENSIONS:
        raise ValueError(f"{name!r} is no dimension of a cost; one of {', '.join(DIMENSIONS)}")
    return name

"""The ledger's tables, and what of a record's body stands in their columns (pure).

Columns exist to be searched. Each is read off the body by `record_row` and `cost_row`, by the
writer and by the verifier alike, so a column that disagrees with its body is found.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import chain

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table
from sqlalchemy import Text as String
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from proxy.ledger.canonical import Json
from proxy.ledger.r6 import Body, ms_of

metadata = MetaData()

_Seq = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's row id

records = Table(
    "records",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("decision_id", String),
    Column("ts_ms", BigInteger, nullable=False),
    Column("org", String),
    Column("agent", String),
    Column("session", String),
    Column("task", String),
    Column("host", String),
    Column("provider", String),
    Column("model", String),
    Column("status", String),
    Column("code", String),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
_r = records.c
Index("records_id", _r.id, _r.kind, unique=True)
Index("records_session", _r.org, _r.session, _r.seq)
Index("records_agent", _r.agent, _r.seq)
Index("records_ts", _r.ts_ms)
Index("records_task", _r.task, _r.seq, sqlite_where=_r.task.is_not(None))
# Refusals and trouble are rare and looked for; what went well is not worth an index on each call.
Index("records_trouble", _r.status, _r.seq, sqlite_where=_r.status.not_in(["allow", "answered"]))
Index(
    "records_about",
    _r.decision_id,
    sqlite_where=_r.decision_id.is_not(None) & _r.kind.not_in(["decision", "outcome"]),
)

costs = Table(
    "costs",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=False),
    Column("decision_id", String, nullable=False, unique=True),
    Column("ts_ms", BigInteger, nullable=False),
    Column("org", String),
    Column("agent", String),
    Column("session", String),
    Column("task", String),
    Column("provider", String),
    Column("model", String),
    Column("answered_model", String),
    Column("host", String),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("tool_calls", BigInteger, nullable=False),
    Column("nanousd", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
)
Index("costs_org", costs.c.org, costs.c.ts_ms)
Index("costs_session", costs.c.org, costs.c.session, costs.c.ts_ms)

rates = Table(
    "rates",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=False),
    Column("scope", String, primary_key=True),
    Column("window_start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
)
"""What calls counted of rules' rates: a rule's scope and window, and how often."""
Index("rates_scope", rates.c.scope, rates.c.window_start_ms)

marks = Table(
    "marks",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Two numbers kept for speed: `hold_seq:<org>`, the largest hold filed, and `closed_below`, the
sequence number below which every allowed decision has its outcome."""

RECORD_COLUMNS = tuple(column.name for column in records.columns)
COST_COLUMNS = tuple(column.name for column in costs.columns)
RATE_COLUMNS = tuple(column.name for column in rates.columns)
CLOSED_BELOW = "closed_below"
_sqlite = sqlite.dialect()


def record_row(body: Body, leaf_hash: bytes, canonical: bytes) -> tuple[object, ...]:
    """The columns of `records`, in order."""
    role, request, result = body["role"], body["request"], body["result"]
    reference, ts = body["reference"], body["ts"]
    assert isinstance(role, dict)
    assert isinstance(request, dict)
    assert isinstance(result, dict)
    assert isinstance(reference, dict)
    assert isinstance(ts, str)
    return (
        body["seq"],
        body["id"],
        body["kind"],
        reference["decision_id"],
        ms_of(ts),
        role["org"],
        role["agent"],
        role["session"],
        role["task"],
        request.get("host"),
        request.get("provider"),
        request.get("model"),
        result["decision"] if body["kind"] == "decision" else result["status"],
        result.get("code"),
        leaf_hash,
        canonical,
    )


def cost_row(body: Body) -> tuple[object, ...] | None:
    """The columns of `costs`, in order; None for a record that is no outcome.

    A cost belongs to the moment of its decision, which is when its budget window held it.
    """
    if body["kind"] != "outcome":
        return None
    role, request, reference = body["role"], body["request"], body["reference"]
    resource, result = body["resource"], body["result"]
    assert isinstance(role, dict)
    assert isinstance(request, dict)
    assert isinstance(reference, dict)
    assert isinstance(resource, dict)
    assert isinstance(result, dict)
    usage: Json = resource["usage"] or {}
    decision_ts = reference["decision_ts"]
    assert isinstance(usage, dict)
    assert isinstance(decision_ts, str)
    return (
        body["seq"],
        reference["decision_id"],
        ms_of(decision_ts),
        role["org"],
        role["agent"],
        role["session"],
        role["task"],
        request["provider"],
        request["model"],
        result["model"],
        request["host"],
        usage.get("input", 0),
        usage.get("output", 0),
        usage.get("cache_read", 0),
        usage.get("cache_write", 0),
        resource["tokens"],
        resource["requests"],
        resource["tool_calls"],
        resource["nanousd"],
        1 if resource["estimated"] else 0,
    )


def rate_rows(body: Body) -> list[tuple[object, ...]]:
    """The columns of `rates`, in order, a row for each scope and window: of an outcome, or of a decision
    that has none because it let nothing through."""
    if body["kind"] not in ("decision", "outcome"):
        return []
    resource, result = body["resource"], body["result"]
    assert isinstance(resource, dict)
    assert isinstance(result, dict)
    listed = resource["rates"]
    assert isinstance(listed, list)
    if body["kind"] == "decision":
        if result["decision"] == "allow":
            return []
        listed = [amount for hold in listed for amount in _amounts(hold)]
    sums: Counter[tuple[str, int]] = Counter()
    for amount in listed:
        assert isinstance(amount, dict)
        scope, start, times = amount["scope"], amount["window_start_ms"], amount["amount"]
        assert isinstance(scope, str)
        assert isinstance(start, int)
        assert isinstance(times, int)
        sums[scope, start] += times
    return [(body["seq"], *key, times) for key, times in sorted(sums.items())]


def _amounts(hold: Json) -> list[Json]:
    assert isinstance(hold, dict)
    amounts = hold["amounts"]
    assert isinstance(amounts, list)
    return amounts


def schema_sql() -> tuple[str, ...]:
    """The statements that make an empty SQLite file a ledger; also what a ledger must hold."""
    made: list[str] = []
    for table in metadata.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=_sqlite)).strip())
        made += [
            str(CreateIndex(index).compile(dialect=_sqlite)).strip()
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return tuple(made)


def insert_sql(table: Table, rows: int) -> str:
    """An INSERT of many rows in one statement: one step of SQLite, so one release of the GIL."""
    head, values = str(table.insert().compile(dialect=_sqlite)).split(" VALUES ")
    return f"{head} VALUES {', '.join([values] * rows)}"


def flat(rows: Iterable[tuple[object, ...]]) -> list[object]:
    return list(chain.from_iterable(rows))

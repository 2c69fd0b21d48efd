"""Opening a ledger to append: take the lock, make or check the file, file what a crash cut off."""

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from proxy.ledger.file import APPLICATION_ID, USER_VERSION, LedgerFile, connect
from proxy.ledger.r6 import Body
from proxy.ledger.records import HoldAmount, Outcome, Usage
from proxy.ledger.sequencer import Sequencer
from proxy.ledger.store import LedgerBusy, LedgerCorrupt, LedgerUnavailable, Recovered
from proxy.ledger.tables import schema_sql
from proxy.ledger.walk import Broken, Walk

CHECKED_ROWS = 256
"""How much of the chain's end is recomputed at each opening; `exeat audit verify` does it all."""
RECOVERY_ROWS = 256
HEADER = b"SQLite format 3\x00"

ROWS_SQL = "SELECT r.*, c.* FROM records r LEFT JOIN costs c ON c.seq = r.seq"


def rates_between(
    db: sqlite3.Connection, first: int, last: int
) -> dict[object, list[tuple[object, ...]]]:
    """The rows of `rates` for records from `first` to `last`, by record, in the order of `rate_rows`."""
    found: dict[object, list[tuple[object, ...]]] = {}
    for row in db.execute(
        "SELECT * FROM rates WHERE seq >= ? AND seq <= ? ORDER BY seq, scope, window_start_ms",
        (first, last),
    ):
        found.setdefault(row[0], []).append(row)
    return found


def lock(path: Path) -> int:
    """The only appender's lock, in a file beside the ledger; closing the descriptor releases it.

    Not on the ledger itself: closing any descriptor of an SQLite file drops SQLite's own locks.
    """
    beside = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerUnavailable(
            f"{beside}: {error.strerror}; the ledger needs a folder it may write"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise LedgerBusy(
            f"{path}: process {holder} appends to this ledger; stop it, or use another file"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def prepare(path: Path) -> None:
    """Make the file when it is not there or empty, else check it. Raises LedgerCorrupt."""
    try:
        if not path.exists() or path.stat().st_size == 0 or _is_half_made(path):
            _make(path)
        else:
            check_schema(path)
            _check_end(path)
    except sqlite3.OperationalError as error:
        raise LedgerUnavailable(f"{path}: cannot be opened ({error})") from None
    except sqlite3.DatabaseError as error:
        raise LedgerCorrupt(f"{path}: damaged ({error}); keep it, restore a copy") from None
    except OSError as error:
        raise LedgerUnavailable(f"{path}: {error.strerror}") from None


def check_schema(path: Path, mode: str = "ro") -> None:
    """Raises LedgerCorrupt unless the file is a ledger with exactly our tables and nothing more."""
    with path.open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            raise LedgerCorrupt(f"{path}: not a ledger; name another file")
    db = connect(path, mode=mode)
    try:
        [application_id] = db.execute("PRAGMA application_id").fetchone()
        [version] = db.execute("PRAGMA user_version").fetchone()
        found = {sql.strip() for [sql] in db.execute(_SCHEMA_SQL)}
    finally:
        db.close()
    if application_id != APPLICATION_ID:
        raise LedgerCorrupt(f"{path}: not a ledger but another SQLite file; name another file")
    if version != USER_VERSION:
        how = "use the newer program" if version > USER_VERSION else "keep it, and begin a new file"
        raise LedgerCorrupt(f"{path}: version {version}, this program reads {USER_VERSION}; {how}")
    if found != set(schema_sql()):
        odd = sorted(found ^ set(schema_sql()))[0]
        raise LedgerCorrupt(f"{path}: its tables were changed: {odd!r}; keep it, restore a copy")


_SCHEMA_SQL = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"


def resume(file: LedgerFile, now_ms: Callable[[], int]) -> tuple[Sequencer, tuple[Recovered, ...]]:
    """The sequencer at the file's head, with every decision of a dead process closed."""
    sequencer = Sequencer(file)
    sequencer.head_seq, sequencer.head_hash = file.head()
    cut_off = [cast(Body, json.loads(body)) for body in file.cut_off()]
    recovered: list[Recovered] = []
    lost = [(_lost(decided, now_ms()), decided) for decided in cut_off]
    for start in range(0, len(lost), RECOVERY_ROWS):
        draft = sequencer.draft()
        for outcome, decided in lost[start : start + RECOVERY_ROWS]:
            draft.opened[outcome.decision_id] = decided
            draft.add(outcome)
            recovered.append(_recovered(outcome, decided))
        file.write(draft)
        draft.become()
    sequencer.open.clear()
    file.mark_closed(sequencer.head_seq + 1)
    return sequencer, tuple(recovered)


def _lost(decided: Body, ts_ms: int) -> Outcome:
    """A crash tells nothing of what the provider billed: the whole bound, and no less."""
    resource = cast(Body, decided["resource"])
    bound = cast(dict[str, int], resource["bound"] or {})
    hold = cast(Body, resource["hold"] or {"amounts": []})
    held = {"usd": 0, "tokens": 0, "requests": 1}
    for amount in cast(list[Body], hold["amounts"]):
        unit = cast(str, amount["unit"])
        held[unit] = max(held.get(unit, 0), cast(int, amount["amount"]))
    inputs, outputs = bound.get("input_tokens", 0), bound.get("output_tokens", 0)
    return Outcome(
        decision_id=cast(str, decided["id"]),
        ts_ms=ts_ms,
        status="lost",
        usage=Usage(inputs, outputs, source="estimated") if bound else None,
        cost_nanousd=max(bound.get("nanousd", 0), held["usd"]),
        tokens=max(inputs + outputs, held["tokens"]),
        requests=held["requests"],
        tool_calls_passed=held.get("tool_calls", 0),
        rates=tuple(_rates(resource)),
        estimated=True,
        note="the process ended before the outcome was filed",
    )


def _rates(resource: Body) -> Iterator[HoldAmount]:
    for hold in cast(list[Body], resource["rates"]):
        for amount in cast(list[dict[str, Any]], hold["amounts"]):
            yield HoldAmount(**amount)


def _recovered(outcome: Outcome, decided: Body) -> Recovered:
    role, resource = cast(Body, decided["role"]), cast(Body, decided["resource"])
    hold = cast(Body | None, resource["hold"])
    return Recovered(
        decision_id=outcome.decision_id,
        org=cast(str | None, role["org"]),
        agent=cast(str | None, role["agent"]),
        session=cast(str | None, role["session"]),
        hold_id=cast(str, hold["id"]) if hold else None,
        nanousd=outcome.cost_nanousd,
        tokens=outcome.tokens,
        requests=outcome.requests,
    )


def _is_half_made(path: Path) -> bool:
    # A crash between the file's first page and its tables leaves a database that holds nothing.
    with path.open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            return False
    db = connect(path, mode="ro")
    try:
        [application_id] = db.execute("PRAGMA application_id").fetchone()
        [things] = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        db.close()
    return bool(application_id == 0 and things == 0)


def _make(path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = connect(path, mode="rw")
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN IMMEDIATE")
        for statement in schema_sql():
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {USER_VERSION}")
        db.execute("COMMIT")
    finally:
        db.close()


def _check_end(path: Path) -> None:
    db = connect(path, mode="ro")
    try:
        db.execute("BEGIN")  # one view of the file for both questions
        count, first, last = db.execute(
            "SELECT count(*), min(seq), max(seq) FROM records"
        ).fetchone()
        before = (-1 if last is None else last) - CHECKED_ROWS
        rows = db.execute(f"{ROWS_SQL} WHERE r.seq > ? ORDER BY r.seq", (before,)).fetchall()
        rates = rates_between(db, before + 1, -1 if last is None else last)
    finally:
        db.close()
    if count and (first != 0 or count != last + 1):
        raise LedgerCorrupt(
            f"{path}: {count} records where {last + 1} were filed; run exeat audit verify"
        )
    walk = Walk(has_start=count <= CHECKED_ROWS, expected=None)
    try:
        for row in rows:
            walk.step(row, rates.get(row[0], ()))
    except Broken as broken:
        raise LedgerCorrupt(
            f"{path}: record {broken.seq}: {broken.what}; keep the file, run exeat audit verify"
        ) from None

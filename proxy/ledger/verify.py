"""Verifies a whole ledger file from its stored bytes, also while it is being appended to.

Without something kept outside the file (a signed checkpoint: a later issue, `Report.exit_code` 0)
this proves no more than that the file agrees with itself, and says so.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from proxy.ledger.file import connect
from proxy.ledger.opening import ROWS_SQL, check_schema, rates_between
from proxy.ledger.store import LedgerCorrupt
from proxy.ledger.tables import CLOSED_BELOW
from proxy.ledger.walk import Broken, Walk

CHUNK_ROWS = 1000

_STRAYS = {
    "cost": "SELECT seq FROM costs WHERE seq NOT IN (SELECT seq FROM records) AND seq < ? LIMIT 1",
    "rate": "SELECT seq FROM rates WHERE seq NOT IN (SELECT seq FROM records) AND seq < ? LIMIT 1",
}


class Verdict(IntEnum):
    """The command's exit codes."""

    PROVED = 0
    """Against a checkpoint from outside; nothing reaches this yet."""
    TAMPERED = 1
    UNREADABLE = 2
    CONSISTENT = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: what it is, where, and in words."""

    kind: str
    seq: int | None
    text: str


@dataclass(slots=True)
class Report:
    verdict: Verdict
    size: int = 0
    """Records that were read, and hold together when the verdict is CONSISTENT."""
    head: str | None = None
    """Leaf hash of the last of them: keep it elsewhere, and a later tail cut can be shown."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return int(self.verdict)

    @property
    def summary(self) -> str:
        match self.verdict:
            case Verdict.PROVED:
                return f"Proved: {self.size} records, against an outside checkpoint."
            case Verdict.CONSISTENT:
                return (
                    f"Internally consistent: {self.size} records. Not proved: without a checkpoint "
                    "kept outside this file, nobody can see here whether the newest records were "
                    "cut off or the whole file was rewritten."
                )
            case Verdict.TAMPERED:
                first = self.findings[0]
                where = "the file" if first.seq is None else f"record {first.seq}"
                return f"Tampered: {where}: {first.text}."
            case Verdict.UNREADABLE:
                return f"Unreadable: {self.findings[0].text}"


def verify(path: Path) -> Report:
    """Every leaf, link, column, cost row and pair. Never raises for what it finds in the file."""
    mode = read_mode(path)
    report = _verified(path, mode)
    if mode != "ro" and report.verdict is not Verdict.CONSISTENT and read_mode(path) == "ro":
        # Someone began to append while we read the file as one that does not change.
        report = _verified(path, "ro")
    return report


def read_mode(path: Path) -> str:
    """A file without a write-ahead log has no writer: read it as it lies, so that a copy on a
    read-only medium can be verified and no file appears beside it."""
    return "ro" if path.with_name(path.name + "-wal").exists() else "ro&immutable=1"


def _verified(path: Path, mode: str) -> Report:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        return _unreadable(f"{path}: {error.strerror}; name the ledger with --ledger")
    report = Report(Verdict.CONSISTENT)
    try:
        check_schema(path, mode)
        with _connected(path, mode) as db:
            _walk(db, report)
    except Broken as broken:
        _tampered(report, broken.seq, broken.what)
    except LedgerCorrupt as error:
        return _unreadable(str(error))
    except sqlite3.Error as error:
        return _unreadable(f"{path}: {error}; keep the file and restore a copy")
    return report


def _walk(db: sqlite3.Connection, report: Report) -> None:
    walk = Walk()
    before = _marks(db)
    [first, last] = db.execute("SELECT min(seq), max(seq) FROM records").fetchone()
    if last is not None:
        if first < 0:
            raise Broken(first, "a record stands before the first")
        for row, rates in _rows(db, last):
            walk.step(row, rates)
            report.size, report.head = walk.expected or 0, walk.prev
    _check_orphans(db, walk, report)
    _check_costs(db, walk)
    _check_marks(walk, before, _marks(db))
    for problem in db.execute("PRAGMA integrity_check(1)"):
        if problem != ("ok",):
            raise sqlite3.DatabaseError(f"its pages disagree: {problem[0]}")
    report.findings += [
        Finding("decision_without_outcome", seq, f"{decision_id} is in flight, or was cut off")
        for decision_id, seq in walk.open.items()
    ]


def _rows(
    db: sqlite3.Connection, last: int
) -> Iterator[tuple[tuple[object, ...], Sequence[tuple[object, ...]]]]:
    """Each with its rates. In chunks: one long read would keep the writer's log from being reset."""
    after = -1
    while after < last:
        rows = db.execute(
            f"{ROWS_SQL} WHERE r.seq > ? AND r.seq <= ? ORDER BY r.seq LIMIT {CHUNK_ROWS}",
            (after, last),
        ).fetchall()
        rates = rates_between(db, after + 1, rows[-1][0] if rows else last)
        yield from ((row, rates.get(row[0], ())) for row in rows)
        after = rows[-1][0] if rows else last


def _check_orphans(db: sqlite3.Connection, walk: Walk, report: Report) -> None:
    for seq, decision_id in walk.orphans:
        decisions, earlier = db.execute(
            "SELECT count(*) FILTER (WHERE kind = 'decision'),"
            " count(*) FILTER (WHERE kind = 'outcome') FROM records WHERE +id = ? AND +seq < ?",
            (decision_id, seq),
        ).fetchone()
        if not decisions:
            raise Broken(seq, f"an outcome of {decision_id}, which was never decided before it")
        if earlier:
            raise Broken(seq, f"a second outcome of {decision_id}")


def _check_costs(db: sqlite3.Connection, walk: Walk) -> None:
    for what, asked in _STRAYS.items():
        stray = db.execute(asked, (walk.expected,)).fetchone()
        if stray:
            raise Broken(stray[0], f"a {what} row of no record")


def _marks(db: sqlite3.Connection) -> dict[str, int]:
    return dict(db.execute("SELECT name, value FROM marks").fetchall())


def _check_marks(walk: Walk, before: dict[str, int], after: dict[str, int]) -> None:
    """Marks only rise, with the records that raise them: what was read lies between them."""
    end = walk.expected or 0
    for org in walk.hold_seqs.keys() | {name[9:] for name in before if name != CLOSED_BELOW}:
        filed = walk.hold_seqs.get(org, 0)
        if after.get(f"hold_seq:{org}", 0) < filed:
            raise Broken(end, f"the mark of the last hold of {org} was set back")
        if before.get(f"hold_seq:{org}", 0) > filed:
            raise Broken(end, f"records were cut off: hold {before[f'hold_seq:{org}']} is missing")
    if before.get(CLOSED_BELOW, 0) > end:
        raise Broken(end, "records were cut off: the file remembers more")
    for decision_id, seq in walk.open.items():
        if seq < before.get(CLOSED_BELOW, 0):
            raise Broken(seq, f"the decision {decision_id} is marked as closed, and is not")


@contextmanager
def _connected(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    db = connect(path, mode=mode)
    # A flipped byte may leave a column that is no UTF-8; it is compared, not refused.
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield db
    finally:
        db.close()


def _tampered(report: Report, seq: int, what: str) -> None:
    report.verdict = Verdict.TAMPERED
    report.findings.insert(0, Finding("tampered", seq, what))


def _unreadable(text: str) -> Report:
    return Report(Verdict.UNREADABLE, findings=[Finding("unreadable", None, text)])

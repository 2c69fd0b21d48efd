"""One SQLite file: how it is connected to, written, and looked up by its one writer."""

import sqlite3
import time
from pathlib import Path

from sqlalchemy.dialects.sqlite import dialect, insert

from proxy.ledger.sequencer import Draft
from proxy.ledger.store import LedgerUnavailable
from proxy.ledger.tables import CLOSED_BELOW, costs, flat, insert_sql, marks, rates, records

APPLICATION_ID = 0x45584541  # "EXEA"
USER_VERSION = 2
STATEMENT_ROWS_MAX = 64
"""Rows in one INSERT; statements exist for the powers of two up to here and stay compiled."""

_raise_mark = insert(marks)
_RAISE_MARK = str(
    _raise_mark.on_conflict_do_update(
        index_elements=["name"],
        set_={"value": _raise_mark.excluded.value},
        where=marks.c.value < _raise_mark.excluded.value,
    ).compile(dialect=dialect())
)
_SIZES = tuple(1 << power for power in reversed(range(STATEMENT_ROWS_MAX.bit_length())))
_INSERT = {
    (table.name, rows): insert_sql(table, rows)
    for table in (records, costs, rates)
    for rows in _SIZES
}


def connect(path: Path, *, mode: str, timeout_s: float = 1.0) -> sqlite3.Connection:
    """`mode`: rw for the writer, ro for readers. Nobody makes a file by connecting to it."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=timeout_s, check_same_thread=False
    )


class LedgerFile:
    """The writer's connection. Every sqlite3.Error that leaves a method means: nothing is certain,
    `reconnect` before the next write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sync_s = 0.0
        self._identity = _identity(path)
        self._db = self._connect()

    def write(self, draft: Draft) -> None:
        """One transaction, durable on return."""
        self._check_identity()
        run = self._db.execute
        run("BEGIN IMMEDIATE")
        try:
            self._insert("records", draft.records)
            self._insert("costs", draft.costs)
            self._insert("rates", draft.rates)
            for org, seq in draft.hold_seqs.items():
                run(_RAISE_MARK, (f"hold_seq:{org}", seq))
            started = time.perf_counter()
            run("COMMIT")
            self.sync_s = time.perf_counter() - started
        except sqlite3.Error:
            if self._db.in_transaction:
                run("ROLLBACK")
            raise

    def mark_closed(self, below: int) -> None:
        self._db.execute(_RAISE_MARK, (CLOSED_BELOW, below))

    def reconnect(self) -> None:
        """A new connection, with everything the log file holds carried into the ledger and synced.

        After a failed fsync the kernel may count pages as written that are not, so what a later
        commit would build on is written anew first (the lesson of PostgreSQL's "fsyncgate").
        """
        self._db.close()
        self._db = self._connect()
        _, logged, carried = self._db.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if logged != carried:
            raise sqlite3.OperationalError("a reader keeps the write-ahead log from being synced")

    def closed_below(self) -> int:
        found = self._db.execute("SELECT value FROM marks WHERE name = ?", (CLOSED_BELOW,))
        row = found.fetchone()
        return int(row[0]) if row else 0

    def filed(self, record_id: str, kind: str) -> tuple[int, bytes] | None:
        found: tuple[int, bytes] | None = self._db.execute(
            "SELECT seq, body FROM records WHERE id = ? AND kind = ?", (record_id, kind)
        ).fetchone()
        return found

    def session_head(self, org: str | None, session: str) -> bytes | None:
        found = self._db.execute(
            "SELECT leaf_hash FROM records WHERE org IS ? AND session = ?"
            " ORDER BY seq DESC LIMIT 1",
            (org, session),
        ).fetchone()
        return found[0] if found else None

    def head(self) -> tuple[int, bytes | None]:
        found = self._db.execute(
            "SELECT seq, leaf_hash FROM records ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return found or (-1, None)

    def leaf(self, seq: int) -> bytes | None:
        found = self._db.execute("SELECT leaf_hash FROM records WHERE seq = ?", (seq,)).fetchone()
        return found[0] if found else None

    def pairs_after(self, seq: int) -> list[tuple[str, str, str, bytes]]:
        """(id, kind, status, body) of the decisions and outcomes filed after `seq`."""
        return self._db.execute(
            "SELECT id, kind, status, body FROM records"
            " WHERE seq > ? AND kind IN ('decision', 'outcome') ORDER BY seq",
            (seq,),
        ).fetchall()

    def cut_off(self) -> list[bytes]:
        """Bodies of the allowed decisions that have no outcome."""
        found = self._db.execute(
            "SELECT body FROM records AS decided"
            " WHERE seq >= ? AND kind = 'decision' AND status = 'allow' AND NOT EXISTS"
            " (SELECT 1 FROM records WHERE id = decided.id AND kind = 'outcome') ORDER BY seq",
            (self.closed_below(),),
        )
        return [body for [body] in found]

    def close(self) -> None:
        self._db.close()

    def _check_identity(self) -> None:
        # A deleted file takes writes as gladly as before, and keeps none of them.
        if _identity(self.path) != self._identity:
            raise sqlite3.OperationalError("another file lies where the ledger was")

    def _connect(self) -> sqlite3.Connection:
        self._check_identity()
        db = connect(self.path, mode="rw")
        try:
            # FULL: a commit is on the disk before it returns, power cut included.
            db.execute("PRAGMA synchronous = FULL")
            # `checkpointer.py` does it, beside the writer. Should that not get to it (a reader that
            # never ends), the writer does it after all, at 128 MB.
            db.execute("PRAGMA wal_autocheckpoint = 32000")
            if db.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
                raise LedgerUnavailable(f"{self.path}: this file system has no write-ahead log")
        except BaseException:
            db.close()
            raise
        return db

    def _insert(self, table: str, rows: list[tuple[object, ...]]) -> None:
        start, left = 0, len(rows)
        for size in _SIZES:
            while left >= size:
                self._db.execute(_INSERT[table, size], flat(rows[start : start + size]))
                start, left = start + size, left - size


def _identity(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise sqlite3.OperationalError(f"the file is gone ({error.strerror})") from None
    return stat.st_dev, stat.st_ino

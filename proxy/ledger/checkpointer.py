"""The thread that carries the write-ahead log into the ledger's file, so that the writer need not halt.

SQLite would do it within a commit: every thousand pages some 10 ms, for which all calls wait. A PASSIVE
checkpoint on a connection of its own blocks neither the writer nor readers, and loses nothing when it fails:
what it did not carry over, the next one will.
"""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

WAL_BYTES = 4 * 1024 * 1024
"""A log larger than this is carried over; SQLite's own default is as large."""


class Checkpointer(threading.Thread):
    """Sleeps until `wake`; ends with `stop`."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="exeat-checkpoint", daemon=True)
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._asked = threading.Event()
        self._is_open = True

    def wake(self) -> None:
        """There may be enough to carry over. Cheap: it may be called after every batch."""
        self._asked.set()

    def stop(self) -> None:
        """Returns when the thread has let go of the file."""
        self._is_open = False
        self._asked.set()
        self.join()

    def run(self) -> None:
        while self._asked.wait() and self._is_open:
            self._asked.clear()
            with suppress(OSError, sqlite3.Error):
                if self._log.stat().st_size > WAL_BYTES:
                    self._carry_over()

    def _carry_over(self) -> None:
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0)
        try:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            db.close()

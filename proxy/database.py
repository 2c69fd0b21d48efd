"""A database beside the ledger, for what is changed and forgotten: one SQLite file, used from threads.

The ledger is never kept here. Whoever keeps something here defines its own tables in its own module.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

__all__ = ["Connection", "Database", "DatabaseUnavailable"]

_WAIT_S = 5.0
"""How long one writer waits for another."""


class DatabaseUnavailable(Exception):  # noqa: N818 -- named for the state it reports
    """Nothing can be kept or looked up now: the disk is full, the file is held or broken."""


class Database:
    """Blocking underneath; `run` does its work in a thread. Safe from any task."""

    def __init__(self, path: Path, tables: MetaData) -> None:
        """Opens the file (mode 0600), making it and its tables when they are not there. Raises
        OSError and sqlalchemy's errors."""
        self._path = path
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._engine = create_engine(
            f"sqlite:///{path}",
            poolclass=QueuePool,
            connect_args={"timeout": _WAIT_S, "check_same_thread": False},
        )
        event.listen(self._engine, "connect", _prepared)
        event.listen(self._engine, "begin", _begun)
        tables.create_all(self._engine)

    async def run[T](self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction, in a thread: all of it is durable on return, or none of it
        happened. SQLite has one writer at a time, and it is taken from the start. Raises
        DatabaseUnavailable."""
        return await asyncio.to_thread(self._in_transaction, work)

    def _in_transaction[T](self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except OperationalError as error:
            raise DatabaseUnavailable(f"{self._path}: {error.orig}") from error

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._engine.dispose()


def _prepared(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # Transactions are begun below, not by the driver.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begun(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

"""Reads a ledger file: from the command line, or beside its writer in another thread."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Select, create_engine
from sqlalchemy.pool import QueuePool

from proxy.ledger import queries
from proxy.ledger.file import connect
from proxy.ledger.store import CostRow, Entry, Filter

READERS_MAX = 4


class SqliteReader:
    """Blocking; safe from any thread. Holds no snapshot between calls."""

    def __init__(self, path: Path, *, mode: str = "ro") -> None:
        self._engine = create_engine(
            "sqlite://",
            creator=lambda: connect(path, mode=mode),
            poolclass=QueuePool,
            pool_size=READERS_MAX,
            max_overflow=READERS_MAX,
        )

    def find(self, wanted: Filter, limit: int = 100, before_seq: int | None = None) -> list[Entry]:
        return self._entries(queries.found(wanted, limit, before_seq))

    def after(self, seq: int, limit: int, since_ms: int | None = None) -> list[Entry]:
        return self._entries(queries.after(seq, limit, since_ms))

    def events(self, kinds: Sequence[str], since_ms: int | None = None) -> list[Entry]:
        return self._entries(queries.events(kinds, since_ms))

    def get(self, which: int | str) -> list[Entry]:
        return self._entries(queries.one(which))

    def costs(
        self, by: Sequence[str], since_ms: int | None = None, until_ms: int | None = None
    ) -> list[CostRow]:
        width = len(by)
        return [
            CostRow(tuple(row[:width]), *row[width:])
            for row in self._rows(queries.cost_sums(by, since_ms, until_ms))
        ]

    def settled(self, org: str, scope: Sequence[tuple[str, str]], unit: str, since_ms: int) -> int:
        [[total]] = self._rows(queries.settled(org, scope, unit, since_ms))
        return cast(int, total)

    def counted(self, scope: str, since_ms: int) -> int:
        [[total]] = self._rows(queries.counted(scope, since_ms))
        return cast(int, total)

    def last_seq(self, org: str) -> int:
        found = self._rows(queries.mark(f"hold_seq:{org}"))
        return cast(int, found[0][0]) if found else 0

    def close(self) -> None:
        self._engine.dispose()

    def _entries(self, asked: Select[tuple[int, bytes, bytes]]) -> list[Entry]:
        return [Entry(seq, leaf, json.loads(body)) for seq, leaf, body in self._rows(asked)]

    def _rows(self, asked: Select[Any]) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(asked)]

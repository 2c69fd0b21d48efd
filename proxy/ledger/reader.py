"""Reads a ledger file: from the command line, or beside its writer in another thread."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Select, create_engine
from sqlalchemy.pool import QueuePool

from proxy.ledger import call_queries, queries
from proxy.ledger.file import connect
from proxy.ledger.store import Call, CostRow, Counted, Entry, Filter, Spender, Spent

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

    def calls(self, wanted: Filter, limit: int = 100, before_seq: int | None = None) -> list[Call]:
        return self._calls(call_queries.calls(wanted, limit, before_seq))

    def news(self, wanted: Filter, after_seq: int, limit: int = 100) -> list[Call]:
        return self._calls(call_queries.news(wanted, after_seq, limit))

    def head(self) -> int:
        [[seq]] = self._rows(queries.head())
        return cast(int, seq)

    def spent(
        self, by: Sequence[str], width_ms: int, wanted: Filter, limit: int = 20_000
    ) -> list[Spent]:
        rows = self._rows(queries.spent(by, width_ms, wanted, limit))
        return [Spent(row[0], tuple(row[1:-3]), *row[-3:]) for row in rows]

    def spenders(self, by: Sequence[str], wanted: Filter, limit: int = 1000) -> list[Spender]:
        width = len(by)
        rows = self._rows(queries.spenders(by, wanted, limit))
        return [Spender(tuple(row[:width]), *row[width:]) for row in rows]

    def refusals(self, by: Sequence[str], wanted: Filter) -> list[Counted]:
        return self._counted(queries.refusals(by, wanted))

    def activity(self, width_ms: int, since_ms: int) -> list[Counted]:
        return self._counted(queries.activity(width_ms, since_ms))

    def tools(self, wanted: Filter) -> list[Counted]:
        return self._counted(queries.tools(wanted))

    def settled(self, org: str, scope: Sequence[tuple[str, str]], unit: str, since_ms: int) -> int:
        [[total]] = self._rows(queries.settled(org, scope, unit, since_ms))
        return cast(int, total)

    def last_seq(self, org: str) -> int:
        found = self._rows(queries.mark(f"hold_seq:{org}"))
        return cast(int, found[0][0]) if found else 0

    def close(self) -> None:
        self._engine.dispose()

    def _entries(self, asked: Select[tuple[int, bytes, bytes]]) -> list[Entry]:
        return [Entry(seq, leaf, json.loads(body)) for seq, leaf, body in self._rows(asked)]

    def _calls(self, asked: Select[Any]) -> list[Call]:
        return [
            Call(
                Entry(row[0], row[1], json.loads(row[2])),
                Entry(row[3], row[4], json.loads(row[5])) if row[3] is not None else None,
            )
            for row in self._rows(asked)
        ]

    def _counted(self, asked: Select[Any]) -> list[Counted]:
        return [Counted(tuple(row[:-2]), *row[-2:]) for row in self._rows(asked)]

    def _rows(self, asked: Select[Any]) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(asked)]

"""The store in SQLite, beside the ledger: `board.sqlite`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, text, update

from proxy.board.sql_messages import SqlMessages
from proxy.board.sql_tables import EVENT, events, metadata
from proxy.board.sql_tasks import SqlTasks
from proxy.board.store import Change, Shelf
from proxy.database import Database
from proxy.ledger.records import Event

_e = events.c


class SqlStore:
    """Durable. Used from any task; SQLite lets one transaction write at a time."""

    def __init__(self, path: Path) -> None:
        """Raises OSError and sqlalchemy's errors."""
        self._database = Database(path, metadata)

    async def run[T](self, work: Callable[[Shelf], T]) -> T:
        return await self._database.run(lambda connection: work(_shelf(connection)))

    def close(self) -> None:
        self._database.close()


@dataclass(frozen=True, slots=True)
class SqlShelf:
    tasks: SqlTasks
    messages: SqlMessages
    events: "SqlEvents"


def _shelf(connection: Connection) -> SqlShelf:
    return SqlShelf(SqlTasks(connection), SqlMessages(connection), SqlEvents(connection))


class SqlEvents:
    """Within the transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def put(self, event: Event) -> None:
        self._db.execute(
            insert(events).values(
                org=event.org,
                kind=event.kind,
                ts_ms=event.ts_ms,
                is_filed=False,
                body=EVENT.dump_json(event).decode(),
            )
        )

    def unfiled(self, limit: int) -> Sequence[Change]:
        asked = select(_e.seq, _e.body).where(_e.is_filed.is_(False)).order_by(_e.seq).limit(limit)
        return [Change(seq, EVENT.validate_json(body)) for seq, body in self._db.execute(asked)]

    def filed(self, up_to_seq: int) -> None:
        self._db.execute(
            update(events).where(_e.is_filed.is_(False), _e.seq <= up_to_seq).values(is_filed=True)
        )

    def since(self, org: str, kind: str, after_seq: int, limit: int) -> Sequence[Change]:
        asked = (
            select(_e.seq, _e.body)
            .where(_e.org == org, _e.kind == kind, _e.seq > after_seq, _e.is_filed.is_(True))
            .order_by(_e.seq)
            .limit(limit)
        )
        return [Change(seq, EVENT.validate_json(body)) for seq, body in self._db.execute(asked)]

    def bounds(self) -> tuple[int, int]:
        given = text("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        last = self._db.execute(given).scalar_one_or_none() or 0
        first = self._db.execute(select(func.min(_e.seq))).scalar_one()
        return (last + 1 if first is None else first, last)

    def forget(self, before_ms: int) -> None:
        self._db.execute(delete(events).where(_e.is_filed.is_(True), _e.ts_ms < before_ms))

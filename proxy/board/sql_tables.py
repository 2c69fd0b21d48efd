"""The tables of the board's database, and how facts are written in them.

What stands in a row is its `body`; the other columns are read off it, to be searched.
"""

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text

from proxy.board.message import Message
from proxy.board.task import Task
from proxy.ledger.records import Event

metadata = MetaData()

tasks = Table(
    "tasks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("org", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("create_key", Text),
    Column("holder", Text),
    Column("under", Text),
    Column("lease_until_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("body", Text, nullable=False),
)
Index("tasks_place", tasks.c.org, tasks.c.priority, tasks.c.id)
Index("tasks_key", tasks.c.org, tasks.c.created_by, tasks.c.create_key, unique=True)
Index("tasks_lease", tasks.c.lease_until_ms, sqlite_where=tasks.c.lease_until_ms.is_not(None))
Index("tasks_ended", tasks.c.ended_ms, sqlite_where=tasks.c.ended_ms.is_not(None))

dependencies = Table(
    "dependencies",
    metadata,
    Column("task", Text, primary_key=True),
    Column("depends_on", Text, primary_key=True),
    sqlite_with_rowid=False,
)
Index("dependencies_on", dependencies.c.depends_on)

artifacts = Table(
    "artifacts",
    metadata,
    Column("task", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("org", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("send_key", Text),
    Column("to_kind", Text, nullable=False),
    Column("to_value", Text, nullable=False),
    Column("is_for_one", Boolean, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("messages_to", messages.c.org, messages.c.to_kind, messages.c.to_value, messages.c.number)
Index("messages_thread", messages.c.org, messages.c.thread)
Index("messages_key", messages.c.org, messages.c.sender, messages.c.send_key, unique=True)
Index("messages_expiry", messages.c.expires_ms)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("message", Text, primary_key=True),
    Column("agent", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("org", Text),
    Column("kind", Text, nullable=False),
    Column("ts_ms", BigInteger, nullable=False),
    Column("is_filed", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("events_unfiled", events.c.seq, sqlite_where=events.c.is_filed.is_(False))
Index("events_age", events.c.ts_ms)
Index("events_org", events.c.org, events.c.kind, events.c.seq)

TASK = TypeAdapter(Task)
MESSAGE = TypeAdapter(Message)
EVENT = TypeAdapter(Event)

"""The tables of who may look at the console, in `console.sqlite`; and the questions asked of them."""

import json
from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, or_, select

from proxy.console.access.tokens import Token
from proxy.console.access.visits import Lengths, Visit
from proxy.database import Connection
from proxy.ledger.records import Event

METADATA = MetaData()

_TOKENS = Table(
    "tokens",
    METADATA,
    Column("id", String, primary_key=True),
    Column("digest", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)

_VISITS = Table(
    "visits",
    METADATA,
    Column("digest", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("token", String),
    Column("began_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)

_ACTS = Table(
    "acts",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("ts_ms", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("facts", String, nullable=False),
)
"""Acts that the ledger does not have yet: noted with what they changed, in one transaction. Filed by
the process that holds the ledger, which a command run beside it is not."""

_TOKEN = [_TOKENS.c[name] for name in Token.__dataclass_fields__]
_VISIT = [_VISITS.c[name] for name in Visit.__dataclass_fields__]


def add_token(db: Connection, token: Token, digest: str) -> None:
    """Keep a token."""
    facts = {name: getattr(token, name) for name in Token.__dataclass_fields__}
    db.execute(_TOKENS.insert().values(**facts, digest=digest))


def all_tokens(db: Connection) -> list[Token]:
    """Every token that was ever made, the newest last."""
    rows = db.execute(select(*_TOKEN).order_by(_TOKENS.c.made_ms, _TOKENS.c.id))
    return [Token(*row) for row in rows]


def token_of(db: Connection, digest: str) -> Token | None:
    """The token that a secret's digest belongs to."""
    row = db.execute(select(*_TOKEN).where(_TOKENS.c.digest == digest)).one_or_none()
    return Token(*row) if row else None


def revoke_token(db: Connection, token: Token, now_ms: int) -> None:
    """From now on it opens nothing, and what was begun with it has ended."""
    db.execute(_TOKENS.update().where(_TOKENS.c.id == token.id).values(revoked_ms=now_ms))
    db.execute(_VISITS.delete().where(_VISITS.c.token == token.id))


def add_visit(db: Connection, visit: Visit, digest: str) -> None:
    """Keep a visit."""
    facts = {name: getattr(visit, name) for name in Visit.__dataclass_fields__}
    db.execute(_VISITS.insert().values(**facts, digest=digest))


def all_visits(db: Connection) -> list[Visit]:
    """Every visit that is kept, the one that began first first."""
    rows = db.execute(select(*_VISIT).order_by(_VISITS.c.began_ms, _VISITS.c.name))
    return [Visit(*row) for row in rows]


def visit_of(db: Connection, digest: str) -> tuple[Visit, Token | None] | None:
    """The visit that a secret's digest belongs to, with the token that it was begun with."""
    row = db.execute(select(*_VISIT).where(_VISITS.c.digest == digest)).one_or_none()
    if row is None:
        return None
    visit = Visit(*row)
    token = db.execute(select(*_TOKEN).where(_TOKENS.c.id == visit.token)).one_or_none()
    return visit, Token(*token) if token else None


def touch_visit(db: Connection, digest: str, now_ms: int) -> None:
    """Somebody is still there."""
    db.execute(_VISITS.update().where(_VISITS.c.digest == digest).values(seen_ms=now_ms))


def end_visit(db: Connection, digest: str) -> None:
    """It is over."""
    db.execute(_VISITS.delete().where(_VISITS.c.digest == digest))


def end_visits_of(db: Connection, name: str) -> int:
    """All of one viewer's are over; how many there were."""
    return db.execute(_VISITS.delete().where(_VISITS.c.name == name)).rowcount


def forget_visits(db: Connection, now_ms: int, lengths: Lengths) -> None:
    """Those that ended by themselves."""
    is_over = or_(
        _VISITS.c.seen_ms <= now_ms - lengths.idle_ms,
        _VISITS.c.began_ms <= now_ms - lengths.max_ms,
    )
    db.execute(_VISITS.delete().where(is_over))


def note_act(db: Connection, event: Event) -> None:
    """Remember what has to be filed."""
    facts = json.dumps(dict(event.facts))
    values = {"id": event.id, "ts_ms": event.ts_ms, "status": event.status, "facts": facts}
    db.execute(_ACTS.insert().values(**values))


def noted_acts(db: Connection) -> list[Event]:
    """What has to be filed, the oldest first."""
    return [
        Event(
            kind="access",
            id=row.id,
            ts_ms=row.ts_ms,
            status=row.status,
            facts=json.loads(row.facts),
        )
        for row in db.execute(select(_ACTS).order_by(_ACTS.c.number))
    ]


def forget_acts(db: Connection, ids: Sequence[str]) -> None:
    """They are filed."""
    db.execute(_ACTS.delete().where(_ACTS.c.id.in_(ids)))

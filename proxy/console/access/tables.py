"""The tables of who may look at the console, in `console.sqlite`; and the questions asked of them."""

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, select

from proxy.console.access.tokens import Token
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

_ACTS = Table(
    "acts",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("ts_ms", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("by", String, nullable=False),
    Column("token", String, nullable=False),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
)
"""Acts that the ledger does not have yet: noted with what they changed, in one transaction. Filed by
the process that holds the ledger, which a command run beside it is not."""

_KEPT = [_TOKENS.c[name] for name in Token.__dataclass_fields__]


def add_token(db: Connection, token: Token, digest: str) -> None:
    """Keep a token."""
    facts = {name: getattr(token, name) for name in Token.__dataclass_fields__}
    db.execute(_TOKENS.insert().values(**facts, digest=digest))


def all_tokens(db: Connection) -> list[Token]:
    """Every token that was ever made, the newest last."""
    rows = db.execute(select(*_KEPT).order_by(_TOKENS.c.made_ms, _TOKENS.c.id))
    return [Token(*row) for row in rows]


def token_of(db: Connection, digest: str) -> Token | None:
    """The token that a secret's digest belongs to."""
    row = db.execute(select(*_KEPT).where(_TOKENS.c.digest == digest)).one_or_none()
    return Token(*row) if row else None


def revoke_token(db: Connection, token: Token, now_ms: int) -> None:
    """From now on it opens nothing."""
    db.execute(_TOKENS.update().where(_TOKENS.c.id == token.id).values(revoked_ms=now_ms))


def note_act(db: Connection, event: Event) -> None:
    """Remember what has to be filed."""
    values: Mapping[str, object] = event.facts
    db.execute(_ACTS.insert().values(id=event.id, ts_ms=event.ts_ms, status=event.status, **values))


def noted_acts(db: Connection) -> list[Event]:
    """What has to be filed, the oldest first."""
    rows = db.execute(select(_ACTS).order_by(_ACTS.c.number))
    return [
        Event(
            kind="access",
            id=row.id,
            ts_ms=row.ts_ms,
            status=row.status,
            facts={name: getattr(row, name) for name in ("by", "token", "name", "role")},
        )
        for row in rows
    ]


def forget_acts(db: Connection, ids: Sequence[str]) -> None:
    """They are filed."""
    db.execute(_ACTS.delete().where(_ACTS.c.id.in_(ids)))

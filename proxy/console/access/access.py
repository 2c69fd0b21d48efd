"""Access: the tokens that open the console, the visits of who logged in, and a record of every act.

An act and the note that it has to be filed are one transaction; `file_acts` files what is noted. So a
command may act beside a running Exeat, which alone appends to the ledger, and nothing goes unrecorded.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proxy.console.access import tables
from proxy.console.access.tokens import (
    Token,
    TokenRole,
    checked_name,
    digest,
    expiry_ms,
    new_secret,
)
from proxy.console.access.viewer import Viewer
from proxy.console.access.visits import Lengths, Visit, new_visit_secret
from proxy.database import Connection, Database
from proxy.ledger.records import Event, Fact
from proxy.ledger.store import Ledger
from proxy.slip import new_id

FILE = "console.sqlite"


class AccessError(ValueError):
    """What was asked cannot be done; the message says what can."""


class Taken(AccessError):  # noqa: N818 -- named for what is wrong
    """A token of that name is in use."""


class Unknown(AccessError):  # noqa: N818 -- named for what is wrong
    """There is nothing of that name."""


class Access:
    """Who may look. Whoever can write its file is trusted to say so. Everything here may raise
    DatabaseUnavailable."""

    def __init__(self, state_dir: Path, lengths: Lengths | None = None) -> None:
        """Makes the file (mode 0600) when it is not there. Raises OSError."""
        self._lengths = lengths or Lengths()
        self._database = Database(state_dir / FILE, tables.METADATA)
        self._filing = asyncio.Lock()

    async def viewer(self, secret: str, now_ms: int) -> Viewer | None:
        """Whose token this is the secret of, while it is good."""
        token = await self._database.run(lambda db: tables.token_of(db, digest(secret)))
        return Viewer(token.name, token.role) if token and token.is_good(now_ms) else None

    async def tokens(self) -> list[Token]:
        """All that were ever made, the newest last."""
        return await self._database.run(tables.all_tokens)

    async def make(
        self, name: str, role: TokenRole, expires: str, *, by: str, now_ms: int
    ) -> tuple[Token, str]:
        """A new token, and its secret, which nobody can be told again. `expires` is as in
        `expiry_ms`. Raises AccessError."""
        try:
            until_ms = expiry_ms(expires, now_ms)
            token = Token(new_id(now_ms), checked_name(name), role, now_ms, until_ms)
        except ValueError as error:
            raise AccessError(str(error)) from None
        secret = new_secret()

        def add(db: Connection) -> None:
            taken = {each.name for each in tables.all_tokens(db) if each.is_good(now_ms)}
            if name in taken:
                raise Taken(f"{name}: a token of that name is in use; revoke it first")
            tables.add_token(db, token, digest(secret))
            tables.note_act(db, _of_token("made", token, by, now_ms))

        await self._database.run(add)
        return token, secret

    async def make_first(self, now_ms: int) -> str | None:
        """The secret of an admin's token, when no token was ever made."""
        if await self.tokens():
            return None
        _, secret = await self.make("first", "admin", "never", by="first start", now_ms=now_ms)
        return secret

    async def revoke(self, which: str, *, by: str, now_ms: int) -> Token:
        """Take back the token of that name or id. Raises Unknown."""

        def take(db: Connection) -> Token:
            good = [each for each in tables.all_tokens(db) if each.is_good(now_ms)]
            for token in good:
                if which in (token.id, token.name):
                    tables.revoke_token(db, token, now_ms)
                    tables.note_act(db, _of_token("revoked", token, by, now_ms))
                    return replace(token, revoked_ms=now_ms)
            raise Unknown(f"{which}: no token of that name or id opens anything")

        return await self._database.run(take)

    async def enter_by_token(self, secret: str, now_ms: int) -> str | None:
        """Begin a visit with a token; the visit's secret, or None when the token opens nothing."""

        def enter(db: Connection) -> str | None:
            token = tables.token_of(db, digest(secret))
            if token is None or not token.is_good(now_ms):
                return None
            visit = Visit(token.name, token.role, token.id, now_ms, now_ms)
            return self._begin(db, visit, "token")

        return await self._database.run(enter)

    async def enter_by_issuer(self, viewer: Viewer, role: TokenRole, now_ms: int) -> str:
        """Begin a visit of somebody whom an issuer vouches for; the visit's secret."""
        visit = Visit(viewer.name, role, None, now_ms, now_ms)
        return await self._database.run(lambda db: self._begin(db, visit, "issuer"))

    def _begin(self, db: Connection, visit: Visit, how: str) -> str:
        secret = new_visit_secret()
        tables.forget_visits(db, visit.began_ms, self._lengths)
        tables.add_visit(db, visit, digest(secret))
        facts = {"by": visit.name, "name": visit.name, "role": visit.role, "how": how}
        tables.note_act(db, _act("login", facts, visit.began_ms))
        return secret

    async def visitor(self, secret: str, now_ms: int, *, is_there: bool = True) -> Viewer | None:
        """Whose visit this is the secret of, while it goes on. `is_there` says that a person asked,
        who is then not idle."""

        def look(db: Connection) -> Viewer | None:
            found = tables.visit_of(db, digest(secret))
            if found is None:
                return None
            visit, token = found
            is_open = visit.token is None or (token is not None and token.is_good(now_ms))
            if not is_open or not visit.is_good(now_ms, self._lengths):
                return None
            if is_there and visit.is_to_touch(now_ms, self._lengths):
                tables.touch_visit(db, digest(secret), now_ms)
            return Viewer(visit.name, visit.role)

        return await self._database.run(look)

    async def visits(self, now_ms: int) -> list[Visit]:
        """Those that go on."""
        found = await self._database.run(tables.all_visits)
        return [visit for visit in found if visit.is_good(now_ms, self._lengths)]

    async def leave(self, secret: str) -> None:
        """End a visit. Idempotent."""
        await self._database.run(lambda db: tables.end_visit(db, digest(secret)))

    async def send_away(self, name: str, *, by: str, now_ms: int) -> int:
        """End every visit of that viewer; how many there were. Raises Unknown for none."""

        def end(db: Connection) -> int:
            count = tables.end_visits_of(db, name)
            if not count:
                raise Unknown(f"{name}: nobody of that name is logged in")
            tables.note_act(db, _act("sent_away", {"by": by, "name": name}, now_ms))
            return count

        return await self._database.run(end)

    async def file_acts(self, ledger: Ledger) -> None:
        """File every act that is noted, in order. An act whose reply was lost is filed once all the
        same: it keeps its id. Raises LedgerError."""
        async with self._filing:
            filed = []
            try:
                for event in await self._database.run(tables.noted_acts):
                    await ledger.append(event)
                    filed.append(event.id)
            finally:
                if filed:
                    await self._database.run(lambda db: tables.forget_acts(db, filed))

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._database.close()


def _of_token(status: str, token: Token, by: str, now_ms: int) -> Event:
    facts = {"by": by, "token": token.id, "name": token.name, "role": token.role}
    return _act(status, facts, now_ms)


def _act(status: str, facts: Mapping[str, Fact], now_ms: int) -> Event:
    return Event(kind="access", id=new_id(now_ms), ts_ms=now_ms, status=status, facts=facts)

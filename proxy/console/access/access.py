"""Access: the tokens that open the console, and a record of every act on them.

An act and the note that it has to be filed are one transaction; `file_acts` files what is noted. So a
command may act beside a running Exeat, which alone appends to the ledger, and nothing goes unrecorded.
"""

import asyncio
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
from proxy.database import Connection, Database
from proxy.ledger.records import Event
from proxy.ledger.store import Ledger
from proxy.slip import new_id

FILE = "console.sqlite"


class AccessError(ValueError):
    """What was asked cannot be done; the message says what can."""


class Access:
    """Who may look. Whoever can write its file is trusted to say so."""

    def __init__(self, state_dir: Path) -> None:
        """Makes the file (mode 0600) when it is not there. Raises OSError."""
        self._database = Database(state_dir / FILE, tables.METADATA)
        self._filing = asyncio.Lock()

    async def viewer(self, secret: str, now_ms: int) -> Viewer | None:
        """Whose secret this is, while it is good. Raises DatabaseUnavailable, as all here."""
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
            token = Token(
                new_id(now_ms), checked_name(name), role, now_ms, expiry_ms(expires, now_ms)
            )
        except ValueError as error:
            raise AccessError(str(error)) from None
        secret = new_secret()

        def add(db: Connection) -> None:
            taken = {each.name for each in tables.all_tokens(db) if each.is_good(now_ms)}
            if name in taken:
                raise AccessError(f"{name}: a token of that name is in use; revoke it first")
            tables.add_token(db, token, digest(secret))
            tables.note_act(db, _act("made", token, by, now_ms))

        await self._database.run(add)
        return token, secret

    async def make_first(self, now_ms: int) -> str | None:
        """The secret of an admin's token, when no token was ever made."""
        if await self.tokens():
            return None
        _, secret = await self.make("first", "admin", "never", by="first start", now_ms=now_ms)
        return secret

    async def revoke(self, which: str, *, by: str, now_ms: int) -> Token:
        """Take back the token of that name or id. Raises AccessError."""

        def take(db: Connection) -> Token:
            good = [each for each in tables.all_tokens(db) if each.is_good(now_ms)]
            for token in good:
                if which in (token.id, token.name):
                    tables.revoke_token(db, token, now_ms)
                    tables.note_act(db, _act("revoked", token, by, now_ms))
                    return token
            raise AccessError(f"{which}: no token of that name or id opens anything")

        return await self._database.run(take)

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


def _act(status: str, token: Token, by: str, now_ms: int) -> Event:
    facts = {"by": by, "token": token.id, "name": token.name, "role": token.role}
    return Event(kind="access", id=new_id(now_ms), ts_ms=now_ms, status=status, facts=facts)

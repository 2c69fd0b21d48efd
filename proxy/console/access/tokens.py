"""API tokens: a name, a role and an expiry, proved by a secret that is not kept (pure)."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

from proxy.ledger.moments import moment_ms, span_ms

PREFIX = "exeat_"
"""So that a leaked token is found by those who look for secrets, and told from a provider's key."""

TokenRole = Literal["metrics", "viewer", "approver", "admin"]
State = Literal["good", "expired", "revoked"]
ROLES: tuple[TokenRole, ...] = get_args(TokenRole)

_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}").fullmatch


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept."""

    id: str
    name: str
    """Of no other token that still opens."""
    role: TokenRole
    made_ms: int
    expires_ms: int | None
    revoked_ms: int | None = None

    def state(self, now_ms: int) -> State:
        """Why it opens, or does not."""
        if self.revoked_ms is not None:
            return "revoked"
        return "good" if self.expires_ms is None or now_ms < self.expires_ms else "expired"

    def is_good(self, now_ms: int) -> bool:
        """Does it still open?"""
        return self.state(now_ms) == "good"


def new_secret() -> str:
    """256 random bits, as text."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret. It is random, so that one round of a hash keeps it."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def bearer(header: str) -> str | None:
    """The secret in an Authorization header."""
    scheme, _, secret = header.partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def checked_name(name: str) -> str:
    """Raises ValueError for a name that could not be told from others on a page or a command line."""
    if not _name(name):
        raise ValueError(f"{name!r} is no name; use 1 to 64 of A-Z a-z 0-9 . _ @ -")
    return name


def expiry_ms(text: str, now_ms: int) -> int | None:
    """ "30d" from now, a date or a time; "never" is None. Raises ValueError."""
    if text == "never":
        return None
    span = span_ms(text)
    moment = moment_ms(text, now_ms) if span is None else now_ms + span
    if moment <= now_ms:
        raise ValueError(f"{text!r} has passed; write 30d, a date to come, or never")
    return moment

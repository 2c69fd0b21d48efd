"""Visits: a viewer's stay at the console, from login to logout, or until nobody was there (pure).

A visit is proved by a random secret in a cookie; only its digest is kept.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from proxy.console.access.tokens import TokenRole

_TOUCH_PARTS = 30
"""How many times in its idle time a visit is noted to go on: each is a write."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long a visit may last."""

    idle_ms: int = 30 * 60_000
    """Without a request."""
    max_ms: int = 12 * 3_600_000
    """In all."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit as it is kept."""

    name: str
    role: TokenRole
    token: str | None
    """Id of the token that it was begun with: it ends with it. None when an issuer vouched."""
    began_ms: int
    seen_ms: int

    def is_good(self, now_ms: int, lengths: Lengths) -> bool:
        """Does it go on?"""
        is_idle = now_ms - self.seen_ms >= lengths.idle_ms
        return not is_idle and now_ms - self.began_ms < lengths.max_ms

    def is_to_touch(self, now_ms: int, lengths: Lengths) -> bool:
        """Is it time to note that somebody is still there?"""
        return now_ms - self.seen_ms >= lengths.idle_ms // _TOUCH_PARTS


def new_visit_secret() -> str:
    """256 random bits, as text."""
    return secrets.token_urlsafe(32)


def csrf_of(secret: str) -> str:
    """What a form or a request by script must carry to be believed: bound to the visit, and of no use
    to find its secret by."""
    return hashlib.sha256(b"exeat csrf\0" + secret.encode("utf-8", "replace")).hexdigest()


def is_csrf(secret: str, given: str) -> bool:
    """Is this the visit's own? In constant time."""
    return hmac.compare_digest(csrf_of(secret).encode(), given.encode("utf-8", "replace"))

"""A key that opens nothing, given to one agent, which must never leave (pure).

It is made from the agent's name with a secret, so that nobody else can make one, and whoever holds
the secret knows whose it is without a list of what was given out.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PREFIX = "sk-"
_LENGTH = 48
_SHAPE = re.compile(rf"(?i){_PREFIX}[0-9a-z]{{{_LENGTH}}}", re.ASCII)
_PURPOSE = b"exeat canary 1"


def make_canary(org: str, agent: str, secret: bytes) -> str:
    """The one canary of this agent. It looks like a key of a model provider."""
    name = b"\0".join(_sized(part) for part in (_PURPOSE, org.encode(), agent.encode()))
    number = int.from_bytes(hmac.digest(secret, name, hashlib.sha512))
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return _PREFIX + "".join(digits)


def whose_canary(
    token: str, agents: Iterable[tuple[str, str]], secret: bytes
) -> tuple[str, str] | None:
    """Org and agent that a canary was made for, if it is one of these agents'; in any case of its
    letters."""
    if _SHAPE.fullmatch(token) is None:
        return None
    told = token.lower().encode()
    for org, agent in agents:
        if hmac.compare_digest(make_canary(org, agent, secret).lower().encode(), told):
            return org, agent
    return None


def _sized(part: bytes) -> bytes:
    """No two lists of names make the same bytes."""
    return len(part).to_bytes(4) + part

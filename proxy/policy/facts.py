"""What a rule may ask about: one request, model call or tool call, in the words of the language (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from proxy.actions import Action

Kind = Literal["http", "llm", "tool"]
"""A request to anywhere, a call to a model, or a tool that somebody is about to use."""


READS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing where they are kept to (RFC 9110 section 9.2.1)."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that one decision rests on. The same facts give the same decision, by every door."""

    kind: Kind
    org: str
    agent: str
    session: str
    at: datetime
    """In UTC."""
    strength: int = 4
    """Of the identity: 1, a signed token, to 4, headers."""
    host: str | None = None
    port: int | None = None
    method: str | None = None
    path: str | None = None
    """Without its query."""
    provider: str | None = None
    model: str | None = None
    bound_nanousd: int | None = None
    """What the call may cost at most; None when there is no price."""
    action: Action | None = field(default=None, repr=False)
    """What the tool would do."""
    secrets: frozenset[str] = frozenset()
    """Kinds of secrets that would leave."""
    repeats: int = 0
    """How often this same thing was done before, without a pause."""
    rates: Mapping[str, bool] = field(default_factory=dict)
    """By the rules that count, as they are named: does it come above their rate? Not, where nobody has
    counted."""
    quarantined: bool = False
    """Whoever does it may only read."""

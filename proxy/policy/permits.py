"""What a person allows for a time, beside what the policies say: bypasses and grants (pure).

A bypass lets through, flagged, what named rules refuse. A grant lifts the cap of one limit. Both end by
themselves.
"""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from proxy.budgets import Limit, Unit
from proxy.identity.scope import Scope
from proxy.slip import Identity, Ruled

LENGTH_MAX_S = 24 * 3600
"""A permit that is longer is a policy, and belongs in a file."""
PERMITS_MAX = 1000
"""In force at once."""


class Asker(NamedTuple):
    """Who wants something, and when."""

    who: Identity
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What somebody allowed, for whom, and from when until when (Unix ms)."""

    id: str
    scope: Scope
    by: str
    reason: str
    from_ms: int
    until_ms: int

    def holds(self, at_ms: int) -> bool:
        """Whether it is in force then."""
        return self.from_ms <= at_ms < self.until_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Bypass(Permit):
    """What these rules refuse or hold passes, flagged."""

    rules: tuple[str, ...]
    """As they stand in records, or globs of those: `safety/rules.no-push`, `safety/egress.*`."""

    def covers(self, rule: str) -> bool:
        """Whether this rule is one of them."""
        return any(fnmatch.fnmatchcase(rule, each) for each in self.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Permit):
    """So much more of one limit."""

    limit: str
    """The limit's key."""
    budget: str
    """The name of the budget that it is of."""
    unit: Unit
    amount: int
    """In the limit's unit: nano-dollars of money."""


class InForce:
    """The permits in force, as one process knows them. Whoever learns of others replaces them all."""

    def __init__(self, permits: Iterable[Permit] = ()) -> None:
        self.adopt(permits)

    def adopt(self, permits: Iterable[Permit]) -> None:
        """These, and no others."""
        self.all = tuple(sorted(permits, key=lambda it: (it.from_ms, it.id)))
        self.bypasses = tuple(each for each in self.all if isinstance(each, Bypass))
        self._grants: dict[str, list[Grant]] = {}
        for each in self.all:
            if isinstance(each, Grant):
                self._grants.setdefault(each.limit, []).append(each)

    def bypass(self, rule: str, asker: Asker) -> Bypass | None:
        """The one that lets this caller pass this rule now."""
        for each in self.bypasses:
            if each.holds(asker.at_ms) and each.scope.covers(asker.who) and each.covers(rule):
                return each
        return None

    def past(self, ruled: Ruled, asker: Asker) -> Ruled:
        """What becomes of a policy's word: what is bypassed passes as a warning does."""
        if ruled.passes:
            return ruled
        found = self.bypass(ruled.rule, asker)
        return ruled if found is None else replace(ruled, decision="warn", bypass=found.id)

    def raised(self, limit: Limit, at_ms: int) -> Limit:
        """The limit with what was granted on top of it."""
        granted = sum(each.amount for each in self._grants.get(limit.key, ()) if each.holds(at_ms))
        return replace(limit, cap=limit.cap + granted) if granted else limit

    @property
    def grants_any(self) -> bool:
        """Whether some limit is raised, now or lately."""
        return bool(self._grants)

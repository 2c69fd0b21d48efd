"""What may not go on: stops in force, each of an org, an agent or a session (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from proxy.identity.scope import Scope
from proxy.slip import Identity

Level = Literal["kill", "quarantine"]
"""Nothing passes; or only what reads, while tools wait for a person."""

REASON_MAX = 500
"""Characters of a reason: it is told to whoever is refused."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A kill or a quarantine: of what, by whom, when and why."""

    id: str
    scope: Scope
    level: Level
    by: str
    """A person's name, or `trigger:` and the policy's."""
    reason: str
    at_ms: int


class Stops:
    """Every stop in force, one for each scope at most."""

    def __init__(self, stops: Iterable[Stop] = ()) -> None:
        self._by_scope: dict[Scope, Stop] = {}
        for stop in stops:
            self.add(stop)

    def __iter__(self) -> Iterator[Stop]:
        return iter(tuple(self._by_scope.values()))

    def __len__(self) -> int:
        return len(self._by_scope)

    def add(self, stop: Stop) -> Stop:
        """The stop that is in force afterwards: the one that was there, unless this is stricter. To
        make a kill milder takes a revive, which is for fewer people."""
        known = self._by_scope.get(stop.scope)
        if known is not None and not is_stricter(stop, known):
            return known
        self._by_scope[stop.scope] = stop
        return stop

    def remove(self, scope: Scope) -> Stop | None:
        """What was in force there; wider and narrower stops stay."""
        return self._by_scope.pop(scope, None)

    def on(self, scope: Scope) -> Stop | None:
        """The stop of this very scope."""
        return self._by_scope.get(scope)

    def found(self, who: Identity) -> Stop | None:
        """The strictest that this caller is within; of equals the widest."""
        if not self._by_scope:
            return None
        scopes = (
            Scope(who.org),
            Scope(who.org, who.agent),
            Scope(who.org, who.agent, who.session),
        )
        found = [stop for scope in scopes if (stop := self._by_scope.get(scope)) is not None]
        return next((each for each in found if each.level == "kill"), found[0] if found else None)

    def sessions(self, org: str, agent: str) -> int:
        """How many sessions of this agent are stopped."""
        return sum(
            scope.session is not None and scope.agent == agent and scope.org == org
            for scope in self._by_scope
        )


def is_stricter(one: Stop, other: Stop) -> bool:
    """A kill is stricter than a quarantine."""
    return one.level == "kill" and other.level == "quarantine"

"""Who is meant: agents by glob, and roles, which are the operator's names for globs (pure)."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import translate
from functools import lru_cache


class Roles:
    """The roles of `[board.roles]`: name to globs of agents."""

    def __init__(self, agents_of: Mapping[str, Sequence[str]] | None = None) -> None:
        self._agents_of = {name: tuple(globs) for name, globs in (agents_of or {}).items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Every role there is."""
        return tuple(sorted(self._agents_of))

    def of(self, agent: str) -> tuple[str, ...]:
        """The roles that an agent has."""
        return tuple(role for role, globs in self._agents_of.items() if matches_any(globs, agent))


def matches_any(globs: Sequence[str], agent: str) -> bool:
    """Does one of the globs stand for this agent? `*` is any characters, `/` included."""
    return any(_compiled(glob).match(agent) is not None for glob in globs)


@lru_cache(maxsize=1024)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))

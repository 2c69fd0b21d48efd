"""Whose calls are meant: an org's, an agent's, or a session's (pure)."""

from dataclasses import dataclass

from proxy.slip import Identity


@dataclass(frozen=True, slots=True)
class Scope:
    """An org, an agent of it, or a session of that agent. Raises ValueError for anything else."""

    org: str
    agent: str | None = None
    session: str | None = None

    def __post_init__(self) -> None:
        if "" in (self.org, self.agent, self.session):
            raise ValueError("no part of a scope is empty")
        if self.session is not None and self.agent is None:
            raise ValueError("a session is some agent's: name the agent, too")

    def covers(self, who: Identity) -> bool:
        """Whether this caller is within it."""
        return (
            self.org == who.org
            and self.agent in (None, who.agent)
            and self.session in (None, who.session)
        )

    @property
    def kind(self) -> str:
        """Which of the three it is."""
        return "org" if self.agent is None else "agent" if self.session is None else "session"

    def __str__(self) -> str:
        parts = zip(("org", "agent", "session"), (self.org, self.agent, self.session), strict=True)
        return ", ".join(f"{name} {value}" for name, value in parts if value is not None)

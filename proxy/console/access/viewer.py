"""A viewer: who looks at the console, or acts on it (pure)."""

from dataclasses import dataclass

from proxy.endpoint import Role

_ORDER: tuple[Role, ...] = ("anyone", "agent", "metrics", "viewer", "approver", "admin")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who was let in."""

    name: str
    """As it stands in the records of what they did."""
    role: Role

    def may(self, role: Role) -> bool:
        """Is this as much as `role`, or more?"""
        return _ORDER.index(self.role) >= _ORDER.index(role)

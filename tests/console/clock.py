"""A clock that a test sets."""

from dataclasses import dataclass, replace

from proxy.console.ports import Ports


@dataclass(slots=True)
class Clock:
    """The console's time."""

    now_ms: int

    def within(self, ports: Ports) -> Ports:
        """The same ports, by this clock."""
        return replace(ports, now_ms=lambda: self.now_ms)

"""What the console asks things of: one per process."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from proxy.approvals.approvals import Approvals
from proxy.board import Board
from proxy.budgets import Accounts
from proxy.console.access.access import Access
from proxy.console.granting import Granting
from proxy.events import Events
from proxy.kill.switch import KillSwitch
from proxy.ledger.store import Ledger
from proxy.permits.permits import Permits
from proxy.pinning import PinBook
from proxy.policy import PolicyBook
from proxy.slip import Slip


def wall_ms() -> int:
    """The time, in milliseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000_000


class Calls(Protocol):
    """Who knows the calls in flight."""

    is_stopping: bool

    @property
    def live(self) -> Sequence[Slip]:
        """Calls in flight, oldest first."""


class RawView(Protocol):
    """mitmproxy's viewer of flows, on a port of its own."""

    def url(self) -> str:
        """Where a browser on this machine opens it, once, within a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Every topic of the API and of the pages takes from here what it needs."""

    ledger: Ledger
    accounts: Accounts
    policies: PolicyBook
    calls: Calls
    access: Access
    switch: KillSwitch
    approvals: Approvals
    permits: Permits
    board: Board
    pins: PinBook
    metrics: Callable[[], str]
    """All that is measured, as text."""
    raw_view: RawView | None = None
    now_ms: Callable[[], int] = wall_ms
    events: Events = field(default_factory=Events)
    """What happens in this process."""
    questions: Sequence[tuple[str, str]] = ()
    """The corridor's addons in order, each with what it asks."""
    ledger_path: Path | None = None
    """The ledger's file, where it is one: to be verified as it lies."""
    policy_paths: Sequence[Path] = ()
    """The files of the policies, as the settings name them."""
    proxy_url: str = "http://127.0.0.1:8080"
    """Where agents reach Exeat."""

    @property
    def granting(self) -> Granting:
        """Approvals, decided with or without a grant."""
        return Granting(self.approvals, self.permits, self.policies)

"""What the console asks things of: one per process."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.approvals.approvals import Approvals
from proxy.budgets import Accounts
from proxy.console.access.access import Access
from proxy.kill.switch import KillSwitch
from proxy.ledger.store import Ledger
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
    raw_view: RawView | None = None
    now_ms: Callable[[], int] = wall_ms

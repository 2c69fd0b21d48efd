"""What the inside asks things of."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from proxy.approvals.approvals import Approvals
from proxy.board import Commons
from proxy.budgets import Accounts
from proxy.delegate.delegation import Delegation
from proxy.kill.triggers import Triggers
from proxy.ledger.store import Ledger
from proxy.policy import PolicyBook
from proxy.policy.released import Released


def wall_ms() -> int:
    """The time, in milliseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """One per process."""

    accounts: Accounts
    ledger: Ledger
    policies: PolicyBook
    delegation: Delegation
    triggers: Triggers
    released: Released
    approvals: Approvals
    commons: Commons
    now_ms: Callable[[], int] = wall_ms

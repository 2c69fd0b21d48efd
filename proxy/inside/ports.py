"""What the inside asks things of."""

from dataclasses import dataclass

from proxy.approvals.approvals import Approvals
from proxy.budgets import Accounts
from proxy.delegate.delegation import Delegation
from proxy.kill.triggers import Triggers
from proxy.ledger.store import Ledger
from proxy.policy import PolicyBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """One per process."""

    accounts: Accounts
    ledger: Ledger
    policies: PolicyBook
    delegation: Delegation
    triggers: Triggers
    approvals: Approvals

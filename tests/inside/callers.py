"""A caller inside, as the corridor hands it over; and its questions."""

from typing import Any

from proxy.board import Commons, Roles
from proxy.board.memory import MemoryStore
from proxy.budgets import Accounts, MemoryCounters
from proxy.endpoint import Asked, Nothing
from proxy.policy import PolicyBook
from proxy.slip import Identity, Slip
from tests.board.people import Diary
from tests.budgets.diary import Diary as History
from tests.policy.texts import policy

ME = Identity("acme", "coder", "s1", task="t1", sources={"org": "headers"})


def caller(rules: str = "egress: {default: allow}", session: str = "s1") -> Slip:
    """A call to exeat.internal that was let through."""
    slip = Slip("call", 0, 0, "internal", "GET", "/")
    slip.identity = Identity("acme", "coder", session, task="t1", sources={"org": "headers"})
    slip.terms = PolicyBook([policy(rules)]).terms("acme", "coder")
    slip.cleared = True
    return slip


def commons(accounts: Accounts | None = None, ledger: Any = None) -> Commons:
    """What agents share, in memory."""
    accounts = accounts or Accounts(MemoryCounters(), History())
    return Commons.over(MemoryStore(), ledger or Diary(), accounts, Roles())


def asks(slip: Slip, query: Any = None, body: Any = None, **path: str) -> Asked[Slip, Any, Any]:
    """One question."""
    return Asked(slip, query or Nothing(), body or Nothing(), path)

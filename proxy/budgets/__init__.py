"""Budgets: what may still be spent, held before a call leaves and settled to the truth after it.

Callers use `Accounts` over a store (`MemoryCounters`, or `RedisCounters` in proxy/budgets/redis.py)
and a `History`, which the ledger implements. For every limit, always: settled + held <= cap.
"""

from proxy.budgets.accounts import Accounts
from proxy.budgets.amounts import AMOUNT_MAX
from proxy.budgets.counters import Counters, History, OpenHold
from proxy.budgets.limits import Charge, Limit, Reservation, Unit
from proxy.budgets.memory import MemoryCounters
from proxy.budgets.ration import TOOL_CALLS_AHEAD, Counted, Ration
from proxy.budgets.results import (
    Balance,
    CountersUnavailable,
    Exceeded,
    ExpiredHold,
    Held,
    Hold,
    HoldClosed,
    Settlement,
    Stale,
    Unseeded,
)
from proxy.budgets.windows import Window, window_end_ms, window_start_ms

__all__ = [
    "AMOUNT_MAX",
    "TOOL_CALLS_AHEAD",
    "Accounts",
    "Balance",
    "Charge",
    "Counted",
    "Counters",
    "CountersUnavailable",
    "Exceeded",
    "ExpiredHold",
    "Held",
    "History",
    "Hold",
    "HoldClosed",
    "Limit",
    "MemoryCounters",
    "OpenHold",
    "Ration",
    "Reservation",
    "Settlement",
    "Stale",
    "Unit",
    "Unseeded",
    "Window",
    "window_end_ms",
    "window_start_ms",
]

"""What may I still spend?"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from proxy.budgets import Accounts, Balance
from proxy.endpoint import Asked, Endpoint, Model, Nothing
from proxy.money import format_usd
from proxy.policy.terms import TaskLimits
from proxy.slip import Slip


class Remaining(Model):
    """Where one limit stands in its current window."""

    budget: str
    scope: Mapping[str, str]
    """Everybody for whom these values are the same shares it."""
    unit: str
    """`nanousd`, `tokens` or `requests`."""
    window: str
    limit: int
    settled: int
    held: int
    """Set aside for calls in flight; what they do not use comes back."""
    remaining: int
    resets_at: str | None


class RemainingUsd(Remaining):
    """Of a limit in dollars, also for people."""

    remaining_usd: str


class Budgets(Model):
    """Every limit that your calls count against."""

    budgets: Sequence[RemainingUsd | Remaining]


class Purse:
    """Asks the accounts for one caller's limits."""

    def __init__(self, accounts: Accounts, allowances: TaskLimits) -> None:
        self._accounts = accounts
        self._allowances = allowances

    async def budget(self, asked: Asked[Slip, Nothing, Nothing]) -> Budgets:
        """What you may still spend."""
        return Budgets(budgets=await self.remaining(asked.who, None))

    async def remaining(self, slip: Slip, model: str | None) -> list[Remaining]:
        """Limits per model only for the model that is named. Raises CountersUnavailable."""
        assert slip.identity is not None
        assert slip.terms is not None
        allowance = await self._allowances.of(slip.identity)
        now_ms = time.time_ns() // 1_000_000
        budgeted = (*slip.terms.limits(slip.identity, model, now_ms), *allowance)
        limits = [each.limit for each in budgeted]
        balances = await self._accounts.balances(slip.identity.org, limits, now_ms)
        return [_row(balance) for balance in balances]

    def endpoints(self) -> Sequence[Endpoint[Slip]]:
        return [Endpoint("GET", "/v1/budget", "agent", self.budget, Budgets, tag="you")]


def _row(balance: Balance) -> Remaining:
    limit = balance.limit
    is_money = limit.unit == "usd"
    facts = {
        "budget": limit.name,
        "scope": dict(limit.scope),
        "unit": "nanousd" if is_money else limit.unit,
        "window": limit.window,
        "limit": limit.cap,
        "settled": balance.settled,
        "held": balance.held,
        "remaining": balance.remaining,
        "resets_at": _moment(balance.resets_at_ms),
    }
    if is_money:
        return RemainingUsd.model_validate(facts | {"remaining_usd": format_usd(balance.remaining)})
    return Remaining.model_validate(facts)


def _moment(ms: int | None) -> str | None:
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")

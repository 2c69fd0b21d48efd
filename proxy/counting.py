"""Rules' rates, counted where budgets are: every process that shares their counters counts together."""

import time

from proxy.budgets import Accounts, Charge, Counted, Exceeded, Ration, Reservation
from proxy.policy.facts import Facts
from proxy.policy.rates import with_rate
from proxy.policy.rules import RateAsked
from proxy.policy.words import tool_kind
from proxy.slip import Slip


class RateCounts:
    """Holds what a call counts until its record is on file, so that lost counters can be rebuilt."""

    def __init__(self, accounts: Accounts, lease_ms: int) -> None:
        self._accounts = accounts
        self._lease_ms = lease_ms

    async def answered(self, slip: Slip, facts: Facts) -> Facts:
        """The facts, with every rate answered that a decision on them asks for. What is below its limit
        counts, whatever then becomes of it. Raises CountersUnavailable."""
        assert slip.terms is not None
        while (asked := slip.terms.next_rate(facts)) is not None:
            is_over = await self._hold(slip, asked, Charge(asked.limit, 1, 0), used=1)
            facts = with_rate(facts, asked, is_over=is_over)
        return facts

    async def hold_for_tools(self, slip: Slip, at_most: int) -> None:
        """A ration of every rate that tool calls may count against, for whoever must decide them at
        once. Raises CountersUnavailable."""
        assert slip.terms is not None
        for asked in slip.terms.rates_on_tools(tool_kind(slip)):
            await self._hold(slip, asked, Charge(asked.limit, 0, 0, at_most))

    async def settle(self, slip: Slip) -> None:
        """What was used stays counted, the rest is given back."""
        for each in slip.counted:
            used, now_ms = each.ration.used, _now_ms()
            if used:
                await self._accounts.settle(each.hold.id, each.hold.org, {"times": used}, now_ms)
            else:
                await self._accounts.release(each.hold.id, each.hold.org, now_ms)

    async def _hold(self, slip: Slip, asked: RateAsked, charge: Charge, used: int = 0) -> bool:
        """True where there is no room."""
        assert slip.identity is not None
        name = f"{slip.id}/{len(slip.counted)}"
        org = slip.identity.org
        answer = await self._accounts.reserve(
            Reservation(name, org, (charge,), 0, 0, self._lease_ms), _now_ms()
        )
        if isinstance(answer, Exceeded):
            return True
        slip.counted.append(Counted(asked.rule, answer, Ration(answer.amounts, used)))
        return False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""Allowances: what the calls made for one task may cost, as one more limit on them.

An allowance takes away and never gives: the budgets of the policies hold as they did. It is said when
the task is made, and not changed after. Nobody can give what they do not have: it is no more than
remains of each budget of whoever makes the task; made for a task that has an allowance, it is taken
out of that one, which is then smaller for good.
"""

import re

from proxy.board.acts import NewTask
from proxy.board.board import Board
from proxy.board.task import Shown
from proxy.board.task_steps import NewId
from proxy.budgets import Accounts, Charge, Exceeded, Limit, Reservation
from proxy.endpoint import Problem
from proxy.money import format_usd
from proxy.policy.terms import BudgetedLimit, Terms
from proxy.slip import Identity, new_id

NAME = "task-allowance"
_FIT_FLOOR = 256
_LEASE_MS = 60_000
_is_id = re.compile(r"[0-9a-f-]{36}").fullmatch


def limit_of(org: str, task_id: str, cap_nanousd: int) -> Limit:
    """What counts the calls that name a task with an allowance."""
    return Limit(NAME, (("org", org), ("task", task_id)), "usd", "total", cap_nanousd)


class Allowances:
    """Knows the board's caps, and makes tasks with new ones."""

    def __init__(self, board: Board, accounts: Accounts, new_id: NewId = new_id) -> None:
        self._board = board
        self._accounts = accounts
        self._new_id = new_id

    async def of(self, who: Identity) -> tuple[BudgetedLimit, ...]:
        """The limit on calls by this identity: one, where the task that it names has an allowance."""
        if who.task is None or not _is_id(who.task):
            return ()
        cap = await self._board.cap_nanousd(who.org, who.task)
        if cap is None:
            return ()
        return (BudgetedLimit(limit_of(who.org, who.task, cap), "fit", _FIT_FLOOR),)

    async def create(self, new: NewTask, who: Identity, terms: Terms, now_ms: int) -> Shown:
        """Make a task, with an allowance that its maker has. Raises Problem, CountersUnavailable."""
        earlier = await self._board.earlier(new, who)
        if earlier is not None:
            return earlier
        if new.allowance_nanousd is None:
            return await self._board.create(new, who, now_ms)
        await self._must_have(new.allowance_nanousd, who, terms, now_ms)
        own = await self.of(who)
        if not own:
            return await self._board.create(new, who, now_ms)
        # While it is held nobody else can have it, and once it is given the cap is smaller. Whoever has
        # a hold looks at the cap again before going on, as addons/budget.py does for calls: of two that
        # come between each other, at least one sees what the other did.
        hold_id = self._new_id(now_ms)
        charge = Charge(own[0].limit, new.allowance_nanousd, 0)
        asked = Reservation(hold_id, who.org, (charge,), 0, 0, _LEASE_MS)
        answer = await self._accounts.reserve(asked, now_ms)
        if isinstance(answer, Exceeded):
            raise _too_large(new.allowance_nanousd, answer.remaining, answer.limit)
        try:
            if await self.of(who) != own:
                raise Problem(
                    409, "allowance_changed", "Another task was given a part meanwhile. Try again."
                )
            return await self._board.create(new, who, now_ms)
        finally:
            await self._accounts.release(hold_id, who.org, now_ms)

    async def _must_have(self, amount: int, who: Identity, terms: Terms, now_ms: int) -> None:
        limits = [each.limit for each in terms.limits(who, None) if each.limit.unit == "usd"]
        for balance in await self._accounts.balances(who.org, limits, now_ms):
            if amount > balance.remaining:
                raise _too_large(amount, balance.remaining, balance.limit)


def _too_large(amount: int, remaining: int, limit: Limit) -> Problem:
    return Problem(
        409,
        "allowance_too_large",
        f"You cannot give {format_usd(amount)}: {format_usd(remaining)} remain to you under "
        f"{limit.name}. Give less, or leave the allowance out.",
    )

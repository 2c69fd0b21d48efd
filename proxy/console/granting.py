"""What an approver gives with a yes: more of a budget, for a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.approvals.approval import Approval, NotDecided
from proxy.approvals.approvals import Approvals
from proxy.budgets import Limit
from proxy.money import nanousd
from proxy.permits.permits import Permits
from proxy.policy import PolicyBook
from proxy.policy.permits import Grant


@dataclass(frozen=True, slots=True)
class More:
    """So much more, as a person wrote it, of which budget and for how long."""

    amount: str
    minutes: int
    budget: str | None = None
    """None: the one that the approval is about."""
    unit: str | None = None


class NotGranted(Exception):  # noqa: N818  # the word the approver reads
    """What is wrong with what was to be granted."""


class Granting:
    """Approvals, decided with or without a grant."""

    def __init__(self, approvals: Approvals, permits: Permits, policies: PolicyBook) -> None:
        self._approvals = approvals
        self._permits = permits
        self._policies = policies

    def limits(self, it: Approval) -> Sequence[Limit]:
        """What could be granted more of, to whoever asks: what ran out first."""
        who = it.wanted
        terms = self._policies.terms(who.org, who.agent)
        found = terms.limits_for(who.org, who.agent, who.session, who.task, None)
        short = [who.short.limit] if who.short else []
        return [*short, *(each.limit for each in found if each.limit.key not in _keys(short))]

    async def approve(self, approval_id: str, by: str, reason: str, more: More | None) -> Approval:
        """A person's yes. When it is the last that is needed, what was granted is in force before the
        call goes on (a moment later, where two said it at once): what is asked for, or of a budget that
        ran out what was missing, as long as an approval can be used. Said again, it is granted once.
        Raises NotDecided, NotGranted, TooManyPermits, and as `Approvals.decide` and `Permits.grant`
        do."""
        after = await self._approvals.foreseen(approval_id, by, reason)
        asked = self._asked(after, more)
        given = None
        if asked is not None and after.state == "approved":
            given = await self._given(after, asked, by, reason)
        try:
            done = await self._approvals.decide(approval_id, by, True, reason)
        except NotDecided:
            if given is not None:
                await self._permits.revoke(given.id, by, f"{approval_id} was decided otherwise")
            raise
        if asked is not None and after.state != "approved" and done.state == "approved":
            # Somebody said yes at the same time, so that this was the last after all.
            await self._given(done, asked, by, reason)
        return done

    def _asked(self, it: Approval, more: More | None) -> tuple[Limit, int, int] | None:
        """Of which limit, how much, for how many seconds."""
        short = it.wanted.short
        if more is None:
            return None if short is None else (short.limit, short.missing, self._approvals.claim_s)
        limit = self._limit(it, more)
        try:
            amount = nanousd(more.amount) if limit.unit == "usd" else int(more.amount)
        except ValueError as error:
            raise NotGranted(f"amount={more.amount} of {limit.unit}: {error}") from None
        if amount <= 0:
            raise NotGranted(f"amount={more.amount}: nothing would be granted")
        return limit, amount, more.minutes * 60

    def _limit(self, it: Approval, more: More) -> Limit:
        short = it.wanted.short
        if more.budget is None:
            if short is None:
                raise NotGranted("budget is missing: which one is lifted?")
            return short.limit
        found = [
            each
            for each in self.limits(it)
            if each.name == more.budget and more.unit in (None, each.unit)
        ]
        if len(_keys(found)) != 1:
            there = ", ".join(f"{each.name} ({each.unit})" for each in self.limits(it)) or "none"
            raise NotGranted(
                f"budget={more.budget}: name one of those that count for this caller: {there}"
            )
        return found[0]

    async def _given(
        self, it: Approval, asked: tuple[Limit, int, int], by: str, reason: str
    ) -> Grant | None:
        limit, amount, length_s = asked
        why = f"{it.id}: {reason}"
        if any(each.reason == why and each.by == by for each in self._permits.in_force):
            return None
        return await self._permits.grant(limit, amount, length_s, by, why)


def _keys(limits: Sequence[Limit]) -> set[str]:
    return {each.key for each in limits}

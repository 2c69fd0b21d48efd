"""Budgets: where those of one caller stand."""

from collections.abc import Callable

from proxy.budgets import Accounts, Limit
from proxy.console.access import Viewer
from proxy.console.api.asked import Text
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.policy import PolicyBook
from proxy.serving import BAD_QUERY


class BudgetsAsked(Model):
    """Whose budgets: `org`, and optionally agent, session, model."""

    org: Text
    agent: Text = ""
    session: Text | None = None
    model: Text | None = None


class Standing(Model):
    """One limit. Amounts are in its unit; dollars are nano-dollars."""

    budget: str
    scope: dict[str, str]
    unit: str
    window: str
    limit: int
    settled: int
    held: int
    remaining: int
    resets_at_ms: int | None


class Budgets(Model):
    """Where budgets stand."""

    budgets: list[Standing]


def endpoints(
    accounts: Accounts, policies: PolicyBook, now_ms: Callable[[], int]
) -> list[Endpoint[Viewer]]:
    """What can be asked of budgets."""

    def limits(asked: BudgetsAsked) -> list[Limit]:
        terms = policies.terms(asked.org, asked.agent)
        found = terms.limits_for(
            asked.org, asked.agent or None, asked.session, None, asked.model, now_ms()
        )
        return [each.limit for each in found]

    async def budgets(asked: Asked[Viewer, BudgetsAsked, Nothing]) -> Budgets:
        """Where the budgets of one caller stand."""
        query = asked.query
        if not query.org:
            raise Problem(400, BAD_QUERY, "org is missing: whose budgets?")
        try:
            balances = await accounts.balances(query.org, limits(query), now_ms())
        except ValueError as error:
            raise Problem(400, BAD_QUERY, str(error)) from None
        return Budgets(
            budgets=[
                Standing(
                    budget=balance.limit.name,
                    scope=dict(balance.limit.scope),
                    unit=balance.limit.unit,
                    window=balance.limit.window,
                    limit=balance.limit.cap,
                    settled=balance.settled,
                    held=balance.held,
                    remaining=balance.remaining,
                    resets_at_ms=balance.resets_at_ms,
                )
                for balance in balances
            ]
        )

    return [
        Endpoint("GET", "/api/budgets", "viewer", budgets, Budgets, query=BudgetsAsked, tag="costs")
    ]

"""Permits: what people allow for a time, beside what the policies say."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from proxy.budgets import Limit, Unit
from proxy.console.access import Viewer
from proxy.console.api.kills import Name, Reason, Scoped
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.money import nanousd
from proxy.permits.permits import Permits, TooManyPermits
from proxy.policy import PolicyBook
from proxy.policy.permits import LENGTH_MAX_S, Bypass, Grant, Permit

LENGTH_MAX_MIN = LENGTH_MAX_S // 60

Minutes = Annotated[int, Field(ge=1, le=LENGTH_MAX_MIN)]
Rule = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[\x21-\x7e]+$")]
"""As it stands in records: `safety/rules.no-push`; `*` and `?` stand for what they do in globs."""
Amount = Annotated[str, Field(pattern=r"^[0-9]{1,7}(\.[0-9]{1,9})?$")]


class BypassAsked(Scoped):
    """Whose calls pass which rules, for how long, and why."""

    rules: Annotated[list[Rule], Field(min_length=1, max_length=20)]
    minutes: Minutes
    reason: Reason


class Amounts(Model):
    """How much more, for how long."""

    amount: Amount
    """Dollars, or as many of what the budget counts."""
    minutes: Minutes


class GrantAsked(Amounts):
    """Whose budget is lifted, by how much, for how long, and why."""

    org: Name
    agent: Name | None = None
    session: Name | None = None
    task: Name | None = None
    model: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    budget: Annotated[str, Field(min_length=1, max_length=64)]
    """Its name in the policy."""
    unit: Unit | None = None
    """Needed where the budget counts several."""
    reason: Reason


class RevokeAsked(Model):
    """Which one is taken back, and why."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Reason


class PermitInForce(Model):
    """A bypass, with its rules; or a grant, with its budget."""

    id: str
    """Of its record."""
    kind: Literal["bypass", "grant"]
    org: str
    agent: str | None
    session: str | None
    by: str
    reason: str
    from_ms: int
    until_ms: int
    rules: list[str] = []
    limit: str | None = None
    """The counter that is lifted."""
    budget: str | None = None
    unit: Unit | None = None
    amount: int | None = None
    """In the unit; of money, nano-dollars."""


class PermitsList(Model):
    """Everything that people allow now, the oldest first."""

    permits: list[PermitInForce]


def endpoints(
    permits: Permits, policies: PolicyBook, now_ms: Callable[[], int]
) -> list[Endpoint[Viewer]]:
    """What can be asked of permits."""

    async def listed(asked: Asked[Viewer, Nothing, Nothing]) -> PermitsList:
        """What people allow for a time."""
        return PermitsList(permits=[told(each) for each in permits.in_force])

    async def bypass(asked: Asked[Viewer, Nothing, BypassAsked]) -> PermitInForce:
        """Let pass for a time, flagged, what some rules refuse."""
        return told(await bypassed(permits, asked.body, asked.who.name))

    async def grant(asked: Asked[Viewer, Nothing, GrantAsked]) -> PermitInForce:
        """Lift one limit of a budget for a time."""
        body, by = asked.body, asked.who.name
        limit = limit_of(policies, body)
        return told(await granted(permits, limit, body, by, body.reason))

    async def revoke(asked: Asked[Viewer, Nothing, RevokeAsked]) -> PermitInForce:
        """Take one back before its time; what would be refused without it ends at once."""
        return told(await revoked(permits, asked.body, asked.who.name))

    tag, path = "permits", "/api/permits"
    return [
        Endpoint("GET", path, "viewer", listed, PermitsList, tag=tag),
        Endpoint(
            "POST", f"{path}/bypass", "admin", bypass, PermitInForce,
            body=BypassAsked, problems=(409,), tag=tag,
        ),
        Endpoint(
            "POST", f"{path}/grant", "approver", grant, PermitInForce,
            body=GrantAsked, problems=(404, 409), tag=tag,
        ),
        Endpoint(
            "POST", f"{path}/revoke", "approver", revoke, PermitInForce,
            body=RevokeAsked, problems=(404,), tag=tag,
        ),
    ]  # fmt: skip


async def bypassed(permits: Permits, asked: BypassAsked, by: str) -> Bypass:
    """Rules that pass for a time, by the API or by form. Raises Problem 409."""
    try:
        return await permits.bypass(asked.scope, asked.rules, asked.minutes * 60, by, asked.reason)
    except TooManyPermits as error:
        raise Problem(409, "too_many_permits", str(error)) from None


async def revoked(permits: Permits, asked: RevokeAsked, by: str) -> Permit:
    """What was taken back, by the API or by form. Raises Problem 404."""
    was = await permits.revoke(asked.id, by, asked.reason)
    if was is None:
        raise Problem(404, "not_found", "No such permit is in force; it may have ended.")
    return was


def limit_of(policies: PolicyBook, asked: GrantAsked) -> Limit:
    """The limit that a grant would lift. Raises Problem 404 and 409."""
    terms = policies.terms(asked.org, asked.agent or "")
    found = terms.limits_for(asked.org, asked.agent, asked.session, asked.task, asked.model)
    return _one([each.limit for each in found], asked)


async def granted(permits: Permits, limit: Limit, asked: Amounts, by: str, reason: str) -> Grant:
    """So much more of a limit, by the API or by form. Raises Problem 400 and 409."""
    try:
        amount = nanousd(asked.amount) if limit.unit == "usd" else int(asked.amount)
        if amount <= 0:
            raise ValueError("nothing would be granted")
        return await permits.grant(limit, amount, asked.minutes * 60, by, reason)
    except ValueError as error:
        text = f"amount={asked.amount} of {limit.unit}: {error}"
        raise Problem(400, "bad_query", text) from None
    except TooManyPermits as error:
        raise Problem(409, "too_many_permits", str(error)) from None


def told(it: Permit) -> PermitInForce:
    """A permit as it is shown."""
    scope = it.scope
    grant = it if isinstance(it, Grant) else None
    return PermitInForce(
        id=it.id,
        kind="grant" if grant else "bypass",
        org=scope.org,
        agent=scope.agent,
        session=scope.session,
        by=it.by,
        reason=it.reason,
        from_ms=it.from_ms,
        until_ms=it.until_ms,
        rules=list(it.rules) if isinstance(it, Bypass) else [],
        limit=grant.limit if grant else None,
        budget=grant.budget if grant else None,
        unit=grant.unit if grant else None,
        amount=grant.amount if grant else None,
    )


def _one(limits: list[Limit], asked: GrantAsked) -> Limit:
    """The limit that is meant. Raises Problem 404 and 409."""
    named = [each for each in limits if each.name == asked.budget]
    meant = [each for each in named if asked.unit in (None, each.unit)]
    if not meant:
        names = ", ".join(sorted({f"{each.name} ({each.unit})" for each in limits})) or "none"
        raise Problem(
            404,
            "no_such_budget",
            f"budget={asked.budget}: no such budget counts for this caller; there are: {names}. A "
            "budget per agent, session, task or model needs that to be named.",
        )
    if len({each.key for each in meant}) > 1:
        units = ", ".join(sorted(each.unit for each in meant))
        raise Problem(
            409, "ambiguous", f"budget={asked.budget} has several limits ({units}): name a unit."
        )
    return meant[0]

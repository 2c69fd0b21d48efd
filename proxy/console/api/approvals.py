"""Approvals: what waits for a person, and what they say."""

from typing import Annotated, Literal

from pydantic import Field

from proxy.approvals.approval import Approval, Kind, NotDecided, Short, State
from proxy.approvals.approvals import Approvals
from proxy.budgets import Unit
from proxy.console.access import Viewer
from proxy.console.api.permits import Amounts
from proxy.console.granting import Granting, More, NotGranted
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem
from proxy.permits.permits import TooManyPermits
from proxy.serving import BAD_QUERY

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Kept in the record; a denial's is told to whoever asked."""


class Line(Model):
    """One fact of what is asked, parsed from it."""

    name: str
    value: str


class Said(Model):
    """What one person said."""

    by: str
    says_yes: bool
    reason: str
    at_ms: int


class Wanting(Model):
    """A limit that has no room, and what was missing."""

    budget: str
    scope: dict[str, str]
    unit: Unit
    window: str
    limit: int
    missing: int


class ApprovalAsked(Model):
    """A question to a person, and what became of it."""

    id: str
    state: State
    kind: Kind
    org: str
    agent: str
    session: str
    task: str | None
    rule: str
    reason: str
    """The rule's."""
    policies: list[str]
    summary: list[Line]
    """Bounded, and without signs that are not seen; nothing in it is the agent's prose."""
    call: str
    """The id of the first call that was held for it."""
    asked_ms: int
    changed_ms: int
    until_ms: int
    """How long it can be decided; approved, how long it can be claimed."""
    needed: int
    votes: list[Said]
    claimed_by: str | None
    """The id of the call that it let through."""
    short: Wanting | None = None
    """What more is wanted of, where that is a budget."""


class Which(Model):
    """All of them, or those that wait."""

    state: Literal["all", "pending"] = "all"


class ApprovalsList(Model):
    """What waits and what ended within a day, the newest first."""

    approvals: list[ApprovalAsked]
    is_blind: bool
    """What other processes asked and decided cannot be read now."""


class Word(Model):
    """Why."""

    reason: Reason


class Grantable(Amounts):
    """More of a budget, given with a yes."""

    budget: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Its name in the policy; not needed where the approval is about one."""
    unit: Unit | None = None
    """Needed where the budget counts several."""


class Yes(Word):
    """Why, and what is given with it."""

    grant: Grantable | None = None
    """Without it nothing is, but to a budget that ran out what was missing."""


_STATUS = {"unknown": 404, "expired": 410, "decided": 409, "requester": 403}
_CODES = {
    "unknown": "not_found",
    "expired": "approval_expired",
    "decided": "approval_decided",
    "requester": "own_request",
}


def endpoints(approvals: Approvals, granting: Granting) -> list[Endpoint[Viewer]]:
    """What can be asked of approvals."""

    async def listed(asked: Asked[Viewer, Which, Nothing]) -> ApprovalsList:
        """What waits for a person, and what was decided lately."""
        found = [each for each in approvals.all if asked.query.state in ("all", each.state)]
        return ApprovalsList(approvals=[told(each) for each in found], is_blind=approvals.is_blind)

    async def one(asked: Asked[Viewer, Nothing, Nothing]) -> ApprovalAsked:
        """One of them."""
        it = approvals.known(asked.path["approval"])
        if it is None:
            raise Problem(
                404, "not_found", "There is no such approval; it may have ended long ago."
            )
        return told(it)

    async def approve(asked: Asked[Viewer, Nothing, Yes]) -> ApprovalAsked:
        """Say yes to it: it may be done once. A budget may be lifted for a time with it."""
        given = asked.body.grant
        more = More(given.amount, given.minutes, given.budget, given.unit) if given else None
        which, by = asked.path["approval"], asked.who.name
        return told(await approved(granting, which, by, asked.body.reason, more))

    async def deny(asked: Asked[Viewer, Nothing, Word]) -> ApprovalAsked:
        """Say no to it."""
        which, by, reason = asked.path["approval"], asked.who.name, asked.body.reason
        return told(await denied(approvals, which, by, reason))

    tag = "approvals"
    path = "/api/approvals/{approval}"
    late = (404, 409, 410)
    return [
        Endpoint(
            "GET", "/api/approvals", "viewer", listed, ApprovalsList, query=Which, tag=tag
        ),
        Endpoint("GET", path, "viewer", one, ApprovalAsked, problems=(404,), tag=tag),
        Endpoint(
            "POST", f"{path}/approve", "approver", approve, ApprovalAsked,
            body=Yes, problems=late, tag=tag,
        ),
        Endpoint(
            "POST", f"{path}/deny", "approver", deny, ApprovalAsked,
            body=Word, problems=late, tag=tag,
        ),
    ]  # fmt: skip


async def approved(
    granting: Granting, which: str, by: str, reason: str, more: More | None
) -> Approval:
    """A person's yes, by the API or by form. Raises Problem 400, 403, 404, 409 and 410."""
    try:
        return await granting.approve(which, by, reason, more)
    except NotDecided as error:
        raise _problem(error) from None
    except NotGranted as error:
        raise Problem(400, BAD_QUERY, str(error)) from None
    except TooManyPermits as error:
        raise Problem(409, "too_many_permits", str(error)) from None


async def denied(approvals: Approvals, which: str, by: str, reason: str) -> Approval:
    """A person's no, by the API or by form. Raises Problem 403, 404, 409 and 410."""
    try:
        return await approvals.decide(which, by, False, reason)
    except NotDecided as error:
        raise _problem(error) from None


def _problem(error: NotDecided) -> Problem:
    return Problem(_STATUS[error.code], _CODES[error.code], str(error))


def told(it: Approval) -> ApprovalAsked:
    """An approval as it is shown."""
    wanted = it.wanted
    return ApprovalAsked(
        id=it.id,
        state=it.state,
        kind=wanted.kind,
        org=wanted.org,
        agent=wanted.agent,
        session=wanted.session,
        task=wanted.task,
        rule=wanted.rule,
        reason=wanted.reason,
        policies=list(wanted.policies),
        summary=[Line(name=name, value=value) for name, value in wanted.summary],
        call=it.call,
        asked_ms=it.asked_ms,
        changed_ms=it.changed_ms,
        until_ms=it.until_ms,
        needed=it.needed,
        votes=[
            Said(by=v.by, says_yes=v.says_yes, reason=v.reason, at_ms=v.at_ms) for v in it.votes
        ],
        claimed_by=it.claimed_by,
        short=_wanting(wanted.short) if wanted.short else None,
    )


def _wanting(it: Short) -> Wanting:
    limit = it.limit
    return Wanting(
        budget=limit.name,
        scope=dict(limit.scope),
        unit=limit.unit,
        window=limit.window,
        limit=limit.cap,
        missing=it.missing,
    )

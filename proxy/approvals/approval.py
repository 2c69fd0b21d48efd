"""An approval: what a person is asked, what they said, and whether it was used (pure)."""

from dataclasses import dataclass, replace
from typing import Literal

from proxy.budgets import Limit

State = Literal["pending", "approved", "denied", "expired", "claimed"]

Kind = Literal["request", "model", "mcp", "tool", "budget"]
"""What waits: a request to anywhere, a call to a model, of MCP, a tool that is about to run; or a budget
that is used up, and those who would go on."""

RESTART = "restart"
"""Who denies what was open when Exeat stopped, where the settings say so."""


@dataclass(frozen=True, slots=True)
class Short:
    """A limit without room, and how much was missing when it was asked, in its unit."""

    limit: Limit
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants to do; whoever wants the very same has the same key."""

    key: str
    kind: Kind
    org: str
    agent: str
    session: str
    task: str | None = None
    parent: str | None = None
    rule: str
    reason: str
    """The rule's own."""
    policies: tuple[str, ...]
    summary: tuple[tuple[str, str], ...]
    """For the person who decides: what was parsed, nothing that the agent says of it."""
    short: Short | None = None
    """What more is wanted of, where that is a budget."""

    @property
    def requesters(self) -> frozenset[str]:
        """Names that may not decide it, in lower case."""
        names = (self.agent, f"{self.org}/{self.agent}", self.session, self.task, self.parent)
        return frozenset(name.casefold() for name in names if name)

    def is_asked_by(self, viewer: str) -> bool:
        """Whether somebody of this name would decide what they asked for themselves, however they
        logged in."""
        return viewer.casefold().removeprefix("oidc:") in self.requesters


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person said."""

    by: str
    says_yes: bool
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One question and what became of it. Every change lifts the version by one."""

    id: str
    wanted: Wanted
    call: str
    """The id of the first call that was held for it."""
    state: State
    asked_ms: int
    changed_ms: int
    until_ms: int
    """How long it can be decided; approved, how long it can be claimed; denied, how long that holds."""
    needed: int
    """How many people must say yes."""
    votes: tuple[Vote, ...] = ()
    claimed_by: str | None = None
    version: int = 1

    @property
    def joins_until_ms(self) -> int:
        """Until when the same question is this one, and no second is asked."""
        return self.until_ms if self.state in ("pending", "approved", "denied") else 0

    def is_claimable(self, now_ms: int) -> bool:
        """Enough people said yes, and nobody has used it yet."""
        return self.state == "approved" and now_ms < self.until_ms

    @property
    def yes(self) -> int:
        """How many have said yes."""
        return sum(vote.says_yes for vote in self.votes)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one who cannot wait is told."""

    approval: Approval | None
    """None: too many wait already, or it cannot be known what others decided."""
    is_granted: bool = False
    is_blind: bool = False


class NotDecided(Exception):  # noqa: N818  # the word the approver reads
    """A decision that does not count; `code` says why to a machine."""

    def __init__(
        self, code: Literal["unknown", "expired", "decided", "requester"], message: str
    ) -> None:
        super().__init__(message)
        self.code = code


def asked(
    wanted: Wanted, approval_id: str, call: str, now_ms: int, *, ttl_ms: int, needed: int
) -> Approval:
    """A new question."""
    return Approval(
        id=approval_id,
        wanted=wanted,
        call=call,
        state="pending",
        asked_ms=now_ms,
        changed_ms=now_ms,
        until_ms=now_ms + ttl_ms,
        needed=needed,
    )


def decided(
    it: Approval, by: str, says_yes: bool, reason: str, now_ms: int, *, claim_ms: int
) -> Approval:
    """What it is after this person's word; itself when they had said that already. Raises NotDecided."""
    if any(vote.by == by and vote.says_yes == says_yes for vote in it.votes):
        return it
    if it.state == "expired" or (it.state == "pending" and now_ms >= it.until_ms):
        raise NotDecided("expired", f"{it.id} has expired. If it is asked again, it has a new id.")
    if it.state != "pending":
        raise NotDecided("decided", f"{it.id} was decided before: {told_votes(it)}.")
    if it.wanted.is_asked_by(by):
        raise NotDecided("requester", "Nobody decides what they asked for themselves.")
    votes = (*(v for v in it.votes if v.by != by), Vote(by, says_yes, reason, now_ms))
    voted = _changed(it, now_ms, votes=votes)
    if not says_yes:
        return replace(voted, state="denied")
    if voted.yes < it.needed:
        return voted
    return replace(voted, state="approved", until_ms=now_ms + claim_ms)


def claimed(it: Approval, by: str, now_ms: int) -> Approval | None:
    """Used, by one call; None when it cannot be."""
    if not it.is_claimable(now_ms):
        return None
    return _changed(it, now_ms, state="claimed", claimed_by=by)


def returned(it: Approval, by: str, now_ms: int) -> Approval | None:
    """Given back by a call that did not leave after all."""
    if it.state != "claimed" or it.claimed_by != by:
        return None
    return _changed(it, now_ms, state="approved", claimed_by=None)


def expired(it: Approval, now_ms: int) -> Approval | None:
    """Over, because nobody decided it, or claimed it, in time; None while that may still be."""
    if it.state not in ("pending", "approved") or now_ms < it.until_ms:
        return None
    return _changed(it, now_ms, state="expired")


def cut_off(it: Approval, now_ms: int) -> Approval | None:
    """Denied because Exeat was started anew; asked again, it is a new question."""
    if it.state not in ("pending", "approved"):
        return None
    vote = Vote(RESTART, False, "Exeat was started anew", now_ms)
    return _changed(it, now_ms, state="denied", until_ms=now_ms, votes=(*it.votes, vote))


def told_votes(it: Approval) -> str:
    """Who said what."""
    said = [f"{'approved' if each.says_yes else 'denied'} by {each.by}" for each in it.votes]
    return ", ".join(said) or it.state


def _changed(it: Approval, now_ms: int, **changes: object) -> Approval:
    # mypy cannot see through the keywords; every caller names fields.
    return replace(it, changed_ms=now_ms, version=it.version + 1, **changes)  # type: ignore[arg-type]

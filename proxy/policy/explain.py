"""Why a thing is decided as it is: every rule that was considered, and the decision (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.policy.book import PolicyBook
from proxy.policy.decide import decide
from proxy.policy.facts import Facts
from proxy.policy.loader import LoadedPolicy
from proxy.policy.permits import InForce
from proxy.policy.terms import CompiledPolicy
from proxy.slip import Destination, Ruled


@dataclass(frozen=True, slots=True)
class Considered:
    """One rule, in the order in which rules count."""

    rule: str
    decision: str
    missed: str | None
    """The criterion that is not met; None when it matches."""
    won: bool


@dataclass(frozen=True, slots=True)
class Said:
    """One policy's word."""

    policy: str
    applies: bool
    places: str | None
    """What it says about where the call goes; None for tools."""
    model: str | None
    rules: tuple[Considered, ...]
    ruled: Ruled | None
    """What its rules come to; None when it does not apply."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision, and how it came about."""

    ruled: Ruled
    policies: tuple[Said, ...]


def explain(
    policies: Sequence[LoadedPolicy], facts: Facts, permits: InForce | None = None
) -> Explanation:
    """Comes above no rate but those that the facts name, as those of a record do. `permits` are those
    in force, where it is about a call of this moment."""
    ruled = decide(PolicyBook(policies, permits).terms(facts.org, facts.agent), facts)
    said = [_said(CompiledPolicy(policy), facts) for policy in policies]
    return Explanation(ruled, tuple(said))


def _said(policy: CompiledPolicy, facts: Facts) -> Said:
    if not policy.applies_to(facts.org, facts.agent):
        return Said(policy.id, False, None, None, (), None)
    places = model = None
    if facts.kind != "tool" and facts.host is not None:
        to = Destination("https", facts.host, facts.port or 443)
        answer = policy.egress(to, facts.method or "GET", facts.path or "/")
        places = _told(answer.allowed, answer.rule, answer.enforced)
    if facts.model is not None:
        answer = policy.model(facts.model)
        model = _told(answer.allowed, answer.rule, answer.enforced)
    ruled = policy.ruled(facts)
    rules: list[Considered] = []
    is_decided = False
    for rule, missed in policy.explained(facts):
        won = rule.rule == ruled.rule
        if missed is None and not won:
            # It matches but for its rate; or comes too late.
            missed = "an earlier rule decides" if is_decided else "rate"
        rules.append(Considered(rule.rule, rule.decision, missed, won))
        is_decided |= won
    return Said(policy.id, True, places, model, tuple(rules), ruled)


def _told(allowed: bool, rule: str, enforced: bool) -> str:
    said = f"{'allow' if allowed else 'deny'} by {rule}"
    return said if enforced else f"{said}, not enforced"

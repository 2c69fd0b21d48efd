"""One function decides, for requests, model calls, tool calls, hooks, explanations and replays (pure)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.policy.facts import READS, Facts
from proxy.policy.permits import Asker
from proxy.slip import Destination, Identity, Ruled, Ruling

if TYPE_CHECKING:
    from proxy.policy.terms import CompiledPolicy, Terms

_BY_STRICTNESS: tuple[Ruling, ...] = ("deny", "hold", "redact", "warn", "allow")


QUARANTINE = "quarantine"
"""The rule that stands above all policies while an agent may only read."""
NO_POLICY = Ruled("deny", "no-policy", "no policy applies to this caller")


def decide(terms: "Terms", facts: Facts) -> Ruled:
    """What all policies of one caller say together about one thing; the strictest word wins. What a
    person lets pass for a time, passes."""
    if terms.is_empty:
        return NO_POLICY
    rulings = [ruled for policy in terms.policies for ruled in _rulings(policy, facts)]
    if terms.permits.bypasses:
        who = Identity(facts.org, facts.agent, facts.session)
        asker = Asker(who, int(facts.at.timestamp() * 1000))
        rulings = [terms.permits.past(ruled, asker) for ruled in rulings]
    return strictest([*rulings, *_in_quarantine(facts)])


def _in_quarantine(facts: Facts) -> Sequence[Ruled]:
    if not facts.quarantined or facts.kind == "llm":
        return ()
    if facts.kind == "tool":
        return (Ruled("hold", QUARANTINE, "its agent is in quarantine"),)
    if facts.method in READS:
        return ()
    return (Ruled("deny", QUARANTINE, "its agent is in quarantine, and may only read"),)


def _rulings(policy: "CompiledPolicy", facts: Facts) -> list[Ruled]:
    found = []
    if facts.kind != "tool" and facts.host is not None:
        to = Destination("https", facts.host, facts.port or 443)
        answer = policy.egress(to, facts.method or "GET", facts.path or "/")
        found.append(_of_answer(answer.allowed, answer.rule, answer.reason, answer.enforced))
    if facts.model is not None:
        answer = policy.model(facts.model)
        found.append(_of_answer(answer.allowed, answer.rule, answer.reason, answer.enforced))
    found.append(policy.ruled(facts))
    return found


def _of_answer(allowed: bool, rule: str, reason: str, enforced: bool) -> Ruled:
    return Ruled("allow" if allowed else "deny", rule, reason, enforced)


def strictest(rulings: Sequence[Ruled]) -> Ruled:
    """What is enforced counts; what policies that only watch would have done is noted beside it."""
    watched = _worst([each for each in rulings if not each.enforced])
    enforced = _worst([each for each in rulings if each.enforced])
    if enforced is not None:
        return replace(enforced, watched=watched)
    allowed = [each for each in rulings if each.decision == "allow"]
    # A rule that says yes tells more than a default that does.
    allowed.sort(key=lambda ruled: ruled.rule.endswith(".default"))
    if not allowed:
        assert watched is not None
        return watched
    return replace(allowed[0], watched=watched)


def _worst(rulings: Sequence[Ruled]) -> Ruled | None:
    found = [each for each in rulings if each.decision != "allow"]
    return min(found, key=lambda ruled: _BY_STRICTNESS.index(ruled.decision), default=None)

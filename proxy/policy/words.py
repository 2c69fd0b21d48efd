"""Between calls and rules: what a call is in the rules' words, and what they say in a caller's (pure)."""

import time
from datetime import UTC, datetime

from proxy.actions import Action
from proxy.policy.decide import QUARANTINE
from proxy.policy.facts import Facts
from proxy.refusals import Code, Refusal
from proxy.slip import Ruled, Slip


def now() -> datetime:
    """The moment of a decision."""
    return datetime.fromtimestamp(time.time(), UTC)


def facts_of(slip: Slip) -> Facts:
    """What a call is, in the words of the rules."""
    who, to, quote = slip.identity, slip.destination, slip.quote
    assert who is not None
    return Facts(
        kind="llm" if slip.call else "http",
        org=who.org,
        agent=who.agent,
        session=who.session,
        at=now(),
        strength=who.strength,
        host=to.host if to else None,
        port=to.port if to else None,
        method=slip.method,
        path=slip.path.partition("?")[0],
        provider=slip.call.provider if slip.call else None,
        model=slip.call.model if slip.call else None,
        bound_nanousd=quote.bound_nanousd if quote else None,
        secrets=frozenset(slip.secrets),
        repeats=slip.done_before,
        quarantined=slip.quarantined and not slip.declares_mcp,
    )


def note_of(ruled: Ruled) -> str:
    """A decision in a stamp."""
    said = ruled.rule if ruled.decision == "allow" else f"{ruled.decision} by {ruled.rule}"
    if ruled.watched is not None:
        said += f"; {ruled.watched.decision} by {ruled.watched.rule}, not enforced"
    return said if ruled.enforced else f"{said}, not enforced"


def refusal_of(ruled: Ruled, what: str) -> Refusal:
    """A decision that refuses, as it is told."""
    reason = ruled.reason or "the policy of this Exeat does not allow it"
    reason = reason[:1].upper() + reason[1:]
    if ruled.decision == "hold":
        return Refusal(
            Code.APPROVAL_REQUIRED,
            f"{what} needs a person's approval, and there is no way to ask for it here. {reason}",
            rule=ruled.rule,
        )
    code = Code.QUARANTINED if ruled.rule == QUARANTINE else Code.POLICY_DENIED
    return Refusal(code, f"{what} is not allowed. {reason}", rule=ruled.rule)


def tool_facts(slip: Slip, action: Action, repeats: int = 0) -> Facts:
    """What somebody is about to do with a tool, whoever asked for it."""
    who = slip.identity
    assert who is not None
    return Facts(
        kind="tool",
        org=who.org,
        agent=who.agent,
        session=who.session,
        at=now(),
        strength=who.strength,
        action=action,
        repeats=repeats,
        quarantined=slip.quarantined,
    )

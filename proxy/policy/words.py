"""Between calls and rules: what a call is in the rules' words, and what they say in a caller's (pure)."""

import time
from dataclasses import replace
from datetime import UTC, datetime

from proxy.actions import Action
from proxy.budgets.refusing import spent
from proxy.policy.book import PolicyBook
from proxy.policy.decide import QUARANTINE, decide
from proxy.policy.facts import Facts
from proxy.policy.permits import Asker
from proxy.policy.rates import with_rates
from proxy.policy.rules import RateAsked
from proxy.refusals import Code, Refusal
from proxy.slip import Ruled, Slip


def now() -> datetime:
    """The moment of a decision."""
    return datetime.fromtimestamp(time.time(), UTC)


def asker_of(slip: Slip) -> Asker:
    """Who wants something, at this moment."""
    assert slip.identity is not None
    return Asker(slip.identity, time.time_ns() // 1_000_000)


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
    if ruled.bypass:
        said += f"; passes by the bypass {ruled.bypass}"
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


def refused_now(slip: Slip, policies: PolicyBook) -> Refusal | None:
    """The no that the policies now in force have for a call that was let through before. What they
    would only hold goes on: a person is asked before a call leaves."""
    who = slip.identity
    if who is None or slip.terms is None or slip.door == "internal":
        return None
    ruled = decide(policies.terms(who.org, who.agent), facts_of(slip))
    if ruled.passes or ruled.decision != "deny":
        return None
    return refusal_of(ruled, "Since the policy was changed, this call")


def uncounted() -> Refusal:
    """Without its counters no rule with a rate can decide, and no budget."""
    return Refusal(
        Code.GOVERNANCE_UNAVAILABLE,
        "The budget counters do not answer, so nothing leaves. Try again shortly.",
        retry_after_s=5,
    )


def tool_kind(slip: Slip) -> Facts:
    """Somebody is about to use a tool; which one is still to be said."""
    who = slip.identity
    assert who is not None
    return Facts(
        "tool",
        who.org,
        who.agent,
        who.session,
        now(),
        strength=who.strength,
        quarantined=slip.quarantined,
    )


def tool_facts(slip: Slip, action: Action, repeats: int = 0) -> Facts:
    """What somebody is about to do with a tool, whoever asked for it."""
    return replace(tool_kind(slip), action=action, repeats=repeats)


def ruled_tool(
    slip: Slip, action: Action, repeats: int = 0, *, is_counted: bool = True
) -> tuple[Ruled, Facts]:
    """What becomes of one tool call that an answer or a hook asks for, and the facts it rests on: the
    rules' word, then whether one more may be had. What was counted when it was let through before is
    not counted again."""
    assert slip.terms is not None
    facts = with_rates(
        slip.terms,
        tool_facts(slip, action, repeats),
        lambda asked: is_counted and _is_used_up(slip, asked),
    )
    ruled = decide(slip.terms, facts)
    if not ruled.passes:
        return ruled, facts
    short = slip.ration.take() if slip.ration is not None and is_counted else None
    if short is not None:
        why = spent(short, int(facts.at.timestamp() * 1000))
        return Ruled("deny", f"budget:{short.limit.name}", why), facts
    slip.tool_calls_passed += is_counted
    return ruled, facts


def _is_used_up(slip: Slip, asked: RateAsked) -> bool:
    """Of what the call holds of this rate, use one. Where it holds nothing, nobody asked: LookupError."""
    held = [each.ration for each in slip.counted if each.rule == asked.rule]
    if not held:
        raise LookupError(asked.rule)
    return all(ration.take() is not None for ration in held)

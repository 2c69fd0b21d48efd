"""Records as a ledger would give them back, made from facts by the code that files them."""

from typing import Any

from proxy.actions import Action
from proxy.ledger.filing import decision_of, tool_call_of
from proxy.ledger.r6 import Body, r6
from proxy.ledger.records import Outcome
from proxy.policy.facts import Facts
from proxy.policy.rates import over
from proxy.policy.words import note_of, refusal_of
from proxy.slip import Destination, Identity, Ruled, Slip, Stamped

START_MS = 1_795_000_000_000


def slip_of(facts: Facts) -> Slip:
    """A call of this caller to there; its model is for `decided` to add."""
    made = Slip("call-1", 0, int(facts.at.timestamp() * 1000), "tunnel", "GET", "/")
    made.method, made.path = facts.method or "GET", facts.path or "/"
    made.identity = Identity(facts.org, facts.agent, facts.session, strength=facts.strength)
    if facts.host is not None:
        made.destination = Destination("https", facts.host, facts.port or 443)
    made.secrets, made.done_before = tuple(sorted(facts.secrets)), facts.repeats
    made.over = over(facts)
    return made


def decided(facts: Facts, ruled: Ruled, seq: int = 0) -> Body:
    """The record of a request or a model call on which policies said this."""
    made = slip_of(facts)
    made.id = f"call-{seq}"
    if ruled.passes:
        made.stamps.append(Stamped("policy", 1, note_of(ruled)))
    else:
        made.refusal = refusal_of(ruled, "This call")
    body: Any = r6(decision_of(made), seq, None, None, None)
    if facts.kind == "llm":
        bound = {"nanousd": facts.bound_nanousd, "dearest": False}
        body["request"] |= {
            "class": "llm.call",
            "model": facts.model,
            "provider": facts.provider,
        }
        body["resource"]["bound"] = bound if facts.bound_nanousd is not None else None
    return body


def asked_for(facts: Facts, ruled: Ruled, seq: int = 0) -> Body:
    """The record of a tool call."""
    assert isinstance(facts.action, Action)
    event = tool_call_of(slip_of(facts), "t1", facts.action, ruled, "", facts.repeats, over(facts))
    body = r6(event, seq, None, None, None)
    body["ts"] = facts.at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return body


def filed(facts: Facts, ruled: Ruled, seq: int = 0) -> Body:
    """The record of either."""
    return (asked_for if facts.kind == "tool" else decided)(facts, ruled, seq)


def outcome(decision: Body, nanousd: int, seq: int = 1, tools: tuple[str, ...] = ()) -> Body:
    """What the call came to."""
    it = Outcome(
        decision_id=str(decision["id"]), ts_ms=START_MS, status="answered", cost_nanousd=nanousd
    )
    body: Any = r6(it, seq, None, None, decision)
    body["result"]["tool_calls"] = [{"id": "t", "name": name} for name in tools]
    return body

"""A call that a person kept waiting is decided anew: by the kill switch and the policies in force by then."""

from proxy.actions import action_of
from proxy.approvals.wanted import of_call
from proxy.kill.switch import KillSwitch
from proxy.kill.words import refusal_of_stop
from proxy.policy import PolicyBook
from proxy.policy.decide import decide, strictest
from proxy.policy.words import facts_of, refusal_of, tool_facts
from proxy.refusals import Code, Refusal
from proxy.slip import Slip

_BLIND = Refusal(
    Code.GOVERNANCE_UNAVAILABLE,
    "It cannot be read who was stopped meanwhile, so nothing that waited leaves. Try again shortly.",
    retry_after_s=5,
)


class Anew:
    """Asked before a call goes on."""

    def __init__(self, switch: KillSwitch, policies: PolicyBook) -> None:
        self._switch = switch
        self._policies = policies

    def no(self, slip: Slip, what: str, approved: str | None) -> Refusal | None:
        """Why it may not go on, unless it is held by the same rules as before, which a person let pass:
        `approved` is the key of that question. What counts calls is not asked twice: this one was
        counted."""
        who = slip.identity
        assert who is not None
        stop = self._switch.found(who)
        if self._switch.is_blind or (stop is not None and stop.level == "kill"):
            return refusal_of_stop(stop) if stop is not None else _BLIND
        slip.quarantined = stop is not None
        slip.terms = self._policies.terms(who.org, who.agent)
        terms = PolicyBook(self._policies.policies, self._policies.permits).terms(
            who.org, who.agent
        )
        acts = [] if slip.mcp is None else [call.act for call in slip.mcp.calls]
        ruled = strictest(
            [
                decide(terms, facts_of(slip)),
                *(decide(terms, tool_facts(slip, action_of(*act))) for act in acts if act),
            ]
        )
        if ruled.passes:
            return None
        if ruled.decision != "hold":
            return refusal_of(ruled, what)
        if of_call(slip, ruled, slip.held_tools).key != approved:
            return Refusal(
                Code.APPROVAL_REQUIRED,
                "The policy was changed while a person was asked, and holds this for another reason "
                "now. Ask again.",
                rule=ruled.rule,
            )
        return None

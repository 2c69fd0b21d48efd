"""Triggers: what a policy says is to be stopped by itself, held against what just happened."""

from proxy.identity.scope import Scope
from proxy.kill.switch import KillSwitch
from proxy.policy.schema import Trigger
from proxy.slip import Identity, Slip

LOOP_TIMES = 20
SESSIONS_MAX = 64
"""Stopped sessions of one agent. One that goes on under ever new names is stopped itself."""

CANARY = "canary"
"""The kind of secret that a canary is found as."""


class Triggers:
    """Pulls the kill switch where a caller's terms say so. In force on return."""

    def __init__(self, switch: KillSwitch) -> None:
        self._switch = switch

    def saw_secrets(self, slip: Slip) -> None:
        """Secrets were looked for in a call, and its slip has what was found."""
        if CANARY in slip.secrets:
            self._pull(slip, "canary", "A canary was about to leave.")

    def saw_repeats(self, slip: Slip, repeats: int) -> None:
        """The same was asked, or done, so often before."""
        for policy, trigger in _of(slip, "loop"):
            if repeats > (trigger.more_than or LOOP_TIMES):
                reason = f"The same thing was asked more than {repeats} times within the hour."
                self._stop(slip, policy, trigger, reason)

    def saw_spent(self, slip: Slip, budget: str) -> None:
        """A budget has reached its cap by what this call cost."""
        for policy, trigger in _of(slip, "budget_spent"):
            if trigger.budget == budget:
                self._stop(slip, policy, trigger, f"The budget {budget} is spent.")

    def _pull(self, slip: Slip, on: str, reason: str) -> None:
        for policy, trigger in _of(slip, on):
            self._stop(slip, policy, trigger, reason)

    def _stop(self, slip: Slip, policy: str, trigger: Trigger, reason: str) -> None:
        assert slip.identity is not None
        known = self._switch.found(slip.identity)
        if known is not None and (known.level == "kill" or trigger.do == "quarantine"):
            return
        scope = self._scope(slip.identity, trigger)
        self._switch.stop_soon(scope, trigger.do, f"trigger:{policy}/{trigger.on}", reason)

    def _scope(self, who: Identity, trigger: Trigger) -> Scope:
        if trigger.scope == "org":
            return Scope(who.org)
        too_many = self._switch.stopped_sessions(who.org, who.agent) >= SESSIONS_MAX
        if trigger.scope == "agent" or too_many:
            return Scope(who.org, who.agent)
        return Scope(who.org, who.agent, who.session)


def _of(slip: Slip, on: str) -> list[tuple[str, Trigger]]:
    return [each for each in (slip.terms.triggers if slip.terms else ()) if each[1].on == on]

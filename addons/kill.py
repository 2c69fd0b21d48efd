"""May it go on? Nobody who was stopped does, and whoever is in quarantine only reads."""

from mitmproxy import http

from proxy.delegate.asked import CHAT_PATH, DELEGATE_PATH
from proxy.hooks.contract import CHECK_PATH, REPORT_PATH
from proxy.kill.switch import KillSwitch
from proxy.kill.words import refusal_of_stop
from proxy.policy.facts import READS
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp

_ASKS = frozenset({CHECK_PATH, REPORT_PATH, CHAT_PATH, DELEGATE_PATH})
"""What an agent in quarantine may post inside: its tools are decided there, and a model call that is
delegated comes by here again."""


class Kill:
    """Holds a caller against what is stopped, in whichever process it was stopped."""

    name = "kill"

    def __init__(self, switch: KillSwitch) -> None:
        self._switch = switch

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, unless a stop is in force. In quarantine the rules know it, and decide."""
        assert slip.identity is not None
        if self._switch.is_blind:
            return Refusal(
                Code.GOVERNANCE_UNAVAILABLE,
                "It cannot be read what is stopped, so nothing leaves. Try again shortly.",
                retry_after_s=5,
            )
        stop = self._switch.found(slip.identity)
        if stop is None:
            return Stamp("not stopped")
        if stop.level == "kill":
            return refusal_of_stop(stop)
        slip.quarantined = True
        is_asking = slip.method in READS or slip.path.partition("?")[0] in _ASKS
        if slip.door == "internal" and not is_asking:
            return refusal_of_stop(stop)
        return Stamp("in quarantine")

"""Is it on file? The refusal, or the outcome; the gate has filed the decision."""

from mitmproxy import http

from proxy.ledger.filing import decision_of, outcome_of
from proxy.ledger.store import Ledger
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp


class Audit:
    """Closes the pair of records that every call leaves behind."""

    name = "audit"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, when there is a decision record to pair the outcome with."""
        if slip.decided_seq is None:
            return Refusal(
                Code.GOVERNANCE_UNAVAILABLE,
                "The decision on this call is not on file, so it did not leave.",
                retry_after_s=5,
            )
        return Stamp("outcome to follow")

    async def refused(self, slip: Slip) -> None:
        """A refusal is filed before it is answered. One that came after the decision was filed
        becomes that decision's outcome."""
        if slip.decided_seq is None:
            slip.decided_seq = (await self._ledger.append(decision_of(slip))).seq
        else:
            await self._ledger.append(outcome_of(slip))

    async def file(self, slip: Slip) -> None:
        """The call has ended, and its cost is known. Nobody waits for this record."""
        await self._ledger.submit(outcome_of(slip), is_urgent=False)

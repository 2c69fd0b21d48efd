"""Is it on file? The refusal, or the outcome; the gate has filed the decision."""

from collections import OrderedDict

from mitmproxy import http

from proxy.ledger.filing import decision_of, outcome_of
from proxy.ledger.store import Ledger
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp

_REFUSED_MAX = 4096
"""Refusals whose repeats are counted; the oldest is forgotten and would count anew."""


class Audit:
    """Closes the pair of records that every call leaves behind."""

    name = "audit"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._refused: OrderedDict[tuple[str | None, ...], int] = OrderedDict()

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
        slip.repeats = self._count(slip)
        if slip.decided_seq is None:
            slip.decided_seq = (await self._ledger.append(decision_of(slip))).seq
        else:
            await self._ledger.append(outcome_of(slip))

    async def file(self, slip: Slip) -> None:
        """The call has ended, and its cost is known. Nobody waits for this record. A call whose client
        left before it was whole was never decided: there is nothing that an outcome could close."""
        if slip.decided_seq is None:
            return
        await self._ledger.submit(outcome_of(slip), is_urgent=False)

    def _count(self, slip: Slip) -> int:
        """How often this caller was refused this before: clients send a refused call again, some in
        another form. The same conversation is the same call, streamed or not."""
        who, to, refusal = slip.identity, slip.destination, slip.refusal
        key = (
            who.org if who else None,
            who.agent if who else None,
            who.session if who else None,
            slip.call.digest if slip.call else f"{slip.method} {to.authority if to else ''}",
            refusal.code.value if refusal else None,
        )
        before = self._refused.pop(key, -1) + 1
        self._refused[key] = before
        if len(self._refused) > _REFUSED_MAX:
            self._refused.popitem(last=False)
        return before

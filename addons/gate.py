"""May it leave now? Every stamp so far is there, the address is known, the decision is on file."""

from collections.abc import Sequence

from mitmproxy import http

from proxy.engine.dial import Dialler, Pinned
from proxy.ledger.filing import decision_of
from proxy.ledger.store import Ledger, LedgerUnavailable
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp


class Gate:
    """The one way out. What it lets through has a durable decision record behind it."""

    name = "gate"

    def __init__(
        self, before: Sequence[str], dialler: Dialler, ledger: Ledger, inside: Pinned
    ) -> None:
        self._before = frozenset(before)
        self._inside = inside
        self._dialler = dialler
        self._ledger = ledger

    async def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, with the number of the record. Until here no name was looked up."""
        missing = self._before - slip.stamped_by()
        if missing:
            return Refusal(
                Code.GOVERNANCE_UNAVAILABLE,
                f"This call was not decided by {', '.join(sorted(missing))}, so it did not leave.",
                retry_after_s=5,
            )
        if slip.socket is None:
            pinned = await self._pin(slip)
            if isinstance(pinned, Refusal):
                return pinned
            slip.addresses, slip.dial_port = pinned.addresses, pinned.port
        try:
            filed = await self._ledger.append(decision_of(slip))
        except LedgerUnavailable:
            return Refusal(
                Code.GOVERNANCE_UNAVAILABLE,
                "The ledger cannot be written, so nothing leaves. Try again shortly.",
                retry_after_s=5,
            )
        slip.decided_seq = filed.seq
        return Stamp(f"record {filed.seq}")

    async def _pin(self, slip: Slip) -> Pinned | Refusal:
        """A call to Exeat itself has one place to go, and no name to look up."""
        if slip.door == "internal":
            return self._inside
        assert slip.destination is not None
        assert slip.terms is not None
        return await self._dialler.pin(slip.destination, slip.terms.networks)

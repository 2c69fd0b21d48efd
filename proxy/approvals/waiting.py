"""A call that waits for a person: as long as its client does, and no byte of it leaves meanwhile."""

import asyncio
import math
import time
from collections.abc import Callable

from proxy.approvals.approval import Approval
from proxy.approvals.approvals import Approvals
from proxy.approvals.wanted import of_budget
from proxy.approvals.words import refusal_of, refusal_of_too_many
from proxy.budgets import Exceeded
from proxy.refusals import Refusal
from proxy.slip import Ruled, Slip

WAIT_MAX_S = 280.0
"""Below the 300 s after which Node's clients give up, and what stands between often does, too."""
MARGIN_S = 10.0
"""How long before the end of a client's own patience it is answered."""

_PATIENCE = ("x-stainless-timeout", "x-stainless-read-timeout")
"""Headers in which SDKs say how many seconds they wait."""

type Header = Callable[[str, str], str]
"""A header's value by its name, or the other word."""


async def waited(
    approvals: Approvals, slip: Slip, it: Approval, header: Header, wait_s: float
) -> Approval:
    """As it is when it is decided, when this client's patience ends, or when the call is over."""
    bell = asyncio.Event()
    slip.bells.append(bell.set)
    try:
        gone_s = (time.monotonic_ns() - slip.opened_ns) / 1e9  # Others may have been asked before.
        longest = min(wait_s, _patience_s(header) - MARGIN_S - gone_s)
        return await approvals.wait(it, bell, max(0.0, longest), lambda: slip.is_over)
    finally:
        slip.bells.remove(bell.set)


async def more_budget(
    approvals: Approvals, slip: Slip, short: Exceeded, header: Header, wait_s: float
) -> Refusal | None:
    """Ask a person for more of a limit; None once it was granted. Raises ApprovalsUnavailable and
    LedgerError."""
    wanted = of_budget(slip, short)
    it = await approvals.ask(wanted, slip.id)
    if it is None:
        return refusal_of_too_many(Ruled("hold", wanted.rule), "This call")
    if it.state == "pending":
        it = await waited(approvals, slip, it, header, wait_s)
    if slip.is_over and it.state == "pending":
        await approvals.left(it, slip.id)
    if slip.is_over or it.state not in ("approved", "claimed"):
        return refusal_of(it, "This call")
    await approvals.claim(it, slip.id)  # Whoever runs out once more asks anew.
    return None


def _patience_s(header: Header) -> float:
    """How long this client waits for an answer, as far as it says so."""
    found = [WAIT_MAX_S + MARGIN_S]
    for name in _PATIENCE:
        try:
            seconds = float(header(name, ""))
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds > 0:
            found.append(seconds)
    return min(found)

"""What this process has in flight: holds it was granted, settlements under way or just done.

A lost store is rebuilt from the ledger, which does not know yet of a hold whose decision, or a
settlement whose outcome, is still on its way there. This process knows of its own.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from proxy.budgets.counters import OpenHold
from proxy.budgets.limits import Limit, Unit
from proxy.budgets.results import Hold

_ENDED_MAX = 8192
"""Endings remembered: more than can be between a settle and its record at any moment."""

_HoldKey = tuple[str, str]


class Flight:
    """The holds of this process, by org."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, Hold]] = {}
        self._ended: OrderedDict[_HoldKey, Mapping[Unit, int] | None] = OrderedDict()
        self._settling: dict[str, set[asyncio.Future[None]]] = {}

    def opened(self, hold: Hold) -> None:
        """A hold was granted or has grown."""
        self._open.setdefault(hold.org, {})[hold.id] = hold

    def renewed(self, org: str, hold_ids: Sequence[str], lease_until_ms: int) -> None:
        """These leases now run longer."""
        mine = self._open.get(org, {})
        for hold_id in hold_ids:
            if (hold := mine.get(hold_id)) and hold.lease_until_ms < lease_until_ms:
                mine[hold_id] = replace(hold, lease_until_ms=lease_until_ms)

    def ended(self, org: str, hold_id: str, actual: Mapping[Unit, int] | None) -> None:
        """A hold ended: `actual` is what it cost, None that it was released."""
        mine = self._open.get(org)
        if mine is not None:
            mine.pop(hold_id, None)
            if not mine:
                del self._open[org]
        self._ended[org, hold_id] = actual
        if len(self._ended) > _ENDED_MAX:
            self._ended.popitem(last=False)

    @contextmanager
    def settling(self, org: str) -> Iterator[None]:
        """While a settlement is under way: a refusal may wait for the room it makes."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        under_way = self._settling.setdefault(org, set())
        under_way.add(done)
        try:
            yield
        finally:
            under_way.discard(done)
            if not under_way:
                self._settling.pop(org, None)
            if not done.done():
                done.set_result(None)

    async def wait_for_settlements(self, org: str, timeout_s: float) -> bool:
        """Waits for those under way now, up to the timeout; False when there were none."""
        under_way = list(self._settling.get(org, ()))
        if under_way:
            await asyncio.wait(under_way, timeout=timeout_s)
        return bool(under_way)

    def corrected(
        self, org: str, limit: Limit, window_start_ms: int, settled: int, holds: Sequence[OpenHold]
    ) -> tuple[int, list[OpenHold]]:
        """The ledger's figures for one counter, with what this process knows better."""
        mine = self._open.get(org, {})
        listed: dict[str, OpenHold] = {}
        for hold_id, amount, lease_until_ms in holds:
            if (org, hold_id) in self._ended:
                actual = self._ended[org, hold_id]
                settled += 0 if actual is None else actual.get(limit.unit, amount)
            else:
                listed[hold_id] = (hold_id, amount, lease_until_ms)
        for hold in mine.values():
            for held in hold.amounts:
                if held.limit.key == limit.key and held.window_start_ms == window_start_ms:
                    listed[hold.id] = (hold.id, held.amount, hold.lease_until_ms)
        return settled, list(listed.values())

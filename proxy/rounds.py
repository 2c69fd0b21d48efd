"""What has to be looked after while nothing happens: leases, orphans, files that change, what is late."""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from proxy.approvals.approvals import Approvals
from proxy.approvals.store import ApprovalsUnavailable
from proxy.board import Board
from proxy.budgets import Accounts, CountersUnavailable
from proxy.config import Settings
from proxy.console.access import Access
from proxy.database import DatabaseUnavailable
from proxy.engine.corridor import Corridor
from proxy.ledger.records import Event
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.store import LedgerError
from proxy.policy import PolicyBook, located
from proxy.policy.book import read
from proxy.pricing.price_file import PriceFileError
from proxy.pricing.price_file import load as load_prices
from proxy.pricing.prices import Prices
from proxy.slip import new_id

log = structlog.get_logger()

_ROUND_S = 1.0
"""How often leases are renewed, orphans charged and policy files looked at."""


async def note(ledger: SqliteLedger, kind: str, **facts: str | int) -> None:
    await ledger.append(
        Event(kind=kind, id=new_id(), ts_ms=time.time_ns() // 1_000_000, facts=facts)
    )


class Rounds:
    """What has to be looked after while nothing happens."""

    def __init__(
        self,
        settings: Settings,
        policies: PolicyBook,
        accounts: Accounts,
        corridor: Corridor,
        ledger: SqliteLedger,
        prices: Prices,
        access: Access,
        board: Board,
        approvals: Approvals,
        severs: Callable[[PolicyBook], int],
    ) -> None:
        self._severs = severs
        self._approvals = approvals
        self._board = board
        self._prices = prices
        self._access = access
        self._prices_file = settings.prices_file
        self._renewed_ms = 0
        self._paths = settings.policies
        self._lease_ms = settings.counters.lease_s * 1000
        self._policies = policies
        self._accounts = accounts
        self._corridor = corridor
        self._ledger = ledger
        self._unfiled: list[tuple[str, dict[str, str | int]]] = []
        """Changes that are in force and not in the ledger yet, as (kind, facts)."""

    async def run(self) -> None:
        """Until cancelled. A round that cannot reach the counters is tried again in the next."""
        seen = _written(map(located, self._paths))
        prices_seen: list[int] = []
        while True:
            await asyncio.sleep(_ROUND_S)
            self._prices.advance(datetime.now(UTC))
            try:
                await self._renew(time.time_ns() // 1_000_000)
                await self._accounts.expire_all(time.time_ns() // 1_000_000)
            except CountersUnavailable as error:
                log.warning("counters do not answer", error=str(error))
            await self._file_acts()
            await self._file_changes()
            await self._sweep(time.time_ns() // 1_000_000)
            await self._sweep_approvals()
            written = _written(map(located, self._paths))
            if written != seen:
                seen = written
                await self._reload()
            if self._prices_file is not None:
                written = _written([self._prices_file])
                if written != prices_seen:
                    prices_seen = written
                    await self._reload_prices(self._prices_file)

    async def _sweep(self, now_ms: int) -> None:
        """What cannot be done or filed now is done or filed in another round."""
        try:
            await self._board.sweep(now_ms)
        except (DatabaseUnavailable, LedgerError) as error:
            log.warning("board not looked after", error=str(error))

    async def _sweep_approvals(self) -> None:
        try:
            await self._approvals.sweep()
        except (ApprovalsUnavailable, LedgerError) as error:
            log.warning("approvals not looked after", error=str(error))

    async def _file_acts(self) -> None:
        """What a command beside this process did with the console's tokens."""
        try:
            await self._access.file_acts(self._ledger)
        except (LedgerError, DatabaseUnavailable) as error:
            log.error("acts on access not filed yet", error=str(error))

    async def _file_changes(self) -> None:
        """In their order; what cannot be filed now is filed in another round."""
        try:
            while self._unfiled:
                kind, facts = self._unfiled[0]
                await note(self._ledger, kind, **facts)
                del self._unfiled[0]
        except LedgerError as error:
            log.error("change not filed yet", kind=self._unfiled[0][0], error=str(error))

    async def _reload(self) -> None:
        before = self._policies.problem
        if self._policies.take(await asyncio.to_thread(read, self._paths)):
            ids = ",".join(policy.id for policy in self._policies.policies)
            severed = self._severs(self._policies)
            log.info("policies changed", policies=ids, severed=severed)
            self._unfiled.append(("policy_change", {"policies": ids, "severed": severed}))
            await self._file_changes()
        elif self._policies.problem and self._policies.problem != before:
            log.error("policy not loaded; the old one stays", problem=self._policies.problem)

    async def _reload_prices(self, path: Path) -> None:
        try:
            file = load_prices(path)
        except PriceFileError as error:
            log.error("prices not loaded; the old ones stay", problem=str(error))
            return
        if self._prices.adopt(file):
            log.info("prices changed", version=self._prices.version)
            facts: dict[str, str | int] = {"sha256": file.sha256, "version": self._prices.version}
            self._unfiled.append(("price_change", facts))
            await self._file_changes()

    async def _renew(self, now_ms: int) -> None:
        """Calls in flight keep their holds: leases are renewed four times in their length."""
        if now_ms - self._renewed_ms < self._lease_ms // 4:
            return
        by_org: dict[str, list[str]] = {}
        for slip in self._corridor.live:
            for hold in (slip.hold, *(each.hold for each in slip.counted)):
                if hold is not None and slip.cleared:
                    by_org.setdefault(hold.org, []).append(hold.id)
        for org, ids in by_org.items():
            await self._accounts.renew(org, ids, now_ms + self._lease_ms)
        self._renewed_ms = now_ms


def _written(paths: Iterable[Path]) -> list[int]:
    """When each file was last written; 0 for one that is not there."""
    times = []
    for path in paths:
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return times

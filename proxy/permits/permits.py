"""Permits: what people allow for a time is filed, then shared, then holds; and ends by itself."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing

import structlog

from proxy.budgets import Limit
from proxy.identity.scope import Scope
from proxy.ledger.records import Event
from proxy.ledger.store import Ledger, LedgerError
from proxy.permits.store import PermitStore, PermitsUnavailable
from proxy.permits.words import KINDS, event_of, event_of_end, permits_of
from proxy.policy.permits import LENGTH_MAX_S, PERMITS_MAX, Bypass, Grant, InForce, Permit
from proxy.slip import new_id

log = structlog.get_logger()

BLIND_S = 3.0
"""How long the shared state may be out of reach before nothing is allowed any more: somebody may have
taken it back."""


class TooManyPermits(Exception):  # noqa: N818  # the word the operator reads
    """So many are in force that they are no exceptions."""


class Permits:
    """One per process. `watch` must run while it is asked."""

    def __init__(
        self,
        store: PermitStore,
        ledger: Ledger,
        in_force: InForce,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`in_force` is what the policies look at."""
        self._store = store
        self._ledger = ledger
        self._in_force = in_force
        self._now_ms = now_ms
        self._clock = clock
        self._blind_since: float | None = None
        self._filed: set[str] = set()
        """Whose beginning stands in this ledger."""
        self._severs: Callable[[], int] = lambda: 0
        self._one_at_a_time = asyncio.Lock()

    def connect(self, severs: Callable[[], int]) -> None:
        """Who ends what is under way and would be refused now; how many calls that were."""
        self._severs = severs

    @property
    def in_force(self) -> tuple[Permit, ...]:
        """Every permit that holds now, the oldest first."""
        now_ms = self._now_ms()
        return tuple(each for each in self._in_force.all if each.holds(now_ms))

    async def open(self) -> None:
        """What holds: by the shared store, or where there is none, by the ledger."""
        since_ms = self._now_ms() - 2 * LENGTH_MAX_S * 1000
        entries = await self._ledger.events(KINDS, since_ms)
        self._filed = {str(entry.body["id"]) for entry in entries}
        if not self._store.keeps:
            for permit in permits_of(entry.body for entry in entries).values():
                await self._store.put(permit)
        await self._look()

    async def watch(self) -> None:
        """Until cancelled: follow what other processes do, and end what is over."""
        async with aclosing(self._store.changes()) as changes:
            async for _ in changes:
                await self._look()

    async def bypass(
        self, scope: Scope, rules: Sequence[str], length_s: int, by: str, reason: str
    ) -> Bypass:
        """Let pass, flagged, what these rules refuse. On file and in force when it returns. Raises
        TooManyPermits, LedgerError (it does not hold) and PermitsUnavailable (it may: look)."""
        now_ms = self._now_ms()
        permit = Bypass(
            id=new_id(now_ms),
            scope=scope,
            by=by,
            reason=reason,
            from_ms=now_ms,
            until_ms=now_ms + _length_ms(length_s),
            rules=tuple(rules),
        )
        await self._give(permit)
        return permit

    async def grant(self, limit: Limit, amount: int, length_s: int, by: str, reason: str) -> Grant:
        """Lift a limit's cap by so much, in its unit. Raises as `bypass` does."""
        values = dict(limit.scope)
        agent = values.get("agent")
        now_ms = self._now_ms()
        permit = Grant(
            id=new_id(now_ms),
            scope=Scope(values["org"], agent, values.get("session") if agent else None),
            by=by,
            reason=reason,
            from_ms=now_ms,
            until_ms=now_ms + _length_ms(length_s),
            limit=limit.key,
            budget=limit.name,
            unit=limit.unit,
            amount=amount,
        )
        await self._give(permit)
        return permit

    async def revoke(self, permit_id: str, by: str, reason: str) -> Permit | None:
        """Take one back before its time; what it was, or None when there is none. What would be refused
        without it ends at once. Raises PermitsUnavailable, and it holds still; or LedgerError, and it
        does not, but that is not on file."""
        async with self._one_at_a_time:
            was = await self._store.remove(permit_id)
            here = next((each for each in self._in_force.all if each.id == permit_id), None)
            permit, now_ms = was or here, self._now_ms()
            if permit is None or not permit.holds(now_ms):
                return None
            self._in_force.adopt(each for each in self._in_force.all if each.id != permit.id)
            severed = self._severed([permit])
            event = event_of_end(permit, "revoked", by, reason, severed, new_id(now_ms), now_ms)
            await self._ledger.append(event)
            return permit

    async def aclose(self) -> None:
        """Let the store go."""
        await self._store.aclose()

    async def _give(self, permit: Permit) -> None:
        if len(self.in_force) >= PERMITS_MAX:
            raise TooManyPermits(
                f"{PERMITS_MAX} permits are in force. Revoke some, or write what they allow into a "
                "policy."
            )
        async with self._one_at_a_time:
            await self._ledger.append(event_of(permit))
            self._filed.add(permit.id)
            await self._store.put(permit)
            self._in_force.adopt((*self._in_force.all, permit))
        log.warning("allowed for a time", permit=permit.id, by=permit.by, scope=str(permit.scope))

    def _severed(self, gone: Sequence[Permit]) -> int:
        """How many calls end with these. What a grant paid for is paid for."""
        return self._severs() if any(isinstance(each, Bypass) for each in gone) else 0

    async def _look(self) -> None:
        """Take over what others allowed or took back, and end what is over."""
        async with self._one_at_a_time:
            now_ms = self._now_ms()
            try:
                permits = await self._store.load()
                for permit in permits:
                    if now_ms >= permit.until_ms:
                        await self._store.remove(permit.id)
            except PermitsUnavailable as error:
                self._look_in_vain(error)
                return
            self._blind_since = None
            await self._adopt([each for each in permits if now_ms < each.until_ms])

    async def _adopt(self, permits: Iterable[Permit]) -> None:
        now = {each.id: each for each in permits}
        gone = [each for each in self._in_force.all if each.id not in now]
        self._in_force.adopt(now.values())
        severed = self._severed(gone)
        try:
            for permit in now.values():
                if permit.id not in self._filed:
                    await self._ledger.append(event_of(permit))
                    self._filed.add(permit.id)
            for permit in gone:
                await self._ledger.append(self._end_of(permit, severed))
                severed = 0  # They are told of once.
        except LedgerError as error:
            log.error("what is allowed for a time is not filed", error=str(error))

    def _end_of(self, permit: Permit, severed: int) -> Event:
        now_ms = self._now_ms()
        is_over = now_ms >= permit.until_ms
        how, why = (
            ("expired", "its time is over") if is_over else ("revoked", "taken back elsewhere")
        )
        return event_of_end(permit, how, "", why, severed, new_id(now_ms), now_ms)

    def _look_in_vain(self, error: PermitsUnavailable) -> None:
        if self._blind_since is None:
            self._blind_since = self._clock()
            log.error("what others allow for a time cannot be read", error=str(error))
        elif self._clock() - self._blind_since >= BLIND_S and self._in_force.all:
            self._in_force.adopt(())
            log.error("nothing is allowed for a time any more, until it can be read again")


def _length_ms(length_s: int) -> int:
    if not 0 < length_s <= LENGTH_MAX_S:
        raise ValueError(f"a permit lasts 1 to {LENGTH_MAX_S} seconds, not {length_s}")
    return length_s * 1000

"""Approvals: who is asked, who waits, who decides and who claims; each change is shared, then filed."""

import asyncio
import time
from base64 import b32encode
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from os import urandom
from typing import Any

import structlog

from proxy.approvals import approval
from proxy.approvals.approval import Approval, NotDecided, Taken, Wanted
from proxy.approvals.store import ApprovalStore, ApprovalsUnavailable
from proxy.approvals.words import KIND, approvals_of, event_of, event_of_leaving
from proxy.approving import ApprovalsSection
from proxy.ledger.store import Ledger, LedgerError, RecordConflict
from proxy.slip import new_id

log = structlog.get_logger()

_TRIES = 8
_KEPT_MS = 24 * 3600 * 1000
"""How long what has ended is still listed; the ledger keeps it for good."""


class Approvals:
    """One per process. `watch` must run while it is asked."""

    def __init__(
        self,
        store: ApprovalStore,
        ledger: Ledger,
        terms: ApprovalsSection,
        *,
        tells: Callable[[Approval], None] = lambda _: None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        ids: Callable[[], str] = lambda: f"A-{b32encode(urandom(10)).decode().lower()}",
    ) -> None:
        """`tells` is called once for each new question, and must not wait."""
        self._store = store
        self._ledger = ledger
        self._terms = terms
        self._tells = tells
        self._now_ms = now_ms
        self._ids = ids
        self._known: dict[str, Approval] = {}
        self._by_key: dict[str, str] = {}
        self._upto, self._life = 0, ""
        self._seen_ms = 0
        self._taken: set[str] = set()
        """Claimed here and not yet in the store."""
        self._unsettled: dict[str, Approval] = {}
        """Of these, what the store could not be told yet."""
        self._untold: set[str] = set()
        """Asked here and not yet in the store."""
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- what is known -----------------------------------------------------------------------

    @property
    def all(self) -> tuple[Approval, ...]:
        """What waits and what ended within a day, the newest first."""
        return tuple(sorted(self._known.values(), key=lambda it: (-it.asked_ms, it.id)))

    def known(self, approval_id: str) -> Approval | None:
        """As it was when it was last looked at."""
        return self._known.get(approval_id)

    @property
    def is_blind(self) -> bool:
        """What others decided could not be read lately."""
        fresh_s = self._store.fresh_s
        return fresh_s is not None and self._now_ms() - self._seen_ms > fresh_s * 1000

    @property
    def claim_s(self) -> int:
        """How long what was approved can be used."""
        return self._terms.claim_s

    async def open(self) -> None:
        """Read what is open. Where this process alone keeps it, that is what the ledger says."""
        if self._store.fresh_s is None:
            await self._restore()
        await self._look()

    async def _restore(self) -> None:
        now_ms = self._now_ms()
        back_ms = max(_KEPT_MS, self._terms.ttl_s * 1000, self._terms.claim_s * 1000)
        entries = await self._ledger.events((KIND,), now_ms - 2 * back_ms)
        found = []
        for it in approvals_of(entry.body for entry in entries).values():
            cut = approval.cut_off(it, now_ms) if self._terms.restart == "deny" else None
            if cut is not None:
                await self._file(cut)
            found.append(cut or it)
        await self._store.begin(found)

    async def watch(self) -> None:
        """Until cancelled: follow what other processes do."""
        async with aclosing(self._store.changes()) as changes:
            async for _ in changes:
                await self._look()

    async def sweep(self) -> None:
        """End what nobody decided or claimed in time, and forget what ended long ago. Raises
        ApprovalsUnavailable and LedgerError."""
        for after in tuple(self._unsettled.values()):
            await self._settle(after)
        now_ms = self._now_ms()
        old = []
        for it in tuple(self._known.values()):
            over = approval.expired(it, now_ms)
            if over is not None and it.id not in self._taken | self._untold:
                await self._swap(over)
            elif now_ms - it.changed_ms >= _KEPT_MS and now_ms >= it.joins_until_ms:
                old.append(it)
        await self._store.forget(old)
        for it in old:
            self._drop(it)

    # -- asking ------------------------------------------------------------------------------

    async def ask(self, wanted: Wanted, call: str) -> Approval | None:
        """The question as it stands, asked now or before; None when too many of the org wait. On file
        when it returns. Raises ApprovalsUnavailable and LedgerError."""
        return await self._put(self._fresh(wanted, call))

    async def wait(
        self, it: Approval, bell: asyncio.Event, timeout_s: float, is_over: Callable[[], bool]
    ) -> Approval:
        """As it is once it is decided, or time is up, or `is_over` when `bell` was rung."""
        bells = self._bells.setdefault(it.id, set())
        bells.add(bell)
        try:
            async with asyncio.timeout(timeout_s):
                while (now := self._known.get(it.id, it)).state == "pending" and not is_over():
                    bell.clear()
                    await bell.wait()
        except TimeoutError:
            pass
        finally:
            bells.discard(bell)
            if not bells:
                self._bells.pop(it.id, None)
        return self._known.get(it.id, now)

    async def left(self, it: Approval, call: str) -> None:
        """A held call's client has gone. The question stands."""
        event = event_of_leaving(it, call, new_id(), self._now_ms())
        await self._ledger.append(event)

    # -- deciding ----------------------------------------------------------------------------

    async def decide(self, approval_id: str, by: str, says_yes: bool, reason: str) -> Approval:
        """What it is after this person's word, on file. Said twice, it is said once. Raises NotDecided,
        ApprovalsUnavailable and LedgerError; after either of the last two it may count or not: say it
        again."""
        claim_ms = self._terms.claim_s * 1000
        for _ in range(_TRIES):
            it = await self._store.get(approval_id)
            if it is None:
                raise NotDecided("unknown", f"There is no approval {approval_id}.")
            now_ms = self._now_ms()
            after = approval.decided(it, by, says_yes, reason, now_ms, claim_ms=claim_ms)
            if after is it:
                if it.votes[-1].by == by and it.state in ("pending", "approved", "denied"):
                    await self._file(it)
                return it
            if await self._swap(after):
                return after
        raise ApprovalsUnavailable("Others decide the same just now; try again.")

    async def foreseen(self, approval_id: str, by: str, reason: str) -> Approval:
        """What it would be after this person's yes. Raises NotDecided and ApprovalsUnavailable."""
        it = await self._store.get(approval_id)
        if it is None:
            raise NotDecided("unknown", f"There is no approval {approval_id}.")
        now_ms, claim_ms = self._now_ms(), self.claim_s * 1000
        return approval.decided(it, by, True, reason, now_ms, claim_ms=claim_ms)

    # -- claiming ----------------------------------------------------------------------------

    async def claim(self, it: Approval, by: str) -> Approval | None:
        """Use what was approved, once; None when it is not there to be used. On file when it returns.
        Raises ApprovalsUnavailable and LedgerError."""
        now = self._known.get(it.id, it)
        after = approval.claimed(now, by, self._now_ms())
        if after is None or it.id in self._taken:
            return None
        self._taken.add(it.id)
        try:
            return after if await self._swap(after) else None
        except RecordConflict:
            log.error("approval claimed before, by the ledger", approval=it.id)
            return None
        finally:
            self._taken.discard(it.id)

    async def give_back(self, it: Approval, by: str) -> None:
        """A call that claimed it did not leave. Raises ApprovalsUnavailable and LedgerError."""
        after = approval.returned(self._known.get(it.id, it), by, self._now_ms())
        if after is not None:
            await self._swap(after)

    async def take(self, wanted: Wanted, call: str) -> Taken:
        """Claim it if it was granted, ask if it was not asked, and do not wait. Raises as `ask`."""
        it = await self.ask(wanted, call)
        done = await self.claim(it, call) if it is not None else None
        return Taken(done or it, is_granted=done is not None)

    def take_now(self, wanted: Wanted, call: str) -> Taken:
        """The same for whoever cannot even wait for the store. Claimed once within this process; the
        store and the ledger are told at once after."""
        if self.is_blind:
            return Taken(None, is_blind=True)
        now_ms = self._now_ms()
        it = self._known.get(self._by_key.get(wanted.key, ""))
        if it is None or now_ms >= it.joins_until_ms or it.id in self._taken:
            return self._ask_now(wanted, call, now_ms)
        after = approval.claimed(it, call, now_ms)
        if after is None:
            return Taken(it)
        self._taken.add(it.id)
        self._soon(self._settle(after))
        return Taken(after, is_granted=True)

    def _ask_now(self, wanted: Wanted, call: str, now_ms: int) -> Taken:
        waiting = sum(
            each.state == "pending" and now_ms < each.until_ms and each.wanted.org == wanted.org
            for each in self._known.values()
        )
        if waiting >= self._terms.pending_max:
            return Taken(None)
        fresh = self._fresh(wanted, call)
        self._untold.add(fresh.id)
        self._adopt(fresh)
        self._soon(self._tell(fresh))
        return Taken(fresh)

    async def _settle(self, after: Approval) -> None:
        try:
            if not await self._swap(after):
                log.error("approval claimed twice, by two processes", approval=after.id)
        except ApprovalsUnavailable:
            self._unsettled[after.id] = after
            raise
        self._unsettled.pop(after.id, None)
        self._taken.discard(after.id)

    async def _tell(self, fresh: Approval) -> None:
        """Put where others see it what was asked here. Where another asks the same, that one stays."""
        found = None
        try:
            found = await self._put(fresh)
        finally:
            self._untold.discard(fresh.id)
            if found is None or found.id != fresh.id:
                self._drop(fresh)
            if found is not None:
                self._adopt(found)

    async def aclose(self) -> None:
        """Finish what is being told, and let the store go."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        await self._store.aclose()

    # -- within ------------------------------------------------------------------------------

    def _fresh(self, wanted: Wanted, call: str) -> Approval:
        ttl_ms = self._terms.ttl_s * 1000
        now_ms = self._now_ms()
        return approval.asked(
            wanted, self._ids(), call, now_ms, ttl_ms=ttl_ms, needed=self._terms.needed
        )

    async def _put(self, fresh: Approval) -> Approval | None:
        found = await self._store.ask(fresh, fresh.asked_ms, self._terms.pending_max)
        if found is None:
            return None
        self._adopt(found)
        if found.id == fresh.id:
            await self._file(fresh)
            self._tells(fresh)
        return found

    async def _swap(self, after: Approval) -> bool:
        """Put a change where all see it, then on file."""
        if not await self._store.swap(after):
            now = await self._store.get(after.id)
            if now is not None:
                self._adopt(now)
            return False
        self._adopt(after)
        await self._file(after)
        return True

    async def _file(self, it: Approval) -> None:
        await self._ledger.append(event_of(it))

    async def _look(self) -> None:
        """Take over what changed."""
        asked_ms = self._now_ms()
        try:
            changed = await self._store.since(self._upto, self._life)
        except ApprovalsUnavailable as error:
            if self._upto:
                log.error("approvals of others cannot be read", error=str(error))
            self._upto = 0  # It may come back as another.
            return
        if changed.is_all:
            there = {it.id for it in changed.approvals} | self._untold
            for it in [it for it in self._known.values() if it.id not in there]:
                self._drop(it)
        for it in changed.approvals:
            self._adopt(it)
        self._upto, self._life, self._seen_ms = changed.upto, changed.life, asked_ms

    def _adopt(self, it: Approval) -> None:
        known = self._known.get(it.id)
        if known is not None and known.version >= it.version:
            return
        self._known[it.id] = it
        newest = self._known.get(self._by_key.get(it.wanted.key, ""))
        if newest is None or newest.asked_ms <= it.asked_ms:
            self._by_key[it.wanted.key] = it.id
        self._ring(it.id)

    def _drop(self, it: Approval) -> None:
        self._known.pop(it.id, None)
        if self._by_key.get(it.wanted.key) == it.id:
            del self._by_key[it.wanted.key]
        self._ring(it.id)

    def _ring(self, approval_id: str) -> None:
        for bell in self._bells.get(approval_id, ()):
            bell.set()

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._logged(work))
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _logged(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (ApprovalsUnavailable, LedgerError) as error:
            log.error("an approval is known here only, or not filed", error=str(error))

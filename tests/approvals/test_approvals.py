"""Approvals in one process, and in two that share a store: who waits, decides, claims; when parts fail."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from proxy.approvals.approval import Approval, NotDecided
from proxy.approvals.approvals import Approvals
from proxy.approvals.memory import MemoryApprovals
from proxy.approvals.store import ApprovalsUnavailable, Changed
from proxy.approving import ApprovalsSection
from proxy.ledger.store import LedgerUnavailable
from tests.addons.slips import MemoryLedger
from tests.approvals.questions import NOW, wanted
from tests.house import eventually


class Frail(MemoryApprovals):
    """A store that can be away, or lose its answer, and that is shared if it says so."""

    def __init__(self, fresh_s: float | None = None) -> None:
        super().__init__()
        self.fresh_s = fresh_s
        self.is_down = self.loses_answers = False

    async def swap(self, after: Approval) -> bool:
        self._look()
        done = await super().swap(after)
        if self.loses_answers:
            self.loses_answers = False
            raise ApprovalsUnavailable("the answer was lost")
        return done

    async def since(self, upto: int, life: str) -> Changed:
        self._look()
        return await super().since(upto, life)

    async def ask(self, fresh: Approval, now_ms: int, pending_max: int) -> Approval | None:
        self._look()
        return await super().ask(fresh, now_ms, pending_max)

    def _look(self) -> None:
        if self.is_down:
            raise ApprovalsUnavailable("away")


class Process:
    """Approvals, with a clock that stands still."""

    def __init__(
        self, store: MemoryApprovals, ledger: MemoryLedger | None = None, **terms: Any
    ) -> None:
        self.ledger = ledger or MemoryLedger()
        self.now_ms = NOW
        self.told: list[Approval] = []
        self.it = Approvals(
            store,
            self.ledger,  # type: ignore[arg-type]
            ApprovalsSection(**terms),
            tells=self.told.append,
            now_ms=lambda: self.now_ms,
        )

    @property
    def filed(self) -> list[str | None]:
        return [event.status for event in self.ledger.filed]


async def opened(
    store: MemoryApprovals | None = None, ledger: MemoryLedger | None = None, **terms: Any
) -> Process:
    made = Process(store or MemoryApprovals(), ledger, **terms)
    await made.it.open()
    return made


async def asked(here: Process, key: str = "k") -> Approval:
    it = await here.it.ask(wanted(key), "call-1")
    assert it is not None
    return it


async def yes(here: Process, it: Approval, by: str = "ann") -> Approval:
    return await here.it.decide(it.id, by, True, "ok")


def waiting(here: Process, it: Approval, timeout_s: float = 10) -> "asyncio.Task[Approval]":
    return asyncio.create_task(here.it.wait(it, asyncio.Event(), timeout_s, lambda: False))


async def test_each_change_is_on_file_once_and_one_alarm_is_given() -> None:
    here = await opened()
    it = await asked(here)
    assert (await asked(here)).id == it.id
    await yes(here, it)
    assert await here.it.claim(it, "call-7") is not None
    assert await here.it.claim(it, "call-8") is None
    assert here.filed == ["pending", "approved", "claimed"]
    assert here.told == [it]


async def test_who_waits_is_woken_by_the_decision() -> None:
    here = await opened()
    it = await asked(here)
    many = [waiting(here, it) for _ in range(3)]
    await asyncio.sleep(0)
    await here.it.decide(it.id, "ann", False, "no")
    assert {each.state for each in await asyncio.gather(*many)} == {"denied"}


async def test_who_waits_stops_when_time_is_up_or_the_call_is_over() -> None:
    here = await opened()
    it = await asked(here)
    assert (await here.it.wait(it, asyncio.Event(), 0, lambda: False)).state == "pending"
    bell, over = asyncio.Event(), [False]
    task = asyncio.create_task(here.it.wait(it, bell, 10, lambda: over[0]))
    await asyncio.sleep(0)
    over[0] = True
    bell.set()
    assert (await task).state == "pending"


async def test_h3_two_approvers_race_and_one_decision_is_on_file() -> None:
    here = await opened()
    it = await asked(here)
    told = await asyncio.gather(
        here.it.decide(it.id, "ann", True, "ok"),
        here.it.decide(it.id, "bob", False, "no"),
        return_exceptions=True,
    )
    (late,) = [each for each in told if isinstance(each, NotDecided)]
    assert late.code == "decided"
    assert len(here.filed) == 2


async def test_nothing_is_known_of_an_id_that_nobody_has() -> None:
    here = await opened()
    with pytest.raises(NotDecided) as raised:
        await here.it.decide("A-none", "ann", True, "ok")
    assert raised.value.code == "unknown"


async def test_a_decision_whose_answer_was_lost_is_said_again_and_is_the_same() -> None:
    store = Frail()
    here = await opened(store)
    it = await asked(here)
    store.loses_answers = True
    with pytest.raises(ApprovalsUnavailable):
        await yes(here, it)
    assert here.filed == ["pending"]
    again = await yes(here, it)
    assert (again.state, len(again.votes), again.version) == ("approved", 1, 2)
    assert here.filed == ["pending", "approved"]


async def test_a_decision_that_could_not_be_filed_is_filed_when_it_is_said_again() -> None:
    here = await opened()
    it = await asked(here)
    here.ledger.is_down = True
    with pytest.raises(LedgerUnavailable):
        await yes(here, it)
    here.ledger.is_down = False
    assert (await yes(here, it)).state == "approved"
    assert here.filed == ["pending", "approved"]


async def test_a_sweep_ends_what_is_over_and_forgets_it_after_a_day() -> None:
    here = await opened(ttl_s=60, claim_s=60)
    it, other = await asked(here), await asked(here, "l")
    await yes(here, other)
    await here.it.sweep()
    assert {each.state for each in here.it.all} == {"pending", "approved"}
    here.now_ms += 61_000
    task = waiting(here, it)
    await here.it.sweep()
    assert {each.state for each in here.it.all} == {"expired"}
    assert (await task).state == "expired"
    here.now_ms += 24 * 3600 * 1000
    await here.it.sweep()
    assert here.it.all == ()
    assert here.filed.count("expired") == 2


async def test_what_did_not_leave_gives_its_claim_back() -> None:
    here = await opened()
    it = await asked(here)
    await yes(here, it)
    used = await here.it.claim(it, "call-7")
    assert used is not None
    await here.it.give_back(used, "call-7")
    assert await here.it.claim(it, "call-8") is not None
    assert here.filed == ["pending", "approved", "claimed", "approved", "claimed"]


@pytest.mark.parametrize(("restart", "then"), [("keep", "pending"), ("deny", "denied")])
async def test_a_restart_keeps_or_denies_what_was_open(restart: str, then: str) -> None:
    first = await opened()
    it, granted = await asked(first), await asked(first, "l")
    await yes(first, granted)
    used = await asked(first, "m")
    await yes(first, used)
    await first.it.claim(used, "call-7")
    second = await opened(ledger=first.ledger, restart=restart)
    states = {each.id: each.state for each in second.it.all}
    kept = "approved" if restart == "keep" else "denied"
    assert states == {it.id: then, granted.id: kept, used.id: "claimed"}
    again = await asked(second)
    assert (again.id == it.id) == (restart == "keep")
    third = await opened(ledger=first.ledger)
    assert {each.id: each for each in third.it.all} == {each.id: each for each in second.it.all}


class TestWhoCannotWait:
    """The tools of an answer are decided without waiting for anybody."""

    async def test_it_asks_once_and_takes_once_what_was_approved(self) -> None:
        here = await opened()
        first = here.it.take_now(wanted(), "call-1")
        assert first.approval is not None
        assert not first.is_granted
        second = here.it.take_now(wanted(), "call-2")
        assert second.approval == first.approval
        await eventually(lambda: asyncio.sleep(0, here.filed), bool)
        await yes(here, first.approval)
        granted = [here.it.take_now(wanted(), f"call-{n}") for n in (3, 4, 5)]
        assert [each.is_granted for each in granted] == [True, False, False]
        await here.it.aclose()
        assert here.filed[:3] == ["pending", "approved", "claimed"]
        assert here.told[0] == first.approval

    async def test_one_who_waits_and_one_who_cannot_do_not_both_take_it(self) -> None:
        here = await opened()
        it = await asked(here)
        await yes(here, it)
        taken = here.it.take_now(wanted(), "call-1")
        assert taken.is_granted
        assert await here.it.claim(it, "call-2") is None
        await here.it.aclose()

    async def test_of_one_org_no_more_wait_than_may(self) -> None:
        here = await opened(pending_max=1)
        assert here.it.take_now(wanted(), "call-1").approval is not None
        assert here.it.take_now(wanted("l"), "call-1").approval is None
        await here.it.aclose()

    async def test_a_claim_that_the_store_did_not_hear_of_stays_taken_here(self) -> None:
        store = Frail()
        here = await opened(store)
        it = await asked(here)
        await yes(here, it)
        store.is_down = True
        assert here.it.take_now(wanted(), "call-1").is_granted
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not here.it.take_now(wanted(), "call-2").is_granted
        await asyncio.sleep(0)
        store.is_down = False
        await here.it.sweep()
        await here.it.aclose()
        assert here.filed == ["pending", "approved", "claimed"]

    async def test_fail_closed_what_was_not_read_lately_grants_nothing(self) -> None:
        store = Frail(fresh_s=3.0)
        here = await opened(store)
        it = await asked(here)
        await yes(here, it)
        here.now_ms += 3_001
        assert here.it.is_blind
        taken = here.it.take_now(wanted(), "call-1")
        assert (taken.is_granted, taken.is_blind, taken.approval) == (False, True, None)

    async def test_two_processes_that_ask_the_same_have_one_question(self) -> None:
        store = Frail(fresh_s=3.0)
        here, there = await opened(store), await opened(store)
        both = [each.it.take_now(wanted(), "call-1") for each in (here, there)]
        assert not any(each.is_granted for each in both)
        for each in (here, there):
            await each.it.aclose()
        ids: Iterable[str] = {it.id for each in (here, there) for it in each.it.all}
        assert len(set(ids)) == 1
        assert len(here.told) + len(there.told) == 1


async def test_two_processes_share_what_is_asked_and_decided() -> None:
    store = Frail(fresh_s=3.0)
    here, there = await opened(store), await opened(store)
    watching = [asyncio.create_task(each.it.watch()) for each in (here, there)]
    try:
        it = await asked(here)
        task = waiting(here, it)
        await eventually(lambda: asyncio.sleep(0, there.it.all), bool)
        await yes(there, it)
        assert (await task).state == "approved"
        both = await asyncio.gather(here.it.claim(it, "a"), there.it.claim(it, "b"))
        assert sum(each is not None for each in both) == 1
        assert sorted(map(str, here.filed + there.filed)) == ["approved", "claimed", "pending"]
    finally:
        for each in watching:
            each.cancel()
        await asyncio.gather(*watching, return_exceptions=True)

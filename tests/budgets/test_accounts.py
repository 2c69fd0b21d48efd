"""Accounts when replies are lost, stores fall silent, and ledgers are a moment behind."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from proxy.budgets import (
    Accounts,
    Charge,
    CountersUnavailable,
    Exceeded,
    Hold,
    HoldClosed,
    Limit,
    MemoryCounters,
    OpenHold,
)
from tests.budgets.diary import NOW, ORG, Caller, Diary, ask, limit

USD = limit(100)


class Unreliable(MemoryCounters):
    """A store whose next answers can be lost, or that can fall silent."""

    def __init__(self) -> None:
        super().__init__()
        self.lose_replies = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def reserve(self, *arguments: Any, **more: Any) -> Any:
        return await self._unreliably(super().reserve, *arguments, **more)

    async def settle(self, *arguments: Any, **more: Any) -> Any:
        return await self._unreliably(super().settle, *arguments, **more)

    async def _unreliably(self, act: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        self.asked.set()
        await self.gate.wait()
        answer = await act(*arguments, **more)
        if self.lose_replies:
            self.lose_replies -= 1
            raise CountersUnavailable("the reply was lost")
        return answer


async def standing(accounts: Accounts, each: Limit = USD, now_ms: int = NOW) -> tuple[int, int]:
    (balance,) = await accounts.balances(ORG, [each], now_ms)
    return balance.settled, balance.held


@pytest.fixture
async def store() -> Unreliable:
    return Unreliable()


@pytest.fixture
async def diary() -> Diary:
    return Diary()


@pytest.fixture
async def caller(store: Unreliable, diary: Diary) -> Caller:
    return Caller(Accounts(store, diary, timeout_s=0.05), diary)


async def test_a_reservation_whose_reply_was_lost_ends_released(
    caller: Caller, store: Unreliable
) -> None:
    assert await standing(caller.accounts) == (0, 0)
    store.lose_replies = 1
    with pytest.raises(CountersUnavailable):
        await caller.reserve(ask("h", Charge(USD, 60, 0)))
    await caller.accounts.drained()
    assert await standing(caller.accounts) == (0, 0)
    await caller.hold(ask("i", Charge(USD, 100, 0)))


async def test_a_reservation_that_reaches_the_store_after_its_release_holds_nothing(
    caller: Caller, store: Unreliable
) -> None:
    await standing(caller.accounts)
    store.gate.clear()
    late = asyncio.create_task(store.reserve(ask("h", Charge(USD, 60, 0)), NOW))
    with pytest.raises(CountersUnavailable):
        await caller.reserve(ask("h", Charge(USD, 60, 0)))
    await caller.accounts.drained()
    store.gate.set()
    with pytest.raises(HoldClosed):
        await late
    assert await standing(caller.accounts) == (0, 0)


async def test_a_store_that_falls_silent_is_unavailable_within_the_timeout(
    caller: Caller, store: Unreliable
) -> None:
    store.gate.clear()
    began = asyncio.get_running_loop().time()
    with pytest.raises(CountersUnavailable):
        await caller.reserve(ask("h", Charge(USD, 60, 0)))
    assert asyncio.get_running_loop().time() - began < 0.5
    store.gate.set()
    await caller.hold(ask("i", Charge(USD, 60, 0)))


async def test_a_settlement_whose_reply_was_lost_is_charged_once(
    caller: Caller, store: Unreliable
) -> None:
    await caller.hold(ask("h", Charge(USD, 60, 0)))
    store.lose_replies = 3
    with pytest.raises(CountersUnavailable):
        await caller.settle("h", {"usd": 25})
    await caller.accounts.drained()
    assert await standing(caller.accounts) == (25, 0)


async def test_a_settlement_that_could_not_be_asked_is_applied_when_the_store_answers(
    caller: Caller, store: Unreliable
) -> None:
    await caller.hold(ask("h", Charge(USD, 60, 0)))
    store.gate.clear()
    with pytest.raises(CountersUnavailable):
        await caller.settle("h", {"usd": 25})
    store.gate.set()
    await caller.accounts.drained()
    assert await standing(caller.accounts) == (25, 0)


async def test_a_caller_that_goes_away_while_reserving_leaves_no_hold(
    caller: Caller, store: Unreliable
) -> None:
    await standing(caller.accounts)
    store.gate.clear()
    store.asked.clear()
    reserving = asyncio.create_task(caller.reserve(ask("h", Charge(USD, 60, 0))))
    await store.asked.wait()
    reserving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reserving
    store.gate.set()
    await caller.accounts.drained()
    assert await standing(caller.accounts) == (0, 0)


async def test_a_caller_that_goes_away_while_settling_is_charged_all_the_same(
    caller: Caller, store: Unreliable
) -> None:
    await caller.hold(ask("h", Charge(USD, 60, 0)))
    store.gate.clear()
    store.asked.clear()
    settling = asyncio.create_task(caller.settle("h", {"usd": 25}))
    await store.asked.wait()
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling
    store.gate.set()
    await caller.accounts.drained()
    assert await standing(caller.accounts) == (25, 0)


async def test_a_refusal_waits_for_the_room_that_is_being_given_back(diary: Diary) -> None:
    class SlowSettle(MemoryCounters):
        async def settle(self, *arguments: Any, **more: Any) -> Any:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return await super().settle(*arguments, **more)

    caller = Caller(Accounts(SlowSettle(), diary), diary)
    await caller.hold(ask("h", Charge(USD, 100, 0)))
    settling = asyncio.create_task(caller.settle("h", {"usd": 10}))
    await asyncio.sleep(0)
    hold = await caller.hold(ask("i", Charge(USD, 90, 0)))
    assert settling.done()
    assert hold.amounts[0].amount == 90
    refused = await caller.reserve(ask("j", Charge(USD, 1, 0)))
    assert refused == Exceeded(USD, required=1, remaining=0, held=90, resets_at_ms=None)


async def test_a_ledger_that_fails_lets_no_one_through_until_it_answers(
    store: Unreliable,
) -> None:
    class Broken(Diary):
        broken = True

        async def open_holds(self, *arguments: Any) -> Sequence[OpenHold]:
            if self.broken:
                raise OSError("the disk is gone")
            return await super().open_holds(*arguments)

    diary = Broken()
    caller = Caller(Accounts(store, diary), diary)
    with pytest.raises(CountersUnavailable, match="OSError"):
        await caller.reserve(ask("h", Charge(USD, 1, 0)))
    diary.broken = False
    await caller.accounts.drained()
    await caller.hold(ask("i", Charge(USD, 1, 0)))


async def test_a_ledger_that_hangs_lets_no_one_through(store: Unreliable) -> None:
    class Hanging(Diary):
        async def settled(self, *_: Any) -> int:
            await asyncio.Event().wait()
            raise AssertionError

    diary = Hanging()
    accounts = Accounts(store, diary, history_timeout_s=0.02)
    with pytest.raises(CountersUnavailable):
        await accounts.reserve(ask("h", Charge(USD, 1, 0)), NOW)
    await accounts.aclose()


async def test_a_store_that_never_keeps_what_is_seeded_is_given_up(diary: Diary) -> None:
    class Leaky(MemoryCounters):
        async def seed(self, *_: Any, **__: Any) -> bool:
            return False

    accounts = Accounts(Leaky(), diary)
    with pytest.raises(CountersUnavailable, match="rebuilt"):
        await accounts.reserve(ask("h", Charge(USD, 1, 0)), NOW)
    await accounts.aclose()


# --- rebuilding ------------------------------------------------------------------------------


def lose(caller: Caller) -> None:
    """The store comes back empty under the same worker."""
    caller.accounts._counters._books.clear()  # type: ignore[attr-defined]


async def test_a_lost_store_is_rebuilt_before_the_next_call_is_admitted(caller: Caller) -> None:
    await caller.hold(ask("spent", Charge(USD, 50, 0)))
    await caller.settle("spent", {"usd": 40})
    await caller.hold(ask("open", Charge(USD, 30, 0)))
    lose(caller)
    refused = await caller.reserve(ask("h", Charge(USD, 31, 0)))
    assert refused == Exceeded(USD, required=31, remaining=30, held=30, resets_at_ms=None)
    await caller.settle("open", {"usd": 5})
    assert await standing(caller.accounts) == (45, 0)


async def test_a_hold_whose_decision_is_not_yet_recorded_survives_a_lost_store(
    caller: Caller, diary: Diary
) -> None:
    await caller.accounts.reserve(ask("unrecorded", Charge(USD, 70, 0)), NOW)
    diary.seq = 0
    lose(caller)
    assert isinstance(await caller.reserve(ask("h", Charge(USD, 31, 0))), Exceeded)
    assert await standing(caller.accounts) == (0, 70)
    await caller.accounts.settle("unrecorded", ORG, {"usd": 1}, NOW)
    assert await standing(caller.accounts) == (1, 0)


async def test_a_settlement_whose_outcome_is_not_yet_recorded_survives_a_lost_store(
    caller: Caller, diary: Diary
) -> None:
    await caller.hold(ask("h", Charge(USD, 70, 0)))
    await caller.accounts.settle("h", ORG, {"usd": 20}, NOW)
    lose(caller)
    assert await standing(caller.accounts) == (20, 0)
    diary.ended("h", diary.costs("h", {"usd": 20}))
    assert await standing(caller.accounts) == (20, 0)


async def test_a_settlement_that_finds_the_store_lost_is_charged_by_the_rebuild(
    caller: Caller,
) -> None:
    await caller.hold(ask("h", Charge(USD, 70, 0)))
    lose(caller)
    assert (await caller.settle("h", {"usd": 20})).already
    assert await standing(caller.accounts) == (20, 0)


async def test_an_outcome_recorded_while_the_ledger_is_read_is_counted_once(
    store: Unreliable,
) -> None:
    class Moving(Diary):
        moved = False

        async def settled(self, org: str, limit: Limit, since_ms: int) -> int:
            answer = await super().settled(org, limit, since_ms)
            if not self.moved:
                self.moved = True
                self.ended("h", self.costs("h", {"usd": 20}))
            return answer

    diary = Moving()
    other = Caller(Accounts(MemoryCounters(), diary), diary)
    diary.decided(Hold("h", ORG, 0, (), NOW, 1))
    hold = await Caller(Accounts(MemoryCounters(), Diary()), Diary()).hold(
        ask("h", Charge(USD, 70, 0))
    )
    diary.open["h"] = hold
    assert await standing(other.accounts) == (20, 0)


async def test_a_worker_that_starts_over_an_old_store_sees_that_it_is_behind(
    store: Unreliable, diary: Diary
) -> None:
    first = Caller(Accounts(store, diary), diary)
    await first.hold(ask("h", Charge(USD, 10, 0)))
    lose(first)
    await store.seed(ORG, USD, 0, 0, [], NOW)
    diary.seq += 10
    second = Accounts(store, diary)
    assert await standing(second) == (0, 10)


async def test_a_rebuilt_hold_has_time_to_be_renewed(caller: Caller) -> None:
    await caller.hold(ask("stream", Charge(USD, 10, 0), lease_ms=1000))
    late_ms = NOW + 600_000
    other = Accounts(MemoryCounters(), caller.diary)
    assert await standing(other, now_ms=late_ms) == (0, 10)
    assert await other.expire(ORG, late_ms + 29_999) == ()
    assert await other.renew(ORG, ["stream"], late_ms + 90_000) == ("stream",)
    assert await other.expire_all(late_ms + 89_999) == ()
    assert [hold.id for hold in await other.expire_all(late_ms + 90_000)] == ["stream"]


async def test_a_store_lost_under_a_stream_keeps_its_renewed_lease(caller: Caller) -> None:
    await caller.hold(ask("stream", Charge(USD, 10, 0), lease_ms=1000))
    await caller.accounts.renew(ORG, ["stream"], NOW + 500_000)
    lose(caller)
    assert await standing(caller.accounts) == (0, 10)
    assert await caller.accounts.expire(ORG, NOW + 499_999) == ()


async def test_a_stream_cannot_grow_on_a_store_that_lost_it(caller: Caller) -> None:
    await caller.hold(ask("stream", Charge(USD, 10, 1), output=(5, 5)))
    lose(caller)
    with pytest.raises(HoldClosed):
        await caller.accounts.extend("stream", ORG, 5, NOW)
    assert await standing(caller.accounts) == (0, 15)


async def test_a_hundred_sequential_calls_of_18_cents_spend_at_most_a_dollar(
    caller: Caller,
) -> None:
    dollar = limit(10**9)
    admitted = 0
    for number in range(100):
        answer = await caller.reserve(ask(f"h{number}", Charge(dollar, 180_000_000, 0)))
        if isinstance(answer, Hold):
            admitted += 1
            await caller.settle(answer.id, {"usd": 180_000_000})
    assert admitted == 5
    assert await standing(caller.accounts, dollar) == (900_000_000, 0)


async def test_orphans_already_charged_are_told_when_the_store_fails_on_the_way(
    diary: Diary,
) -> None:
    class FailsForOther(MemoryCounters):
        async def expire(self, org: str, *arguments: Any, **more: Any) -> Any:
            if org == "other":
                raise CountersUnavailable("gone")
            return await super().expire(org, *arguments, **more)

    accounts = Accounts(FailsForOther(), diary)
    for org in (ORG, "other"):
        await accounts.reserve(ask("h", Charge(USD, 10, 0), org=org, lease_ms=1), NOW)
    expired = await accounts.expire_all(NOW + 1)
    assert [(hold.id, hold.org) for hold in expired] == [("h", ORG)]
    with pytest.raises(CountersUnavailable):
        await accounts.expire("other", NOW + 1)


async def test_a_threshold_is_told_once_also_by_an_orphan() -> None:
    store = Unreliable()
    told: list[tuple[str, int]] = []
    accounts = Accounts(
        store,
        Diary(),
        on_crossed=lambda hold_id, crossed: told.extend((hold_id, each[1]) for each in crossed),
    )
    await accounts.reserve(ask("first", Charge(USD, 60, 0)), NOW)
    await accounts.reserve(ask("second", Charge(USD, 25, 0)), NOW)
    await accounts.settle("first", ORG, {"usd": 60}, NOW)
    await accounts.settle("first", ORG, {"usd": 60}, NOW)
    await accounts.expire_all(NOW + 10**9)
    await accounts.aclose()

    assert told == [("first", 50), ("second", 80)]

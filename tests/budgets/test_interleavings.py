"""Random lives of a budget, on both stores side by side: they agree, and the rule holds."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from proxy.budgets import (
    Accounts,
    Charge,
    ExpiredHold,
    Hold,
    HoldClosed,
    MemoryCounters,
    Settlement,
    Unit,
)
from proxy.budgets.redis import RedisCounters
from tests.budgets.diary import NOW, ORG, Caller, Diary, ask, limit
from tests.redis_server import RedisServer

USD = limit(1000, agent="a")
TOKENS = limit(400, "tokens", "day")
REQUESTS = limit(6, "requests", "minute", agent="a", model="m")
TOOL_CALLS = limit(40, "tool_calls", "day", agent="a")
LIMITS = [USD, TOKENS, REQUESTS, TOOL_CALLS]
LEASE_MS = 45_000

SMALL = st.integers(0, 300)

PATIENCE_S = 30.0
"""A machine that is busy makes a store slow, and a store that is slow is another test's subject."""


class World:
    """One store, its ledger and the worker that uses them."""

    def __init__(self, counters: MemoryCounters | RedisCounters) -> None:
        self.diary = Diary()
        self.counters = counters
        self.caller = Caller(Accounts(counters, self.diary, timeout_s=PATIENCE_S), self.diary)


class Budgets(RuleBasedStateMachine):
    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.server.command("FLUSHALL")
        self.worlds = [World(MemoryCounters()), World(RedisCounters.from_url(self.server.url))]
        self.now_ms = NOW
        self.number = 0

    def teardown(self) -> None:
        self.runner.run(self.worlds[1].counters.aclose())
        self.runner.close()

    def both(self, act: Callable[[World], Awaitable[Any]]) -> Any:
        """Do it in both worlds: the answers must be the same, apart from the seq."""

        async def outcome(world: World) -> Any:
            try:
                return comparable(await act(world))
            except HoldClosed as closed:
                return repr(closed)

        async def outcomes() -> list[Any]:
            return [await outcome(world) for world in self.worlds]

        memory, redis = self.runner.run(outcomes())
        assert memory == redis
        return memory

    def open_id(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.worlds[0].diary.open)), label="hold")

    @rule(usd=SMALL, per=st.integers(0, 9), tokens=SMALL, low=st.integers(0, 20), more=SMALL)
    def reserve(self, usd: int, per: int, tokens: int, low: int, more: int) -> None:
        self.number += 1
        charges = Charge(USD, usd, per), Charge(TOKENS, tokens, 1), Charge(REQUESTS, 1, 0)
        asked = ask(f"h{self.number}", *charges, output=(low, low + more), lease_ms=LEASE_MS)
        self.both(lambda world: world.caller.reserve(asked, self.now_ms))

    @rule(fixed=st.integers(0, 3), up_to=st.integers(0, 16))
    def reserve_tool_calls_as_far_as_there_is_room(self, fixed: int, up_to: int) -> None:
        self.number += 1
        left = self.both(
            lambda world: world.caller.accounts.balances(ORG, [TOOL_CALLS], self.now_ms)
        )[0].remaining
        charges = Charge(REQUESTS, 0, 0), Charge(TOOL_CALLS, fixed, 0, up_to)
        asked = ask(f"h{self.number}", *charges, lease_ms=LEASE_MS)
        answer = self.both(lambda world: world.caller.reserve(asked, self.now_ms))
        assert isinstance(answer, Hold) == (fixed <= left)
        if isinstance(answer, Hold):
            [granted] = [held.amount for held in answer.amounts if held.limit == TOOL_CALLS]
            assert granted == min(fixed + up_to, left)

    @rule(usd=SMALL)
    def reserve_the_whole_of_what_is_left(self, usd: int) -> None:
        self.number += 1
        asked = ask(f"h{self.number}", Charge(USD, 0, 1), output=(0, 5000), lease_ms=LEASE_MS)
        answer = self.both(lambda world: world.caller.reserve(asked, self.now_ms))
        assert isinstance(answer, Hold)

    @precondition(lambda self: self.worlds[0].diary.open)
    @rule(
        data=st.data(),
        share=st.integers(0, 4),
        units=st.sets(st.sampled_from(["usd", "tokens", "tool_calls"])),
    )
    def settle(self, data: st.DataObject, share: int, units: set[Unit]) -> None:
        hold_id = self.open_id(data)
        amounts = self.worlds[0].diary.open[hold_id].amounts
        actual = {h.limit.unit: h.amount * share // 4 for h in amounts if h.limit.unit in units}
        self.both(lambda world: world.caller.settle(hold_id, actual, self.now_ms))

    @precondition(lambda self: self.worlds[0].diary.closed)
    @rule(data=st.data())
    def settle_again(self, data: st.DataObject) -> None:
        hold_id = data.draw(st.sampled_from(sorted(self.worlds[0].diary.closed)))
        again = self.both(
            lambda world: world.caller.accounts.settle(hold_id, ORG, {"usd": 1}, self.now_ms)
        )
        assert again.already

    @precondition(lambda self: self.worlds[0].diary.open)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        hold_id = self.open_id(data)

        async def release(world: World) -> None:
            await world.caller.accounts.release(hold_id, ORG, self.now_ms)
            world.diary.ended(hold_id, ())

        self.both(release)

    @precondition(lambda self: self.worlds[0].diary.open)
    @rule(data=st.data(), more=SMALL)
    def extend(self, data: st.DataObject, more: int) -> None:
        hold_id = self.open_id(data)

        async def extend(world: World) -> Any:
            answer = await world.caller.accounts.extend(hold_id, ORG, more, self.now_ms)
            if isinstance(answer, Hold):
                world.diary.decided(answer)
            return answer

        self.both(extend)

    @precondition(lambda self: self.worlds[0].diary.open)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        hold_id = self.open_id(data)
        until_ms = self.now_ms + LEASE_MS
        self.both(lambda world: world.caller.accounts.renew(ORG, [hold_id], until_ms))

    @rule(passed_ms=st.sampled_from([1, 20_000, 60_000, 7_200_000]))
    def time_passes_and_orphans_expire(self, passed_ms: int) -> None:
        self.now_ms += passed_ms

        async def expire(world: World) -> Any:
            expired = await world.caller.accounts.expire(ORG, self.now_ms)
            for hold in expired:
                world.diary.ended(hold.id, hold.amounts)
            return sorted(expired, key=lambda hold: hold.id)

        self.both(expire)

    @rule()
    def the_worker_dies_and_another_takes_its_place(self) -> None:
        for world in self.worlds:
            accounts = Accounts(world.counters, world.diary, timeout_s=PATIENCE_S)
            world.caller = Caller(accounts, world.diary)

    @rule()
    def the_store_loses_everything(self) -> None:
        self.server.command("FLUSHALL")
        self.server.command("SCRIPT", "FLUSH")
        memory = self.worlds[0]
        accounts = memory.caller.accounts
        memory.counters = MemoryCounters()
        accounts._counters = accounts._rebuild._counters = memory.counters

    @invariant()
    def settled_and_held_stay_within_every_cap_and_match_the_ledger(self) -> None:
        async def balances(world: World) -> Any:
            balances = await world.caller.accounts.balances(ORG, LIMITS, self.now_ms)
            for each in balances:
                assert each.settled + each.held <= each.limit.cap
                assert each.remaining == each.limit.cap - each.settled - each.held
                start_ms = 0 if each.resets_at_ms is None else window_start(each.resets_at_ms, each)
                assert each.settled == await world.diary.settled(ORG, each.limit, start_ms)
                open_holds = await world.diary.open_holds(ORG, each.limit, start_ms)
                assert each.held == sum(amount for _, amount, _ in open_holds)
            return balances

        self.both(balances)


def window_start(end_ms: int, balance: Any) -> int:
    return end_ms - {"minute": 60_000, "day": 86_400_000}[balance.limit.window]


def comparable(answer: Any) -> Any:
    """The answer without what may differ between stores: seqs, and the order of a rebuilt hold."""
    if isinstance(answer, list):
        return [comparable(each) for each in answer]
    changes: dict[str, Any] = {}
    if isinstance(answer, Hold | Settlement):
        changes["seq"] = 0
    if isinstance(answer, Hold | Settlement | ExpiredHold):
        changes["amounts"] = tuple(sorted(answer.amounts, key=lambda held: held.limit.key))
    if isinstance(answer, Settlement | ExpiredHold):
        changes["crossed"] = tuple(sorted(answer.crossed, key=lambda event: event[0].key))
    return replace(answer, **changes) if changes else answer


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer.running() as server:
        yield server


def test_any_interleaving_keeps_settled_and_held_within_the_cap(redis_server: RedisServer) -> None:
    Budgets.server = redis_server
    run_state_machine_as_test(
        Budgets,
        settings=settings(
            max_examples=120,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

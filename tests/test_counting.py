"""Rules' rates over the budgets' counters: one count for every process, and a record for what it counts."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.actions import action_of
from proxy.budgets import Accounts, CountersUnavailable, MemoryCounters
from proxy.budgets.redis import RedisCounters
from proxy.counting import RateCounts
from proxy.ledger.filing import decision_of, outcome_of
from proxy.ledger.r6 import r6
from proxy.ledger.tables import rate_rows
from proxy.policy.words import facts_of, ruled_tool
from proxy.refusals import Code, Refusal
from proxy.slip import Slip
from tests.addons.slips import ELSEWHERE, slip
from tests.budgets.diary import Diary
from tests.redis_server import RedisServer

LEASE_MS = 60_000


def rules(more_than: int, kinds: str = "", window: str = "day") -> str:
    rate = f"rate: {{more_than: {more_than}, window: {window}}}"
    return f"egress: {{default: allow}}\nrules: [{{id: r, decision: deny, match: {{{kinds}{rate}}}}}]\n"


def call(number: int, text: str) -> Slip:
    return slip(ELSEWHERE, text, id=f"call-{number}")


@pytest.fixture
def counts() -> RateCounts:
    return RateCounts(Accounts(MemoryCounters(), Diary()), LEASE_MS)


async def is_over(counts: RateCounts, it: Slip) -> bool:
    facts = await counts.answered(it, facts_of(it))
    return facts.rates["p/rules.r"]


async def test_what_is_above_the_limit_is_known_and_holds_nothing(counts: RateCounts) -> None:
    calls = [call(n, rules(2)) for n in range(4)]
    assert [await is_over(counts, each) for each in calls] == [False, False, True, True]
    assert [len(each.counted) for each in calls] == [1, 1, 0, 0]


async def test_settled_it_stays_counted(counts: RateCounts) -> None:
    for n, expected in enumerate([False, False, True]):
        it = call(n, rules(2))
        assert await is_over(counts, it) is expected
        await counts.settle(it)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with RedisServer.running() as server:
        yield server


async def test_two_processes_count_together(redis_server: RedisServer) -> None:
    """A rate that every process counts for itself would let through its limit times their number."""
    diary = Diary()
    stores = [RedisCounters.from_url(redis_server.url, timeout_s=10) for _ in range(2)]
    workers = [RateCounts(Accounts(each, diary, timeout_s=10), LEASE_MS) for each in stores]
    calls = [call(n, rules(7)) for n in range(40)]
    found = await asyncio.gather(*(is_over(workers[n % 2], each) for n, each in enumerate(calls)))
    assert found.count(False) == 7
    for store in stores:
        await store.aclose()


async def test_a_tool_gate_counts_within_what_it_holds_and_gives_the_rest_back(
    counts: RateCounts,
) -> None:
    text = rules(10, "kinds: [tool], tools: [look], ")
    first, second = call(1, text), call(2, text)
    await counts.hold_for_tools(first, 7)
    await counts.hold_for_tools(second, 7)
    look, other = action_of("look", {}), action_of("other", {})

    decisions = [ruled_tool(second, look)[0].passes for _ in range(4)]
    assert decisions == [True, True, True, False], "seven of ten were held by the first"
    assert ruled_tool(second, other)[0].passes, "what the rule is not about does not count"
    assert ruled_tool(first, look)[0].passes
    await counts.settle(first)
    await counts.settle(second)
    third = call(3, text)
    await counts.hold_for_tools(third, 16)
    assert [held.amount for held in third.counted[0].hold.amounts] == [10 - 4]


async def test_a_rule_about_everything_counts_calls_and_tools_alike(counts: RateCounts) -> None:
    it = call(1, rules(3))
    assert not await is_over(counts, it)
    await counts.hold_for_tools(it, 16)
    look = action_of("look", {})
    assert [ruled_tool(it, look)[0].passes for _ in range(3)] == [True, True, False]


async def test_a_tool_call_that_was_counted_before_is_not_counted_again(counts: RateCounts) -> None:
    it = call(1, rules(1, "kinds: [tool], "))
    await counts.hold_for_tools(it, 1)
    look = action_of("look", {})
    assert ruled_tool(it, look, is_counted=False)[0].passes
    assert ruled_tool(it, look)[0].passes
    assert not ruled_tool(it, look)[0].passes


def rows(record: Any, decided: Any = None) -> list[Any]:
    return rate_rows(r6(record, 1, None, None, decided))


async def test_an_outcome_says_what_was_counted_and_a_refusal_says_it_itself(
    counts: RateCounts,
) -> None:
    it = call(1, rules(5))
    await is_over(counts, it)
    await counts.hold_for_tools(it, 4)
    assert ruled_tool(it, action_of("look", {}))[0].passes
    start_ms = it.counted[0].hold.amounts[0].window_start_ms
    key = "times.day/agent=coder/org=acme/rule=p%2Frules.r"

    allowed = decision_of(it)
    assert [hold.amounts[0].amount for hold in allowed.rates] == [1, 4], "as they are held"
    assert rows(allowed) == []
    it.status = "answered"
    body = r6(allowed, 0, None, None, None)
    assert rows(outcome_of(it), body) == [(1, key, start_ms, 2)]
    it.refusal = Refusal(Code.POLICY_DENIED, "no")
    assert rows(decision_of(it)) == [(1, key, start_ms, 2)]


async def test_rule_1_without_counters_nobody_can_say(counts: RateCounts) -> None:
    class Silent(MemoryCounters):
        async def reserve(self, reservation: Any, now_ms: int, seen_seq: int = 0) -> Any:
            raise CountersUnavailable("down")

    silent = RateCounts(Accounts(Silent(), Diary()), LEASE_MS)
    with pytest.raises(CountersUnavailable):
        await is_over(silent, call(1, rules(5)))
    with pytest.raises(CountersUnavailable):
        await silent.hold_for_tools(call(2, rules(5)), 16)

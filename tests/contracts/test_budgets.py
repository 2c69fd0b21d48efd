"""The budget port's contract: memory and Redis answer alike."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from proxy.budgets import (
    AMOUNT_MAX,
    Accounts,
    Charge,
    Counters,
    Exceeded,
    ExpiredHold,
    Hold,
    HoldClosed,
    Limit,
    MemoryCounters,
    Settlement,
    Stale,
    Unseeded,
)
from proxy.budgets.redis import RedisCounters
from tests.budgets.diary import NOW, ORG, Caller, Diary, ask, limit
from tests.redis_server import RedisServer

DAY = 86_400_000
ABSURD = [10**30, -1, True, 1.0, "5", None, AMOUNT_MAX + 1]


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer.running() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def counters(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[Counters]:
    if request.param == "memory":
        yield MemoryCounters()
        return
    redis_server.command("FLUSHALL")
    store = RedisCounters.from_url(redis_server.url, timeout_s=10)
    yield store
    await store.aclose()


async def seeded(counters: Counters, *limits: Limit, settled: int = 0) -> None:
    for each in limits:
        assert await counters.seed(ORG, each, 0, settled, [], NOW)


async def held(counters: Counters, *arguments: object, now_ms: int = NOW, **more: object) -> Hold:
    answer = await counters.reserve(ask(*arguments, **more), now_ms)  # type: ignore[arg-type]
    assert isinstance(answer, Hold), answer
    return answer


async def standing(counters: Counters, each: Limit, now_ms: int = NOW) -> tuple[int, int, int]:
    answer = await counters.balances(ORG, [each], now_ms)
    assert isinstance(answer, list), answer
    return answer[0].settled, answer[0].held, answer[0].remaining


# --- reserve ---------------------------------------------------------------------------------


async def test_a_counter_that_does_not_exist_is_unseeded_and_nothing_is_held(
    counters: Counters,
) -> None:
    known, unknown = limit(100), limit(100, "tokens")
    await seeded(counters, known)
    answer = await counters.reserve(ask("h", Charge(known, 10, 0), Charge(unknown, 10, 0)), NOW)
    assert answer == Unseeded((unknown,))
    assert await standing(counters, known) == (0, 0, 100)
    assert await counters.balances(ORG, [known, unknown], NOW) == Unseeded((unknown,))


async def test_the_largest_output_that_fits_every_limit_is_granted(counters: Counters) -> None:
    usd, tokens, requests = limit(1000), limit(500, "tokens"), limit(2, "requests")
    await seeded(counters, usd, tokens, requests)
    charges = Charge(usd, 100, 7), Charge(tokens, 30, 1), Charge(requests, 1, 0)
    hold = await held(counters, "h", *charges, output=(1, 4096))
    assert hold.output_tokens == (1000 - 100) // 7 == 128
    assert [amount.amount for amount in hold.amounts] == [996, 158, 1]
    assert [amount.limit for amount in hold.amounts] == [usd, tokens, requests]
    assert hold.lease_until_ms == NOW + 60_000
    assert await standing(counters, usd) == (0, 996, 4)


async def test_a_hold_says_what_each_limit_has_left_behind_it(counters: Counters) -> None:
    money, tokens = limit(100), limit(50, "tokens")
    await seeded(counters, money, tokens, settled=10)
    await held(counters, "other", Charge(money, 5, 0))
    hold = await held(counters, "h", Charge(money, 20, 1), Charge(tokens, 3, 1), output=(7, 7))

    assert [each.limit for each in hold.amounts] == [money, tokens]
    assert hold.remaining == (100 - 10 - 5 - 27, 50 - 10 - 10)


async def test_what_does_not_fit_one_limit_changes_none(counters: Counters) -> None:
    wide, narrow = limit(1000), limit(10, "tokens")
    await seeded(counters, wide, narrow)
    charges = Charge(wide, 5, 1), Charge(narrow, 3, 1)
    answer = await counters.reserve(ask("h", *charges, output=(8, 100)), NOW)
    assert answer == Exceeded(narrow, required=11, remaining=10, held=0, resets_at_ms=None)
    assert await standing(counters, wide) == (0, 0, 1000)
    assert await standing(counters, narrow) == (0, 0, 10)


async def test_a_refusal_names_the_limit_that_is_last_to_make_room(counters: Counters) -> None:
    minute, day = limit(5, "requests", "minute"), limit(100, window="day")
    for each, start in ((minute, NOW), (day, NOW // DAY * DAY)):
        assert await counters.seed(ORG, each, start, each.cap, [], NOW)
    answer = await counters.reserve(ask("h", Charge(minute, 1, 0), Charge(day, 40, 0)), NOW)
    assert answer == Exceeded(day, 40, 0, 0, resets_at_ms=NOW // DAY * DAY + DAY)
    only = await counters.reserve(ask("h", Charge(minute, 1, 0)), NOW)
    assert only == Exceeded(minute, 1, 0, 0, resets_at_ms=NOW + 60_000)
    never = await counters.reserve(ask("h", Charge(minute, 6, 0)), NOW)
    assert never == Exceeded(minute, 6, 0, 0, resets_at_ms=None)


async def test_the_same_hold_id_again_is_the_same_hold(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    first = await held(counters, "h", Charge(usd, 60, 0))
    assert await held(counters, "h", Charge(usd, 60, 0)) == first
    assert await standing(counters, usd) == (0, 60, 40)


async def test_a_hold_that_has_ended_cannot_be_opened_again(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    await held(counters, "settled", Charge(usd, 10, 0))
    await counters.settle("settled", ORG, {"usd": 10}, NOW)
    await counters.release("released before it came", ORG, NOW)
    for hold_id in ("settled", "released before it came"):
        with pytest.raises(HoldClosed):
            await counters.reserve(ask(hold_id, Charge(usd, 10, 0)), NOW)
    assert await standing(counters, usd) == (10, 0, 90)


async def test_limits_that_share_a_counter_charge_it_once_under_the_smaller_cap(
    counters: Counters,
) -> None:
    base, own = limit(100, agent="a"), limit(70, agent="a")
    await seeded(counters, base)
    charges = Charge(base, 10, 1), Charge(own, 10, 1)
    hold = await held(counters, "h", *charges, output=(0, 500))
    assert (hold.output_tokens, len(hold.amounts)) == (60, 1)
    assert await standing(counters, base) == (0, 70, 30)
    assert await standing(counters, own) == (0, 70, 0)


async def test_a_call_without_limits_or_without_cost_always_fits(counters: Counters) -> None:
    free = limit(0)
    await seeded(counters, free, settled=5)
    assert (await held(counters, "a", output=(1, 9))).output_tokens == 9
    assert (await held(counters, "b", Charge(free, 0, 0), output=(1, 9))).output_tokens == 9
    assert isinstance(await counters.reserve(ask("c", Charge(free, 1, 0)), NOW), Exceeded)


async def test_of_what_may_be_granted_in_part_as_much_is_held_as_there_is_room_for(
    counters: Counters,
) -> None:
    wide, narrow = limit(100, "tool_calls"), limit(20, "tool_calls", session="s")
    await seeded(counters, wide, narrow)
    granted = []
    for hold_id in ("a", "b", "c"):
        hold = await held(counters, hold_id, Charge(wide, 0, 0, 16), Charge(narrow, 0, 0, 16))
        granted.append([amount.amount for amount in hold.amounts])
    assert granted == [[16, 16], [16, 4], [16, 0]], "want of room refuses nobody"
    assert await held(counters, "b", Charge(wide, 0, 0, 16), Charge(narrow, 0, 0, 16))
    assert await standing(counters, narrow) == (0, 20, 0)
    await counters.settle("b", ORG, {"tool_calls": 1}, NOW)
    assert await standing(counters, narrow) == (1, 16, 3)
    assert await standing(counters, wide) == (1, 32, 67)


async def test_what_is_fixed_must_fit_before_more_is_granted(counters: Counters) -> None:
    calls = limit(5, "tool_calls")
    await seeded(counters, calls, settled=2)
    refused = await counters.reserve(ask("h", Charge(calls, 4, 0, 16)), NOW)
    assert refused == Exceeded(calls, required=4, remaining=3, held=0, resets_at_ms=None)
    hold = await held(counters, "h", Charge(calls, 2, 0, 16))
    assert [amount.amount for amount in hold.amounts] == [3]


async def test_what_was_granted_in_part_does_not_grow_with_the_output(counters: Counters) -> None:
    usd, calls = limit(100), limit(9, "tool_calls")
    await seeded(counters, usd, calls)
    await held(counters, "h", Charge(usd, 1, 2), Charge(calls, 0, 0, 4), output=(10, 10))
    grown = await counters.extend("h", ORG, 5, NOW)
    assert isinstance(grown, Hold)
    assert [amount.amount for amount in grown.amounts] == [31, 4]


async def test_the_largest_numbers_are_exact_and_never_wrap(counters: Counters) -> None:
    usd, far = limit(AMOUNT_MAX), limit(AMOUNT_MAX, "tokens")
    await seeded(counters, usd, far)
    hold = await held(counters, "h", Charge(usd, 2, 3), output=(0, AMOUNT_MAX))
    assert hold.output_tokens == (AMOUNT_MAX - 2) // 3
    left = AMOUNT_MAX - hold.amounts[0].amount
    assert await standing(counters, usd) == (0, hold.amounts[0].amount, left)
    enormous = Charge(far, AMOUNT_MAX, AMOUNT_MAX)
    answer = await counters.reserve(ask("i", enormous, output=(AMOUNT_MAX, AMOUNT_MAX)), NOW)
    assert answer == Exceeded(far, AMOUNT_MAX, AMOUNT_MAX, 0, resets_at_ms=None)
    first = await counters.settle("h", ORG, {"usd": AMOUNT_MAX}, NOW)
    assert isinstance(first, Settlement)
    assert await standing(counters, usd) == (AMOUNT_MAX, 0, 0)


@pytest.mark.parametrize("absurd", ABSURD, ids=repr)
async def test_absurd_numbers_are_refused_everywhere(counters: Counters, absurd: int) -> None:
    usd = limit(100)
    with pytest.raises(ValueError):
        limit(absurd)
    with pytest.raises(ValueError):
        Charge(usd, absurd, 0)
    with pytest.raises(ValueError):
        Charge(usd, 0, absurd)
    with pytest.raises(ValueError):
        Charge(usd, 0, 0, absurd)
    with pytest.raises(ValueError):
        ask("h", output=(0, absurd))
    with pytest.raises(ValueError):
        ask("h", lease_ms=absurd)
    with pytest.raises(ValueError):
        await counters.settle("h", ORG, {"usd": absurd}, NOW)
    with pytest.raises(ValueError):
        await counters.extend("h", ORG, absurd, NOW)
    with pytest.raises(ValueError):
        await counters.seed(ORG, usd, 0, absurd, [], NOW)
    with pytest.raises(ValueError):
        await counters.seed(ORG, usd, 0, 0, [("h", absurd, NOW)], NOW)
    with pytest.raises(ValueError):
        await counters.renew(ORG, ["h"], absurd)
    with pytest.raises(ValueError):
        await counters.expire(ORG, absurd)


@pytest.mark.parametrize("org", ["", "a}b", "a{b", "a b", "ä", "a" * 129, "a\n"])
async def test_an_org_that_identity_would_refuse_is_refused(counters: Counters, org: str) -> None:
    with pytest.raises(ValueError):
        await counters.release("h", org, NOW)


# --- settle, release -------------------------------------------------------------------------


async def test_settling_frees_what_was_not_spent(counters: Counters) -> None:
    usd, tokens, requests = limit(100), limit(100, "tokens"), limit(9, "requests")
    await seeded(counters, usd, tokens, requests)
    await held(counters, "h", Charge(usd, 60, 0), Charge(tokens, 50, 0), Charge(requests, 1, 0))
    answer = await counters.settle("h", ORG, {"usd": 12, "tokens": 34}, NOW)
    assert isinstance(answer, Settlement)
    assert [amount.amount for amount in answer.amounts] == [12, 34, 1]
    assert (answer.overran, answer.already) == (False, False)
    assert await standing(counters, usd) == (12, 0, 88)
    assert await standing(counters, tokens) == (34, 0, 66)
    assert await standing(counters, requests) == (1, 0, 8)


async def test_a_hold_is_settled_once_however_often_it_is_asked(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    await held(counters, "h", Charge(usd, 60, 0))
    await counters.settle("h", ORG, {"usd": 20}, NOW)
    for _ in range(2):
        again = await counters.settle("h", ORG, {"usd": 20}, NOW)
        assert isinstance(again, Settlement)
        assert (again.already, again.amounts, again.crossed) == (True, (), ())
    await counters.release("h", ORG, NOW)
    assert await standing(counters, usd) == (20, 0, 80)


async def test_a_call_that_cost_more_than_its_hold_is_charged_truthfully(
    counters: Counters,
) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    await held(counters, "h", Charge(usd, 60, 0))
    answer = await counters.settle("h", ORG, {"usd": 130}, NOW)
    assert isinstance(answer, Settlement)
    assert answer.overran
    assert await standing(counters, usd) == (130, 0, 0)


async def test_a_settlement_counts_in_the_window_where_it_was_held(counters: Counters) -> None:
    minute = limit(100, window="minute")
    assert await counters.seed(ORG, minute, NOW, 0, [], NOW)
    await held(counters, "h", Charge(minute, 60, 0))
    later = NOW + 60_000
    assert await counters.seed(ORG, minute, later, 0, [], later)
    await counters.settle("h", ORG, {"usd": 50}, later)
    assert await standing(counters, minute, later) == (0, 0, 100)
    assert await standing(counters, minute, NOW) == (50, 0, 50)


async def test_a_released_hold_costs_nothing(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    await held(counters, "h", Charge(usd, 60, 0))
    for _ in range(2):
        assert await counters.release("h", ORG, NOW) is None
    late = await counters.settle("h", ORG, {"usd": 60}, NOW)
    assert isinstance(late, Settlement)
    assert late.already
    assert await standing(counters, usd) == (0, 0, 100)


async def test_each_threshold_is_reported_by_the_settlement_that_reaches_it_first(
    counters: Counters,
) -> None:
    usd = limit(1000)
    await seeded(counters, usd)
    reported = []
    for number, cost in enumerate((499, 1, 10, 300, 189, 1, 5)):
        await held(counters, f"h{number}", Charge(usd, 0, 0))
        answer = await counters.settle(f"h{number}", ORG, {"usd": cost}, NOW)
        assert isinstance(answer, Settlement)
        reported.append([percent for each, percent in answer.crossed if each == usd])
    assert reported == [[], [50], [], [80], [90], [100], []]


async def test_thresholds_are_exact_at_the_largest_cap(counters: Counters) -> None:
    usd = limit(AMOUNT_MAX)
    at_half = -(-AMOUNT_MAX * 50 // 100)
    await seeded(counters, usd, settled=at_half - 2)
    reported = []
    for hold_id in ("a", "b"):
        await held(counters, hold_id, Charge(usd, 1, 0))
        answer = await counters.settle(hold_id, ORG, {}, NOW)
        assert isinstance(answer, Settlement)
        reported.append([percent for _, percent in answer.crossed])
    assert reported == [[], [50]]


async def test_a_rebuilt_counter_does_not_report_its_thresholds_again(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd, settled=85)
    await held(counters, "h", Charge(usd, 1, 0))
    answer = await counters.settle("h", ORG, {}, NOW)
    assert isinstance(answer, Settlement)
    assert answer.crossed == ()


# --- extend, renew, expire -------------------------------------------------------------------


async def test_a_hold_grows_when_every_limit_has_room(counters: Counters) -> None:
    usd, tokens = limit(100), limit(100, "tokens")
    await seeded(counters, usd, tokens)
    await held(counters, "h", Charge(usd, 10, 2), Charge(tokens, 5, 1), output=(10, 10))
    grown = await counters.extend("h", ORG, 15, NOW)
    assert isinstance(grown, Hold)
    assert grown.output_tokens == 25
    assert [amount.amount for amount in grown.amounts] == [60, 30]
    refused = await counters.extend("h", ORG, 21, NOW)
    assert refused == Exceeded(usd, required=42, remaining=40, held=60, resets_at_ms=None)
    assert await standing(counters, usd) == (0, 60, 40)
    assert await standing(counters, tokens) == (0, 30, 70)


async def test_a_hold_that_is_not_open_cannot_grow(counters: Counters) -> None:
    with pytest.raises(HoldClosed):
        await counters.extend("nobody's", ORG, 1, NOW)


async def test_a_hold_rebuilt_without_prices_cannot_grow_but_can_be_settled(
    counters: Counters,
) -> None:
    usd = limit(100)
    await counters.seed(ORG, usd, 0, 10, [("h", 40, NOW + 5)], NOW)
    with pytest.raises(HoldClosed):
        await counters.extend("h", ORG, 1, NOW)
    assert await standing(counters, usd) == (10, 40, 50)
    await counters.settle("h", ORG, {"usd": 15}, NOW)
    assert await standing(counters, usd) == (25, 0, 75)


async def test_a_limit_added_while_a_call_is_out_grows_with_it(counters: Counters) -> None:
    usd, added = limit(100), limit(60, agent="a")
    await seeded(counters, usd)
    await held(counters, "h", Charge(usd, 10, 2), output=(10, 10))
    await counters.seed(ORG, added, 0, 0, [("h", 30, NOW + 60_000)], NOW)
    assert isinstance(await counters.extend("h", ORG, 15, NOW), Hold)
    assert await standing(counters, added) == (0, 60, 0)
    assert isinstance(await counters.extend("h", ORG, 1, NOW), Exceeded)


async def test_an_orphan_is_charged_its_whole_bound_once(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    await held(counters, "dies", Charge(usd, 50, 0), lease_ms=1000)
    await held(counters, "lives", Charge(usd, 7, 0), lease_ms=1000)
    assert await counters.renew(ORG, ["lives", "unknown"], NOW + 9000) == ("lives",)
    assert await counters.expire(ORG, NOW + 999) == ()
    expired = await counters.expire(ORG, NOW + 1000)
    assert isinstance(expired, tuple)
    assert [type(hold) for hold in expired] == [ExpiredHold]
    assert (expired[0].id, expired[0].org, expired[0].amounts[0].amount) == ("dies", ORG, 50)
    assert [percent for _, percent in expired[0].crossed] == [50]
    assert await counters.expire(ORG, NOW + 1000) == ()
    late = await counters.settle("dies", ORG, {"usd": 1}, NOW + 1001)
    assert isinstance(late, Settlement)
    assert late.already
    assert await standing(counters, usd) == (50, 7, 43)


async def test_renewing_never_shortens_a_lease(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    await held(counters, "h", Charge(usd, 50, 0), lease_ms=10_000)
    await counters.renew(ORG, ["h"], NOW + 1)
    assert await counters.expire(ORG, NOW + 5000) == ()


async def test_many_orphans_end_in_one_round(counters: Counters) -> None:
    usd = limit(10_000)
    await seeded(counters, usd)
    for number in range(450):
        await held(counters, f"h{number}", Charge(usd, 1, 0), lease_ms=10)
    expired = await counters.expire(ORG, NOW + 10)
    assert isinstance(expired, tuple)
    assert len({hold.id for hold in expired}) == 450
    assert await standing(counters, usd) == (450, 0, 9550)


async def test_counters_that_nobody_needs_are_dropped_and_seeded_again(counters: Counters) -> None:
    old, idle, busy = limit(9, window="minute"), limit(9), limit(9, "tokens")
    assert await counters.seed(ORG, old, NOW, 0, [], NOW)
    await seeded(counters, idle, busy)
    later = NOW + 2 * 3_600_000
    await held(counters, "h", Charge(busy, 1, 0), lease_ms=3 * 3_600_000)
    await counters.expire(ORG, later)
    assert await counters.balances(ORG, [idle], NOW) == Unseeded((idle,))
    assert await counters.balances(ORG, [old], NOW) == Unseeded((old,))
    assert await standing(counters, busy) == (0, 1, 8)
    await counters.release("h", ORG, NOW)
    await counters.expire(ORG, later + 2 * 3_600_000)
    assert await counters.balances(ORG, [busy], NOW) == Unseeded((busy,))


# --- seed, reset -----------------------------------------------------------------------------


async def test_a_counter_is_seeded_by_whoever_comes_first(counters: Counters) -> None:
    usd = limit(100)
    assert await counters.seed(ORG, usd, 0, 30, [("h", 20, NOW + 9)], NOW)
    assert not await counters.seed(ORG, usd, 0, 0, [], NOW)
    assert await standing(counters, usd) == (30, 20, 50)


async def test_a_hold_that_ended_while_the_ledger_was_read_counts_as_it_ended(
    counters: Counters,
) -> None:
    usd = limit(100)
    await counters.settle("settled", ORG, {"usd": 11}, NOW)
    await counters.release("released", ORG, NOW)
    listed = [("settled", 40, NOW), ("released", 40, NOW), ("open", 5, NOW)]
    await counters.seed(ORG, usd, 0, 0, listed, NOW)
    assert await standing(counters, usd) == (11, 5, 84)


async def test_one_hold_listed_for_two_limits_is_settled_in_both(counters: Counters) -> None:
    usd, tokens = limit(100), limit(100, "tokens")
    await counters.seed(ORG, usd, 0, 0, [("h", 40, NOW + 9)], NOW)
    await counters.seed(ORG, tokens, 0, 0, [("h", 30, NOW + 9)], NOW)
    await counters.settle("h", ORG, {"usd": 1, "tokens": 2}, NOW)
    assert await standing(counters, usd) == (1, 0, 99)
    assert await standing(counters, tokens) == (2, 0, 98)


async def test_a_store_behind_what_was_seen_is_stale_for_every_question(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    hold = await held(counters, "h", Charge(usd, 10, 0))
    ahead = hold.seq + 1
    stale = Stale()
    assert await counters.reserve(ask("i", Charge(usd, 1, 0)), NOW, ahead) == stale
    assert await counters.settle("h", ORG, {"usd": 1}, NOW, ahead) == stale
    assert await counters.release("h", ORG, NOW, ahead) == stale
    assert await counters.extend("h", ORG, 0, NOW, ahead) == stale
    assert await counters.renew(ORG, ["h"], NOW, ahead) == stale
    assert await counters.expire(ORG, NOW + DAY, ahead) == stale
    assert await counters.balances(ORG, [usd], NOW, ahead) == stale
    assert await standing(counters, usd) == (0, 10, 90)
    assert await held(counters, "h", Charge(usd, 10, 0)) == hold


async def test_a_reset_forgets_a_stale_org_once_for_all_who_saw_it(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    seen = (await held(counters, "h", Charge(usd, 10, 0))).seq + 5
    await counters.reset(ORG, seen)
    asked = ask("i", Charge(usd, 1, 0))
    assert await counters.reserve(asked, NOW, seen) == Unseeded((usd,))
    await seeded(counters, usd)
    assert isinstance(await counters.reserve(asked, NOW, seen), Hold)
    for other_seen in (seen, seen + 100, seen - 3):
        await counters.reset(ORG, other_seen)
    assert await standing(counters, usd) == (0, 1, 99)


async def test_orgs_do_not_touch_each_other(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    await held(counters, "h", Charge(usd, 10, 0))
    other = await counters.reserve(ask("h", Charge(usd, 1, 0), org="other"), NOW)
    assert other == Unseeded((usd,))
    await counters.settle("h", "other", {"usd": 1}, NOW)
    assert await standing(counters, usd) == (0, 10, 90)


async def test_every_change_lifts_the_seq(counters: Counters) -> None:
    usd = limit(100)
    await seeded(counters, usd)
    seqs = [(await held(counters, "h", Charge(usd, 10, 1))).seq]
    grown = await counters.extend("h", ORG, 1, NOW)
    assert isinstance(grown, Hold)
    settled = await counters.settle("h", ORG, {}, NOW)
    assert isinstance(settled, Settlement)
    seqs += [grown.seq, settled.seq]
    await held(counters, "i", Charge(usd, 1, 0))
    await counters.release("i", ORG, NOW)
    seqs.append((await held(counters, "j", Charge(usd, 1, 0))).seq)
    assert all(after > before for before, after in itertools.pairwise(seqs))
    assert seqs[-1] >= seqs[-2] + 3


# --- the rule, under concurrency -------------------------------------------------------------


async def test_fifty_calls_at_once_get_exactly_the_ten_that_the_budget_holds(
    counters: Counters,
) -> None:
    usd = limit(100_000_000)
    caller = Caller(Accounts(counters, Diary(), timeout_s=10), Diary())
    asks = [caller.reserve(ask(f"h{n}", Charge(usd, 10_000_000, 0))) for n in range(50)]
    answers = await asyncio.gather(*asks)
    assert [isinstance(answer, Hold) for answer in answers].count(True) == 10
    assert await standing(counters, usd) == (0, 100_000_000, 0)


async def test_fifty_first_calls_of_a_never_seen_agent_read_the_ledger_once(
    counters: Counters,
) -> None:
    diary = Diary()
    usd = limit(300, agent="never seen")
    requests = limit(20, "requests", "minute", agent="never seen")
    caller = Caller(Accounts(counters, diary, timeout_s=10), diary)
    charges = Charge(usd, 10, 0), Charge(requests, 1, 0)
    answers = await asyncio.gather(*(caller.reserve(ask(f"h{n}", *charges)) for n in range(50)))
    assert [isinstance(answer, Hold) for answer in answers].count(True) == 20
    assert diary.reads == 2, "one read for each counter"
    assert await standing(counters, usd) == (0, 200, 100)
    assert await standing(counters, requests) == (0, 20, 0)


async def test_two_workers_racing_on_one_counter_never_exceed_it(counters: Counters) -> None:
    usd = limit(1000)
    diary = Diary()
    workers = [Caller(Accounts(counters, diary, timeout_s=10), diary) for _ in range(2)]

    async def loop(worker: Caller, name: str) -> int:
        admitted = 0
        for number in range(40):
            answer = await worker.reserve(ask(f"{name}{number}", Charge(usd, 30, 0)))
            if isinstance(answer, Hold):
                admitted += 1
                settled, in_flight, _ = await standing(counters, usd)
                assert settled + in_flight <= 1000
                await worker.settle(answer.id, {"usd": 20})
        return admitted

    names = [(worker, f"{w}-{n}-") for w, worker in enumerate(workers) for n in range(3)]
    admitted = sum(await asyncio.gather(*(loop(*each) for each in names)))
    settled, in_flight, remaining = await standing(counters, usd)
    assert (settled, in_flight) == (20 * admitted, 0)
    assert remaining < 30 + 20 * len(names), "room was left unused"


# --- grants ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
async def test_rule_3_while_grants_come_and_go_nothing_is_held_above_the_cap_in_force(
    counters: Counters, seed: int
) -> None:
    """A grant lifts the cap that a reservation brings along; the counter is the same. What it paid for
    stays paid when it ends, and then nothing is held until the sums are below the cap again."""
    chance = random.Random(seed)  # a walk that can be walked again
    caps = [limit(100), limit(100 + 40), limit(100 + 40 + 25)]
    await seeded(counters, caps[0])
    settled, holds = 0, dict[str, int]()
    for number in range(150):
        now = chance.choice(caps)
        in_use = settled + sum(holds.values())
        act = chance.choice(["reserve", "reserve", "settle", "release"])
        if act == "reserve":
            amount = chance.randint(1, 30)
            answer = await counters.reserve(ask(f"h{number}", Charge(now, amount, 0)), NOW)
            assert isinstance(answer, Hold) is (in_use + amount <= now.cap)
            if isinstance(answer, Hold):
                holds[f"h{number}"] = amount
        elif holds:
            which = chance.choice(sorted(holds))
            amount = holds.pop(which)
            if act == "settle":
                cost = chance.randint(0, amount // 8)
                settled += cost
                await counters.settle(which, ORG, {"usd": cost}, NOW)
            else:
                await counters.release(which, ORG, NOW)
        held_now = sum(holds.values())
        assert await standing(counters, now) == (
            settled,
            held_now,
            max(0, now.cap - settled - held_now),
        )

"""Allowances: one more limit on the calls made for a task; they take away and never give."""

import asyncio
import random
from contextlib import suppress

import pytest

from addons.budget import Budget
from addons.price import Price
from proxy.board import Allowances, Board, Outbox, Roles
from proxy.board.acts import Cancel, NewTask
from proxy.board.memory import MemoryStore
from proxy.budgets import Accounts, Charge, Hold, MemoryCounters, Reservation
from proxy.endpoint import Problem
from proxy.policy import PolicyBook
from proxy.refusals import Code, Refusal
from proxy.slip import Identity
from tests.addons.slips import anew, approvals, chat, flow, model_slip, triggers
from tests.addons.test_budget import COUNTER, PRICES
from tests.board.people import ADA, BOB, NOW, Diary
from tests.budgets.diary import Diary as History
from tests.policy.texts import policy

OPEN = "egress: {default: allow}\n"
PER_AGENT = OPEN + "budgets: [{name: own, per: [agent], usd: '1'}]\n"
DOLLAR = 10**9


class Yielding(MemoryStore):
    """Gives the loop some turns around each transaction, as a thread would."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.turns = random.Random(seed)

    async def run(self, work):
        for _ in range(self.turns.randrange(4)):
            await asyncio.sleep(0)
        result = await super().run(work)
        for _ in range(self.turns.choice([0, 1, 3, 90])):
            await asyncio.sleep(0)
        return result


@pytest.fixture
def accounts():
    return Accounts(MemoryCounters(), History())


@pytest.fixture
def board():
    return Board(Outbox(Yielding(), Diary()), Roles())


@pytest.fixture
def allowances(board, accounts):
    return Allowances(board, accounts)


def terms(text=OPEN, who=ADA):
    return PolicyBook([policy(text)]).terms(who.org, who.agent)


def of(task, who=ADA):
    return Identity(who.org, who.agent, who.session, task=task)


async def make(allowances, amount, who=ADA, text=OPEN, **more):
    new = NewTask(title="t", allowance_nanousd=amount, **more)
    return (await allowances.create(new, who, terms(text, who), NOW)).task.id


async def refusal(doing):
    with pytest.raises(Problem) as caught:
        await doing
    return caught.value


async def cap(allowances, task):
    (found,) = await allowances.of(of(task))
    return found.limit.cap


async def spend(accounts, allowances, task, amount):
    limits = await allowances.of(of(task))
    asked = Reservation(
        "spent", "acme", tuple(Charge(each.limit, amount, 0) for each in limits), 0, 0, 60_000
    )
    assert isinstance(await accounts.reserve(asked, NOW), Hold)


async def test_an_allowance_is_a_limit_of_the_calls_that_name_the_task(allowances):
    task = await make(allowances, 5)
    (found,) = await allowances.of(of(task, BOB))
    assert found.limit.scope == (("org", "acme"), ("task", task))
    assert (found.limit.unit, found.limit.window, found.limit.cap) == ("usd", "total", 5)


@pytest.mark.parametrize("name", [None, "release-7", "00000000-0000-7000-8000-00000000dead"])
async def test_a_call_for_no_task_or_for_one_that_is_not_on_the_board_has_none(allowances, name):
    await make(allowances, 5)
    assert await allowances.of(of(name)) == ()


async def test_a_task_of_another_org_or_without_an_allowance_has_none(allowances):
    task = await make(allowances, 5)
    assert await allowances.of(Identity("other", "ada", "s1", task=task)) == ()
    assert await allowances.of(of(await make(allowances, None))) == ()


async def test_nobody_gives_more_than_remains_of_each_of_its_budgets(allowances, accounts):
    assert await cap(allowances, await make(allowances, DOLLAR, text=PER_AGENT)) == DOLLAR
    problem = await refusal(make(allowances, DOLLAR + 1, text=PER_AGENT))
    assert (problem.status, problem.code) == (409, "allowance_too_large")
    assert "$1.00 remain to you under own" in problem.message


async def test_made_for_a_task_with_an_allowance_it_is_taken_out_of_that_one(allowances):
    above = await make(allowances, 10)
    part = await make(allowances, 4, of(above))
    assert (await cap(allowances, above), await cap(allowances, part)) == (6, 4)
    for amount in (7, 10):
        assert (await refusal(make(allowances, amount, of(above)))).code == "allowance_too_large"
    assert await cap(allowances, above) == 6
    under = await make(allowances, 3, of(part, BOB))
    assert (await cap(allowances, part), await cap(allowances, under)) == (1, 3)


async def test_made_for_a_task_with_an_allowance_a_task_must_have_one(allowances):
    above = await make(allowances, 10)
    assert (await refusal(make(allowances, None, of(above)))).code == "allowance_required"
    plain = await make(allowances, None)
    await make(allowances, None, of(plain))


async def test_what_was_spent_cannot_be_given_away(allowances, accounts):
    above = await make(allowances, 10)
    await spend(accounts, allowances, above, 7)
    problem = await refusal(make(allowances, 4, of(above)))
    assert problem.code == "allowance_too_large"
    assert await cap(allowances, await make(allowances, 3, of(above))) == 3
    (left,) = await accounts.balances("acme", [(await allowances.of(of(above)))[0].limit], NOW)
    assert (left.held, left.remaining, left.limit.cap) == (7, 0, 7)


async def test_an_ended_task_gives_nothing_away_and_limits_its_calls_as_before(allowances, board):
    above = await make(allowances, 10)
    await board.act("acme", above, Cancel(), ADA, NOW)
    assert (await refusal(make(allowances, 1, of(above)))).code == "task_ended"
    assert await cap(allowances, above) == 10


async def test_making_again_under_a_key_takes_nothing_twice(allowances):
    above = await make(allowances, 10)
    first = await make(allowances, 6, of(above), key="k")
    assert await make(allowances, 6, of(above), key="k") == first
    assert await cap(allowances, above) == 4


def budget(accounts, allowances):
    return Budget(accounts, allowances, 60_000, triggers(), approvals(), anew(), wait_s=0)


async def decided(addon, task, text=OPEN, call_id="call-1", **body):
    call = model_slip(chat(**body), text, identity=of(task), id=call_id)
    await Price(PRICES, COUNTER).depart(call, flow())
    return call, await addon.depart(call, flow(chat(**body)))


async def test_a_call_that_does_not_fit_the_allowance_is_refused(accounts, allowances):
    task = await make(allowances, 10)
    call, verdict = await decided(budget(accounts, allowances), task)
    assert verdict.code is Code.BUDGET_EXCEEDED
    assert verdict.facts["budget"] == "task-allowance"
    assert call.hold is None


async def test_a_call_that_fits_is_held_against_it_and_settled(accounts, allowances):
    task = await make(allowances, DOLLAR)
    addon = budget(accounts, allowances)
    call, _ = await decided(addon, task)
    (found,) = await allowances.of(of(task))
    (row,) = await accounts.balances("acme", [found.limit], NOW)
    assert row.held == call.quote.bound_nanousd > 0
    call.left, call.cost_nanousd = True, 7
    await addon.settle(call)
    (row,) = await accounts.balances("acme", [found.limit], NOW)
    assert (row.settled, row.held) == (7, 0)


async def test_an_allowance_lowers_the_output_of_a_call_that_has_no_room_for_all(
    accounts, allowances
):
    addon = budget(accounts, allowances)
    whole, _ = await decided(addon, await make(allowances, DOLLAR), max_tokens=4000)
    less = whole.quote.bound_nanousd // 2
    task = await make(allowances, less)
    call, _ = await decided(addon, task, call_id="call-2", max_tokens=4000)
    assert 256 <= int(call.notes["x-exeat-output-tokens-max"]) < 4000


async def test_a_model_without_a_price_is_refused_where_there_is_an_allowance(accounts, allowances):
    addon = budget(accounts, allowances)
    _, verdict = await decided(addon, await make(allowances, DOLLAR), model="nobody-knows")
    assert isinstance(verdict, Refusal)
    assert verdict.code is Code.PRICE_UNKNOWN
    _, verdict = await decided(addon, None, model="nobody-knows", call_id="call-2")
    assert not isinstance(verdict, Refusal)


class Between:
    """Lets something happen between the first look at a cap and what is done on its word."""

    def __init__(self, allowances, happening):
        self.of_allowances = allowances.of
        self.happening = happening

    async def of(self, who):
        found = await self.of_allowances(who)
        happening, self.happening = self.happening, None
        if happening is not None:
            await happening()
        return found


async def test_a_call_whose_allowance_was_divided_while_it_was_decided_is_to_be_sent_again(
    accounts, allowances
):
    one, _ = await decided(budget(accounts, allowances), None, call_id="measure")
    size = one.quote.bound_nanousd
    task = await make(allowances, size)

    async def divided():
        await make(allowances, 1, of(task))

    addon = budget(accounts, Between(allowances, divided))
    call, verdict = await decided(addon, task)
    assert (verdict.code, verdict.retry_after_s) == (Code.GOVERNANCE_UNAVAILABLE, 1)
    await addon.refused(call)
    (row,) = await accounts.balances("acme", [(await allowances.of(of(task)))[0].limit], NOW)
    assert (row.limit.cap, row.held) == (size - 1, 0)


async def test_a_part_is_not_given_on_the_word_of_a_cap_that_was_divided_meanwhile(
    allowances, accounts
):
    above = await make(allowances, 10)
    await spend(accounts, allowances, above, 4)

    async def divided():
        await make(allowances, 3, of(above))

    between = Between(allowances, divided)
    allowances.of = between.of  # type: ignore[method-assign]
    assert (await refusal(make(allowances, 6, of(above)))).code == "allowance_changed"
    assert (await refusal(make(allowances, 4, of(above)))).code == "allowance_too_large"
    assert await cap(allowances, await make(allowances, 3, of(above))) == 3
    assert await cap(allowances, above) == 4


@pytest.mark.parametrize("seed", range(25))
async def test_rule_3_whatever_comes_between_spent_and_given_never_pass_the_allowance(seed):
    """Calls and parts given away at once; every store answers late, and at any moment."""
    chance = random.Random(seed)
    accounts = Accounts(MemoryCounters(), History())
    board = Board(Outbox(Yielding(seed), Diary()), Roles())
    allowances = Allowances(board, accounts)
    addon = budget(accounts, allowances)
    one, _ = await decided(addon, None, call_id="measure")
    size = one.quote.bound_nanousd
    task = await make(allowances, size * 10)

    async def call(number):
        for _ in range(chance.randrange(8)):
            await asyncio.sleep(0)
        slip, verdict = await decided(addon, task, call_id=f"call-{number}")
        if isinstance(verdict, Refusal):
            await addon.refused(slip)

    async def give():
        for _ in range(chance.randrange(8)):
            await asyncio.sleep(0)
        amount = size * chance.randrange(1, 4)
        with suppress(Problem):
            await make(allowances, amount, of(task))

    doing = [call(number) for number in range(12)] + [give() for _ in range(6)]
    chance.shuffle(doing)
    await asyncio.gather(*doing)
    (found,) = await allowances.of(of(task))
    (row,) = await accounts.balances("acme", [found.limit], NOW)
    assert row.settled + row.held <= found.limit.cap
    given = size * 10 - found.limit.cap
    assert row.held + given > 0, "something got through"

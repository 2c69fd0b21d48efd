"""What an agent may still spend."""

from dataclasses import replace

import pytest

from proxy.board.acts import NewTask
from proxy.budgets import Accounts, Charge, CountersUnavailable, MemoryCounters, Reservation
from proxy.inside.budget import Purse
from tests.addons.slips import NoAllowances
from tests.budgets.diary import Diary
from tests.inside.callers import asks, caller, commons

RULES = """
budgets:
  - {name: day, window: day, usd: "1.00"}
  - {name: rate, per: [agent], window: minute, requests: 3}
  - {name: each-model, per: [model], usd: 1}
"""


@pytest.fixture
def accounts() -> Accounts:
    return Accounts(MemoryCounters(), Diary())


async def test_an_agent_learns_what_it_may_still_spend(accounts):
    slip = caller(RULES)
    limits = [each.limit for each in slip.terms.limits(slip.identity, None)]
    charges = tuple(Charge(each, 250_000_000 if each.unit == "usd" else 1, 0) for each in limits)
    now_ms = 1_795_000_000_000
    await accounts.reserve(Reservation("h1", "acme", charges, 0, 0, 10**12), now_ms)

    day, rate = (await Purse(accounts, NoAllowances()).budget(asks(slip))).model_dump(mode="json")[
        "budgets"
    ]
    assert (day["budget"], day["unit"], day["limit"]) == ("day", "nanousd", 10**9)
    assert (rate["budget"], rate["unit"], rate["limit"]) == ("rate", "requests", 3)
    assert rate["scope"] == {"org": "acme", "agent": "coder"}
    for row in (day, rate):
        assert row["settled"] + row["held"] + row["remaining"] == row["limit"]
        assert row["resets_at"].endswith("Z")
    assert day["remaining_usd"].startswith("$")
    assert "remaining_usd" not in rate


async def test_a_budget_per_model_is_told_for_the_model_that_is_named(accounts):
    rows = await Purse(accounts, NoAllowances()).remaining(caller(RULES), "gpt-4o-mini")
    assert [row.budget for row in rows] == ["day", "rate", "each-model"]


async def test_rule_1_fail_closed_counters_that_do_not_answer_are_not_guessed_at():
    class Broken(Diary):
        async def last_seq(self, org):
            raise CountersUnavailable("no")

    with pytest.raises(CountersUnavailable):
        await Purse(Accounts(MemoryCounters(), Broken()), NoAllowances()).budget(
            asks(caller(RULES))
        )


async def test_an_agent_learns_what_remains_of_the_allowance_of_its_task(accounts):
    shared = commons(accounts)
    slip = caller()
    new = NewTask(title="t", allowance_nanousd=7)
    task = (await shared.board.create(new, slip.identity, 0)).task.id
    slip.identity = replace(slip.identity, task=task)

    (row,) = (await Purse(accounts, shared.allowances).budget(asks(slip))).budgets
    assert (row.budget, row.limit, row.remaining) == ("task-allowance", 7, 7)
    assert row.scope == {"org": "acme", "task": task}

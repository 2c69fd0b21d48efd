"""Budget alone, over counters in memory: what is held, what does not fit, what is given back."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from addons.budget import Budget
from addons.price import Price
from proxy.budgets import Accounts, CountersUnavailable, Limit, MemoryCounters
from proxy.money import format_usd, nanousd
from proxy.policy.terms import TaskLimits
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp
from tests.addons.slips import (
    ELSEWHERE,
    MemoryLedger,
    NoAllowances,
    anew,
    approvals,
    chat,
    flow,
    model_slip,
    slip,
    triggers,
)
from tests.budgets.diary import Diary

PRICES = Prices(at=datetime(2026, 11, 21, tzinfo=UTC))
COUNTER = TokenCounter()
NO_ALLOWANCES = NoAllowances()


def budgets(*each: str) -> str:
    lines = "\n".join(f"  - {{{text}}}" for text in each)
    return f"egress: {{default: allow}}\nbudgets:\n{lines}\n"


@pytest.fixture
def accounts() -> Accounts:
    return Accounts(MemoryCounters(), Diary())


class Priced(Budget):
    """A budget is asked about calls that have their price."""

    async def depart(self, slip: Slip, flow: Any) -> Stamp | Refusal:
        priced = await Price(PRICES, COUNTER).depart(slip, flow)
        return priced if isinstance(priced, Refusal) else await super().depart(slip, flow)


def addon(accounts: Accounts, allowances: TaskLimits = NO_ALLOWANCES) -> Budget:
    asks = approvals(MemoryLedger())
    return Priced(accounts, allowances, 60_000, triggers(), asks, anew(), wait_s=0)


async def standing(accounts: Accounts, on: Slip) -> list[tuple[int, int]]:
    """(settled, held) of every limit that the call counts against."""
    limits: list[Limit] = [
        each.limit for each in on.terms.limits(on.identity, on.call.model if on.call else None)
    ]
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    return [(row.settled, row.held) for row in await accounts.balances("acme", limits, now_ms)]


async def refusal(accounts: Accounts, on: Slip, body: Any = None) -> Refusal:
    verdict = await addon(accounts).depart(on, flow(body or chat()))
    assert isinstance(verdict, Refusal), verdict
    assert on.hold is None
    return verdict


async def test_a_call_that_fits_is_stamped_with_what_is_held_for_it(accounts):
    it = model_slip(chat(), budgets("name: day, window: day, usd: 1"))
    verdict = await addon(accounts).depart(it, flow(chat()))

    assert isinstance(verdict, Stamp)
    assert verdict.note.startswith("held $0.0")
    assert it.hold is not None
    assert it.hold.id == it.id
    assert await standing(accounts, it) == [(0, it.quote.bound_nanousd)]
    assert "x-exeat-output-tokens-max" not in it.notes


async def test_every_unit_of_a_budget_is_held_at_once(accounts):
    it = model_slip(chat(), budgets("name: all, window: day, usd: 1, tokens: 100000, requests: 9"))
    await addon(accounts).depart(it, flow(chat()))

    quote = it.quote
    held = [(0, quote.bound_nanousd), (0, quote.tokens_bound), (0, 1)]
    assert await standing(accounts, it) == held


async def test_a_call_without_a_model_takes_a_request_and_no_money(accounts):
    it = slip(ELSEWHERE, budgets("name: all, window: day, usd: 1, tokens: 10, requests: 9"))
    verdict = await addon(accounts).depart(it, flow())

    assert verdict == Stamp("held")
    assert await standing(accounts, it) == [(0, 0), (0, 0), (0, 1)]


YES = {
    "no policy names a budget": (lambda: model_slip(chat()), "no budget applies"),
    "a call to Exeat itself is free": (
        lambda: slip(ELSEWHERE, budgets("name: n, requests: 0"), door="internal"),
        "inside",
    ),
    "a budget per model binds no other traffic": (
        lambda: slip(ELSEWHERE, budgets("name: n, per: [model], requests: 0")),
        "no budget applies",
    ),
    "a budget per task binds nobody without one": (
        lambda: model_slip(chat(), budgets("name: n, per: [task], usd: 0")),
        "no budget applies",
    ),
    "a price nobody knows is no matter where no money is counted": (
        lambda: model_slip(chat(model="made-up"), budgets("name: n, requests: 5")),
        "held",
    ),
}


@pytest.mark.parametrize("case", YES)
async def test_yes_with_its_note(accounts, case):
    make, note = YES[case]
    verdict = await addon(accounts).depart(make(), flow(chat()))
    assert isinstance(verdict, Stamp)
    assert verdict.note.startswith(note)


async def test_o2_a_model_call_is_told_what_the_tightest_limit_in_dollars_has_left(accounts):
    rules = budgets("name: wide, usd: 9", "name: tight, usd: 1", "name: t, tokens: 100000")
    it = model_slip(chat(), rules)
    await addon(accounts).depart(it, flow(chat()))

    left = format_usd(10**9 - it.quote.bound_nanousd)
    assert it.notes == {"x-exeat-budget-remaining": left}


@pytest.mark.parametrize(
    "it",
    [
        model_slip(chat(), budgets("name: t, tokens: 100000")),
        slip(ELSEWHERE, budgets("name: all, usd: 1")),
    ],
    ids=["no limit in dollars", "no model call"],
)
async def test_others_are_told_nothing(accounts, it):
    await addon(accounts).depart(it, flow(chat()))
    assert it.notes == {}


async def test_what_does_not_fit_is_refused_with_every_figure(accounts):
    first = model_slip(chat(), budgets("name: day, window: day, tokens: 300"), id="first")
    await addon(accounts).depart(first, flow(chat()))
    bound = first.quote.tokens_bound
    no = await refusal(
        accounts, it := model_slip(chat(), budgets("name: day, window: day, tokens: 300"))
    )

    assert (no.code, no.rule, no.retry_after_s) == (Code.BUDGET_EXCEEDED, "budget:day", None)
    assert "Ask for less output (max_tokens)" in no.message
    assert f"up to {bound} tokens, and {300 - bound} tokens of 300 tokens remain" in no.message
    assert "It resets in " in no.message
    resets_at = no.facts["resets_at"]
    assert isinstance(resets_at, int)
    assert resets_at % 86_400 == 0
    assert {**no.facts, "resets_at": 0} == {
        "budget": "day",
        "unit": "tokens",
        "window": "day",
        "limit": 300,
        "required": bound,
        "remaining": 300 - bound,
        "held": bound,
        "resets_at": 0,
    }
    assert await standing(accounts, it) == [(0, bound)]


async def test_what_never_fits_is_not_told_to_wait_for_a_reset(accounts):
    no = await refusal(accounts, model_slip(chat(), budgets("name: n, window: day, tokens: 3")))

    assert no.code is Code.BUDGET_EXCEEDED
    assert "resets_at" not in no.facts
    assert "No reset makes room for it." in no.message


async def test_a_total_budget_says_that_it_does_not_reset(accounts):
    limits = budgets("name: all, tokens: 400")
    stamp = await addon(accounts).depart(model_slip(chat(), limits), flow(chat()))
    assert isinstance(stamp, Stamp)
    no = await refusal(accounts, replace(model_slip(chat(), limits), id="the-next"))

    assert no.code is Code.BUDGET_EXCEEDED
    assert "It does not reset by itself." in no.message
    assert "of 400 tokens remain" in no.message
    assert "resets_at" not in no.facts


RATES = {
    "requests a minute": ("window: minute, requests: 1", "rate", 60),
    "requests an hour": ("window: hour, requests: 1", "rate", 3600),
    "requests a day are a budget": ("window: day, requests: 1", "budget", None),
    "requests in total are a budget": ("requests: 1", "budget", None),
    "tokens a minute are a budget": ("window: minute, tokens: 300", "budget", None),
    "dollars an hour are a budget": ('window: hour, usd: "0.0001"', "budget", None),
    "a rate of nothing never passes": ("window: minute, requests: 0", "budget", None),
}


@pytest.mark.parametrize("case", RATES)
async def test_a_rate_limit_may_be_tried_again_and_a_budget_may_not(accounts, case):
    text, kind, within_s = RATES[case]
    rules = budgets(f"name: n, {text}")
    await addon(accounts).depart(model_slip(chat(), rules, id="first"), flow(chat()))
    no = await refusal(accounts, model_slip(chat(), rules))

    assert no.kind == kind
    assert no.rule == "budget:n"
    if within_s is None:
        assert no.retry_after_s is None
    else:
        assert no.code is Code.RATE_LIMITED
        assert no.retry_after_s is not None
        assert 1 <= no.retry_after_s <= within_s
        assert f"Try again in {no.retry_after_s} s." in no.message


async def test_the_limit_that_binds_is_the_one_that_is_named(accounts):
    rules = budgets("name: wide, usd: 100", "name: narrow, per: [agent], tokens: 3")
    no = await refusal(accounts, model_slip(chat(), rules))
    assert no.facts["budget"] == "narrow"


class Silent(MemoryCounters):
    """Counters that do not answer."""

    async def reserve(self, reservation: Any, now_ms: int, seen_seq: int = 0) -> Any:
        raise CountersUnavailable("redis://:secret@host is down")


async def test_rule_1_fail_closed_counters_that_do_not_answer_let_nothing_leave():
    it = model_slip(chat(), budgets("name: n, usd: 5"))
    accounts = Accounts(Silent(), Diary())
    no = await refusal(accounts, it)
    await accounts.aclose()

    assert (no.code, no.kind) == (Code.GOVERNANCE_UNAVAILABLE, "fault")
    assert no.retry_after_s == 5
    assert "secret" not in no.message


async def test_counters_that_do_not_answer_are_not_asked_where_no_budget_applies():
    it = model_slip(chat())
    verdict = await addon(Accounts(Silent(), Diary())).depart(it, flow(chat()))
    assert verdict == Stamp("no budget applies")


def room_for(it: Slip, output_tokens: int) -> str:
    """Dollars that leave room for this much output of the call."""
    quote = it.quote
    cap = quote.fixed_nanousd + quote.per_output_nanousd * output_tokens
    return f"{cap // 10**9}.{cap % 10**9:09d}"


async def fitted(accounts: Accounts, body: dict[str, Any], output: int, more: str = "") -> Any:
    """The verdict on a call that has room for `output` tokens, with its slip and flow."""
    priced = model_slip(body, budgets("name: n, usd: 5"))
    await addon(Accounts(MemoryCounters(), Diary())).depart(priced, flow(body))
    usd = room_for(priced, output)
    assert nanousd(usd) > 0
    it = model_slip(body, budgets(f'name: n, usd: "{usd}", on_exceed: fit{more}'))
    over = flow(body)
    return await addon(accounts).depart(it, over), it, over


async def test_where_policy_says_fit_the_bound_is_lowered_and_the_caller_is_told(accounts):
    verdict, it, over = await fitted(accounts, chat(max_tokens=4000), 1000)

    assert isinstance(verdict, Stamp)
    assert verdict.note.startswith("fitted to 1000 output tokens, $")
    assert json.loads(over.request.content)["max_tokens"] == 1000
    assert (
        over.request.content.replace(b"1000", b"4000") == json.dumps(chat(max_tokens=4000)).encode()
    )
    assert it.notes["x-exeat-output-tokens-max"] == "1000"
    assert it.quote.output_tokens_bound == 1000
    assert await standing(accounts, it) == [(0, it.quote.bound_nanousd)]


async def test_a_call_that_fits_whole_is_not_touched(accounts):
    _, it, over = await fitted(accounts, chat(max_tokens=900), 1000)
    assert over.request.content == json.dumps(chat(max_tokens=900)).encode()
    assert "x-exeat-output-tokens-max" not in it.notes


@pytest.mark.parametrize(
    ("room", "floor", "fits"), [(256, "", True), (255, "", False), (16, ", fit_floor: 16", True)]
)
async def test_less_output_than_is_worth_a_call_is_refused(accounts, room, floor, fits):
    verdict, it, _ = await fitted(accounts, chat(max_tokens=4000), room, floor)

    assert isinstance(verdict, Stamp) is fits
    assert (it.hold is not None) is fits


async def test_a_budget_that_refuses_beside_one_that_fits_refuses(accounts):
    rules = budgets(
        'name: fits, usd: "0.0005", on_exceed: fit',
        'name: hard, per: [agent], usd: "0.0005"',
    )
    no = await refusal(accounts, model_slip(chat(max_tokens=4000), rules))
    assert no.code is Code.BUDGET_EXCEEDED


async def test_a_compressed_body_is_fitted_and_sent_plain(accounts):
    body = chat(max_tokens=4000)
    priced = model_slip(body, budgets("name: n, usd: 5"))
    await addon(Accounts(MemoryCounters(), Diary())).depart(priced, flow(body))
    it = model_slip(body, budgets(f'name: n, usd: "{room_for(priced, 1000)}", on_exceed: fit'))
    over = flow(gzip.compress(json.dumps(body).encode()), content_encoding="gzip")
    await addon(accounts).depart(it, over)

    assert "content-encoding" not in over.request.headers
    assert json.loads(over.request.raw_content or b"")["max_tokens"] == 1000


async def held(accounts: Accounts) -> Slip:
    it = model_slip(chat(), budgets("name: n, usd: 5, tokens: 100000, requests: 9"))
    assert isinstance(await addon(accounts).depart(it, flow(chat())), Stamp)
    return it


async def test_a_refusal_further_on_lets_the_hold_go(accounts):
    it = await held(accounts)
    await addon(accounts).refused(it)
    assert await standing(accounts, it) == [(0, 0)] * 3


async def test_the_end_of_a_call_shrinks_its_hold_to_what_it_used(accounts):
    it = await held(accounts)
    it.left, it.cost_nanousd, it.tokens = True, 700, 20
    await addon(accounts).settle(it)
    assert await standing(accounts, it) == [(700, 0), (20, 0), (1, 0)]


async def test_rule_4_a_call_is_settled_once(accounts):
    it = await held(accounts)
    it.left, it.cost_nanousd, it.tokens = True, 700, 20
    for _ in range(3):
        await addon(accounts).settle(it)
    await addon(accounts).refused(it)
    assert await standing(accounts, it) == [(700, 0), (20, 0), (1, 0)]


async def test_a_call_of_which_no_byte_left_is_not_even_a_request(accounts):
    it = await held(accounts)
    await addon(accounts).settle(it)
    assert await standing(accounts, it) == [(0, 0)] * 3


@pytest.mark.parametrize("moment", ["refused", "settle"])
async def test_a_call_that_holds_nothing_has_nothing_to_give_back(moment):
    it = model_slip(chat())
    await getattr(addon(Accounts(Silent(), Diary())), moment)(it)
    assert it.hold is None

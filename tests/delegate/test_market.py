"""Offers: what stands against somebody, and what they would cost."""

import json
from typing import Any

import pytest

from proxy.budgets import Charge, CountersUnavailable, Reservation
from proxy.delegate.choice import Choice
from proxy.delegate.names import meant
from tests.delegate.shop import ALIASES, OPEN, ROADS, Shop, asked

MINI, BIG = "openai/gpt-4o-mini", "openai/gpt-4o"
DAY = OPEN + "\nbudgets: [{name: day, usd: 1}]"


async def choose(shop: Shop, model: Any = "exeat/fast", **body: Any) -> Choice:
    it = asked(model, **body)
    names = meant(it.names, ALIASES, ROADS)
    choice, _ = await shop.market.choose(shop.caller(), it, names, shop.now_ms)
    return choice


def no_of(choice: Choice) -> tuple[str, str]:
    ((_, no),) = choice.passed_over
    return no


async def test_an_alias_is_answered_by_the_cheapest():
    choice = await choose(Shop())

    assert [pick.name for pick in choice.picks] == [MINI, BIG]
    assert choice.picks[0].bound_nanousd < choice.picks[1].bound_nanousd


NOES = {
    # (rules, model, body): (reason, a word of the text)
    "no key": (OPEN, "mistral/mistral-small-latest", {}, ("key", "mistral")),
    "a model that the policy does not have": (
        OPEN + '\nmodels: {allow: ["gpt-4o-mini"]}', BIG, {}, ("policy", "p/models.allow"),
    ),
    "a place that the policy does not have": (
        "egress: {allow: [{host: a.test}]}", MINI, {}, ("policy", "p/egress.default"),
    ),
    "no price, where money is counted": (DAY, "mine/llama", {}, ("price", "no known price")),
    "a body that cannot be read": (OPEN, MINI, {"n": 0}, ("request", "(n)")),
    "something without a bound": (
        DAY, MINI, {"web_search_options": {}}, ("request", "web_search"),
    ),
    "no room": (OPEN + '\nbudgets: [{name: day, usd: "0.00001"}]', MINI, {}, ("budget", "day")),
    "no request": (
        OPEN + "\nbudgets: [{name: few, requests: 0}]", MINI, {}, ("rate", "few"),
    ),
    "above the cap": (OPEN, BIG, {"max_cost_usd": "0.000001"}, ("cost", "max_cost_usd")),
    "too small a context": (OPEN, BIG, {"context_tokens": 10**6}, ("context", "1000000")),
}  # fmt: skip


@pytest.mark.parametrize("case", NOES)
async def test_why_somebody_is_not_asked(case):
    rules, model, body, (reason, word) = NOES[case]
    no = no_of(await choose(Shop(rules=rules), model, **body))

    assert (no[0], word in no[1]) == (reason, True)


async def test_a_server_of_ones_own_needs_no_key_and_no_price_where_no_money_is_counted():
    choice = await choose(Shop(keys=()), "mine/llama")
    assert [(pick.name, pick.bound_nanousd) for pick in choice.picks] == [("mine/llama", None)]


async def test_what_others_hold_is_no_room():
    shop = Shop(rules=DAY)
    slip = shop.caller()
    (limit,) = [each.limit for each in slip.terms.limits(slip.identity, None)]
    charge = (Charge(limit, limit.cap - 1, 0),)
    await shop.accounts.reserve(Reservation("h", "acme", charge, 0, 0, 10**12), shop.now_ms)

    choice = await choose(shop)
    assert {no.reason for _, no in choice.passed_over} == {"budget"}


async def test_the_body_is_lowered_in_the_providers_own_words():
    shop = Shop()
    it = asked(MINI, max_tokens=100_000, max_cost_usd="0.001")
    names = meant(it.names, ALIASES, ROADS)
    choice, prepared = await shop.market.choose(shop.caller(), it, names, shop.now_ms)
    (pick,) = choice.picks

    assert 256 <= pick.output_tokens < 100_000
    assert (
        json.loads(prepared[MINI].lowered(pick.output_tokens))["max_tokens"] == pick.output_tokens
    )
    assert json.loads(prepared[MINI].lowered(None))["max_tokens"] == 100_000
    assert pick.bound_nanousd <= 1_000_000


async def test_a_large_body_is_read_off_the_loop_and_alike():
    shop = Shop()
    slip = shop.caller()
    slip.body_bytes = 1 << 20
    it = asked()
    choice, _ = await shop.market.choose(slip, it, meant(it.names, ALIASES, ROADS), shop.now_ms)

    assert choice == await choose(Shop())


async def test_rule_1_fail_closed_without_counters_nobody_is_asked():
    class Broken:
        async def balances(self, org, limits, now_ms):
            raise CountersUnavailable("no")

    shop = Shop(rules=DAY)
    shop.market._accounts = Broken()
    with pytest.raises(CountersUnavailable):
        await choose(shop)

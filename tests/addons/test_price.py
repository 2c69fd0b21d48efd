"""Price alone: a call has its estimate and its bound before anybody rules on it."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from addons.price import Price
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter
from proxy.refusals import Code, Refusal
from proxy.slip import Stamp
from tests.addons.slips import ELSEWHERE, chat, flow, model_slip, slip

PRICES = Prices(at=datetime(2026, 11, 21, tzinfo=UTC))
SPENDING = ("usd: 1", "tokens: 1000")


def rules(unit: str) -> str:
    return f"egress: {{default: allow}}\nbudgets:\n  - {{name: n, {unit}}}\n"


async def priced(it, counter=None):
    return await Price(PRICES, counter or TokenCounter()).depart(it, flow(chat()))


async def test_a_model_call_is_stamped_with_the_most_that_it_may_cost():
    it = model_slip(chat(), rules("usd: 1"))
    verdict = await priced(it)

    assert isinstance(verdict, Stamp)
    assert verdict.note.startswith("at most $0.0")
    assert it.quote is not None
    assert it.price_version == PRICES.version


async def test_other_traffic_has_no_price():
    assert await priced(slip(ELSEWHERE, rules("usd: 1"))) == Stamp("nothing to price")


@pytest.mark.parametrize("unit", SPENDING)
async def test_rule_1_fail_closed_without_a_price_there_is_no_spending(unit):
    no = await priced(model_slip(chat(model="made-up"), rules(unit)))

    assert isinstance(no, Refusal)
    assert no.code is Code.PRICE_UNKNOWN
    assert "made-up" in no.message


@pytest.mark.parametrize("unit", SPENDING)
async def test_rule_1_fail_closed_without_a_bound_there_is_no_spending(unit):
    it = model_slip(chat(), rules(unit))
    it.call = replace(it.call, unbounded=("server_tools",))
    no = await priced(it)

    assert isinstance(no, Refusal)
    assert no.code is Code.FORMAT_UNSUPPORTED
    assert "server_tools" in no.message


async def test_where_no_money_is_counted_a_price_nobody_knows_is_no_matter():
    assert await priced(model_slip(chat(model="made-up"), rules("requests: 5"))) == Stamp(
        "no price"
    )


async def test_a_large_prompt_is_counted_beside_the_loop():
    class Counting(TokenCounter):
        threads: tuple[bool, ...] = ()

        def estimate(self, call, named):
            self.threads += (threading.current_thread() is threading.main_thread(),)
            return 1

    counter = Counting()
    for text in ("hi", "word " * 5000):
        body = chat(messages=[{"role": "user", "content": text}])
        assert isinstance(await priced(model_slip(body, rules("usd: 5")), counter), Stamp)
    assert counter.threads == (True, False)

"""Who answers: one table of situations, and what holds of every choice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.delegate.choice import OUTPUT_TOKENS_MIN, No, Offer, Room, choose
from proxy.delegate.health import Standing
from proxy.pricing.quote import Quote

CENT = 10_000_000


def quote(fixed: int = 0, each: int = 100, output: int = 1000, tokens: int = 50) -> Quote:
    return Quote(
        input_tokens_estimate=tokens,
        input_tokens_bound=tokens,
        output_tokens_estimate=output,
        output_tokens_bound=output,
        samplings=1,
        fixed_nanousd=fixed,
        per_output_nanousd=each,
        bound_nanousd=fixed + each * output,
        estimate_nanousd=fixed,
        version="v",
    )


def offer(name: str, priced: Quote | None = None, **more: Any) -> Offer:
    return Offer(name, **{"quote": priced or quote(), "window_tokens": 100_000, **more})


def usd(remaining: int, lowers_from: int | None = None) -> Room:
    return Room("day", "usd", remaining, lowers_from)


CHEAP, DEAR = quote(each=10), quote(each=1000)
RESTING = Standing(is_resting=True)
TABLE: dict[str, tuple[list[Offer], dict[str, Any], list[str], dict[str, str]]] = {
    # situation: (offers, wishes, who is asked in order, why the others are not)
    "the cheapest bound comes first": (
        [offer("dear", DEAR), offer("cheap", CHEAP)], {}, ["cheap", "dear"], {},
    ),
    "among equals the quicker": (
        [offer("a", standing=Standing(latency_ms=90)), offer("b", standing=Standing(latency_ms=9))],
        {}, ["b", "a"], {},
    ),
    "among those alike, the order of the list": (
        [offer("b"), offer("a")], {}, ["b", "a"], {},
    ),
    "who rests is asked last, and is asked": (
        [offer("cheap", CHEAP, standing=RESTING), offer("dear", DEAR)], {}, ["dear", "cheap"], {},
    ),
    "nobody but who rests": (
        [offer("a", standing=RESTING)], {}, ["a"], {},
    ),
    "no price comes after every price": (
        [Offer("free?", window_tokens=100_000), offer("dear", DEAR)], {}, ["dear", "free?"], {},
    ),
    "no price keeps no cap": (
        [Offer("free?", window_tokens=100_000)], {"cap_nanousd": CENT}, [], {"free?": "price"},
    ),
    "what was settled before stays": (
        [offer("a", no=No("policy", "no")), offer("b", no=No("key", "none"))],
        {}, [], {"a": "policy", "b": "key"},
    ),
    "a prompt that its model cannot read": (
        [offer("small", window_tokens=49), offer("large")], {}, ["large"], {"small": "context"},
    ),
    "a context that is asked for": (
        [offer("small", window_tokens=8_000), offer("large")], {"context_tokens": 32_000},
        ["large"], {"small": "context"},
    ),
    "a cap that one of them keeps": (
        [offer("dear", quote(each=100_000)), offer("cheap", CHEAP)],
        {"cap_nanousd": 100_000, "lower_output": False}, ["cheap"], {"dear": "cost"},
    ),
    "a cap that one of them keeps with less output": (
        [offer("dear", quote(each=1000)), offer("cheap", CHEAP)], {"cap_nanousd": 500_000},
        ["cheap", "dear"], {},
    ),
    "less output than is worth a call": (
        [offer("a", quote(each=1000))], {"cap_nanousd": 1000 * (OUTPUT_TOKENS_MIN - 1)},
        [], {"a": "cost"},
    ),
    "a short answer is worth a call when no more was asked for": (
        [offer("a", quote(each=1000, output=10))], {"cap_nanousd": 10_000}, ["a"], {},
    ),
    "a body that cannot be lowered": (
        [offer("a", quote(each=1000), can_be_lowered=False)], {"cap_nanousd": 500_000},
        [], {"a": "cost"},
    ),
    "an input that alone is above the cap": (
        [offer("a", quote(fixed=CENT))], {"cap_nanousd": CENT - 1}, [], {"a": "cost"},
    ),
    "a budget without room": (
        [offer("a", DEAR, rooms=(usd(1000),))], {}, [], {"a": "budget"},
    ),
    "a budget that the corridor fits to is left to the corridor": (
        [offer("a", DEAR, rooms=(usd(500_000, lowers_from=256),))], {}, ["a"], {},
    ),
    "but not below its floor": (
        [offer("a", DEAR, rooms=(usd(200_000, lowers_from=256),))], {}, [], {"a": "budget"},
    ),
    "a budget of tokens": (
        [offer("a", rooms=(Room("t", "tokens", 51),))], {}, [], {"a": "budget"},
    ),
    "no request left": (
        [offer("a", rooms=(Room("r", "requests", 0),))], {}, [], {"a": "rate"},
    ),
    "no request left for one without a price": (
        [Offer("a", window_tokens=9, rooms=(Room("r", "requests", 0),))], {}, [], {"a": "rate"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("situation", TABLE)
def test_who_is_asked_and_who_is_not(situation):
    offers, wishes, asked, passed_over = TABLE[situation]
    choice = choose(offers, **wishes)

    assert [pick.name for pick in choice.picks] == asked
    assert {name: no.reason for name, no in choice.passed_over} == passed_over


def test_output_is_lowered_to_what_fits_and_no_further():
    (pick,) = choose([offer("a", quote(each=1000))], cap_nanousd=500_999).picks

    assert (pick.output_tokens, pick.bound_nanousd) == (500, 500_000)


def test_what_fits_is_not_touched():
    (pick,) = choose([offer("a", quote(each=1000))], cap_nanousd=1_000_000).picks

    assert (pick.output_tokens, pick.bound_nanousd) == (None, 1_000_000)


AMOUNTS = st.integers(0, 10**9)
ROOMS = st.builds(
    Room,
    st.just("b"),
    st.sampled_from(["usd", "tokens", "requests"]),
    st.integers(-5, 10**7),
    st.none() | st.integers(1, 500),
)
OFFERS = st.lists(
    st.builds(
        Offer,
        st.uuids().map(str),
        no=st.none() | st.just(No("key", "none")),
        quote=st.none()
        | st.builds(
            quote, AMOUNTS, st.integers(0, 10**6), st.integers(1, 10**5), st.integers(0, 10**4)
        ),
        window_tokens=st.integers(0, 10**5),
        can_be_lowered=st.booleans(),
        rooms=st.lists(ROOMS, max_size=3).map(tuple),
        standing=st.builds(Standing, st.booleans(), st.none() | st.integers(0, 10**4)),
    ),
    max_size=6,
)
CAPS = st.none() | AMOUNTS


@given(OFFERS, CAPS, st.integers(0, 10**5), st.booleans())
def test_everybody_is_asked_or_passed_over_and_nobody_asked_can_cost_more_than_fits(
    offers, cap, context, lower
):
    choice = choose(offers, cap_nanousd=cap, context_tokens=context, lower_output=lower)
    by_name = {each.name: each for each in offers}

    named = [pick.name for pick in choice.picks] + [name for name, _ in choice.passed_over]
    assert sorted(named) == sorted(by_name)
    for pick in choice.picks:
        it = by_name[pick.name]
        assert it.no is None
        assert it.window_tokens >= context
        if cap is not None:
            assert pick.bound_nanousd is not None
            assert pick.bound_nanousd <= cap
        if pick.output_tokens is not None:
            assert lower
            assert it.can_be_lowered
            assert it.quote is not None
            assert 0 < pick.output_tokens < it.quote.output_tokens_bound
        for room in it.rooms:
            if room.unit == "usd" and room.lowers_from is None and it.quote is not None:
                assert pick.bound_nanousd is not None
                assert pick.bound_nanousd <= room.remaining


@given(OFFERS, AMOUNTS, AMOUNTS)
def test_more_money_never_leaves_somebody_out(offers, one, other):
    less, more = sorted((one, other))
    before = {pick.name for pick in choose(offers, cap_nanousd=less).picks}
    after = {pick.name for pick in choose(offers, cap_nanousd=more).picks}

    assert before <= after

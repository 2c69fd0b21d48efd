"""How a choice is told."""

import pytest

from proxy.delegate.choice import Choice, No, Pick
from proxy.delegate.told import event_of, header_of, refusal_of
from proxy.refusals import Code
from tests.delegate.shop import asked
from tests.inside.callers import caller

ONE = Pick("openai/gpt-4o-mini", 60_000)
TWO = Pick("groq/x", 70_000, 300)
HEADERS = {
    "openai/gpt-4o-mini; at most $0.00006": (Choice((ONE,), ()), ONE, []),
    "openai/gpt-4o-mini; at most $0.00006; the cheapest of 2": (Choice((ONE, TWO), ()), ONE, []),
    "groq/x; at most $0.00007; lowered to 300 output tokens; after openai/gpt-4o-mini (500)": (
        Choice((ONE, TWO), ()),
        TWO,
        [("openai/gpt-4o-mini", "500")],
    ),
    "mine/x; no known price; failed of late": (
        Choice((), ()),
        Pick("mine/x", None, None, is_resting=True),
        [],
    ),
}


@pytest.mark.parametrize("text", HEADERS)
def test_a_header_says_who_and_why(text):
    assert header_of(*HEADERS[text]) == text


REFUSALS = {
    # reasons: the code
    ("policy",): Code.NO_CANDIDATE,
    ("key", "policy", "context"): Code.NO_CANDIDATE,
    ("price", "key"): Code.NO_CANDIDATE,
    ("policy", "budget"): Code.BUDGET_EXCEEDED,
    ("cost", "rate"): Code.BUDGET_EXCEEDED,
    ("rate", "key"): Code.RATE_LIMITED,
    ("request", "request"): Code.BAD_REQUEST,
    ("request", "key"): Code.NO_CANDIDATE,
}


@pytest.mark.parametrize("reasons", REFUSALS)
def test_a_refusal_has_the_code_that_says_what_to_do(reasons):
    passed_over = [(f"a/{number}", No(each, f"why {each}")) for number, each in enumerate(reasons)]
    refusal = refusal_of(passed_over)

    assert refusal.code is REFUSALS[reasons]
    assert f"why {reasons[0]}" in refusal.message


def test_the_record_names_who_was_passed_over_and_why_and_no_prompt():
    choice = Choice((ONE, TWO), (("x/y", No("key", "the operator has no key for x")),))
    event = event_of(caller(), asked(max_cost_usd="0.01"), choice, None, "e1", 5)

    assert (event.kind, event.status, event.decision_id) == ("delegation", "chosen", "call")
    assert (event.org, event.agent, event.session, event.task) == ("acme", "coder", "s1", "t1")
    assert event.facts == {
        "asked": "exeat/fast",
        "cap_nanousd": 10_000_000,
        "context_tokens": 0,
        "order": "openai/gpt-4o-mini: at most $0.00006; groq/x: at most $0.00007, lowered to 300 "
        "output tokens",
        "passed_over": "x/y: the operator has no key for x",
        "code": None,
        "reason": None,
    }


def test_the_record_of_a_refusal_has_its_code():
    choice = Choice((), (("x/y", No("key", "no key")),))
    event = event_of(caller(), asked(), choice, refusal_of(choice.passed_over), "e1", 5)

    assert (event.status, event.facts["code"]) == ("refused", "no_candidate")

"""From a call to its quote, and from its answer to its charge: never less than can be billed."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.pricing.charges import Charge, charge_for, fitted, quote_for
from proxy.pricing.prices import Prices, UnknownPrice
from proxy.pricing.tokens import CANCEL_TOKENS, TokenCounter
from proxy.providers.answer import AnswerReader
from proxy.providers.call import ModelCall
from proxy.providers.formats import format_named
from tests.pricing.calls import openai

PRICES = Prices(at=datetime(2026, 11, 21, tzinfo=UTC))
COUNTER = TokenCounter()
CALL = openai(output_tokens_max=1000)
QUOTE = quote_for(PRICES, COUNTER, CALL)
NOTHING = Charge(None, 0, 0, False)
SAID = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
COST = 9 * 2500 + 3 * 10_000
"""gpt-4o: $2.50 and $10 per million tokens."""


def chunk(**members: Any) -> bytes:
    body = {"id": "c", "model": "gpt-4o", "choices": [], **members}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


SPOKEN = chunk(choices=[{"index": 0, "delta": {"content": "0123456789"}, "finish_reason": None}])
STOP = chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
DONE = b"data: [DONE]\n\n"


def reader(*pieces: bytes, kind: str = "text/event-stream", call: ModelCall = CALL) -> AnswerReader:
    found = format_named(call.format, call.provider).answer_reader(call, {"content-type": kind})
    for piece in pieces:
        found.feed(piece)
    found.close()
    return found


def whole(**members: Any) -> AnswerReader:
    """A stream that ended well, with usage."""
    return reader(SPOKEN, STOP, chunk(usage=SAID, **members), DONE)


def cut() -> AnswerReader:
    """A stream that was cut off after ten bytes of output."""
    return reader(SPOKEN)


def test_a_quote_holds_the_bound_and_shows_the_estimate() -> None:
    assert QUOTE.input_tokens_estimate <= QUOTE.input_tokens_bound
    assert QUOTE.output_tokens_bound == 1000
    assert QUOTE.bound_nanousd == QUOTE.fixed_nanousd + 1000 * QUOTE.per_output_nanousd
    assert 0 < QUOTE.estimate_nanousd < QUOTE.bound_nanousd


def test_rule_1_fail_closed_a_model_that_nobody_knows_has_no_quote() -> None:
    with pytest.raises(UnknownPrice, match="made-up"):
        quote_for(PRICES, COUNTER, openai("made-up"))


@pytest.mark.parametrize("output", [0, 1, 256, 999, 1000])
def test_a_fitted_quote_is_the_same_quote_with_less_output(output: int) -> None:
    less = fitted(QUOTE, output)

    assert less.output_tokens_bound == output
    assert less.bound_nanousd == QUOTE.fixed_nanousd + output * QUOTE.per_output_nanousd
    assert less.output_tokens_estimate <= output
    assert less.estimate_nanousd <= less.bound_nanousd
    same = ("input_tokens_bound", "fixed_nanousd", "per_output_nanousd", "samplings", "version")
    assert all(getattr(less, name) == getattr(QUOTE, name) for name in same)


def test_a_fitted_quote_of_several_samplings_counts_each() -> None:
    several = quote_for(PRICES, COUNTER, openai(output_tokens_max=1000, samplings=3))
    less = fitted(several, 10)
    assert less.output_tokens_estimate == 30
    assert less.tokens_bound == several.input_tokens_bound + 30


def seen(output: int) -> Charge:
    """The charge for the input at its bound, and so much output."""
    nanousd = QUOTE.fixed_nanousd + output * QUOTE.per_output_nanousd
    charge = charge_for(PRICES, CALL, fitted(QUOTE, output), None, 0)
    assert charge.nanousd == nanousd
    return charge


WHOLE_HOLD = seen(1000)

CHARGES: dict[str, tuple[Any, int, Charge]] = {
    # name: (the answer's reader, its status, the charge)
    "no answer came, and it may have been worked on": (lambda: None, 0, WHOLE_HOLD),
    "an answer came that nobody read": (lambda: None, 200, WHOLE_HOLD),
    "a stream was cut: what was seen, with a margin": (cut, 200, seen(10 + CANCEL_TOKENS)),
    "a stream ended without saying": (
        lambda: reader(SPOKEN, STOP, DONE),
        200,
        seen(10 + CANCEL_TOKENS),
    ),
    "a stream said, and was cut before its end": (
        lambda: reader(SPOKEN, chunk(usage=SAID)[:-9]),
        200,
        seen(10 + CANCEL_TOKENS),
    ),
    "nothing came of the stream but its headers": (lambda: reader(), 200, seen(CANCEL_TOKENS)),
    "JSON that was cut": (
        lambda: reader(b'{"usage": {"prompt_to', kind="application/json"),
        200,
        seen(CANCEL_TOKENS),
    ),
    "what came is no coding we can read": (
        lambda: format_named(CALL.format, CALL.provider).answer_reader(
            CALL, {"content-type": "text/event-stream", "content-encoding": "rot13"}
        ),
        200,
        WHOLE_HOLD,
    ),
    "the provider refused it": (lambda: None, 429, NOTHING),
    "the provider broke": (lambda: None, 500, NOTHING),
    "the provider refused it in words": (
        lambda: reader(b'{"error":{"code":"x"}}', kind="application/json"),
        400,
        NOTHING,
    ),
}


@pytest.mark.parametrize("case", CHARGES)
def test_rule_4_what_a_call_is_charged_when_the_provider_does_not_say(case: str) -> None:
    made, status, charge = CHARGES[case]
    assert charge_for(PRICES, CALL, QUOTE, made(), status) == charge


def test_what_the_provider_says_is_charged_and_is_no_estimate() -> None:
    charge = charge_for(PRICES, CALL, QUOTE, whole(), 200)
    assert (charge.nanousd, charge.tokens, charge.is_estimated) == (COST, 12, False)
    assert charge.usage is not None
    assert (charge.usage.input_tokens, charge.usage.output_tokens) == (9, 3)


def test_usage_that_came_with_an_error_is_charged() -> None:
    assert charge_for(PRICES, CALL, QUOTE, whole(), 500).nanousd == COST


def test_what_the_provider_says_is_charged_even_above_the_hold() -> None:
    said = {"prompt_tokens": 10**6, "completion_tokens": 10**6, "total_tokens": 2 * 10**6}
    charge = charge_for(PRICES, CALL, QUOTE, reader(SPOKEN, STOP, chunk(usage=said), DONE), 200)
    assert charge.nanousd == 12_500_000_000
    assert charge.nanousd > QUOTE.bound_nanousd


MODELS = {
    "a dated form of the one asked for": ("gpt-4o-2024-08-06", COST),
    "another one that has a price": ("gpt-4o-mini", 9 * 150 + 3 * 600),
    "one that no table has": ("gpt-99-secret", COST),
    "nothing": ("", COST),
}


@pytest.mark.parametrize("case", MODELS)
def test_the_model_that_answered_sets_the_price_when_it_has_one(case: str) -> None:
    model, nanousd = MODELS[case]
    read = whole()
    read._answer.model = model
    assert charge_for(PRICES, CALL, QUOTE, read, 200).nanousd == nanousd


def test_a_tier_that_no_table_knows_is_charged_at_the_hold() -> None:
    charge = charge_for(PRICES, CALL, QUOTE, whole(service_tier="ultrafast"), 200)
    assert (charge.nanousd, charge.tokens) == (QUOTE.bound_nanousd, 12)
    assert charge.is_estimated


def test_what_is_not_billed_costs_nothing_whatever_it_says() -> None:
    free = replace(CALL, billable=False)
    for read, status in ((None, 0), (whole(), 200), (cut(), 200)):
        assert charge_for(PRICES, free, QUOTE, read, status) == NOTHING


def test_a_call_without_a_price_is_charged_nothing_that_could_be_known() -> None:
    """Such a call passes only where no money is counted."""
    call = openai("made-up")
    assert charge_for(PRICES, call, None, None, 0) == Charge(None, 0, 0, True)
    read = whole()
    read._answer.model = "made-up"
    charge = charge_for(PRICES, call, None, read, 200)
    assert (charge.nanousd, charge.tokens, charge.is_estimated) == (0, 12, True)


@pytest.mark.parametrize("facts", [{"may_reason": True}, {"streaming": False}])
def test_output_that_need_not_have_been_seen_is_charged_whole(facts: dict[str, Any]) -> None:
    call = replace(CALL, **facts)
    assert charge_for(PRICES, call, QUOTE, cut(), 200) == WHOLE_HOLD


def test_several_samplings_are_charged_together_and_never_above_the_hold() -> None:
    call = openai(output_tokens_max=1000, samplings=3)
    quote = quote_for(PRICES, COUNTER, call)
    gone = charge_for(PRICES, call, quote, None, 0)
    assert (gone.nanousd, gone.tokens) == (quote.bound_nanousd, quote.tokens_bound)

    part = charge_for(PRICES, call, quote, cut(), 200)
    output = 10 + 3 * CANCEL_TOKENS
    assert part.tokens == quote.input_tokens_bound + output
    assert part.nanousd == quote.fixed_nanousd + -(-output // 3) * quote.per_output_nanousd

"""What is said of a budget without room: the limit, what remains, when it resets; never what to do that
would not help."""

import pytest

from proxy.budgets import Exceeded, Held, Limit
from proxy.budgets.refusing import refusal_of, spent
from proxy.budgets.windows import window_start_ms
from proxy.refusals import Code
from tests.budgets.diary import NOW, limit

MINUTE_END = NOW + 60_000


def exceeded(on: Limit, required: int = 3, *, resets_at_ms: int | None = MINUTE_END) -> Exceeded:
    return Exceeded(on, required, remaining=1, held=2, resets_at_ms=resets_at_ms)


def test_tool_calls_a_minute_are_a_rate_and_may_be_tried_again() -> None:
    refusal = refusal_of(exceeded(limit(5, "tool_calls", "minute")), NOW)
    assert (refusal.code, refusal.retry_after_s) == (Code.RATE_LIMITED, 60)
    assert "of 5 tool calls per minute is reached. Try again in 60 s." in refusal.message
    assert refusal.facts == {
        "budget": "tool_calls a minute",
        "unit": "tool_calls",
        "window": "minute",
        "limit": 5,
        "required": 3,
        "remaining": 1,
        "held": 2,
        "resets_at": MINUTE_END // 1000,
    }


@pytest.mark.parametrize(
    ("unit", "says"),
    [("tool_calls", False), ("requests", False), ("tokens", True), ("usd", True)],
)
def test_less_output_is_advised_only_where_it_would_help(unit: str, says: bool) -> None:
    refusal = refusal_of(exceeded(limit(5, unit, "day")), NOW)  # type: ignore[arg-type]
    assert refusal.code is Code.BUDGET_EXCEEDED
    assert ("max_tokens" in refusal.message) is says
    assert refusal.message.endswith("the operator.")


def test_what_no_reset_makes_room_for_is_not_told_to_wait() -> None:
    refusal = refusal_of(exceeded(limit(5, "tool_calls"), 6, resets_at_ms=None), NOW)
    assert refusal.code is Code.BUDGET_EXCEEDED
    assert "No reset makes room for it." in refusal.message


@pytest.mark.parametrize(
    ("on", "per", "when"),
    [
        (limit(9, "tool_calls", "minute"), "per minute", "It resets in 60 s."),
        (limit(9, "tool_calls"), "in all", "It does not reset by itself."),
    ],
)
def test_one_tool_call_too_many_is_told_limit_rest_and_reset(
    on: Limit, per: str, when: str
) -> None:
    told = spent(Held(on, window_start_ms(on.window, NOW), 0), NOW)
    assert f"of 9 tool calls {per} has no room for it: 0 remain. {when}" in told

"""What one call may still use: never more than what is held, whatever is asked in which order."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.budgets import Held, Hold, Ration
from tests.budgets.diary import NOW, ORG, limit

TOTAL = limit(100, "tool_calls")
DAY = limit(9, "tool_calls", "day", agent="a")
MINUTE = limit(2, "tool_calls", "minute", session="s")


def held(*amounts: int) -> Ration:
    limits = (MINUTE, DAY, TOTAL)
    return Ration(tuple(Held(on, 0, n) for on, n in zip(limits, amounts, strict=True)))


@given(st.tuples(*[st.integers(0, 20)] * 3), st.integers(0, 30))
def test_rule_3_no_more_is_used_than_every_limit_holds(
    amounts: tuple[int, ...], asked: int
) -> None:
    ration = held(*amounts)
    short = [ration.take() for _ in range(asked)]
    assert ration.used == short.count(None) == min(asked, *amounts)
    assert all(each is None for each in short[: ration.used])


def test_the_limit_that_is_named_is_the_last_to_make_room() -> None:
    for amounts, expected in [((0, 1, 1), MINUTE), ((0, 0, 1), DAY), ((0, 0, 0), TOTAL)]:
        short = held(*amounts).take()
        assert short is not None
        assert short.limit == expected


def test_without_a_limit_on_tool_calls_everything_may_be_used() -> None:
    usd = Held(limit(5), 0, 0)
    for hold in (None, Hold("h", ORG, 0, (usd,), NOW, 1)):
        ration = Ration.of_tool_calls(hold)
        assert [ration.take() for _ in range(99)] == [None] * 99
    counted = Ration.of_tool_calls(Hold("h", ORG, 0, (usd, Held(TOTAL, 0, 1)), NOW, 1))
    assert (counted.take(), counted.take()) == (None, Held(TOTAL, 0, 1))

"""What fits is the largest that fits, and a percentage is reached at the exact amount."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.budgets import AMOUNT_MAX, Charge
from proxy.budgets.arithmetic import crossed_between, output_that_fits, percent_reached
from tests.budgets.diary import limit

AMOUNTS = st.integers(0, 50) | st.integers(0, AMOUNT_MAX)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), max_size=4), st.tuples(AMOUNTS, AMOUNTS))
def test_one_token_more_would_not_fit(
    terms: list[tuple[int, int, int]], ends: tuple[int, int]
) -> None:
    low, high = sorted(ends)
    charges = [Charge(limit(0), fixed, per_output) for fixed, per_output, _ in terms]
    rooms = [room for _, _, room in terms]

    def fits(output: int) -> bool:
        return all(c.cost(output) <= room for c, room in zip(charges, rooms, strict=True))

    granted = output_that_fits(charges, rooms, low, high)
    assert granted <= high
    if granted >= low:
        assert fits(granted)
        assert granted == high or not fits(granted + 1)
    else:
        assert not fits(low)


@given(AMOUNTS, AMOUNTS)
def test_a_threshold_is_reached_exactly_at_its_share_of_the_cap(settled: int, cap: int) -> None:
    reached = percent_reached(settled, cap)
    assert reached in (0, 50, 80, 90, 100)
    if cap:
        assert settled * 100 >= cap * reached
        assert all(settled * 100 < cap * p for p in (50, 80, 90, 100) if p > reached)


def test_events_already_given_are_not_given_again() -> None:
    usd = limit(100)
    assert crossed_between(usd, 0, 90) == ((usd, 50), (usd, 80), (usd, 90))
    assert crossed_between(usd, 80, 90) == ((usd, 90),)
    assert crossed_between(usd, 90, 90) == ()

"""A limit's counter is named by its scope, unit and window, and by nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.budgets import Charge, Limit
from proxy.budgets.limits import counter_name
from tests.budgets.diary import ask, limit

TEXT = st.text(st.sampled_from("ab/=@%.: é"), min_size=1, max_size=6)
SCOPES = st.dictionaries(TEXT, TEXT, max_size=3).map(lambda scope: tuple(scope.items()))


@given(SCOPES, SCOPES, st.sampled_from(["usd", "tokens"]), st.sampled_from(["total", "day"]))
def test_two_limits_share_a_counter_only_when_scope_unit_and_window_are_the_same(
    one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...], unit: str, window: str
) -> None:
    left = Limit("left", one, unit, window, 1)  # type: ignore[arg-type]
    right = Limit("right", other, "usd", "total", 2)
    same = (dict(one), unit, window) == (dict(other), "usd", "total")
    assert (left.key == right.key) is same


def test_the_order_of_a_scope_does_not_matter() -> None:
    assert limit(1, agent="a", model="m").key == limit(1, model="m", agent="a").key


def test_a_counter_has_a_name_of_its_own_in_each_window() -> None:
    assert counter_name(limit(1, agent="a@1"), 60_000) == "usd.total/agent=a%401@60000"


@pytest.mark.parametrize(
    ("scope", "unit", "window"),
    [
        ((("agent", ""),), "usd", "total"),
        ((("", "a"),), "usd", "total"),
        ((("agent", "a" * 513),), "usd", "total"),
        ((("agent", "a\nb"),), "usd", "total"),
        ((("agent", "\ud800"),), "usd", "total"),
        ((("agent", "a"), ("agent", "b")), "usd", "total"),
        ((), "eur", "total"),
        ((), "usd", "year"),
    ],
)
def test_a_limit_that_cannot_be_counted_is_refused(
    scope: tuple[tuple[str, str], ...], unit: str, window: str
) -> None:
    with pytest.raises(ValueError):
        Limit("l", scope, unit, window, 1)  # type: ignore[arg-type]


def test_two_different_charges_against_one_counter_are_refused() -> None:
    with pytest.raises(ValueError, match="one counter"):
        ask("h", Charge(limit(1), 1, 0), Charge(limit(2), 2, 0))


def test_an_output_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="output_min"):
        ask("h", output=(5, 4))

"""Dollars as integers, there and back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.money import NANOUSD_MAX, format_usd, nanousd


@pytest.mark.parametrize(
    ("dollars", "amount"),
    [
        ("0.10", 100_000_000),
        ("5", 5_000_000_000),
        (5, 5_000_000_000),
        ("0", 0),
        ("0.000000001", 1),
        ("1e-9", 1),
        (Decimal("2.50"), 2_500_000_000),
        ("9007199.254740991", NANOUSD_MAX),
    ],
)
def test_dollars_are_whole_nano_dollars(dollars, amount):
    assert nanousd(dollars) == amount


@pytest.mark.parametrize(
    "dollars",
    [
        0.1,
        "-1",
        -1,
        "0.0000000001",
        "9007199.254740992",
        "1e30",
        "NaN",
        "Infinity",
        "-Infinity",
        "",
        "x",
    ],
)
def test_rule_3_money_is_never_a_float_nor_negative_nor_finer_than_it_counts(dollars):
    with pytest.raises(ValueError):
        nanousd(dollars)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (18_000, "$0.000018"),
        (100_000_000, "$0.10"),
        (1_500_000_000, "$1.50"),
        (1_234_567_890_000_000, "$1,234,567.89"),
        (-5_000_000, "-$0.005"),
        (NANOUSD_MAX, "$9,007,199.254740991"),
    ],
)
def test_a_person_reads_at_least_cents_and_every_digit_there_is(amount, text):
    assert format_usd(amount) == text


@given(st.integers(0, NANOUSD_MAX))
def test_what_a_person_reads_is_exact(amount):
    assert nanousd(format_usd(amount).lstrip("$").replace(",", "")) == amount

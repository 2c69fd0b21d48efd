"""Figures as a person would say them."""

import pytest

from proxy.console import said
from proxy.money import NANO


@pytest.mark.parametrize(
    ("nanousd", "text"),
    [
        (0, "$0"),
        (1, "<$0.0001"),
        (99_999, "<$0.0001"),
        (100_000, "$0.0001"),
        (4_150_000, "$0.0042"),
        (NANO - 1, "$1.00"),
        (NANO - 50_001, "$0.9999"),
        (NANO, "$1.00"),
        (1_204 * NANO + 495_000_000, "$1,204.50"),
        (2**53 - 1, "$9,007,199.25"),
    ],
)
def test_money_has_as_many_digits_as_matter(nanousd: int, text: str) -> None:
    assert said.money(nanousd) == text


@pytest.mark.parametrize(
    ("nanousd", "cents", "fine"),
    [
        (0, "$0.00", "$0.0000"),
        (1, "<$0.01", "<$0.0001"),
        (4_150_000, "<$0.01", "$0.0042"),
        (994_999_999, "$0.99", "$0.9950"),
        (1_204 * NANO + 999_000_000, "$1,205.00", "$1,204.9990"),
    ],
)
def test_money_in_a_column_has_one_number_of_digits(nanousd: int, cents: str, fine: str) -> None:
    assert (said.cents(nanousd), said.fine(nanousd)) == (cents, fine)


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "0 µs"),
        (840, "840 µs"),
        (1_500, "1.5 ms"),
        (38_400, "38 ms"),
        (1_240_000, "1.2 s"),
        (125_000_000, "2 min 5 s"),
        (120_000_000, "2 min"),
        (12_000_000_000, "3 h 20 min"),
        (7_200_000_000, "2 h"),
        (86_400_000_000 * 3 + 3_600_000_000, "3 d 1 h"),
        (86_400_000_000 * 400, "400 d"),
    ],
)
def test_durations_are_in_the_unit_that_fits(us: int, text: str) -> None:
    assert said.duration(us) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [(0, "0 B"), (999, "999 B"), (14_200, "14.2 kB"), (3_100_000, "3.1 MB"), (10**15, "1000.0 TB")],
)
def test_sizes(octets: int, text: str) -> None:
    assert said.size(octets) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12_440, "12,440"), (3_200_000, "3.2 M"), (10**10, "10.0 G"), (10**14, "100.0 T")],
)
def test_counts(value: int, text: str) -> None:
    assert said.count(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(NANO, "usd", "$1.00"), (1, "requests", "1 request"), (2, "tool_calls", "2 tool calls")],
)
def test_amounts_carry_their_unit(value: int, unit: str, text: str) -> None:
    assert said.amount(value, unit) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 9, "0 %"), (1, 0, "0 %"), (1, 1000, "<1 %"), (999, 1000, "99 %"), (3, 2, "150 %")],
)
def test_a_share_is_never_rounded_up_to_the_whole(part: int, whole: int, text: str) -> None:
    assert said.percent(part, whole) == text


def test_an_id_is_known_by_its_end() -> None:
    assert said.short("0192f3a0-7b1c-7def-8abc-00000000abcd") == "…0000abcd"
    assert said.short("release-2026-11-21.nightly") == "release-2026-11-21.nightly"


def test_moments() -> None:
    now = 1_795_000_000_000
    assert said.iso(now + 7) == "2026-11-18T11:06:40.007Z"
    assert said.utc(now) == "2026-11-18 11:06:40.000 UTC"
    assert said.clock(now, now) == "11:06:40Z"
    assert said.clock(now - 86_400_000, now) == "17 Nov 11:06Z"
    assert said.clock(now - 86_400_000 * 400, now) == "2025-10-14 11:06Z"

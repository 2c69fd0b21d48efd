"""Plots: sizes to shapes, words escaped."""

import re

import pytest

from proxy.console.plots import Column, Part, bar, columns, scale_for, spark

HOSTILE = '"><script>alert(1)</script>&'


def widths(drawn: str, kind: str) -> list[int]:
    return [int(width) for width in re.findall(rf'class="{kind}"[^>]* width="(\d+)"', drawn)]


def test_parts_of_a_bar_are_parts_of_its_width() -> None:
    drawn = bar([Part(25, "settled", "s"), Part(50, "held", "h")], 100, "budget")
    assert widths(drawn, "bar-settled") == [250]
    assert widths(drawn, "bar-held") == [500]


def test_what_is_small_can_still_be_seen_and_what_is_nothing_is_not_drawn() -> None:
    drawn = bar([Part(1, "settled", "s"), Part(0, "held", "h")], 10**12, "budget")
    assert widths(drawn, "bar-settled") == [3]
    assert "bar-held" not in drawn


@pytest.mark.parametrize("whole", [0, 5])
def test_a_whole_that_is_too_small_stretches_to_its_parts(whole: int) -> None:
    drawn = bar([Part(10, "cost", "c")], whole, "x", ticks=[Part(20, "estimate", "e")])
    assert widths(drawn, "bar-cost") == [500]
    assert 'class="tick-estimate" x="996"' in drawn


def test_a_spark_has_a_column_for_each_value_and_shows_refusals() -> None:
    drawn = spark([4, 0, 2], "calls", [0, 0, 2])
    assert drawn.count("spark-yes") == 1
    assert drawn.count("spark-no") == 1
    assert "<rect" not in spark([], "nothing")


@pytest.mark.parametrize(
    ("most", "top", "lines"),
    [(0, 1, 2), (1, 1, 2), (7, 8, 5), (8, 8, 5), (9, 10, 3), (123_456, 150_000, 4)],
)
def test_an_axis_ends_at_a_round_figure(most: int, top: int, lines: int) -> None:
    scale = scale_for(most, str)
    assert (scale.top, len(scale.lines)) == (top, lines)
    assert scale.lines[0] == (0, "0")
    assert scale.lines[-1] == (top, str(top))


def test_columns_stack_their_series_and_say_what_they_are() -> None:
    shown = [Column("a", "first: 3", [1, 2]), Column("b", "second: 0", [0, 0])]
    drawn = columns(shown, scale_for(3, str), "spending", width=400)
    assert drawn.count("share-1") == drawn.count("share-2") == 1
    assert "<title>first: 3</title>" in drawn
    assert ">a</text>" in drawn


def test_no_word_becomes_markup() -> None:
    drawn = [
        bar([Part(1, "cost", HOSTILE)], 2, HOSTILE, ticks=[Part(1, "estimate", HOSTILE)]),
        spark([1], HOSTILE),
        columns(
            [Column(HOSTILE, HOSTILE, [1])], scale_for(1, lambda _: HOSTILE), HOSTILE, width=300
        ),
    ]
    for each in drawn:
        assert "<script" not in each
        assert re.search(r"aria-label=\"[^\"<>]*\"", each)


def test_nothing_is_styled_in_place() -> None:
    drawn = columns([Column("a", "b", [1])], scale_for(1, str), "c", width=300)
    assert "style=" not in drawn
    assert " on" not in drawn

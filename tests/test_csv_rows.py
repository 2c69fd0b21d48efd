"""Rows as CSV."""

import csv
import io

import pytest

from proxy.csv_rows import csv_rows, csv_titles


def test_a_row_is_a_line_and_what_it_lacks_is_empty():
    assert csv_titles(["a", "b"]) == "a,b\n"
    assert csv_rows(["a", "b"], [{"a": 1, "c": 2}, {"b": True}]) == "1,\n,True\n"


FORMULAS = (
    "=1+1", "+1", "-1", "@x", "\tx", "\r=1", "\rx", "\n=1", "\nx", " =1", "  \t @x", "\xa0+1",
    "\u3000-1", "\x0b=1", "\x00=1", "\ufeff=1", "\u200b=1", "\u2028=1", "\uff1d1",
    "\uff0b1", "\uff0d1", "\uff20x", " \uff1d1",
    "\ufe661", "\ufe621", "\ufe631", "\ufe6bx", "\u22121", "\x85=1",
)  # fmt: skip
TEXTS = ("", " ", "a=1", "a\n=1", " a", "'=1", "é", "1", "1-2", "https://a.test/?b=c", "日本")


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_of_a_callers_is_a_formula(text):
    [[cell]] = csv.reader(io.StringIO(csv_rows(["a"], [{"a": text}]), newline=""))
    assert cell == f"'{text}"


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_formula_stays_as_it_is(text):
    [[cell]] = csv.reader(io.StringIO(csv_rows(["a"], [{"a": text}]), newline=""))
    assert cell == text


def test_a_number_stays_one_and_no_text_breaks_out_of_its_cell():
    text = 'a,"b"\nc'
    [row] = csv.reader(io.StringIO(csv_rows(["n", "t"], [{"n": -5, "t": text}]), newline=""))
    assert row == ["-5", text]

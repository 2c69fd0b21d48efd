"""Rows as CSV."""

import csv
import io

import pytest

from proxy.csv_rows import csv_rows, csv_titles


def test_a_row_is_a_line_and_what_it_lacks_is_empty():
    assert csv_titles(["a", "b"]) == "a,b\n"
    assert csv_rows(["a", "b"], [{"a": 1, "c": 2}, {"b": True}]) == "1,\n,True\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\r=1"])
def test_no_text_of_a_callers_is_a_formula(text):
    [[cell]] = csv.reader(io.StringIO(csv_rows(["a"], [{"a": text}]), newline=""))
    assert cell == f"'{text}"


def test_a_number_stays_one_and_no_text_breaks_out_of_its_cell():
    text = 'a,"b"\nc'
    [row] = csv.reader(io.StringIO(csv_rows(["n", "t"], [{"n": -5, "t": text}]), newline=""))
    assert row == ["-5", text]

"""Exports: whole, as CSV or JSON lines, and nothing that a spreadsheet would run."""

import csv
import io
import json

import pytest


async def test_a_csv_is_all_that_its_filter_finds(look) -> None:
    answer = await look("/calls.csv?agent=coder")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="calls.csv"'
    assert len(rows) > 20
    assert {row["agent"] for row in rows} == {"coder"}


async def test_json_lines_are_the_same(look) -> None:
    lines = (await look("/calls.jsonl?agent=coder")).text.splitlines()
    rows = list(csv.DictReader(io.StringIO((await look("/calls.csv?agent=coder")).text)))
    assert [json.loads(line)["id"] for line in lines] == [row["id"] for row in rows]


async def test_what_breaks_on_the_way_breaks_the_connection(look, desk, monkeypatch) -> None:
    async def broken(*_, **__):
        raise RuntimeError("secret")

    monkeypatch.setattr(desk.ledger, "calls", broken)
    with pytest.raises(Exception, match=r"(?i)payload|disconnected|reset"):
        await look("/calls.csv")

"""Where SQL stands in what a tool is asked to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.actions.sql import looks_like_sql, queries_of
from proxy.actions.words import Word


@pytest.mark.parametrize("text", ["how to drop a table", "best pizza", "", "{'a': 1}"])
def test_plain_text_is_no_sql(text: str) -> None:
    assert not looks_like_sql(text)


@pytest.mark.parametrize(
    "text", ["drop table x", "  DELETE from t", "-- why\nselect 1", "/* a */ (select 1)", "with a"]
)
def test_a_text_that_begins_like_a_statement_is_sql(text: str) -> None:
    assert looks_like_sql(text)


@pytest.mark.parametrize(
    ("program", "words", "piped", "expected"),
    [
        ("psql", ["-c", "drop table x"], None, ["drop table x"]),
        ("psql", ["--command=drop table x"], None, ["drop table x"]),
        ("mysql", ["-edrop table x"], None, ["drop table x"]),
        ("sqlite3", ["a.db", "delete from t"], None, ["delete from t"]),
        ("psql", ["mydb"], "truncate t", ["truncate t"]),
        ("psql", ["-c", "\\dt"], None, []),
        ("echo", ["drop table x"], None, []),
    ],
)
def test_a_client_of_a_database_runs_what_it_is_given(
    program: str, words: list[str], piped: str | None, expected: list[str]
) -> None:
    assert queries_of(program, [Word(word) for word in words], piped) == expected


@given(st.text(max_size=600))
def test_no_text_makes_it_raise(text: str) -> None:
    looks_like_sql(text)

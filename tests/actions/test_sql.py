"""Where SQL stands in what a tool is asked to do."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.actions.sql import looks_like_sql, queries_of
from proxy.actions.words import Word


@pytest.mark.parametrize(
    "text",
    [
        "how to drop a table", "best pizza", "", "{'a': 1}", "start a server", "values of a team",
        "if it rains, what then?", "lock files in npm", "declare victory; go home", "# a heading",
        "/* never ended", "prepare a release",
    ],
)  # fmt: skip
def test_plain_text_is_no_sql(text: str) -> None:
    assert not looks_like_sql(text)


@pytest.mark.parametrize(
    "text",
    [
        "drop table x", "  DELETE from t", "-- why\nselect 1", "/* a */ (select 1)", "with a",
        ";DROP TABLE x", "# c\nDROP TABLE x", "\ufeffDROP TABLE x", "/*! DROP TABLE x */",
        "/*!50000 DROP TABLE x */", "DECLARE x int; DROP TABLE y", "LOCK TABLE x; DROP TABLE x",
        "VALUES (1); DROP TABLE x", "IF 1=1 DROP TABLE x", "if (select 1) > 0 delete from x",
        "PREPARE s AS DELETE FROM x; EXECUTE s", "EXECUTE IMMEDIATE 'DROP TABLE x'",
        "go\nDROP TABLE x", "frobnicate; drop table x", "--" + "x" * 600 + "\ndrop table x",
    ],
)  # fmt: skip
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
        ("docker", ["exec", "-i", "db", "psql"], "drop table x", ["drop table x"]),
        ("kubectl", ["exec", "db", "--", "mysql", "-e", "drop table x"], None, ["drop table x"]),
        ("docker", ["exec", "db", "/usr/bin/psql", "-c", "truncate t"], None, ["truncate t"]),
        ("docker", ["pull", "psql"], "drop table x", []),
        ("docker", ["run", "img", "cat"], "drop table x", []),
    ],
)
def test_a_client_of_a_database_runs_what_it_is_given(
    program: str, words: list[str], piped: str | None, expected: list[str]
) -> None:
    assert queries_of(program, [Word(word) for word in words], piped) == expected


@pytest.mark.parametrize("unit", ["/**/", "; ", ";\n", "drop ", "(", "/*", "#\n", "if ", "--\n"])
def test_no_text_takes_long(unit: str) -> None:
    started = time.process_time()
    looks_like_sql(unit * 20_000 + "x")
    assert time.process_time() - started < 1


@given(st.text(max_size=600))
def test_no_text_makes_it_raise(text: str) -> None:
    looks_like_sql(text)

"""Kinds of SQL, told by a parser."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.actions.sql import NOT_UNDERSTOOD, SQL_MAX, kinds_of, looks_like_sql


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("DROP TABLE x", {"drop"}),
        ("drop database if exists `a`", {"drop"}),
        ("DROP USER x", {"drop"}),
        ("truncate table t; select 1", {"truncate", "select"}),
        ("delete from t", {"delete", "delete_all"}),
        ("delete from t where true", {"delete", "delete_all"}),
        ("delete from t where 1 = 1", {"delete", "delete_all"}),
        ("delete from t where (id = 2 or 1)", {"delete", "delete_all"}),
        ("delete from t where 1 <> 2", {"delete", "delete_all"}),
        ("delete from t where id = 1", {"delete"}),
        ("delete from t where id = 1 and true", {"delete"}),
        ("with a as (select 1) delete from t", {"delete", "delete_all", "select"}),
        ("explain analyze delete from t", {"explain", "delete"}),
        ("update t set a = 1", {"update", "update_all"}),
        ("update t set a = 1 where b = 2", {"update"}),
        ("alter table t drop column c", {"alter", "drop"}),
        ("grant all on t to u", {"grant"}),
        ("do $$ begin drop table x; end $$", {"do", "drop"}),
        ("insert into t values ('drop table x; delete from y')", {"insert"}),
        ("select 'truncate' from drop_log -- drop table x", {"select"}),
    ],
)
def test_a_statement_is_what_it_does(text: str, kinds: set[str]) -> None:
    assert kinds_of(text) == kinds


@pytest.mark.parametrize("text", ["'never ended", "foo bar (", "x" * (SQL_MAX + 1)])
def test_what_no_parser_reads_is_said_so(text: str) -> None:
    assert kinds_of(text) == {NOT_UNDERSTOOD}


def test_an_unknown_dialect_is_read_by_its_verbs_the_worse_way() -> None:
    assert {"drop", "delete_all"} <= kinds_of("FROBNICATE ( drop delete")


@pytest.mark.parametrize("text", ["how to drop a table", "best pizza", "", "{'a': 1}"])
def test_plain_text_is_no_sql(text: str) -> None:
    assert not looks_like_sql(text)


def test_no_statement_is_written_to_a_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        kinds_of("DROP USER hunter2")
    assert "hunter2" not in caplog.text


WORDS = st.sampled_from(
    [
        "select",
        "delete",
        "from",
        "where",
        "drop",
        "(",
        ")",
        "'",
        '"',
        ";",
        "--",
        "/*",
        "1",
        "=",
        "or",
    ]
)


@given(st.lists(WORDS, max_size=20).map(" ".join) | st.text(max_size=50))
def test_no_text_makes_it_raise(text: str) -> None:
    kinds_of(text)
    looks_like_sql(text)

"""Kinds of SQL, told by a parser."""

import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot.parser import Parser

from proxy.actions import statements
from proxy.actions.statements import NOT_UNDERSTOOD, PARSED_MAX, TEXT_MAX, kinds_of


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
        ("explain analyze delete from t", {"explain", "delete", "delete_all"}),
        ("explain analyze delete from t where a = 1", {"explain", "delete"}),
        ("explain delete from t", {"explain", "delete"}),
        ("update t set a = 1", {"update", "update_all"}),
        ("update t set a = 1 where b = 2", {"update"}),
        ("alter table t drop column c", {"alter", "drop"}),
        ("grant all on t to u", {"grant"}),
        ("do $$ begin drop table x; end $$", {"do", "drop"}),
        ("delete from t where 2 > 1", {"delete", "delete_all"}),
        ("delete from t where not false", {"delete", "delete_all"}),
        ("delete from t where not (1 = 0)", {"delete", "delete_all"}),
        ("delete from t where 1 in (1)", {"delete", "delete_all"}),
        ("delete from t where 1 between 0 and 2", {"delete", "delete_all"}),
        ("delete from t where 1 + 1", {"delete", "delete_all"}),
        ("delete from t where null is null", {"delete", "delete_all"}),
        ("delete from t where now() > '2020-01-01'", {"delete", "delete_all"}),
        ("delete from t where exists (select 1)", {"delete", "delete_all", "select"}),
        ("delete from t where name like '%'", {"delete", "delete_all"}),
        ("delete from t where name like 'a%'", {"delete"}),
        ("delete from t where false", {"delete"}),
        ("delete from t where 1 = 0", {"delete"}),
        ("delete from t where 'a' = 'b'", {"delete"}),
        ("delete from t where 'a' <> 'a'", {"delete"}),
        ("delete from t where 3 in (1, 2)", {"delete"}),
        ("delete from t where not true or 1 > 2", {"delete"}),
        ("delete from t where id = ?", {"delete"}),
        ("delete from t where id = $1", {"delete"}),
        ("delete from t where exists (select 1 from u where u.id = t.id)", {"delete", "select"}),
        ("delete from t where current of c", {"delete"}),
        ("\ufeffdrop table x", {"drop"}),
        ("if 1=1 drop table x", {"if", "drop"}),
        ("if exists (select 1) delete from x where id = 1", {"if", "delete"}),
        ("go\ndrop table x", {"go", "drop"}),
        ("prepare s as delete from x; execute s",
         {"prepare", "execute", "delete", "delete_all"}),
        ("prepare s as delete from x where id = $1", {"prepare", "delete"}),
        ("set @s = 'drop table x'; prepare s from @s; execute s",
         {"set", "prepare", "execute", "drop"}),
        ("execute immediate 'drop table x'", {"execute", "drop"}),
        ("alter table x truncate partition p", {"alter", "truncate"}),
        ("alter table x drop partition p", {"alter", "drop"}),
        ("comment on table x is 'drop table x'", set()),
        ("insert into t values ('drop table x; delete from y')", {"insert"}),
        ("select 'truncate' from drop_log -- drop table x", {"select"}),
    ],
)  # fmt: skip
def test_a_statement_is_what_it_does(text: str, kinds: set[str]) -> None:
    assert kinds_of(text) == kinds


@pytest.mark.parametrize("text", ["'never ended", "foo bar (", "x" * (TEXT_MAX + 1)])
def test_what_no_parser_reads_is_said_so(text: str) -> None:
    assert kinds_of(text) == {NOT_UNDERSTOOD}


LONG = "x," * PARSED_MAX
NESTED = "(" * 99 + "1" + ")" * 99


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"delete from t; select {LONG} 1 from u where a = 1", {"delete", "delete_all", "select"}),
        (f"delete from t using (select {LONG} 1 where true) u",
         {"delete", "delete_all", "select"}),
        (f"delete from t where a in ({LONG} 1)", {"delete"}),
        (f"delete from t where a = {NESTED}", {"delete"}),
        (f"delete from t; select {NESTED}", {"delete", "delete_all", "select"}),
        (f"insert into t values ({LONG} 'drop table x')", {"insert"}),
    ],
)  # fmt: skip
def test_a_long_or_deep_statement_hides_no_other(text: str, kinds: set[str]) -> None:
    assert kinds_of(text) == kinds


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("select 1 /*! ; delete from t */", "delete_all"),
        ("select 1 /*!50000 ; drop table t */", "drop"),
        (r"select '\''; delete from t; -- '", "delete_all"),
        ("select 1 # '\n; drop table t", "drop"),
    ],
)
def test_what_only_one_kind_of_database_runs_is_seen(text: str, kind: str) -> None:
    assert kind in kinds_of(text)


HOSTILE = [
    "(union ", "convert(json_table(", "struct(", "x.f()", "::a exists()", "case when ", "not ",
    "(select ", "a->", "from ", "join b ", "(1,", "begin join ", "f(;(1,", "[1]", "{a:",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_the_parser_never_moves_further_than_it_may(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = 0
    advance = Parser._advance

    def counted(self: Parser, times: int = 1) -> None:
        nonlocal moves
        moves += 1
        advance(self, times)

    monkeypatch.setattr(Parser, "_advance", counted)
    kinds_of.__wrapped__(*[f"select {unit * 4096}"[: TEXT_MAX // 8]] * 8)
    dialects = 3
    assert moves <= dialects * statements.STEPS_PER_TOKEN * (2 * PARSED_MAX)


@pytest.mark.parametrize("unit", ["\\'", "'", "''a", "update ", "delete ", "drop\n"])
@pytest.mark.parametrize("verb", ["do", "execute", "if 1=1"])
def test_what_the_parser_leaves_takes_no_long(verb: str, unit: str) -> None:
    started = time.process_time()
    kinds_of.__wrapped__(f"{verb} '{unit * (TEXT_MAX // len(unit) - 16)}")
    assert time.process_time() - started < 5


def test_all_texts_of_a_call_share_what_is_read() -> None:
    some = ["select 1;" * 1000] * 7
    assert NOT_UNDERSTOOD not in kinds_of(*some)
    assert NOT_UNDERSTOOD in kinds_of(*some, "select 2;" * 1000)


def test_an_unknown_dialect_is_read_by_its_verbs_the_worse_way() -> None:
    assert {"drop", "delete_all"} <= kinds_of("FROBNICATE ( drop delete")


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

"""The database: what a transaction did is there, whole, or it is not there."""

import asyncio
import sqlite3
import stat

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, select

from proxy.database import Database, DatabaseUnavailable

_TABLES = MetaData()
_WORDS = Table("words", _TABLES, Column("word", String, primary_key=True), Column("n", Integer))


async def test_what_was_written_is_there_after_opening_again(tmp_path):
    one = Database(tmp_path / "x.sqlite", _TABLES)
    await one.run(lambda db: db.execute(_WORDS.insert().values(word="a", n=1)))
    one.close()
    other = Database(tmp_path / "x.sqlite", _TABLES)
    assert await other.run(lambda db: db.execute(select(_WORDS.c.word, _WORDS.c.n)).all()) == [
        ("a", 1)
    ]
    other.close()


async def test_a_transaction_that_fails_changes_nothing(tmp_path):
    database = Database(tmp_path / "x.sqlite", _TABLES)

    def half(db):
        db.execute(_WORDS.insert().values(word="a", n=1))
        raise LookupError

    with pytest.raises(LookupError):
        await database.run(half)
    assert await database.run(lambda db: db.execute(select(_WORDS)).all()) == []
    database.close()


async def test_writers_that_read_first_do_not_overwrite_each_other(tmp_path):
    database = Database(tmp_path / "x.sqlite", _TABLES)
    await database.run(lambda db: db.execute(_WORDS.insert().values(word="a", n=0)))

    def add_one(db):
        n = db.execute(select(_WORDS.c.n)).scalar_one()
        db.execute(_WORDS.update().values(n=n + 1))

    await asyncio.gather(*(database.run(add_one) for _ in range(40)))
    assert await database.run(lambda db: db.execute(select(_WORDS.c.n)).scalar_one()) == 40
    database.close()


def test_only_its_owner_may_read_it(tmp_path):
    Database(tmp_path / "x.sqlite", _TABLES).close()
    assert stat.S_IMODE((tmp_path / "x.sqlite").stat().st_mode) == 0o600


async def test_what_cannot_be_kept_now_is_told_as_that(tmp_path, monkeypatch):
    monkeypatch.setattr("proxy.database._WAIT_S", 0.01)
    database = Database(tmp_path / "x.sqlite", _TABLES)
    holder = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match=r"x\.sqlite: database is locked"):
        await database.run(lambda db: db.execute(select(_WORDS)).all())
    holder.close()
    assert await database.run(lambda db: db.execute(select(_WORDS)).all()) == []
    database.close()

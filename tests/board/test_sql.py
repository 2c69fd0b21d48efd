"""The SQL store beyond the contract: what lasts, who may read it, and how it fails."""

import asyncio
import stat

import pytest
from sqlalchemy import text

from proxy.board import Board, Messages, Outbox, Roles, SqlStore
from proxy.board.acts import Claim, Complete, NewTask, Start
from proxy.board.message import NewMessage
from proxy.database import DatabaseUnavailable
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.store import Filter, LedgerUnavailable
from tests.board.people import ADA, BOB, NOW, Diary


async def test_what_was_done_is_there_after_opening_again(tmp_path):
    path = tmp_path / "board.sqlite"
    first = SqlStore(path)
    outbox = Outbox(first, Diary())
    board, messages = Board(outbox, Roles()), Messages(outbox, Roles())
    before = (await board.create(NewTask(title="before"), ADA, NOW)).task.id
    made = await board.create(NewTask(title="t", depends_on=[before], key="k"), ADA, NOW)
    await board.act("acme", before, Claim(), BOB, NOW)
    await board.act("acme", before, Start(fence=1), BOB, NOW)
    artifact = {"name": "a", "text": "x"}
    await board.act("acme", before, Complete(fence=1, artifacts=[artifact]), BOB, NOW)
    sent = await messages.send(NewMessage(text="hi", to_agent="bob"), ADA, NOW)
    first.close()

    second = SqlStore(path)
    outbox = Outbox(second, Diary())
    board, messages = Board(outbox, Roles()), Messages(outbox, Roles())
    again = await board.get("acme", made.task.id, NOW)
    assert (again.task, again.waits_for) == (made.task, ())
    assert (await board.artifact("acme", before, "a"))[1] == "x"
    assert (await messages.inbox(BOB, NOW)).received[0].message == sent
    second.close()


def test_only_its_owner_may_read_it(tmp_path):
    SqlStore(tmp_path / "board.sqlite").close()
    assert stat.S_IMODE((tmp_path / "board.sqlite").stat().st_mode) == 0o600


async def test_a_store_that_cannot_be_written_says_so_and_nothing_happened(tmp_path):
    store = SqlStore(tmp_path / "board.sqlite")
    board = Board(Outbox(store, Diary()), Roles())
    await store._database.run(lambda db: db.execute(text("DROP TABLE events")))
    with pytest.raises(DatabaseUnavailable, match="no such table"):
        await board.create(NewTask(title="SECRET"), ADA, NOW)
    assert await store.run(lambda shelf: shelf.tasks.count("acme")) == 0
    store.close()


async def test_two_processes_on_one_file_give_a_task_to_one(tmp_path):
    stores = [SqlStore(tmp_path / "board.sqlite") for _ in range(2)]
    boards = [Board(Outbox(store, Diary()), Roles()) for store in stores]
    task = (await boards[0].create(NewTask(title="t"), ADA, NOW)).task.id
    claims = [board.act("acme", task, Claim(), who, NOW) for board in boards for who in (ADA, BOB)]
    got = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(not isinstance(each, Exception) for each in got) == 1
    for store in stores:
        store.close()


async def test_a_crash_between_the_board_and_the_ledger_loses_nothing_and_files_nothing_twice(
    tmp_path,
):
    """The process dies after the ledger has the record and before the board knows it."""
    store = SqlStore(tmp_path / "board.sqlite")
    ledger = await SqliteLedger.open(tmp_path / "ledger.sqlite")
    outbox = Outbox(store, ledger)
    board = Board(outbox, Roles())

    async def dies(seq: int) -> None:
        raise LedgerUnavailable("killed")

    outbox._mark = dies  # type: ignore[method-assign]
    with pytest.raises(LedgerUnavailable):
        await board.create(NewTask(title="t"), ADA, NOW)
    await ledger.close()

    ledger = await SqliteLedger.open(tmp_path / "ledger.sqlite")
    await Board(Outbox(store, ledger), Roles()).sweep(NOW)
    assert len(await ledger.find(Filter(kind="task"))) == 1
    assert await store.run(lambda shelf: shelf.events.unfiled(9)) == []
    await ledger.close()
    store.close()

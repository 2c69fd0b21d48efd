"""The write-ahead log is carried over beside the writer, and a failure to do so harms nothing."""

import sqlite3
import threading
from pathlib import Path

import pytest

from proxy.ledger import checkpointer
from proxy.ledger.checkpointer import Checkpointer
from proxy.ledger.sqlite import SqliteLedger


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(checkpointer, "WAL_BYTES", 64 * 1024)


async def test_a_large_log_is_carried_over_while_records_are_filed(
    tmp_path: Path, small, decision, monkeypatch
):
    carried = threading.Event()
    carry_over = Checkpointer._carry_over

    def seen(self: Checkpointer) -> None:
        carry_over(self)
        carried.set()

    monkeypatch.setattr(Checkpointer, "_carry_over", seen)
    ledger = await SqliteLedger.open(tmp_path / "ledger.sqlite")
    for number in range(250):
        await ledger.append(decision(number))
    assert carried.wait(10)
    await ledger.close()
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    assert db.execute("SELECT count(*) FROM records WHERE kind = 'decision'").fetchone() == (250,)
    db.close()


def test_a_file_that_is_gone_ends_nothing(tmp_path: Path, small):
    thread = Checkpointer(tmp_path / "ledger.sqlite")
    thread.start()
    thread.wake()
    (tmp_path / "ledger.sqlite-wal").write_bytes(bytes(100_000))
    thread.wake()
    assert thread.is_alive()
    thread.stop()
    assert not thread.is_alive()

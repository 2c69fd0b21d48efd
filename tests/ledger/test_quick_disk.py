"""Who waits for the sync: the loop while the disk is quick, the writer's thread while it is not."""

import threading

import pytest

from proxy.ledger.file import LedgerFile
from proxy.ledger.sqlite import QUICK_S


@pytest.fixture
def threads(monkeypatch) -> list[str]:
    """Names of the threads that wrote, in order."""
    wrote: list[str] = []
    write = LedgerFile.write

    def seen(self, draft) -> None:
        wrote.append(threading.current_thread().name)
        write(self, draft)
        self.sync_s = self.pretended_s

    monkeypatch.setattr(LedgerFile, "write", seen)
    monkeypatch.setattr(LedgerFile, "pretended_s", 0.0, raising=False)
    return wrote


async def test_a_quick_disk_is_waited_for_where_the_record_is_submitted(ledger, decision, threads):
    for number in range(20):
        await ledger.append(decision(number))
    assert set(threads) == {threading.current_thread().name}


async def test_records_of_one_round_of_the_loop_share_a_transaction(ledger, decision, threads):
    futures = [ledger.submit(decision(number)) for number in range(20)]
    assert [(await future).seq for future in futures] == list(range(20))
    assert len(threads) == 1


async def test_a_disk_that_becomes_slow_is_left_to_the_writer(
    ledger, decision, threads, monkeypatch
):
    await ledger.append(decision(0))
    monkeypatch.setattr(LedgerFile, "pretended_s", QUICK_S * 20)
    for number in range(1, 20):
        await ledger.append(decision(number))
    assert threads[0] == threading.current_thread().name
    assert threads[-1] == "exeat-ledger"
    assert (await ledger.append(decision(20))).seq == 20


async def test_one_hiccup_of_the_disk_changes_nothing(ledger, decision, threads, monkeypatch):
    await ledger.append(decision(0))
    monkeypatch.setattr(LedgerFile, "pretended_s", QUICK_S * 5)
    await ledger.append(decision(1))
    monkeypatch.setattr(LedgerFile, "pretended_s", 0.0)
    for number in range(2, 20):
        await ledger.append(decision(number))
    assert set(threads) == {threading.current_thread().name}

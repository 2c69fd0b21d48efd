"""The disk fails, the process dies, a second process comes: nothing is lost without a word."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from proxy.ledger.file import LedgerFile
from proxy.ledger.records import Hold, HoldAmount
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.store import Filter, LedgerBusy, LedgerCorrupt, LedgerUnavailable
from proxy.ledger.verify import Verdict, verify

ROOT = Path(__file__).parents[2]


async def test_a_full_disk_refuses_until_there_is_room_and_keeps_the_chain(ledger, path, decision):
    await ledger.append(decision(0))
    _, hard = soft_hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = path.with_name(path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))
    try:
        failed = await asyncio.gather(
            *(ledger.append(decision(number)) for number in range(1, 30)), return_exceptions=True
        )
        assert all(isinstance(error, LedgerUnavailable) for error in failed)
        with pytest.raises(LedgerUnavailable, match="nothing can be filed"):
            await ledger.append(decision(30))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, soft_hard)
    again = [await ledger.append(decision(number)) for number in range(1, 30)]
    assert [filed.seq for filed in again] == list(range(1, 30))
    assert verify(path).verdict is Verdict.CONSISTENT


async def test_a_read_only_file_refuses(ledger, decision):
    db = ledger._writer._file._db
    db.execute("PRAGMA query_only = ON")
    with pytest.raises(LedgerUnavailable, match="readonly"):
        await ledger.append(decision(1))
    assert (await ledger.append(decision(1))).seq == 0  # a fresh connection writes again


@pytest.mark.parametrize("has_landed", [True, False])
async def test_a_commit_whose_answer_was_lost_is_settled_by_sending_it_again(
    ledger, decision, outcome, monkeypatch, has_landed
):
    await ledger.append(decision(1))
    write = LedgerFile.write

    def failing(self, draft):
        monkeypatch.setattr(LedgerFile, "write", write)
        if has_landed:
            write(self, draft)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(LedgerFile, "write", failing)
    with pytest.raises(LedgerUnavailable, match="disk I/O error"):
        await ledger.append(decision(2))
    again = await ledger.append(decision(2))
    assert (again.seq, again.is_new) == (1, not has_landed)
    assert (await ledger.append(outcome(2))).seq == 2
    assert len(await ledger.find(Filter())) == 3


async def test_a_file_deleted_or_replaced_under_the_ledger_refuses(ledger, path, decision):
    await ledger.append(decision(1))
    aside = path.rename(path.with_name("aside"))
    with pytest.raises(LedgerUnavailable, match="gone"):
        await ledger.append(decision(2))
    path.write_bytes(b"")
    with pytest.raises(LedgerUnavailable, match="another file"):
        await ledger.append(decision(2))
    assert path.read_bytes() == b""
    aside.replace(path)
    assert (await ledger.append(decision(2))).seq == 1


async def test_a_writer_that_met_a_bug_fails_that_batch_and_lives(ledger, decision, monkeypatch):
    write = LedgerFile.write
    monkeypatch.setattr(LedgerFile, "write", lambda self, draft: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        await ledger.append(decision(1))
    monkeypatch.setattr(LedgerFile, "write", write)
    assert (await ledger.append(decision(1))).seq == 0


async def test_history_that_vanished_refuses_for_good(ledger, path, decision):
    for number in range(3):
        await ledger.append(decision(number))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DELETE FROM records WHERE seq = 2")
    db.close()
    ledger._writer._is_certain = False
    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match="ends at record 1 but 2 was filed"):
            await ledger.append(decision(9))


def test_a_killed_process_leaves_a_chain_and_its_open_call_is_charged_at_the_bound(
    path, decision, tmp_path
):
    child = _python(
        f"""
        ledger = await SqliteLedger.open(Path({str(path)!r}))
        await ledger.append(decision(1))
        await ledger.append(outcome(1))
        await ledger.append(decision(2))
        print("filed", flush=True)
        await asyncio.Event().wait()
        """
    )
    assert child.stdout.readline() == "filed\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()

    async def reopen():
        ledger = await SqliteLedger.open(path, now_ms=lambda: 1_795_999_999_999)
        found = await ledger.get(decision(2).id)
        sums = await ledger.costs([])
        await ledger.close()
        return ledger.recovered, found, sums

    recovered, [_, lost], [total] = asyncio.run(reopen())
    assert [(it.decision_id, it.hold_id, it.nanousd, it.tokens) for it in recovered] == [
        (decision(2).id, "hold-2", 9_000, 115)
    ]
    assert lost.body["result"]["status"] == "lost"
    assert lost.body["resource"]["estimated"] is True
    assert (total.nanousd, total.estimated) == (9_700, 1)
    assert verify(path).verdict is Verdict.CONSISTENT
    assert asyncio.run(reopen())[0] == ()


def test_a_cut_off_call_is_charged_all_tool_calls_and_rates_that_it_held(path, decision, filled):
    calls = HoldAmount("agent=coder", "tool_calls", "day", 0, 5)
    held = decision(1).hold
    rate = Hold("rate-1", 9, (HoldAmount("fast", "times", "day", 0, 7),), 0)
    amounts = (*held.amounts, calls)
    filled([decision(1, hold=replace(held, amounts=amounts), rates=(rate,)), decision(2)])

    async def reopen():
        ledger = await SqliteLedger.open(path)
        counted = await ledger.costs(["session"])
        times = await ledger.settled("acme", SimpleNamespace(unit="times", key="fast"), 0)
        await ledger.close()
        return *counted, times

    counted, times = asyncio.run(reopen())
    assert (counted.tool_calls, counted.requests, times) == (5, 2, 7)


@pytest.mark.parametrize(
    ("version", "said"),
    [(1, "version 1, .* begin a new file"), (99, "version 99, .* use the newer program")],
)
def test_a_file_of_another_version_is_not_opened_and_left_as_it_was(
    path, decision, filled, version, said
):
    filled([decision(1)])
    _sql(path, f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(LedgerCorrupt, match=said):
        asyncio.run(_open_and_close(path))
    assert path.read_bytes() == before


def test_two_processes_cannot_append_to_one_file(path, tmp_path):
    child = _python(
        f"""
        ledger = await SqliteLedger.open(Path({str(path)!r}))
        print("open", flush=True)
        sys.stdin.readline()
        await ledger.close()
        """
    )
    assert child.stdout.readline() == "open\n"
    other_name = tmp_path / "link.sqlite"
    other_name.symlink_to(path)
    for name in (path, other_name):
        with pytest.raises(LedgerBusy, match=f"process {child.pid} appends"):
            asyncio.run(_open_and_close(name))
    child.communicate("\n")
    assert child.returncode == 0
    asyncio.run(_open_and_close(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello, I am a text file", "not a ledger"),
        (b"SQLite format 3\x00" + b"\x07" * 5000, "damaged"),
    ],
)
def test_a_file_that_is_no_ledger_is_named_and_left_as_it_was(path, content, said):
    path.write_bytes(content)
    with pytest.raises(LedgerCorrupt, match=said) as error:
        asyncio.run(_open_and_close(path))
    assert str(path) in str(error.value)
    assert path.read_bytes() == content


def test_another_programs_database_is_left_as_it_was(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (a)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(LedgerCorrupt, match="another SQLite file"):
        asyncio.run(_open_and_close(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET status = 'deny' WHERE seq = 3",
        "DELETE FROM records WHERE seq = 3",
        "UPDATE records SET body = CAST(replace(CAST(body AS TEXT), 'coder', 'c0der') AS BLOB)"
        " WHERE seq = 3",
    ],
)
def test_an_end_that_disagrees_with_itself_is_not_opened(path, filled, decision, change):
    filled([decision(number) for number in range(5)])
    _sql(path, change)
    before = path.read_bytes()
    with pytest.raises(LedgerCorrupt, match="audit verify"):
        asyncio.run(_open_and_close(path))
    assert path.read_bytes() == before


def test_a_trigger_slipped_into_the_file_is_not_opened(path, filled, decision):
    filled([decision(1)])
    _sql(path, "CREATE TRIGGER quiet AFTER INSERT ON records BEGIN DELETE FROM costs; END")
    with pytest.raises(LedgerCorrupt, match="tables were changed"):
        asyncio.run(_open_and_close(path))


def test_an_empty_or_half_made_file_becomes_a_ledger(path):
    path.touch()
    asyncio.run(_open_and_close(path))
    path.unlink()
    _sql(path, "PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    asyncio.run(_open_and_close(path))
    assert verify(path).verdict is Verdict.CONSISTENT


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LedgerUnavailable, match="needs a folder it may write"):
        asyncio.run(_open_and_close(tmp_path / "file" / "ledger.sqlite"))


async def _open_and_close(path):
    ledger = await SqliteLedger.open(path)
    await ledger.close()


def _sql(path, statement):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(statement)
    db.close()


def _python(body: str) -> subprocess.Popen[str]:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from proxy.ledger.sqlite import SqliteLedger\n"
        "from tests.ledger.conftest import _decision as decision, _outcome as outcome\n"
        "async def main():\n"
        + textwrap.indent(textwrap.dedent(body), "    ")
        + "\nasyncio.run(main())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

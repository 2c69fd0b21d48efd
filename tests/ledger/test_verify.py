"""The verifier against its enemies: every change to a filed row must be found."""

import asyncio
import hashlib
import json
import shutil
import sqlite3

import pytest

from proxy.ledger.canonical import canonical
from proxy.ledger.chain import leaf_hash
from proxy.ledger.records import Event, HoldAmount
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.tables import (
    COST_COLUMNS,
    RECORD_COLUMNS,
    cost_row,
    costs,
    insert_sql,
    record_row,
    records,
)
from proxy.ledger.verify import Verdict, verify

CALLS = 5
SIZE = 2 * CALLS + 2


@pytest.fixture(scope="module")
def good(tmp_path_factory, decision, outcome):
    """A ledger with every column filled somewhere, closed, one file."""
    path = tmp_path_factory.mktemp("good") / "ledger.sqlite"

    async def fill():
        ledger = await SqliteLedger.open(path)
        for number in range(1, CALLS + 1):
            await ledger.append(decision(number, task="t-1", session=f"s-{number % 2}"))
            await ledger.append(outcome(number))
        await ledger.append(decision(8, decision="deny", code="policy_denied", reason="no"))
        await ledger.append(
            Event(kind="kill", id="k-1", ts_ms=5, org="acme", decision_id="x", status="on")
        )
        await ledger.close()

    asyncio.run(fill())
    assert not path.with_name("ledger.sqlite-wal").exists()
    return path


@pytest.fixture
def copy(good, tmp_path):
    return shutil.copy(good, tmp_path / "copy.sqlite")


def test_an_untouched_ledger_is_consistent_and_says_what_that_does_not_prove(good):
    report = verify(good)
    assert (report.exit_code, report.size, report.findings) == (3, SIZE, [])
    assert "newest records were cut off" in report.summary
    assert list(good.parent.iterdir()) != []
    assert not good.with_name("ledger.sqlite-shm").exists()


@pytest.mark.parametrize("seq", range(SIZE))
def test_a_flipped_byte_in_any_column_of_any_record_is_found(copy, seq):
    for column in RECORD_COLUMNS[1:]:
        for value in _flips(copy, "records", column, seq):
            report = _changed(copy, f"UPDATE records SET {column} = ? WHERE seq = ?", value, seq)
            assert (report.verdict, report.findings[0].seq) == (Verdict.TAMPERED, seq), column


@pytest.mark.parametrize("seq", [1, 2 * CALLS - 1])
def test_a_flipped_byte_in_any_column_of_a_cost_row_is_found(copy, seq):
    for column in COST_COLUMNS[1:]:
        for value in _flips(copy, "costs", column, seq):
            report = _changed(copy, f"UPDATE costs SET {column} = ? WHERE seq = ?", value, seq)
            assert (report.verdict, report.findings[0].seq) == (Verdict.TAMPERED, seq), column


def test_every_single_byte_of_a_body_counts(copy):
    [body] = _one(copy, "SELECT body FROM records WHERE seq = 3")
    for place in range(0, len(body), 7):
        flipped = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        report = _changed(copy, "UPDATE records SET body = ? WHERE seq = ?", flipped, 3)
        assert (report.verdict, report.findings[0].seq) == (Verdict.TAMPERED, 3)


@pytest.mark.parametrize("seq", range(SIZE - 1))
def test_a_dropped_record_is_found_and_so_is_one_whose_gap_was_closed(copy, seq):
    with _Changing(copy) as db:
        db.execute("DELETE FROM records WHERE seq = ?", (seq,))
        db.execute("DELETE FROM costs WHERE seq = ?", (seq,))
        assert _first(copy) == seq
        for table in ("records", "costs"):  # in steps that never meet a number still taken
            for later in range(seq + 1, SIZE):
                db.execute(f"UPDATE {table} SET seq = seq - 1 WHERE seq = ?", (later,))
        assert _first(copy) == seq


@pytest.mark.parametrize("seq", range(SIZE - 1))
def test_swapped_neighbours_are_found(copy, seq):
    with _Changing(copy) as db:
        for table in ("records", "costs"):
            db.execute(f"UPDATE {table} SET seq = -9 WHERE seq = ?", (seq,))
            db.execute(f"UPDATE {table} SET seq = ? WHERE seq = ?", (seq, seq + 1))
            db.execute(f"UPDATE {table} SET seq = ? WHERE seq = -9", (seq + 1,))
        assert _first(copy) == seq


@pytest.mark.parametrize("seq", range(SIZE))
def test_a_duplicated_record_is_found(copy, seq):
    rest = ", ".join(RECORD_COLUMNS[2:])
    with _Changing(copy) as db:
        db.execute(
            f"INSERT INTO records (seq, id, {rest}) SELECT {SIZE}, id || 'x', {rest}"
            " FROM records WHERE seq = ?",
            (seq,),
        )
        assert _first(copy) == SIZE


def test_a_middle_cut_out_is_found(copy):
    with _Changing(copy) as db:
        for table in ("records", "costs"):
            db.execute(f"DELETE FROM {table} WHERE seq BETWEEN 3 AND 8")
        assert _first(copy) == 3


@pytest.mark.parametrize("kept", [0, 1, SIZE - 3, SIZE - 1])
def test_a_tail_cut_with_all_its_traces_is_said_to_be_beyond_proof(copy, kept):
    with _Changing(copy) as db:
        for table in ("records", "costs"):
            db.execute(f"DELETE FROM {table} WHERE seq >= ?", (kept,))
        assert verify(copy).verdict is Verdict.TAMPERED  # what was filed left its marks
        _set_marks(db)
    report = verify(copy)
    assert (report.exit_code, report.size) == (3, kept)
    assert "cut off" in report.summary


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM costs WHERE seq = 3", "cost row disagrees"),
        ("UPDATE costs SET seq = 900 WHERE seq = 3", "cost row disagrees"),
        ("UPDATE costs SET seq = 2 WHERE seq = 3", "stray cost"),
        ("UPDATE marks SET value = 1 WHERE name = 'hold_seq:acme'", "set back"),
        ("UPDATE records SET seq = -1 WHERE seq = 0", "before the first"),
        ("UPDATE records SET body = CAST(body AS TEXT) WHERE seq = 3", "hash"),
    ],
)
def test_other_changes_are_found(copy, statement, said):
    with _Changing(copy) as db:
        db.execute(statement)
    report = verify(copy)
    assert report.exit_code == 1
    assert said in report.summary


def test_a_cost_row_of_no_record_is_found(copy):
    rest = ", ".join(COST_COLUMNS[2:])
    with _Changing(copy) as db:
        db.execute(
            f"INSERT INTO costs (seq, decision_id, {rest}) SELECT -5, 'x', {rest}"
            " FROM costs WHERE seq = 1"
        )
    assert "cost row of no record" in verify(copy).summary


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE rates SET amount = 1", "rate rows disagree"),
        ("DELETE FROM rates", "rate rows disagree"),
        ("INSERT INTO rates VALUES (0, 's', 0, 1)", "rate rows disagree"),
        ("INSERT INTO rates VALUES (-5, 's', 0, 1)", "rate row of no record"),
    ],
)
def test_what_was_counted_of_a_rate_cannot_be_changed(
    path, decision, outcome, filled, change, said
):
    counted = (
        HoldAmount("a", "times", "day", 0, 2),
        HoldAmount("b", "times", "day", 0, 1),
        HoldAmount("b", "times", "day", 86_400_000, 1),
    )
    filled([decision(1), outcome(1, rates=counted)])
    assert verify(path).verdict is Verdict.CONSISTENT
    with _Changing(path) as db:
        db.execute(change)
    report = verify(path)
    assert report.exit_code == 1
    assert said in report.summary


@pytest.mark.parametrize("is_relinked", [False, True])
def test_a_record_rewritten_with_its_own_hash_breaks_the_next_ones_link(copy, is_relinked):
    """The forger recomputes leaf, columns, and (relinked) the next record's link too."""
    with _Changing(copy) as db:
        digest = _rewrite(db, 3, lambda body: body["result"].update(http_status=500))
        if is_relinked:
            _rewrite(db, 4, lambda body: body["reference"].update(prev=digest.hex()))
    assert _first(copy) == (5 if is_relinked else 4)


@pytest.mark.parametrize(
    ("dropped", "said"), [(0, "never decided"), (None, "consistent")], ids=["forged", "control"]
)
def test_a_chain_rewritten_whole_without_a_decision_is_found_by_its_pairs(copy, dropped, said):
    """The forger builds a new chain, every hash right, but leaves a decision out."""
    with _Changing(copy) as db:
        raws = db.execute("SELECT body FROM records ORDER BY seq").fetchall()
        for table in ("records", "costs", "marks"):
            db.execute(f"DELETE FROM {table}")
        prev, sessions, seq = None, {}, 0
        for place, [raw] in enumerate(raws):
            if place == dropped:
                continue
            body = json.loads(raw)
            role = (body["role"]["org"], body["role"]["session"])
            known = sessions.get(role) if role[1] else None
            body["reference"].update(prev=prev, session_prev=known)
            body["seq"] = seq
            raw = canonical(body)
            row, cost = record_row(body, leaf_hash(raw), raw), cost_row(body)
            db.execute(insert_sql(records, 1), row)
            if cost:
                db.execute(insert_sql(costs, 1), cost)
            prev = sessions[role] = leaf_hash(raw).hex()
            seq += 1
        _set_marks(db)
    assert said in verify(copy).summary


def test_an_open_decision_is_reported_and_is_no_crime(path, decision):
    async def run():
        ledger = await SqliteLedger.open(path)
        await ledger.append(decision(1))
        report = await asyncio.to_thread(verify, path)  # while the writer runs
        await ledger.close()
        return report

    report = asyncio.run(run())
    assert report.exit_code == 3
    assert [(it.kind, it.seq) for it in report.findings] == [("decision_without_outcome", 0)]


async def test_a_ledger_that_grows_meanwhile_is_never_called_tampered(
    path, ledger, decision, outcome, monkeypatch
):
    monkeypatch.setattr("proxy.ledger.writer.MARK_EVERY", 50)
    loop = asyncio.get_running_loop()
    verifying = loop.run_in_executor(None, lambda: [verify(path) for _ in range(8)])
    number = 0
    while not verifying.done():
        number += 1
        await asyncio.gather(*(ledger.append(decision(number * 8 + n)) for n in range(8)))
        await asyncio.gather(*(ledger.append(outcome(number * 8 + n)) for n in range(8)))
    assert {report.verdict for report in await verifying} == {Verdict.CONSISTENT}


def test_a_decision_hidden_from_recovery_is_found(path, decision, filled):
    filled([decision(1)])
    with _Changing(path) as db:
        db.execute("UPDATE marks SET value = 1 WHERE name = 'closed_below'")
    assert "marked as closed" in verify(path).summary


@pytest.mark.parametrize(
    "content", [None, b"", b"not a ledger", b"SQLite format 3\x00" + b"\x01" * 9000]
)
def test_what_cannot_be_read_is_unreadable_and_named(path, content):
    if content is not None:
        path.write_bytes(content)
    report = verify(path)
    assert report.exit_code == 2
    assert str(path) in report.summary


def test_a_file_cut_mid_page_is_never_called_consistent(copy):
    content = copy.read_bytes()
    for share in (0.3, 0.6, 0.9):
        copy.write_bytes(content[: int(len(content) * share)])
        assert verify(copy).exit_code in (1, 2)


def test_the_leaf_hash_is_that_of_rfc6962(good):
    [body, digest] = _one(good, "SELECT body, leaf_hash FROM records WHERE seq = 2")
    assert digest == hashlib.sha256(b"\x00" + body).digest()
    assert body == canonical(json.loads(body))


class _Changing:
    """A connection that may break the ledger's rules."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)

    def __enter__(self):
        return self.db

    def __exit__(self, *_):
        self.db.close()


def _set_marks(db):
    """As a careful forger would: to what the records left in the file say."""
    db.execute("DELETE FROM marks")
    holds = "json_extract(CAST(body AS TEXT), '$.resource.hold.seq')"
    db.execute(
        f"INSERT INTO marks SELECT 'hold_seq:' || org, max({holds}) FROM records"
        f" WHERE {holds} IS NOT NULL GROUP BY org"
    )


def _flips(path, table, column, seq):
    """The stored value with one byte or bit changed, and the value taken away or put there."""
    [value] = _one(path, f"SELECT {column} FROM {table} WHERE seq = {seq}")
    match value:
        case None:
            return ["x"]
        case bool() | int():
            return [value ^ 1, value + 256]
        case str():
            return [value[:-1] + chr(ord(value[-1]) ^ 64), value + "x", value.encode()]
        case bytes():
            middle = len(value) // 2
            return [
                bytes([value[0] ^ 1]) + value[1:],
                value[:middle] + bytes([value[middle] ^ 128]) + value[middle + 1 :],
                value[:-1],
            ]


def _changed(path, statement, value, seq):
    """The verdict on the changed file; the file is put back."""
    before = path.read_bytes()
    with _Changing(path) as db:
        db.execute(statement, (value, seq))
    report = verify(path)
    path.write_bytes(before)
    return report


def _first(path):
    report = verify(path)
    assert report.verdict is Verdict.TAMPERED
    return report.findings[0].seq


def _one(path, statement):
    with _Changing(path) as db:
        return db.execute(statement).fetchone()


def _rewrite(db, seq, change):
    [raw] = db.execute("SELECT body FROM records WHERE seq = ?", (seq,)).fetchone()
    body = json.loads(raw)
    change(body)
    raw = canonical(body)
    db.execute(
        "UPDATE records SET body = ?, leaf_hash = ? WHERE seq = ?", (raw, leaf_hash(raw), seq)
    )
    return leaf_hash(raw)

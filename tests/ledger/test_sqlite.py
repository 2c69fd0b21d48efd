import asyncio
import sqlite3
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.ledger.canonical import NotCanonical, canonical
from proxy.ledger.chain import leaf_hash
from proxy.ledger.records import Event
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.store import Filter, LedgerUnavailable, OpenHold, RecordConflict
from proxy.ledger.verify import Verdict, verify


def limit(*scope, unit="usd", window="total", key="agent=coder"):
    return SimpleNamespace(scope=scope, unit=unit, window=window, key=key)


# What is appended: (number of the call, an outcome?, sent again?), in any order and batching.
steps = st.lists(
    st.tuples(st.integers(1, 6), st.booleans(), st.booleans(), st.booleans()), max_size=25
)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_whatever_is_sent_and_sent_again_each_record_is_filed_once_and_chained(
    decision, outcome, plan
):
    async def run(path):
        ledger = await SqliteLedger.open(path)
        sent, answers = [], []
        for number, is_outcome, is_again, is_awaited in plan:
            record = (outcome if is_outcome else decision)(number, **_where(number, is_outcome))
            for _ in range(1 + is_again):
                sent.append(record)
                answers.append(ledger.submit(record))
            if is_awaited:
                await asyncio.wait(answers)
        results = await asyncio.gather(*answers, return_exceptions=True)
        everything = await ledger.find(Filter(), limit=1000)
        await ledger.close()

        filed: dict[object, object] = {}
        for record, result in zip(sent, results, strict=True):
            if isinstance(result, RecordConflict):  # an outcome before its decision, and only that
                assert hasattr(record, "decision_id")
                continue
            first = filed.setdefault(record, result)
            assert (first.seq, first.leaf_hash) == (result.seq, result.leaf_hash)
            assert result.is_new == (first is result)
        assert [entry.seq for entry in everything] == list(reversed(range(len(filed))))
        prev, sessions = None, {}
        for entry in reversed(everything):
            reference, role = entry.body["reference"], entry.body["role"]
            assert entry.leaf_hash == leaf_hash(canonical(entry.body))
            assert reference["prev"] == prev
            assert reference["session_prev"] == sessions.get(role["session"])
            prev = sessions[role["session"]] = entry.leaf_hash.hex()
        assert verify(path).verdict is Verdict.CONSISTENT

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "ledger.sqlite"))


def _where(number, is_outcome):
    return {} if is_outcome else {"session": f"s-{number % 2}"}


async def test_a_thousand_appends_at_once_are_filed_in_the_order_submitted(ledger, decision):
    filed = await asyncio.gather(*(ledger.append(decision(number)) for number in range(1000)))
    assert [one.seq for one in filed] == list(range(1000))
    assert (await ledger.find(Filter(), limit=1))[0].seq == 999


async def test_when_append_returns_another_connection_reads_the_record(ledger, path, decision):
    filed = await ledger.append(decision(1))
    with sqlite3.connect(path) as db:
        row = db.execute("SELECT seq, leaf_hash FROM records").fetchall()
    db.close()
    assert row == [(filed.seq, filed.leaf_hash)]


async def test_the_file_is_synced_on_every_commit_and_only_its_owner_may_read_it(ledger, path):
    assert ledger._writer._file._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_cancelled_caller_leaves_the_writer_alive_and_the_record_filed(ledger, decision):
    waiting = asyncio.create_task(ledger.append(decision(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await ledger.append(decision(2))).seq == 1
    again = await ledger.append(decision(1))
    assert (again.seq, again.is_new) == (0, False)


async def test_an_id_filed_with_other_words_is_a_conflict_and_its_neighbours_are_filed(
    ledger, decision
):
    await ledger.append(decision(1, decision="deny", code="policy_denied"))
    changed, other = await asyncio.gather(
        ledger.append(decision(1)), ledger.append(decision(2)), return_exceptions=True
    )
    assert isinstance(changed, RecordConflict)
    assert "record 0" in str(changed)
    assert other.seq == 1


async def test_an_outcome_needs_its_decision(ledger, outcome):
    with pytest.raises(RecordConflict, match="no decision"):
        await ledger.append(outcome(1))


async def test_a_float_is_refused_and_leaves_no_gap(ledger, decision):
    with pytest.raises(NotCanonical):
        await ledger.append(decision(1, request_bytes=1.5))
    assert (await ledger.append(decision(2))).seq == 0


async def test_text_that_is_no_unicode_is_filed_cleaned(ledger, path, decision):
    await ledger.append(decision(1, path="/x\udcff", model="m\ud800"))
    [entry] = await ledger.get(0)
    assert entry.body["request"]["path"] == "/x\ufffd"
    assert (await ledger.append(decision(1, path="/x\udcff", model="m\ud800"))).is_new is False


async def test_an_outcome_carries_who_and_where_of_its_decision(ledger, decision, outcome):
    await ledger.append(decision(1))
    await ledger.append(outcome(1))
    asked, answered = await ledger.get(decision(1).id[:13])
    assert answered.body["role"] == asked.body["role"]
    assert answered.body["request"]["model"] == "gpt-4.1"
    assert answered.body["reference"]["decision_seq"] == asked.seq
    assert answered.body["result"]["tool_calls"] == [{"id": "t-1", "name": "read_file"}]


async def test_settled_sums_the_cost_rows_of_a_scope_since_a_moment(
    ledger, decision, outcome, start_ms
):
    for number, agent in ((1, "coder"), (2, "coder"), (3, "tester")):
        await ledger.append(decision(number, agent=agent))
        await ledger.append(outcome(number, cost_nanousd=10**number, tokens=number))
    coder = limit(("agent", "coder"))
    assert await ledger.settled("acme", coder, 0) == 110
    assert await ledger.settled("acme", coder, start_ms + 2000) == 100
    assert await ledger.settled("acme", limit(unit="tokens"), 0) == 6
    assert await ledger.settled("acme", limit(unit="requests"), 0) == 3
    assert await ledger.settled("other", limit(), 0) == 0
    assert await ledger.settled("acme", limit(("org", "acme"), ("model", "gpt-4.1")), 0) == 1110
    with pytest.raises(ValueError, match="'colour' is no dimension"):
        await ledger.settled("acme", limit(("colour", "red")), 0)


async def test_open_holds_are_those_of_calls_without_an_outcome(ledger, decision, outcome):
    await ledger.append(decision(1))
    await ledger.append(decision(2))
    await ledger.append(decision(3, decision="deny"))
    await ledger.append(outcome(1))
    lease = decision(2).hold.lease_until_ms
    assert await ledger.open_holds("acme", limit(), 0) == [OpenHold("hold-2", 9_000, lease)]
    assert await ledger.open_holds("acme", limit(), 1) == []  # held in an earlier window
    assert await ledger.open_holds("other", limit(), 0) == []


async def test_a_limit_younger_than_the_call_is_held_at_the_calls_bound(ledger, decision):
    await ledger.append(decision(1))
    new = limit(("session", "s-1"), unit="tokens", key="session=s-1")
    assert [hold.amount for hold in await ledger.open_holds("acme", new, 0)] == [115]
    elsewhere = limit(("session", "s-2"), unit="tokens", key="session=s-2")
    assert await ledger.open_holds("acme", elsewhere, 0) == []


async def test_last_seq_is_the_largest_hold_ever_filed(ledger, path, decision):
    assert await ledger.last_seq("acme") == 0
    await ledger.append(decision(7))
    await ledger.append(decision(3))
    assert await ledger.last_seq("acme") == 7


@pytest.mark.parametrize(
    ("wanted", "seqs"),
    [
        (Filter(), [4, 3, 2, 1, 0]),
        (Filter(agent="tester"), [2]),
        (Filter(decision="deny"), [2]),
        (Filter(status="answered"), [1]),
        (Filter(kind="outcome", session="s-1"), [1]),
        (Filter(host="api.openai.com", org="acme", model="gpt-4.1"), [3, 2, 1, 0]),
        (Filter(status="on"), [4]),
        (Filter(code="policy_denied"), [2]),
        (Filter(task="t-9"), [3]),
    ],
)
async def test_find_gives_the_newest_of_what_matches(ledger, decision, outcome, wanted, seqs):
    await _some(ledger, decision, outcome)
    assert [entry.seq for entry in await ledger.find(wanted)] == seqs


async def test_find_pages_backwards_and_keeps_to_its_times(ledger, decision, outcome, start_ms):
    await _some(ledger, decision, outcome)
    assert [e.seq for e in await ledger.find(Filter(), limit=2, before_seq=3)] == [2, 1]
    times = Filter(since_ms=start_ms + 2000, until_ms=start_ms + 3000)
    assert [e.seq for e in await ledger.find(times)] == [2]


async def test_costs_are_summed_by_what_is_asked(ledger, decision, outcome):
    for number, model in ((1, "a"), (2, "b"), (3, "b")):
        await ledger.append(decision(number, model=model))
        await ledger.append(outcome(number, estimated=number == 3))
    dearest, other = await ledger.costs(["agent", "model"])
    assert (dearest.group, dearest.calls, dearest.nanousd) == (("coder", "b"), 2, 1400)
    assert (dearest.estimated, dearest.input_tokens, dearest.cache_read_tokens) == (1, 24, 6)
    assert other.group == ("coder", "a")
    [total] = await ledger.costs([])
    assert (total.group, total.requests) == ((), 3)


async def test_costs_can_be_told_apart_by_the_model_that_answered(ledger, decision, outcome):
    for number, answered in ((1, "gpt-4.1-2025-04-14"), (2, None), (3, None)):
        await ledger.append(decision(number))
        await ledger.append(outcome(number, model=answered, response_id="resp_1"))
    sums = await ledger.costs(["answered_model"])
    assert [(row.group, row.calls) for row in sums] == [((None,), 2), (("gpt-4.1-2025-04-14",), 1)]
    decided, ended = await ledger.get(decision(1).id)
    assert decided.body["request"]["model"] == ended.body["request"]["model"] == "gpt-4.1"
    assert ended.body["result"]["model"] == "gpt-4.1-2025-04-14"
    assert ended.body["reference"]["response_id"] == "resp_1"


async def test_events_are_filed_with_flat_facts_and_found_with_their_call(ledger, decision):
    await ledger.append(decision(1))
    about = Event(
        kind="approval",
        id="e-1",
        ts_ms=1,
        org="acme",
        decision_id=decision(1).id,
        status="granted",
        facts={"by": "ann", "n": 1},
    )
    await ledger.append(about)
    found = await ledger.get(decision(1).id)
    assert [entry.body["kind"] for entry in found] == ["decision", "approval"]
    assert found[1].body["result"] == {"facts": {"by": "ann", "n": 1}, "status": "granted"}


async def test_a_closed_ledger_takes_nothing_and_closing_files_what_is_queued(path, decision):
    ledger = await SqliteLedger.open(path)
    queued = [ledger.submit(decision(number)) for number in range(50)]
    await ledger.close()
    assert [(await future).seq for future in queued] == list(range(50))
    with pytest.raises(LedgerUnavailable, match="closed"):
        ledger.submit(decision(99))
    await ledger.close()


async def test_a_full_queue_refuses_instead_of_growing(ledger, decision, monkeypatch):
    monkeypatch.setattr("proxy.ledger.sqlite.QUEUE_MAX", 2)
    first = [ledger.submit(decision(number)) for number in (1, 2)]
    with pytest.raises(LedgerUnavailable, match="wait for the disk"):
        ledger.submit(decision(3))
    await asyncio.gather(*first)
    await ledger.append(decision(3))


async def _some(ledger, decision, outcome):
    await ledger.append(decision(1))
    await ledger.append(outcome(1))
    await ledger.append(decision(2, decision="deny", agent="tester", code="policy_denied"))
    await ledger.append(decision(3, task="t-9"))
    await ledger.append(Event(kind="kill", id="k-1", ts_ms=1, org="acme", status="on"))


async def test_whoever_asked_hears_of_each_record_once_it_is_durable(path, decision, outcome):
    heard: list[tuple[object, ...]] = []

    def on_filed(rows) -> None:
        with sqlite3.connect(path) as db:
            found = db.execute("SELECT max(seq) FROM records").fetchone()
        db.close()
        heard.extend((row[0], row[2], found[0] >= row[0]) for row in rows)

    ledger = await SqliteLedger.open(path, on_filed=on_filed)
    await ledger.append(decision(1))
    await ledger.append(outcome(1))
    await ledger.append(outcome(1))  # Sent again: nothing new became durable.
    await ledger.close()
    assert heard == [(0, "decision", True), (1, "outcome", True)]

"""Witnesses over HTTP."""

import pytest

from proxy.board.witness import Attestation
from proxy.endpoint import Problem
from proxy.inside.witness import Witnessing
from proxy.ledger.records import Event
from proxy.ledger.sqlite import SqliteLedger
from tests.board.people import NOW, TASK
from tests.inside.callers import asks, caller, commons


@pytest.fixture
async def witnessing(tmp_path):
    ledger = await SqliteLedger.open(tmp_path / "ledger.sqlite")
    await ledger.append(Event(kind="task", id=TASK, ts_ms=NOW, org="acme", agent="ada"))
    yield Witnessing(commons(ledger=ledger).witnesses, lambda: NOW)
    await ledger.close()


async def test_anothers_record_is_attested_and_read_back(witnessing):
    said = Attestation(record=TASK, outcome="dispute", reason="not_done")
    one = await witnessing.attest(asks(caller(), body=said))
    assert (one.record, one.agent, one.outcome, one.reason) == (
        TASK,
        "coder",
        "dispute",
        "not_done",
    )
    assert (await witnessing.of(asks(caller(), record=TASK))).witnesses == [one]


@pytest.mark.parametrize("record", ["x", TASK[:8], "*" * 36])
async def test_only_a_whole_id_is_a_record(witnessing, record):
    with pytest.raises(Problem) as caught:
        await witnessing.of(asks(caller(), record=record))
    assert caught.value.status == 404

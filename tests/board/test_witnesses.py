"""Witnesses: another's record, once, for a reason on the list; kept in the ledger alone."""

import asyncio

import pytest
from pydantic import ValidationError

from proxy.board.witness import Attestation
from proxy.board.witnesses import Witnesses
from proxy.endpoint import Problem
from proxy.ledger.records import Decision, Event
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.store import Filter
from proxy.slip import Identity
from tests.board.people import ADA, BOB, CAL, NOW, STRANGER

RECORD = "0192f3a0-7b1c-7def-8abc-000000000001"
START = "0192f3a0-7b1c-7def-8abc-000000000002"


@pytest.fixture
async def ledger(tmp_path):
    ledger = await SqliteLedger.open(tmp_path / "ledger.sqlite")
    await ledger.append(
        Decision(
            id=RECORD, ts_ms=NOW, decision="deny", action="egress.http",
            org="acme", agent="ada", session="s1",
        )
    )  # fmt: skip
    await ledger.append(Event(kind="start", id=START, ts_ms=NOW, org="acme"))
    yield ledger
    await ledger.close()


@pytest.fixture
def witnesses(ledger):
    return Witnesses(ledger)


def said(outcome="confirm", reason="observed", record=RECORD):
    return Attestation(record=record, outcome=outcome, reason=reason)


async def refusal(doing):
    with pytest.raises(Problem) as caught:
        await doing
    return caught.value.code


async def test_anothers_record_is_attested_and_read_back(witnesses, ledger):
    one = await witnesses.attest(said(), BOB, NOW + 1)
    other = await witnesses.attest(said("dispute", "wrong_result"), CAL, NOW + 2)
    assert (one.agent, one.outcome, one.reason, one.ts_ms) == (
        "bob",
        "confirm",
        "observed",
        NOW + 1,
    )
    assert await witnesses.of(RECORD, ADA) == [one, other]
    (first, second) = await ledger.find(Filter(kind="witness"))
    assert first.body["reference"]["decision_id"] == RECORD
    assert second.body["result"]["facts"]["about_agent"] == "ada"


async def test_the_same_again_is_the_same_and_another_word_is_refused(witnesses, ledger):
    one = await witnesses.attest(said(), BOB, NOW + 1)
    assert await witnesses.attest(said(), BOB, NOW + 9) == one
    again = Identity("acme", "bob", "another session")
    for changed in (said("dispute", "harmful"), said(reason="verified")):
        assert await refusal(witnesses.attest(changed, again, NOW + 9)) == "attested_before"
    assert len(await ledger.find(Filter(kind="witness"))) == 1


async def test_attesting_at_once_files_one(witnesses, ledger):
    got = await asyncio.gather(*(witnesses.attest(said(), BOB, NOW + n) for n in range(9)))
    assert len(set(got)) == 1
    assert len(await ledger.find(Filter(kind="witness"))) == 1


@pytest.mark.parametrize("agent", ["ada", "ada/helper", "ada/helper/x"])
async def test_nobody_vouches_for_itself_or_for_those_within_it(witnesses, ledger, agent):
    who = Identity("acme", agent, "s2")
    assert await refusal(witnesses.attest(said(), who, NOW)) == "own_record"
    assert await ledger.find(Filter(kind="witness")) == []


async def test_an_agent_around_another_is_not_independent_of_it(witnesses, ledger):
    inner = "0192f3a0-7b1c-7def-8abc-000000000003"
    await ledger.append(Event(kind="task", id=inner, ts_ms=NOW, org="acme", agent="bob/helper"))
    assert await refusal(witnesses.attest(said(record=inner), BOB, NOW)) == "own_record"


async def test_a_record_of_another_org_is_not_there(witnesses):
    assert await refusal(witnesses.attest(said(), STRANGER, NOW)) == "record_not_found"
    assert await refusal(witnesses.of(RECORD, STRANGER)) == "record_not_found"
    missing = RECORD[:-1] + "f"
    assert await refusal(witnesses.attest(said(record=missing), BOB, NOW)) == "record_not_found"


async def test_what_nobody_did_cannot_be_attested(witnesses):
    assert await refusal(witnesses.attest(said(record=START), BOB, NOW)) == "nobody_to_attest"


@pytest.mark.parametrize(("outcome", "reason"), [("confirm", "harmful"), ("dispute", "observed")])
async def test_a_reason_to_confirm_is_none_to_dispute(witnesses, outcome, reason):
    assert await refusal(witnesses.attest(said(outcome, reason), BOB, NOW)) == "bad_reason"


def test_the_reasons_are_a_closed_list():
    with pytest.raises(ValidationError):
        said(reason="because")


async def test_a_witness_can_be_attested_by_a_third(witnesses):
    one = await witnesses.attest(said(), BOB, NOW)
    about = said("dispute", "not_done", one.id)
    assert await refusal(witnesses.attest(about, BOB, NOW)) == "own_record"
    other = await witnesses.attest(about, CAL, NOW)
    assert await witnesses.of(one.id, ADA) == [other]
    assert await witnesses.of(RECORD, ADA) == [one]

"""Audit alone: every call leaves a pair of records, or one refusal; repeats are counted."""

import pytest

from addons import audit
from addons.audit import Audit
from proxy.ledger.filing import decision_of
from proxy.ledger.store import LedgerUnavailable
from proxy.refusals import Code, Refusal
from proxy.slip import Destination, Identity, Slip, Stamp
from tests.addons.slips import MemoryLedger, chat, flow, model_slip, slip

NO = Refusal(Code.HOST_NOT_ALLOWED, "No. Ask.", rule="p/egress.default")
LATE = Refusal(Code.GOVERNANCE_UNAVAILABLE, "Late.")


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def addon(ledger) -> Audit:
    return Audit(ledger)


def test_yes_when_the_decision_is_on_file(addon):
    assert addon.depart(slip(decided_seq=0), flow()) == Stamp("outcome to follow")


def test_rule_2_a_decision_that_is_not_on_file_is_a_no(addon):
    no = addon.depart(slip(), flow())
    assert isinstance(no, Refusal)
    assert (no.code, no.retry_after_s) == (Code.GOVERNANCE_UNAVAILABLE, 5)


async def test_a_refusal_is_one_record_with_its_reason(addon, ledger):
    it = slip(refusal=NO, status="refused")
    await addon.refused(it)

    assert (ledger.records, it.decided_seq) == ([decision_of(it)], 0)
    filed = ledger.decisions[0]
    assert (filed.decision, filed.code, filed.rule) == ("deny", "host_not_allowed", NO.rule)
    assert (filed.reason, filed.repeats, ledger.hurried) == ("No. Ask.", 0, [True])


async def test_a_refusal_after_the_decision_was_filed_is_that_decisions_outcome(addon, ledger):
    it = slip(status="refused")
    it.decided_seq = (await ledger.append(decision_of(it))).seq
    it.refusal = LATE
    await addon.refused(it)

    assert len(ledger.decisions) == 1
    outcome = ledger.outcomes[0]
    assert (outcome.decision_id, outcome.status) == (it.id, "refused")
    assert (outcome.note, outcome.requests) == ("governance_unavailable", 0)


async def test_the_end_of_a_call_is_its_outcome_and_nobody_waits_for_it(addon, ledger):
    it = slip(decided_seq=0, status="answered", http_status=200, left=True)
    await addon.file(it)

    outcome = ledger.outcomes[0]
    assert (outcome.decision_id, outcome.status, outcome.requests) == (it.id, "answered", 1)
    assert ledger.hurried == [False]


@pytest.mark.parametrize("moment", ["refused", "file"])
async def test_a_ledger_that_is_down_is_told_of_and_not_swallowed(addon, ledger, moment):
    ledger.is_down = True
    with pytest.raises(LedgerUnavailable):
        await getattr(addon, moment)(
            slip(refusal=NO, status="refused", decided_seq=0 if moment == "file" else None)
        )


async def test_a_call_that_was_never_decided_leaves_no_outcome(addon, ledger):
    await addon.file(slip(status="client_gone"))
    assert ledger.outcomes == []


async def repeats(addon: Audit, *calls: Slip) -> list[int]:
    for call in calls:
        call.refusal = call.refusal or NO
        call.status = "refused"
        await addon.refused(call)
    return [call.repeats for call in calls]


async def test_repeats_of_one_refusal_are_counted_and_each_is_filed(addon, ledger):
    assert await repeats(addon, *(slip(id=str(number)) for number in range(4))) == [0, 1, 2, 3]
    assert [each.repeats for each in ledger.decisions] == [0, 1, 2, 3]


SAME = {
    "the query is no part of it": (slip(path="/a?x=1"), slip(path="/a?x=2")),
    "the path is no part of it": (slip(path="/a"), slip(path="/b")),
    "one conversation, streamed and not": (
        model_slip(chat(stream=True)),
        model_slip(chat(stream=False)),
    ),
    "one conversation, with another bound": (
        model_slip(chat(max_tokens=5)),
        model_slip(chat(max_tokens=9)),
    ),
    "a caller nobody knows": (slip(identity=None), slip(identity=None)),
    "a destination nobody knows": (slip(None), slip(None)),
}
OTHER = {
    "another host": (slip(), slip(Destination("https", "b.test", 443))),
    "another port": (slip(), slip(Destination("https", "a.test", 8443))),
    "another method": (slip(), slip(method="POST")),
    "another session": (slip(), slip(identity=Identity("acme", "coder", "s2"))),
    "another agent": (slip(), slip(identity=Identity("acme", "tester", "s1"))),
    "another org": (slip(), slip(identity=Identity("other", "coder", "s1"))),
    "another reason": (slip(), slip(refusal=LATE)),
    "another model": (model_slip(chat()), model_slip(chat(model="gpt-4o"))),
    "another conversation": (
        model_slip(chat()),
        model_slip(chat(messages=[{"role": "user", "content": "bye"}])),
    ),
}


@pytest.mark.parametrize("case", [*SAME, *OTHER])
async def test_what_counts_as_the_same_call(addon, case):
    assert await repeats(addon, *(SAME | OTHER)[case]) == [0, int(case in SAME)]


async def test_what_is_remembered_of_refusals_is_bounded_and_the_oldest_is_forgotten(
    addon, monkeypatch
):
    monkeypatch.setattr(audit, "_REFUSED_MAX", 3)

    def to(name: str) -> Slip:
        return slip(Destination("https", f"{name}.test", 443))

    assert await repeats(addon, *map(to, "abcad")) == [0, 0, 0, 1, 0]
    assert len(addon._refused) == 3
    assert await repeats(addon, *map(to, "ab")) == [2, 0], "b was the oldest, a was asked for again"


async def test_what_is_remembered_is_no_text_of_the_caller(addon):
    secret = "the prompt itself"
    await repeats(addon, model_slip(chat(messages=[{"role": "user", "content": secret}])))
    assert secret not in str(addon._refused)

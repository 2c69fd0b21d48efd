"""Approvals in other words: back from JSON and from records as they were; what is told."""

import pytest

from proxy.approvals.approval import Approval, Short, Taken, claimed, cut_off, decided, expired
from proxy.approvals.words import (
    approvals_of,
    event_of,
    event_of_leaving,
    of_taken,
    read,
    refusal_of,
    written,
)
from proxy.budgets import Limit
from proxy.ledger.r6 import r6
from proxy.refusals import Code
from proxy.slip import Ruled
from tests.approvals.questions import CLAIM, NOW, TTL, question


def said(yes: bool) -> Approval:
    return decided(question(), "ann", yes, "“ok” \n", NOW + 1, claim_ms=CLAIM)


EVERY = [
    question(parent="boss", task="t1"),
    said(True),
    said(False),
    claimed(said(True), "call-7", NOW + 2),
    expired(question(), NOW + TTL),
    cut_off(question(), NOW + 3),
]


@pytest.mark.parametrize("it", EVERY, ids=lambda it: it.state)
def test_it_comes_back_as_it_was(it: Approval) -> None:
    assert read(written(it)) == it
    body = r6(event_of(it), 0, None, None, None)
    assert approvals_of([body]) == {it.id: it}


def test_the_last_record_counts_and_one_of_leaving_changes_nothing() -> None:
    events = [event_of(question()), event_of(said(True))]
    events.append(event_of_leaving(question(), "call-1", "e", NOW + 2))
    bodies = [r6(each, n, None, None, None) for n, each in enumerate(events)]
    assert approvals_of(bodies) == {"A-1": said(True)}
    assert len({each.id for each in events}) == 3


@pytest.mark.parametrize(
    ("it", "code", "says"),
    [
        (question(), Code.APPROVAL_PENDING, "Approval A-1 is pending"),
        (said(False), Code.APPROVAL_DENIED, "“ok”"),
        (expired(question(), NOW + TTL), Code.APPROVAL_EXPIRED, "asked anew"),
    ],
)
def test_a_refusal_says_where_it_stands(it: Approval, code: Code, says: str) -> None:
    no = refusal_of(it, "This call")
    assert (no.code, no.facts["approval"], no.kind) == (code, "A-1", "policy")
    assert says in no.message


def test_where_nobody_is_asked_it_says_why() -> None:
    ruled = Ruled("hold", "p/rules.r")
    assert of_taken(Taken(None), ruled, "It").code is Code.APPROVAL_REQUIRED
    assert of_taken(Taken(None, is_blind=True), ruled, "It").kind == "fault"
    assert of_taken(Taken(question()), ruled, "It").code is Code.APPROVAL_PENDING


def test_what_a_budget_lacks_is_read_back_from_the_ledger_and_from_the_store() -> None:
    limit = Limit("day", (("org", "acme"), ("agent", "co/der")), "usd", "day", 2**53 - 1)
    it = question(kind="budget", short=Short(limit, 2**53 - 1))
    assert read(written(it)) == it
    body = r6(event_of(it), 0, None, None, None)
    assert approvals_of([body]) == {it.id: it}

import json

import pytest
import rfc8785

from proxy.ledger.canonical import canonical
from proxy.ledger.r6 import ms_of, r6, rfc3339
from proxy.ledger.records import Decision, Event

SIX = {"rules", "role", "request", "reference", "resource", "result"}


@pytest.fixture
def bodies(decision, outcome):
    decided = r6(decision(1), 0, None, None, None)
    return [
        decided,
        r6(outcome(1), 1, "aa", "aa", decided),
        r6(Event(kind="stop", id="e", ts_ms=1, facts={"b": 1, "a": "x"}), 2, "bb", None, None),
    ]


def test_every_body_has_the_six_parts_and_its_place(bodies):
    for seq, body in enumerate(bodies):
        assert set(body) == SIX | {"v", "kind", "seq", "id", "ts"}
        assert (body["v"], body["seq"]) == (1, seq)
        assert {"decision_id", "prev", "session_prev"} <= set(body["reference"])


def test_every_body_has_the_bytes_of_the_rfc(bodies):
    for body in bodies:
        assert canonical(body) == rfc8785.dumps(body)
        assert json.loads(canonical(body)) == body


@pytest.mark.parametrize("ts_ms", [0, 999, 1_795_000_000_001, 253_402_300_799_999])
def test_a_time_is_written_with_its_milliseconds_and_read_back(ts_ms):
    assert ms_of(rfc3339(ts_ms)) == ts_ms


def test_a_time_is_rfc3339_in_utc():
    assert rfc3339(1_795_000_000_007) == "2026-11-18T11:06:40.007Z"


def test_a_path_with_a_query_is_refused():
    with pytest.raises(ValueError, match="query_sha256"):
        Decision(id="a", ts_ms=1, decision="deny", action="egress.http", path="/x?key=secret")


def test_an_outcome_that_charges_less_than_nothing_is_refused(outcome):
    with pytest.raises(ValueError, match="less than nothing"):
        outcome(1, cost_nanousd=-1)


@pytest.mark.parametrize("kind", ["decision", "outcome", "Policy Change", ""])
def test_an_event_has_a_kind_of_its_own(kind):
    with pytest.raises(ValueError, match="no kind of event"):
        Event(kind=kind, id="e", ts_ms=1)


def test_a_refused_caller_without_identity_is_still_recorded():
    anonymous = Decision(
        id="a", ts_ms=1, decision="deny", action="llm.call", code="identity_required"
    )
    body = r6(anonymous, 0, None, None, None)
    assert body["role"]["org"] is None
    assert body["result"]["code"] == "identity_required"

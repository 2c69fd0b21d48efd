"""How a stop is told, what it leaves alone, and what the ledger makes of it again."""

import pytest

from proxy.identity.scope import Scope
from proxy.kill.stops import Stop
from proxy.kill.words import (
    event_of_revive,
    event_of_stop,
    goes_on,
    refusal_of_stop,
    stops_of,
)
from proxy.ledger.r6 import r6
from proxy.ledger.records import Event
from proxy.refusals import Code
from tests.addons.slips import chat, model_slip, slip

SESSION = Scope("acme", "coder", "s1")
RULED = "egress: {default: allow}\nrules:\n  - {id: r, decision: deny, match: {tools: [X]}}"


def stop(level: str = "kill", scope: Scope = SESSION, name: str = "k1") -> Stop:
    return Stop(name, scope, level, "ann", "it went astray", 1_795_000_000_123)  # type: ignore[arg-type]


def bodies(*events: Event) -> list[dict[str, object]]:
    return [r6(event, seq, None, None, None) for seq, event in enumerate(events)]


def test_a_refusal_says_why_and_what_would_end_it() -> None:
    killed, quarantined = refusal_of_stop(stop()), refusal_of_stop(stop("quarantine"))
    assert (killed.code, quarantined.code) == (Code.KILLED, Code.QUARANTINED)
    for refusal in (killed, quarantined):
        assert refusal.kind == "policy"
        assert "session" in refusal.message
        assert "it went astray." in refusal.message
        assert "exeat revive" in refusal.message
        assert refusal.facts == {"scope": "session", "since": 1_795_000_000}


@pytest.mark.parametrize(
    ("call", "may"),
    [
        (slip(method="GET"), True),
        (slip(method="HEAD"), True),
        (slip(method="POST"), False),
        (slip(method="DELETE"), False),
        (slip(method="POST", door="internal"), True),
        (model_slip(chat()), False),
        (model_slip(chat(), RULED), True),
        (model_slip(chat(), RULED, socket="x"), False),
        (model_slip(chat(), RULED, socket="x", gate=object()), True),
    ],
    ids=["GET", "HEAD", "POST", "DELETE", "inside", "model", "gated model", "turn", "gated turn"],
)
def test_a_quarantine_leaves_alone_what_reads_and_what_is_decided_anyway(call, may) -> None:
    assert goes_on(call) is may


def test_what_is_in_force_is_read_back_from_the_records() -> None:
    org = stop("quarantine", Scope("acme"), "q1")
    found = stops_of(
        bodies(
            event_of_stop(stop("quarantine", name="q0"), 1),
            event_of_stop(stop(), 3),
            event_of_stop(org, 0),
            event_of_stop(stop(scope=Scope("acme", "coder"), name="k2"), 0),
            event_of_revive(stop(scope=Scope("acme", "coder"), name="k2"), "root", "fine", "r1", 9),
        )
    )
    assert set(found) == {stop(), org}


def test_a_revive_names_what_it_ended() -> None:
    event = event_of_revive(stop(), "root", "mended", "r1", 9)
    assert event.decision_id == "k1"
    assert event.facts == {"by": "root", "reason": "mended", "was": "kill", "was_by": "ann"}

"""Which stop a caller is within, and which of two holds."""

import pytest

from proxy.identity.scope import Scope
from proxy.kill.stops import Stop, Stops
from proxy.slip import Identity

ME = Identity("acme", "coder", "s1")
ORG, AGENT, SESSION = Scope("acme"), Scope("acme", "coder"), Scope("acme", "coder", "s1")


def kill(scope: Scope, name: str = "k") -> Stop:
    return Stop(name, scope, "kill", "ann", "astray", 1)


def quarantine(scope: Scope, name: str = "q") -> Stop:
    return Stop(name, scope, "quarantine", "ann", "odd", 2)


@pytest.mark.parametrize("scope", [ORG, AGENT, SESSION], ids=str)
def test_a_scope_covers_what_is_within_it(scope: Scope) -> None:
    assert Stops([kill(scope)]).found(ME) is not None
    assert scope.covers(ME)


@pytest.mark.parametrize(
    "other",
    [
        Identity("globex", "coder", "s1"),
        Identity("acme", "writer", "s1"),
        Identity("acme", "coder", "s2"),
    ],
    ids=["another org", "another agent", "another session"],
)
def test_a_session_is_one_agents_of_one_org(other: Identity) -> None:
    assert Stops([kill(SESSION)]).found(other) is None
    assert not SESSION.covers(other)


@pytest.mark.parametrize("parts", [("",), ("acme", ""), ("acme", None, "s1")])
def test_a_scope_without_what_it_needs_is_none(parts: tuple[str | None, ...]) -> None:
    with pytest.raises(ValueError, match=r"scope|session"):
        Scope(*parts)  # type: ignore[arg-type]


def test_the_strictest_stop_counts_and_of_equals_the_widest() -> None:
    stops = Stops([quarantine(ORG), quarantine(AGENT)])
    assert stops.found(ME) == quarantine(ORG)
    stops.add(kill(SESSION))
    assert stops.found(ME) == kill(SESSION)
    assert stops.found(Identity("acme", "coder", "s2")) == quarantine(ORG)


def test_a_kill_takes_the_place_of_a_quarantine_and_never_the_other_way() -> None:
    stops = Stops([quarantine(AGENT)])
    assert stops.add(kill(AGENT)) == kill(AGENT)
    assert stops.add(quarantine(AGENT)) == kill(AGENT)
    assert stops.add(kill(AGENT, "again")).id == "k"
    assert list(stops) == [kill(AGENT)]


def test_a_revive_lifts_one_scope_and_leaves_wider_and_narrower_ones() -> None:
    stops = Stops([kill(ORG), kill(AGENT), kill(SESSION)])
    assert stops.remove(AGENT) == kill(AGENT)
    assert stops.remove(AGENT) is None
    assert {stop.scope for stop in stops} == {ORG, SESSION}


def test_stopped_sessions_of_an_agent_are_counted() -> None:
    stops = Stops([kill(AGENT), kill(SESSION), quarantine(Scope("acme", "coder", "s2"))])
    assert stops.sessions("acme", "coder") == 2
    assert stops.sessions("acme", "writer") == 0

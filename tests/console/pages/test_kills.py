"""The kill switch by form: who may, what it says, and where one is afterwards."""

import pytest

from proxy.console.pages.kills import steering
from proxy.identity.scope import Scope
from proxy.kill.stops import Stop
from proxy.ledger.store import Filter

CODER = {"org": "acme", "agent": "coder"}


def stop(*scope: str, level="kill") -> Stop:
    return Stop("k", Scope(*scope), level, "ann", "astray", 1)


def test_an_agent_is_within_its_own_stops_and_its_orgs() -> None:
    stops = [
        stop("acme"),
        stop("acme", "coder"),
        stop("acme", "other"),
        stop("acme", "coder", "s1"),
        stop("else", "coder"),
    ]
    of_agent = steering(stops, "acme", "coder", None)
    assert [str(each.scope) for each in of_agent.stops] == ["org acme", "org acme, agent coder"]
    assert of_agent.own == stops[1]
    of_session = steering(stops, "acme", "coder", "s1")
    assert (len(of_session.stops), of_session.own) == (3, stops[3])
    assert steering(stops[:1], "acme", "coder", None).own is None, "its org's is not its own"


async def test_an_approver_kills_with_a_reason_and_the_page_says_so(look, ports) -> None:
    answer = await look("/kill", CODER | {"level": "kill", "reason": "astray"}, role="approver")
    assert (answer.status, answer.headers["location"]) == (303, "/agent?org=acme&agent=coder")
    assert [(str(each.scope), each.by, each.level) for each in ports.switch.in_force] == [
        ("org acme, agent coder", "approver", "kill")
    ]
    text = (await look("/agent?org=acme&agent=coder")).text
    assert "<strong>Killed</strong>" in text
    assert "astray" in text
    assert 'action="/revive"' in text
    assert '<span class="chip no">killed</span>' in (await look("/agents?since=7d")).text


async def test_a_session_is_quarantined_and_may_still_be_killed(look, ports) -> None:
    session = CODER | {"session": "s1"}
    answer = await look("/kill", session | {"level": "quarantine", "reason": "odd"})
    assert answer.headers["location"] == "/session?org=acme&agent=coder&session=s1"
    text = (await look("/session?org=acme&agent=coder&session=s1")).text
    assert "In quarantine" in text
    assert 'action="/kill"' in text
    assert 'value="quarantine"' not in text
    await look("/kill", session | {"level": "kill", "reason": "worse"})
    assert [each.level for each in ports.switch.in_force] == ["kill"]


async def test_an_admin_revives(look, ports) -> None:
    await look("/kill", CODER | {"reason": "astray"})
    assert (await look("/revive", CODER | {"reason": "mended"})).status == 303
    assert ports.switch.in_force == ()
    kinds = [entry.body["kind"] for entry in await ports.ledger.find(Filter(), 2)]
    assert kinds == ["revive", "kill"]
    assert (await look("/revive", CODER | {"reason": "again"})).status == 409


@pytest.mark.parametrize(("path", "role"), [("/kill", "viewer"), ("/revive", "approver")])
async def test_nobody_does_more_than_their_role(look, ports, path, role) -> None:
    assert (await look(path, CODER | {"reason": "x"}, role=role)).status == 403
    assert ports.switch.in_force == ()


async def test_a_viewer_sees_no_button(look) -> None:
    text = (await look("/agent?org=acme&agent=coder", role="viewer")).text
    assert 'action="/kill"' not in text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (CODER, "Say why"),
        (CODER | {"reason": ""}, "Say why"),
        (CODER | {"reason": "a\nb"}, "Say why"),
        ({"agent": "coder", "reason": "x"}, "org"),
        (CODER | {"org": "<b>", "reason": "x"}, "org"),
    ],
)
async def test_what_is_missing_is_said(look, ports, form, words) -> None:
    answer = await look("/kill", form)
    assert (answer.status, words in answer.text) == (400, True)
    assert ports.switch.in_force == ()

"""The kill switch over the API: who may, and what they are told."""

import pytest

from proxy.slip import Identity
from tests.console.conftest import Desk

KILL = {"org": "acme", "agent": "coder", "session": "s1", "reason": "It went astray."}


async def ask(desk: Desk, path: str, role: str = "admin", **body: str):
    return await desk.get(
        path, method="POST", body=body, authorization=f"Bearer {desk.tokens[role]}"
    )


async def test_an_approver_kills_and_everybody_sees_what_is_stopped(desk, ports) -> None:
    done = await ask(desk, "/api/kills", "approver", **KILL)
    assert done.status == 200
    assert done.body["severed"] == 0
    stop = done.body["stop"]
    assert (stop["level"], stop["by"], stop["session"]) == ("kill", "approver", "s1")
    assert ports.switch.found(Identity("acme", "coder", "s1")).reason == "It went astray."
    seen = await desk.get("/api/kills", authorization=f"Bearer {desk.tokens['viewer']}")
    assert seen.body == {"stops": [stop], "is_blind": False}
    (event,) = await ports.ledger.events(("kill",))
    assert event.body["id"] == stop["id"]


async def test_only_an_admin_revives_and_is_told_what_still_holds(desk, ports) -> None:
    await ask(desk, "/api/kills", **KILL)
    await ask(desk, "/api/kills", org="acme", reason="All of them.", level="quarantine")
    asked = {name: value for name, value in KILL.items() if name != "reason"}
    assert (await ask(desk, "/api/kills/revive", "approver", **asked, reason="x")).status == 403
    done = await ask(desk, "/api/kills/revive", **asked, reason="Mended.")
    assert done.body["was"]["level"] == "kill"
    assert [(each["org"], each["agent"]) for each in done.body["still"]] == [("acme", None)]
    again = await ask(desk, "/api/kills/revive", **asked, reason="Mended.")
    assert (again.status, again.body["error"]["code"]) == (404, "not_stopped")


async def test_a_kill_cannot_be_made_milder_by_who_may_not_revive(desk) -> None:
    await ask(desk, "/api/kills", **KILL)
    done = await ask(desk, "/api/kills", "approver", **{**KILL, "level": "quarantine"})
    assert done.body["stop"]["level"] == "kill"


@pytest.mark.parametrize(
    "body",
    [
        {"org": "acme"},
        {"org": "", "reason": "x"},
        {"org": "acme", "session": "s1", "reason": "x"},
        {"org": "ac me", "reason": "x"},
        {"org": "acme", "reason": ""},
        {"org": "acme", "reason": "x" * 501},
        {"org": "acme", "reason": "a\nb"},
        {"org": "acme", "reason": "x", "level": "pause"},
        {"org": "acme", "reason": "x", "agnt": "coder"},
    ],
    ids=lambda body: str(body)[:40],
)
async def test_what_does_not_say_what_and_why_stops_nobody(desk, ports, body) -> None:
    assert (await ask(desk, "/api/kills", **body)).status == 400
    assert ports.switch.in_force == ()

"""kill: nobody who was stopped goes on, and nobody does while that cannot be known."""

from typing import Any

import pytest

from addons.kill import Kill
from proxy.identity.scope import Scope
from proxy.kill.memory import MemoryStops
from proxy.kill.switch import BLIND_S, KillSwitch
from proxy.refusals import Code, Refusal
from proxy.slip import Stamp
from tests.addons.slips import MemoryLedger, flow, slip


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def switch(clock: Clock) -> KillSwitch:
    made = KillSwitch(MemoryStops(), MemoryLedger(), clock=clock)  # type: ignore[arg-type]
    await made.open()
    return made


def asked(switch: KillSwitch, **facts: Any) -> tuple[Any, Stamp | Refusal]:
    call = slip(**facts)
    return call, Kill(switch).depart(call, flow())


async def test_who_is_not_stopped_goes_on(switch: KillSwitch) -> None:
    await switch.stop(Scope("acme", "writer"), "kill", "ann", "x")
    call, answer = asked(switch)
    assert isinstance(answer, Stamp)
    assert not call.quarantined


@pytest.mark.parametrize(
    "scope", [Scope("acme"), Scope("acme", "coder"), Scope("acme", "coder", "s1")], ids=str
)
async def test_who_is_killed_does_not(switch: KillSwitch, scope: Scope) -> None:
    await switch.stop(scope, "kill", "ann", "x")
    for door in ("forward", "tunnel", "base_url", "internal"):
        _, answer = asked(switch, door=door)
        assert isinstance(answer, Refusal)
        assert answer.code is Code.KILLED


async def test_in_quarantine_the_rules_decide(switch: KillSwitch) -> None:
    await switch.stop(Scope("acme"), "quarantine", "ann", "x")
    call, answer = asked(switch, method="POST")
    assert isinstance(answer, Stamp)
    assert call.quarantined


@pytest.mark.parametrize(
    ("method", "path", "may"),
    [
        ("GET", "/v1/budget", True),
        ("POST", "/v1/tool-calls/check", True),
        ("POST", "/v1/tool-calls/report?x=1", True),
        ("POST", "/v1/chat/completions", True),
        ("POST", "/v1/delegate", True),
        ("POST", "/v1/messages", False),
        ("DELETE", "/v1/tasks/1", False),
    ],
)
async def test_in_quarantine_one_may_ask_and_not_act_inside(
    switch: KillSwitch, method: str, path: str, may: bool
) -> None:
    await switch.stop(Scope("acme"), "quarantine", "ann", "x")
    _, answer = asked(switch, door="internal", method=method, path=path)
    assert isinstance(answer, Stamp) is may
    assert may or answer.code is Code.QUARANTINED  # type: ignore[union-attr]


async def test_fail_closed_nothing_passes_while_stops_cannot_be_read(clock: Clock) -> None:
    switch = KillSwitch(MemoryStops(), MemoryLedger(), clock=clock)  # type: ignore[arg-type]
    _, answer = asked(switch)
    assert isinstance(answer, Refusal)
    assert answer.code is Code.GOVERNANCE_UNAVAILABLE
    await switch.open()
    clock.now_s += 10 * BLIND_S
    _, answer = asked(switch)
    assert isinstance(answer, Stamp)

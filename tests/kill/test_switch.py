"""The kill switch: here first, then everywhere, then on file; and what it does when a part fails."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from proxy.identity.scope import Scope
from proxy.kill.memory import MemoryStops
from proxy.kill.stops import Stop
from proxy.kill.store import Loaded, StopsUnavailable
from proxy.kill.switch import BLIND_S, KillSwitch
from proxy.ledger.store import LedgerUnavailable
from proxy.slip import Identity
from tests.addons.slips import MemoryLedger
from tests.house import eventually

ME = Identity("acme", "coder", "s1")
AGENT = Scope("acme", "coder")


class Frail(MemoryStops):
    """A store that can be away, and late."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.late = asyncio.Event()
        self.late.set()

    async def load(self, mine: Sequence[Stop], run: str) -> Loaded:
        self._look()
        loaded = await super().load(mine, run)
        await self.late.wait()
        return loaded

    async def put(self, stop: Stop) -> Stop:
        self._look()
        return await super().put(stop)

    async def remove(self, scope: Scope) -> Stop | None:
        self._look()
        return await super().remove(scope)

    def _look(self) -> None:
        if self.is_down:
            raise StopsUnavailable("away")


class Process:
    """A switch with what it cut, and a clock that stands still."""

    def __init__(self, store: MemoryStops, ledger: MemoryLedger | None = None) -> None:
        self.ledger = ledger or MemoryLedger()
        self.now_s = 1000.0
        self.cut: list[Stop] = []
        self.heard: list[Stop] = []
        self.switch = KillSwitch(store, self.ledger, clock=lambda: self.now_s)  # type: ignore[arg-type]
        self.switch.connect(self._cut, self.heard.append)

    def _cut(self, stop: Stop) -> int:
        self.cut.append(stop)
        return 2

    async def stop(self, scope: Scope = AGENT, level: Any = "kill") -> Any:
        return await self.switch.stop(scope, level, "ann", "astray")


async def opened(store: MemoryStops, ledger: MemoryLedger | None = None) -> Process:
    made = Process(store, ledger)
    await made.switch.open()
    return made


def kinds(process: Process) -> list[str]:
    return [event.kind for event in process.ledger.filed]


async def test_a_kill_is_in_force_before_anybody_else_is_told() -> None:
    store = Frail()
    here = await opened(store)
    store.is_down = True
    with pytest.raises(StopsUnavailable):
        await here.stop()
    assert here.switch.found(ME) is not None
    assert here.cut == here.heard == list(here.switch.in_force)
    (event,) = here.ledger.filed
    assert (event.kind, event.agent, event.session) == ("kill", "coder", None)
    assert event.facts == {"by": "ann", "reason": "astray", "severed": 2}


async def test_what_could_not_be_told_is_told_when_the_store_is_back() -> None:
    store = Frail()
    here, there = await opened(store), await opened(store)
    store.is_down = True
    with pytest.raises(StopsUnavailable):
        await here.stop()
    store.is_down = False
    await here.switch._look()
    await there.switch._look()
    assert there.switch.found(ME) == here.switch.found(ME) != None  # noqa: E711


async def test_a_kill_that_cannot_be_filed_holds_all_the_same() -> None:
    here = await opened(MemoryStops())
    here.ledger.is_down = True
    with pytest.raises(LedgerUnavailable):
        await here.stop()
    assert here.switch.found(ME) is not None


async def test_other_processes_hear_of_it_cut_their_calls_and_file_how_many() -> None:
    store = MemoryStops()
    here, there = await opened(store), await opened(store)
    watching = asyncio.create_task(there.switch.watch())
    try:
        done = await here.stop()
        await eventually(lambda: asyncio.sleep(0, there.cut), bool)
        assert there.cut == there.heard == [done.stop]
        assert kinds(here) == ["kill"]
        assert kinds(there) == ["severed"]
        assert there.ledger.filed[0].decision_id == done.stop.id
        await here.switch.revive(AGENT, "root", "mended")
        await eventually(
            lambda: asyncio.sleep(0, there.switch.found(ME)), lambda found: found is None
        )
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def test_a_look_that_began_before_a_kill_does_not_lift_it() -> None:
    store = Frail()
    here = await opened(store)
    store.late.clear()
    looking = asyncio.create_task(here.switch._look())
    await asyncio.sleep(0)
    stopping = asyncio.create_task(here.stop())
    await asyncio.sleep(0)
    store.late.set()
    await looking
    assert here.switch.found(ME) is not None
    await stopping
    assert here.switch.found(ME) is not None


async def test_a_killed_agent_cannot_be_made_milder_and_nothing_is_filed_of_it() -> None:
    here = await opened(MemoryStops())
    first = await here.stop()
    again = await here.stop(level="quarantine")
    assert (again.stop, again.severed) == (first.stop, 0)
    assert kinds(here) == ["kill"]
    assert len(here.cut) == 1


async def test_a_revive_of_what_is_not_stopped_says_so() -> None:
    here = await opened(MemoryStops())
    assert await here.switch.revive(AGENT, "root", "mended") is None
    assert kinds(here) == []


async def test_nothing_is_lifted_here_while_others_cannot_be_told() -> None:
    store = Frail()
    here = await opened(store)
    await here.stop()
    store.is_down = True
    with pytest.raises(StopsUnavailable):
        await here.switch.revive(AGENT, "root", "mended")
    assert here.switch.found(ME) is not None


async def test_after_a_restart_the_ledger_says_what_is_in_force() -> None:
    ledger = MemoryLedger()
    before = await opened(MemoryStops(), ledger)
    kept = await before.stop()
    await before.stop(Scope("globex"), "quarantine")
    await before.switch.revive(Scope("globex"), "root", "mended")
    after = await opened(MemoryStops(), ledger)
    assert after.switch.in_force == (kept.stop,)
    assert after.cut == []


async def test_without_a_store_everything_is_unknown_after_a_while_and_at_the_start_at_once() -> (
    None
):
    store = Frail()
    here = await opened(store)
    assert not here.switch.is_blind
    store.is_down = True
    await here.switch._look()
    assert not here.switch.is_blind
    here.now_s += BLIND_S
    assert here.switch.is_blind
    store.is_down = False
    await here.switch._look()
    assert not here.switch.is_blind
    store.is_down = True
    assert (await opened(store)).switch.is_blind


async def test_who_cannot_wait_stops_at_once_and_the_rest_follows() -> None:
    here = await opened(MemoryStops())
    here.switch.stop_soon(AGENT, "kill", "trigger:strict", "a canary")
    assert here.switch.found(ME) is not None
    assert len(here.cut) == 1
    await here.switch.aclose()
    assert kinds(here) == ["kill"]

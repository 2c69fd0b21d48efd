"""The kill switch: stops take effect here at once, then everywhere, and then are written down."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from proxy.identity.scope import Scope
from proxy.kill.stops import Level, Stop, Stops
from proxy.kill.store import StopStore, StopsUnavailable
from proxy.kill.words import KINDS, event_of_revive, event_of_severed, event_of_stop, stops_of
from proxy.ledger.store import Ledger, LedgerError
from proxy.slip import Identity, new_id

log = structlog.get_logger()

BLIND_S = 3.0
"""How long the shared state may be out of reach before everything is refused."""

type Sever = Callable[[Stop], int]
"""Ends what is under way in a stop's scope; how many calls that were."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a kill or a quarantine did."""

    stop: Stop
    """What is in force now: another's, when one as strict was there before."""
    severed: int
    """Calls that ended with it in this process; others file their own."""


class _Begun(NamedTuple):
    asked: Stop
    telling: asyncio.Task[Stop]
    severed: int


class KillSwitch:
    """One per process. `watch` must run while it is asked."""

    def __init__(
        self, store: StopStore, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._stops = Stops()
        self._untold: dict[Scope, Stop] = {}
        """In force here, and not yet in the store."""
        self._run = ""
        self._blind_since: float | None = clock() - BLIND_S
        self._one_at_a_time = asyncio.Lock()
        self._severs: Sever = lambda _: 0
        self._hears: Callable[[Stop], None] = lambda _: None
        self._tasks: set[asyncio.Task[None]] = set()

    def connect(self, severs: Sever, hears: Callable[[Stop], None] = lambda _: None) -> None:
        """Who ends what is under way, and who else wants to know of each kill and quarantine."""
        self._severs, self._hears = severs, hears

    @property
    def is_blind(self) -> bool:
        """The shared state could not be read lately: what others have stopped is not known here."""
        since = self._blind_since
        return since is not None and self._clock() - since >= BLIND_S

    @property
    def in_force(self) -> tuple[Stop, ...]:
        """Every stop, the oldest first."""
        return tuple(sorted(self._stops, key=lambda stop: (stop.at_ms, stop.id)))

    def found(self, who: Identity) -> Stop | None:
        """The stop that this caller is within."""
        return self._stops.found(who)

    def stopped_sessions(self, org: str, agent: str) -> int:
        """How many sessions of this agent are stopped."""
        return self._stops.sessions(org, agent)

    async def open(self) -> None:
        """What the ledger says is in force, then what the store says. A store that does not answer is
        asked again by `watch`; until then everything is refused."""
        entries = await self._ledger.events(KINDS)
        self._stops = stops_of(entry.body for entry in entries)
        await self._look()

    async def watch(self) -> None:
        """Until cancelled: follow what other processes do."""
        async with aclosing(self._store.changes()) as changes:
            async for _ in changes:
                await self._look()

    async def stop(self, scope: Scope, level: Level, by: str, reason: str) -> Stopped:
        """In force here at once, everywhere and on file when it returns. Raises StopsUnavailable when
        other processes could not be told (they will be), and LedgerError when it could not be filed; it
        is in force here all the same."""
        return await self._spread(self._apply(scope, level, by, reason))

    def stop_soon(self, scope: Scope, level: Level, by: str, reason: str) -> None:
        """The same for whoever cannot wait: in force here on return."""
        spreads = self._spread_logged(self._apply(scope, level, by, reason))
        task = asyncio.get_running_loop().create_task(spreads, name=f"stop {scope}")
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def revive(self, scope: Scope, by: str, reason: str) -> Stop | None:
        """Lift the stop of this very scope; what it was, or None when there was none. Raises as `stop`
        does; when other processes could not be told, nothing is lifted."""
        async with self._one_at_a_time:
            was = await self._store.remove(scope)
            here = self._stops.remove(scope)
            self._untold.pop(scope, None)
        lifted = was or here
        if lifted is not None:
            now_ms = time.time_ns() // 1_000_000
            await self._ledger.append(event_of_revive(lifted, by, reason, new_id(), now_ms))
        return lifted

    async def aclose(self) -> None:
        """Finish what is being told, and let the store go."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        await self._store.aclose()

    def _apply(self, scope: Scope, level: Level, by: str, reason: str) -> _Begun:
        """In force in this process from here on. Others are told first: they need not wait while calls
        are cut here."""
        asked = Stop(new_id(), scope, level, by, reason, time.time_ns() // 1_000_000)
        is_new = self._stops.add(asked) is asked
        if is_new:
            self._untold[scope] = asked
        telling = asyncio.get_running_loop().create_task(self._tell_in_turn(asked))
        return _Begun(asked, telling, self._end(asked) if is_new else 0)

    def _end(self, stop: Stop) -> int:
        severed = self._severs(stop)
        self._hears(stop)
        log.warning("stopped", level=stop.level, scope=str(stop.scope), by=stop.by, severed=severed)
        return severed

    async def _spread(self, begun: _Begun) -> Stopped:
        asked, in_force = begun.asked, self._stops.on(begun.asked.scope) or begun.asked
        untold: StopsUnavailable | None = None
        try:
            in_force = await begun.telling
        except StopsUnavailable as error:
            untold = error
        if in_force.level == asked.level:
            await self._ledger.append(event_of_stop(asked, begun.severed))
        if untold is not None:
            raise untold
        return Stopped(in_force, begun.severed)

    async def _spread_logged(self, begun: _Begun) -> None:
        try:
            await self._spread(begun)
        except (StopsUnavailable, LedgerError) as error:
            log.error(
                "stopped here only, or not filed", scope=str(begun.asked.scope), error=str(error)
            )

    async def _tell_in_turn(self, stop: Stop) -> Stop:
        async with self._one_at_a_time:
            return await self._tell(stop)

    async def _tell(self, stop: Stop) -> Stop:
        in_force = await self._store.put(stop)
        if self._untold.get(stop.scope) is stop:
            del self._untold[stop.scope]
        self._stops.add(in_force)
        return in_force

    async def _look(self) -> None:
        """Take over what the store says, and tell it what it has not heard."""
        try:
            async with self._one_at_a_time:
                for stop in tuple(self._untold.values()):
                    await self._tell(stop)
                loaded = await self._store.load(tuple(self._stops), self._run)
                is_first, known, self._run = not self._run, self._stops, loaded.run
                self._stops = Stops((*loaded.stops, *self._untold.values()))
        except StopsUnavailable as error:
            if self._blind_since is None:
                self._blind_since = self._clock()
                log.error("what others stop cannot be read", error=str(error))
            return
        self._blind_since = None
        for stop in loaded.stops:
            before = known.on(stop.scope)
            if not is_first and (before is None or before.id != stop.id):
                self._file_severed(stop, self._end(stop))

    def _file_severed(self, stop: Stop, severed: int) -> None:
        if not severed:
            return
        now_ms = time.time_ns() // 1_000_000
        try:
            filed = self._ledger.submit(event_of_severed(stop, severed, new_id(), now_ms))
        except LedgerError as error:
            log.error("severed calls not filed", scope=str(stop.scope), error=str(error))
        else:
            filed.add_done_callback(lambda done: done.cancelled() or done.exception())

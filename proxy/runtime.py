"""The whole house, put together and taken apart in order: ledger, counters, policies, engine, console."""

import asyncio
import contextlib
import secrets
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

import structlog

from addons import QUESTIONS, Ports, chain
from proxy.approvals.approval import Kind
from proxy.approvals.approvals import Approvals
from proxy.approvals.memory import MemoryApprovals
from proxy.approvals.notify import Notifier
from proxy.approvals.store import ApprovalStore
from proxy.board import Board, Commons, Roles, SqlStore
from proxy.budgets import Accounts, Counters, CountersUnavailable, MemoryCounters
from proxy.budgets.results import Crossed
from proxy.call_log import CallLog
from proxy.config import ConfigError, Settings
from proxy.console.access import Access
from proxy.console.access.visits import Lengths
from proxy.console.ports import Ports as ConsolePorts
from proxy.console.server import Console
from proxy.delegate.attempts import Attempts
from proxy.delegate.opening import checked_roads, open_delegation
from proxy.engine.certificates import open_authority
from proxy.engine.corridor import Corridor
from proxy.engine.dial import Dialler, Pinned
from proxy.engine.engine import Engine
from proxy.engine.raw_view import RawView
from proxy.events import Events, RecordFiled
from proxy.inside import LOOPBACK, InsideServer, McpServer, endpoints, listen
from proxy.inside import Ports as InsidePorts
from proxy.kill.memory import MemoryStops
from proxy.kill.store import StopStore
from proxy.kill.switch import KillSwitch
from proxy.kill.triggers import Triggers
from proxy.ledger.filing import threshold_of
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.store import LedgerUnavailable
from proxy.ledger.writer import Row
from proxy.metrics import Metrics
from proxy.permits.memory import MemoryPermits
from proxy.permits.permits import Permits
from proxy.permits.store import PermitStore
from proxy.pinning import PinBook
from proxy.policy import PolicyBook
from proxy.policy.permits import InForce
from proxy.policy.released import Released
from proxy.pricing.price_file import PriceFile, PriceFileError
from proxy.pricing.price_file import load as load_prices
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter
from proxy.rounds import Rounds, note
from proxy.seal import Seal
from proxy.slip import Slip

log = structlog.get_logger()

_GRACE_S = 20.0
"""How long calls in flight may take to end by themselves when Exeat stops."""

_SWITCH_S = 0.0005
"""How long a thread may go on while another waits; Python's own is ten times this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Where a running Exeat listens, and its parts."""

    proxy_port: int
    console_port: int
    inside: InsideServer
    """Behind exeat.internal."""
    corridor: Corridor
    accounts: Accounts
    ledger: SqliteLedger
    policies: PolicyBook
    events: Events
    board: Board
    first_token: str | None
    """The secret of the first admin's token, at the first start: to be shown once, and kept nowhere."""
    switch: KillSwitch
    approvals: Approvals
    permits: Permits
    pins: PinBook


@contextlib.asynccontextmanager
async def running(settings: Settings, *, grace_s: float = _GRACE_S) -> AsyncIterator[Running]:
    """Exeat, from the first listener to the last settlement.

    Raises OSError (a port, a file), LedgerCorrupt, LedgerBusy, DatabaseUnavailable, PermissionError
    (certificates), ConfigError (prices, aliases): what cannot be governed safely does not start. A
    policy that cannot be read does start, refusing all.
    """
    with contextlib.closing(listen()) as door:
        async with _running(settings, door, grace_s) as here:
            yield here


@contextlib.asynccontextmanager
async def _running(
    settings: Settings, door: socket.socket, grace_s: float
) -> AsyncIterator[Running]:
    # Large bodies are read and counted in threads. The loop gets its turn back from them within this.
    sys.setswitchinterval(_SWITCH_S)
    prices = Prices(at=datetime.now(UTC), file=_price_file(settings))
    roads = checked_roads(settings)
    in_force = InForce()
    policies = PolicyBook(permits=in_force)
    policies.reload(settings.policies)
    if policies.problem:
        log.error("no policy in force: everything is refused", problem=policies.problem)
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = open_authority(settings.certs_dir)
    events = Events()
    ledger = await SqliteLedger.open(
        settings.ledger_path, on_filed=lambda rows: events.tell(lambda: map(_filed, rows))
    )
    at = settings.console
    access = Access(settings.state_dir, Lengths(at.login_idle_s * 1000, at.login_max_s * 1000))
    accounts = Accounts(
        _counters(settings),
        ledger,
        settings.counters.timeout_s,
        on_crossed=lambda call_id, crossed: _file_thresholds(ledger, call_id, crossed),
    )
    counter = TokenCounter()
    await asyncio.to_thread(counter.load)
    store = SqlStore(settings.state_dir / "board.sqlite")
    commons = Commons.over(store, ledger, accounts, Roles(settings.board.roles))
    board = commons.board
    released = Released()
    seal = Seal(secrets.token_bytes(32))
    live: dict[str, Slip] = {}
    switch = KillSwitch(_stops(settings), ledger)
    permits = Permits(_permit_store(settings), ledger, in_force)
    notifier = Notifier(settings.approvals.notify, settings.console.public_url)
    approvals = Approvals(
        _approval_store(settings), ledger, settings.approvals, tells=notifier.tell
    )
    pins = PinBook(ledger)
    ports = Ports(
        policies=policies,
        prices=prices,
        counter=counter,
        accounts=accounts,
        ledger=ledger,
        dialler=Dialler(settings.hosts),
        inside=Pinned((LOOPBACK,), door.getsockname()[1]),
        seal=seal,
        live=live,
        allowances=commons.allowances,
        released=released,
        kill=switch,
        approvals=approvals,
        pins=pins,
    )
    metrics = Metrics(
        live,
        ledger,
        lambda: len(policies.policies),
        lambda: len(switch.in_force),
        lambda: _asked(approvals),
    )
    corridor = Corridor(
        chain(settings, ports),
        timeout_s=settings.limits.decision_timeout_s,
        body_bytes_max=settings.limits.body_bytes_max,
        events=events,
        live=live,
        watchers=(metrics.ended, CallLog(settings.log_calls).ended),
    )
    raw_view = RawView() if settings.raw_view else None
    engine = Engine(
        corridor,
        authority,
        header_bytes_max=settings.limits.header_bytes_max,
        body_bytes_max=settings.limits.body_bytes_max,
        idle_timeout_s=settings.limits.idle_timeout_s,
        upstream_ca_file=settings.upstream_ca_file,
        challenge=settings.challenge,
        raw_view=raw_view,
    )
    attempts = Attempts(seal)
    asked = endpoints(
        InsidePorts(
            accounts=accounts,
            ledger=ledger,
            policies=policies,
            triggers=Triggers(switch),
            released=released,
            approvals=approvals,
            delegation=open_delegation(
                settings,
                roads,
                attempts,
                prices=prices,
                counter=counter,
                accounts=accounts,
                ledger=ledger,
            ),
            commons=commons,
        )
    )
    inside = InsideServer(
        seal,
        live,
        asked,
        McpServer(asked).routes(),
        body_bytes_max=settings.limits.body_bytes_max,
    )
    switch.connect(engine.sever)
    permits.connect(lambda: engine.sever_refused(policies))
    console = Console(
        settings.console,
        ConsolePorts(
            ledger=ledger,
            accounts=accounts,
            policies=policies,
            calls=corridor,
            access=access,
            events=events,
            questions=QUESTIONS,
            ledger_path=settings.ledger_path,
            policy_paths=settings.policies,
            proxy_url=f"http://{settings.proxy.host}:{settings.proxy.port}",
            raw_view=raw_view,
            switch=switch,
            approvals=approvals,
            permits=permits,
            board=board,
            pins=pins,
            metrics=metrics.text,
        ),
    )
    rounds = Rounds(
        settings,
        policies,
        accounts,
        corridor,
        ledger,
        prices,
        access,
        board,
        approvals,
        engine.sever_refused,
    )
    await _look_at_counters(accounts)
    try:
        await note(ledger, "start", recovered=len(ledger.recovered))
        await switch.open()
        await approvals.open()
        await pins.open()
        await permits.open()
        first_token = await access.make_first(time.time_ns() // 1_000_000)
        await access.file_acts(ledger)
        if raw_view is not None:
            raw_view.start()
        await board.sweep(time.time_ns() // 1_000_000)
        await inside.start(door)
        console_port = await console.start()
        proxy_port = await engine.start(settings.proxy.host, settings.proxy.port)
        attempts.open(settings.proxy.host, proxy_port)
        tasks = [
            asyncio.create_task(rounds.run(), name="rounds"),
            asyncio.create_task(switch.watch(), name="kill switch"),
            asyncio.create_task(approvals.watch(), name="approvals"),
            asyncio.create_task(permits.watch(), name="permits"),
        ]
        try:
            yield Running(
                proxy_port=proxy_port,
                console_port=console_port,
                inside=inside,
                corridor=corridor,
                accounts=accounts,
                ledger=ledger,
                policies=policies,
                board=board,
                events=events,
                first_token=first_token,
                switch=switch,
                approvals=approvals,
                permits=permits,
                pins=pins,
            )
        finally:
            await engine.stop(grace_s)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    finally:
        await console.stop()
        if raw_view is not None:
            raw_view.stop()
        await inside.stop()
        await attempts.close()
        await accounts.aclose()
        await switch.aclose()
        await approvals.aclose()
        await permits.aclose()
        await notifier.aclose()
        try:
            await note(ledger, "stop")
        finally:
            store.close()
            await ledger.close()
            access.close()


def _asked(approvals: Approvals) -> Mapping[str, int]:
    """How many questions wait for a person, of each kind that there is."""
    waiting = Counter(it.wanted.kind for it in approvals.all if it.state == "pending")
    return {kind: waiting[kind] for kind in get_args(Kind)}


def _filed(row: Row) -> RecordFiled:
    seq, record_id, kind, decision_id = row[:4]
    assert isinstance(seq, int)
    about = None if decision_id is None else str(decision_id)
    return RecordFiled(seq, str(kind), str(record_id), about)


def _price_file(settings: Settings) -> PriceFile | None:
    if settings.prices_file is None:
        return None
    try:
        return load_prices(settings.prices_file)
    except PriceFileError as error:
        raise ConfigError(str(error)) from None


def _file_thresholds(ledger: SqliteLedger, call_id: str, crossed: Crossed) -> None:
    """Nobody waits for these records, and a ledger that is down is told of by whoever does."""
    now_ms = time.time_ns() // 1_000_000
    for limit, percent in crossed:
        if limit.unit == "times":
            continue  # What comes above a rule's rate is decided by the rule, and on file as that.
        log.info("budget threshold", budget=limit.name, limit=limit.key, percent=percent)
        try:
            filed = ledger.submit(threshold_of(call_id, limit, percent, now_ms), is_urgent=False)
        except LedgerUnavailable as error:
            log.error("budget threshold not filed", limit=limit.key, error=str(error))
        else:
            filed.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _look_at_counters(accounts: Accounts) -> None:
    """Say at once what would otherwise be found out by the first call."""
    try:
        await accounts.balances("exeat", [], time.time_ns() // 1_000_000)
    except CountersUnavailable as error:
        log.error("budgets cannot be counted: calls with a budget are refused", error=str(error))


def _counters(settings: Settings) -> Counters:
    url = settings.counters.redis_url
    if url is None:
        return MemoryCounters()
    from proxy.budgets.redis import RedisCounters

    return RedisCounters.from_url(url.get_secret_value(), timeout_s=settings.counters.timeout_s)


def _stops(settings: Settings) -> StopStore:
    url = settings.counters.redis_url
    if url is None:
        return MemoryStops()
    from proxy.kill.redis import RedisStops
    from proxy.redis import Redis

    return RedisStops(Redis(url.get_secret_value(), timeout_s=settings.counters.timeout_s))


def _approval_store(settings: Settings) -> ApprovalStore:
    url = settings.counters.redis_url
    if url is None:
        return MemoryApprovals()
    from proxy.approvals.redis import RedisApprovals
    from proxy.redis import Redis

    return RedisApprovals(Redis(url.get_secret_value(), timeout_s=settings.counters.timeout_s))


def _permit_store(settings: Settings) -> PermitStore:
    url = settings.counters.redis_url
    if url is None:
        return MemoryPermits()
    from proxy.permits.redis import RedisPermits
    from proxy.redis import Redis

    return RedisPermits(Redis(url.get_secret_value(), timeout_s=settings.counters.timeout_s))

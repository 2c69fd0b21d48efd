"""A console on a free port, over a real ledger with a few records in it."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from proxy.approvals.approvals import Approvals
from proxy.approvals.memory import MemoryApprovals
from proxy.approving import ApprovalsSection
from proxy.board import Board, Outbox, Roles
from proxy.board.memory import MemoryStore
from proxy.budgets import Accounts, MemoryCounters
from proxy.config import ConsoleListen
from proxy.console.access import Access
from proxy.console.access.tokens import ROLES, TokenRole
from proxy.console.ports import Ports
from proxy.console.server import Console
from proxy.kill.memory import MemoryStops
from proxy.kill.switch import KillSwitch
from proxy.ledger.records import Decision, Outcome, Usage
from proxy.ledger.sqlite import SqliteLedger
from proxy.metrics import Metrics
from proxy.permits.memory import MemoryPermits
from proxy.permits.permits import Permits
from proxy.pinning import PinBook
from proxy.policy import PolicyBook
from proxy.slip import Slip
from tests.policy.texts import policy

START_MS = 1_795_000_000_000
"""2026-11-18T11:06:40Z; the calls are an hour apart."""
CALLS = (("coder", "gpt-4o", 1_000), ("coder", "gpt-4o-mini", 2_000), ("tester", "gpt-4o", 4_000))
RULES = "budgets: [{name: day, window: day, usd: 1}, {name: mine, per: [agent], tokens: 9}]"


@dataclass(slots=True)
class InFlight:
    """The corridor, as far as the console asks it."""

    live: Sequence[Slip] = ()
    is_stopping: bool = False


@dataclass(slots=True)
class Asked:
    """An answer, read."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class Desk:
    """The console and everything that it looks at."""

    port: int
    token: str
    """An admin's."""
    tokens: Mapping[TokenRole, str]
    policies: PolicyBook
    accounts: Accounts
    calls: InFlight
    ledger: SqliteLedger
    access: Access
    session: aiohttp.ClientSession = field(repr=False)

    async def get(
        self, path: str, *, method: str = "GET", body: Any = None, **headers: str
    ) -> Asked:
        """`path` goes as it is written; the token goes along unless `authorization` is given."""

        given = {"authorization": f"Bearer {self.token}"} | headers
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        timeout = aiohttp.ClientTimeout(total=10)
        async with self.session.request(
            method, url, headers=given, timeout=timeout, json=body
        ) as answer:
            raw = await answer.read()
            is_json = "json" in answer.headers["content-type"]
            body = await answer.json() if is_json and raw else raw
            return Asked(answer.status, body, answer.headers)


def decision_id(number: int) -> str:
    return f"0192f3a0-7b1c-7def-8abc-{number:012x}"


async def _fill(ledger: SqliteLedger) -> None:
    for number, (agent, model, nanousd) in enumerate(CALLS):
        ts_ms = START_MS + number * 3_600_000
        await ledger.append(
            Decision(
                id=decision_id(number),
                ts_ms=ts_ms,
                decision="allow",
                action="llm.call",
                org="acme",
                agent=agent,
                session="s1",
                host="api.openai.com",
                provider="openai",
                model=model,
            )
        )
        await ledger.append(
            Outcome(
                decision_id=decision_id(number),
                ts_ms=ts_ms + 1,
                status="answered",
                http_status=200,
                usage=Usage(10, 5),
                cost_nanousd=nanousd,
                tokens=15,
                estimated=number == 2,
            )
        )
    await ledger.append(
        Decision(
            id=decision_id(9),
            ts_ms=START_MS,
            decision="deny",
            action="egress.http",
            org="other",
            host="evil.test",
            code="host_not_allowed",
        )
    )


@contextlib.asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Ports]:
    """What the console asks, over a real ledger with a few records in it."""
    ledger = await SqliteLedger.open(directory / "ledger.sqlite")
    await _fill(ledger)
    access = Access(directory)
    switch = KillSwitch(MemoryStops(), ledger)
    await switch.open()
    approvals = Approvals(MemoryApprovals(), ledger, ApprovalsSection())
    await approvals.open()
    policies = PolicyBook([policy(RULES)])
    permits = Permits(MemoryPermits(), ledger, policies.permits)
    await permits.open()
    yield Ports(
        ledger=ledger,
        accounts=Accounts(MemoryCounters(), ledger),
        policies=policies,
        calls=InFlight(),
        access=access,
        switch=switch,
        approvals=approvals,
        pins=PinBook(ledger),
        permits=permits,
        board=Board(Outbox(MemoryStore(), ledger), Roles()),
        metrics=Metrics({}, ledger, lambda: 1, lambda: len(switch.in_force), dict).text,
    )
    access.close()
    await ledger.close()


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Ports]:
    async with opened(tmp_path) as found:
        yield found


@pytest.fixture
async def desk(ports: Ports) -> AsyncIterator[Desk]:
    console = Console(ConsoleListen(port=0), ports)
    port = await console.start()
    tokens = {}
    for role in ROLES:
        made = await ports.access.make(role, role, "1h", by="test", now_ms=ports.now_ms())
        tokens[role] = made[1]
    async with aiohttp.ClientSession() as session:
        yield Desk(
            port=port,
            token=tokens["admin"],
            tokens=tokens,
            policies=ports.policies,
            accounts=ports.accounts,
            calls=ports.calls,  # type: ignore[arg-type]
            ledger=ports.ledger,  # type: ignore[arg-type]
            access=ports.access,
            session=session,
        )
    await console.stop()

"""A console over a ledger with a morning's calls in it, a policy file, and a clock that stands still."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from addons import QUESTIONS
from proxy.approvals.approvals import Approvals
from proxy.approvals.memory import MemoryApprovals
from proxy.approving import ApprovalsSection
from proxy.console.ports import Ports
from proxy.ledger.records import Record
from proxy.ledger.sqlite import SqliteLedger
from proxy.ledger.store import Entry
from proxy.policy import PolicyBook
from tests.console import scene
from tests.console.conftest import Desk, opened

NOW_MS = 1_795_000_000_000
"""2026-11-18T11:06:40Z."""
HTML = {"accept": "text/html"}


@dataclass(slots=True)
class Shown:
    """An answer, as a person gets it."""

    status: int
    text: str
    headers: Mapping[str, str]


type Look = Callable[..., Awaitable[Shown]]


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    """An empty ledger."""
    opened = await SqliteLedger.open(tmp_path / "ledger.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
def filed(ledger: SqliteLedger) -> Callable[..., Awaitable[list[Entry]]]:
    """Files records; all of the ledger's, in order."""

    async def file(*records: Record) -> list[Entry]:
        for record in records:
            await ledger.append(record)
        return await ledger.after(-1, 1000)

    return file


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Ports]:
    """What the console asks."""
    place = tmp_path / "house"
    place.mkdir()
    path = place / "policy.yaml"
    path.write_text(scene.POLICY)
    policies = PolicyBook()
    assert policies.reload([path])
    async with opened(place) as found:
        for record in scene.history(NOW_MS, calls=120, days=2):
            await found.ledger.append(record)
        people = Approvals(
            MemoryApprovals(),
            found.ledger,
            ApprovalsSection(needed=2, ttl_s=600),
            now_ms=lambda: NOW_MS,
        )
        await people.open()
        yield replace(
            found,
            approvals=people,
            policies=policies,
            now_ms=lambda: NOW_MS,
            questions=QUESTIONS,
            ledger_path=place / "ledger.sqlite",
            policy_paths=[path],
        )


@pytest.fixture
def look(desk: Desk) -> Look:
    """A page, as an admin's browser asks for it; or another role's, or a form."""

    async def ask(path: str, form: Any = None, *, role: str = "admin", **headers: str) -> Shown:
        given = {**HTML, "authorization": f"Bearer {desk.tokens[role]}", **headers}  # type: ignore[index]
        url = URL(f"http://127.0.0.1:{desk.port}{path}", encoded=True)
        async with desk.session.request(
            "GET" if form is None else "POST",
            url,
            headers=given,
            data=form,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=10),
        ) as answer:
            return Shown(answer.status, await answer.text(), answer.headers)

    return ask

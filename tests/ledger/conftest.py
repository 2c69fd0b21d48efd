import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from proxy.ledger.records import (
    Client,
    Decision,
    Forecast,
    Hold,
    HoldAmount,
    Outcome,
    Stamp,
    ToolCall,
    Usage,
)
from proxy.ledger.sqlite import SqliteLedger

START_MS = 1_795_000_000_000


def _decision(number: int, **changes) -> Decision:
    facts = {
        "id": f"0192f3a0-7b1c-7def-8abc-{number:012x}",
        "ts_ms": START_MS + number * 1000,
        "decision": "allow",
        "action": "llm.call",
        "org": "acme",
        "agent": "coder",
        "session": "s-1",
        "identity_sources": (("org", "proxy"), ("agent", "proxy"), ("session", "proxy")),
        "identity_strength": "proxy",
        "method": "POST",
        "scheme": "https",
        "host": "api.openai.com",
        "port": 443,
        "path": "/v1/chat/completions",
        "provider": "openai",
        "format": "chat",
        "model": "gpt-4.1",
        "streaming": True,
        "estimate": Forecast(10, 20, 300),
        "bound": Forecast(15, 100, 9_000),
        "price_version": "2026-11",
        "policies": ("policy:safety:1:" + "a" * 64,),
        "hold": Hold(
            f"hold-{number}",
            number,
            (HoldAmount("agent=coder", "usd", "total", 0, 9_000),),
            START_MS + 300_000,
        ),
        "stamps": (Stamp("route", 5), Stamp("budget", 9, "agent=coder")),
        "client": Client("openai-python/1.2", "r-1", 0),
    }
    return Decision(**{**facts, **changes})


def _outcome(number: int, **changes) -> Outcome:
    facts = {
        "decision_id": f"0192f3a0-7b1c-7def-8abc-{number:012x}",
        "ts_ms": START_MS + number * 1000 + 500,
        "status": "answered",
        "http_status": 200,
        "usage": Usage(12, 8, cache_read=3),
        "cost_nanousd": 700,
        "tokens": 20,
        "finish_reason": "stop",
        "tool_calls": (ToolCall("t-1", "read_file"),),
    }
    return Outcome(**{**facts, **changes})


@pytest.fixture(scope="session")
def decision() -> Callable[..., Decision]:
    return _decision


@pytest.fixture(scope="session")
def outcome() -> Callable[..., Outcome]:
    return _outcome


@pytest.fixture(scope="session")
def start_ms() -> int:
    return START_MS


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
async def ledger(path) -> AsyncIterator[SqliteLedger]:
    ledger = await SqliteLedger.open(path)
    yield ledger
    await ledger.close()


@pytest.fixture
def filled(path) -> Callable[[list], None]:
    """Files records in `path`, from a test that runs no loop of its own."""

    def fill(records: list) -> None:
        async def run() -> None:
            ledger = await SqliteLedger.open(path)
            for record in records:
                await ledger.append(record)
            await ledger.close()

        asyncio.run(run())

    return fill

"""How fast the ledger files synced records at 1, 16, 64 callers: python benchmarks/ledger.py."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from proxy.ledger.records import (
    Client,
    Decision,
    Forecast,
    Hold,
    HoldAmount,
    Outcome,
    Stamp,
    Usage,
)
from proxy.ledger.sqlite import SqliteLedger


def decision(number: int) -> Decision:
    return Decision(
        id=f"0192f3a0-7b1c-7def-8abc-{number:012x}",
        ts_ms=1_795_000_000_000 + number,
        decision="allow",
        action="llm.call",
        org="acme",
        agent=f"agent-{number % 7}",
        session=f"session-{number % 50}",
        identity_sources=(("org", "proxy"), ("agent", "proxy"), ("session", "proxy")),
        identity_strength="proxy",
        method="POST",
        scheme="https",
        host="api.openai.com",
        port=443,
        path="/v1/chat/completions",
        request_sha256="b" * 64,
        request_bytes=1234,
        provider="openai",
        format="chat",
        model="gpt-4.1-mini",
        streaming=True,
        estimate=Forecast(100, 200, 123_456),
        bound=Forecast(150, 4096, 7_654_321),
        price_version="2026-11-01",
        policies=("policy:safety:3:" + "a" * 64,),
        rule="models",
        hold=Hold(
            f"hold-{number}",
            number + 1,
            (
                HoldAmount("org=acme", "usd", "day", 1_795_000_000_000, 7_654_321),
                HoldAmount("agent=coder", "usd", "day", 1_795_000_000_000, 7_654_321),
            ),
            1_795_000_300_000,
        ),
        stamps=tuple(
            Stamp(name, 12) for name in ("route", "identity", "allowlist", "budget", "credentials")
        ),
        client=Client("openai-python/1.2", None, 0),
    )


def outcome(number: int) -> Outcome:
    return Outcome(
        decision_id=f"0192f3a0-7b1c-7def-8abc-{number:012x}",
        ts_ms=1_795_000_001_000 + number,
        status="answered",
        http_status=200,
        usage=Usage(120, 80),
        cost_nanousd=54_321,
        tokens=200,
        response_sha256="c" * 64,
        response_bytes=4321,
        duration_us=812_345,
        ttfb_us=212_345,
        finish_reason="stop",
        upstream_request_id="req_0123456789",
    )


async def measure(callers: int, calls: int) -> None:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        ledger = await SqliteLedger.open(Path(folder) / "ledger.sqlite")
        # Made beforehand: building a record is its caller's cost.
        pairs = iter([(decision(number), outcome(number)) for number in range(calls)])
        waits: list[float] = []

        async def caller() -> None:
            for decided, came_out in pairs:
                start = time.perf_counter()
                await ledger.append(decided)
                waits.append(time.perf_counter() - start)
                await ledger.append(came_out)

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(caller() for _ in range(callers)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        await ledger.close()
        waits.sort()
        print(
            f"{callers:>3} callers: {2 * calls / wall:>7,.0f} records/s, "
            f"{cpu / calls / 2 * 1e6:5.1f} µs CPU a record, "
            f"decision p50 {waits[calls // 2] * 1e3:.2f} ms "
            f"p99 {waits[calls * 99 // 100] * 1e3:.2f} ms max {waits[-1] * 1e3:.2f} ms"
        )


async def main() -> None:
    await measure(16, 1000)  # warm up
    for callers in (1, 16, 64):
        await measure(callers, 5000)


if __name__ == "__main__":
    asyncio.run(main())

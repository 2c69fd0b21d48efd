"""How long a kill takes: from the API call to the last byte of every stream, over two processes.

    python -m benchmarks.kill [--streams 100] [--rounds 10] [--json FILE]

Two Exeats share a Redis; half of the streams runs through each. One is asked to kill the agent, and a
stream's time is from just before that call until its client has read the last it will ever read. After
each round nothing may be held. Provider, clients and Redis are on the same machine, in other processes.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.load import Load
from benchmarks.throughput import _free_port, _server, _wait_for
from proxy.demo.standin import Standin
from proxy.engine.certificates import open_authority
from tests.house import AUTHORITY, House, Process, chat, eventually, kill, policy
from tests.redis_server import RedisServer

GOAL_MS = 250
AT_ONCE = 10
"""Streams that begin together: beginning is not what is measured."""
EVENTS, PAUSE_S = 300, 0.2
"""Of each stream: longer than a round."""
CAP = policy('name: cap, usd: "1000.00"')
SCOPE = {"org": "acme", "agent": "coder"}


def _request() -> bytes:
    body = json.dumps(chat("gpt-4o", stream=True, max_tokens=4_000)).encode()
    head = (
        "POST /openai/v1/chat/completions HTTP/1.1\r\nHost: exeat\r\nX-Org-Id: acme\r\n"
        "X-Agent-Id: coder\r\nX-Session-Id: s1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _stream(port: int, flows: asyncio.Semaphore) -> float:
    """The moment at which the stream was over; `flows` is released when it had begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request())
    head = await reader.readuntil(b"\r\n")
    if b" 200 " not in head:
        raise RuntimeError(f"no stream, but {head!r}: the machine is too busy")
    await reader.readuntil(b"data: ")
    flows.release()
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass
    over = time.perf_counter()
    writer.close()
    return over


async def _kill(house: House) -> None:
    """By hand: a client's own start is not what is measured."""
    body = json.dumps({**SCOPE, "reason": "a benchmark"}).encode()
    head = (
        "POST /api/kills HTTP/1.1\r\nHost: exeat\r\nConnection: close\r\n"
        f"Authorization: Bearer {house.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", house.console_port)
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    if b" 200 " not in answer.partition(b"\r\n")[0]:
        raise RuntimeError(f"no kill, but {answer!r}")


async def _round(houses: list[House], streams: int) -> list[float]:
    flows, tasks = asyncio.Semaphore(AT_ONCE), []
    for number in range(streams):
        await flows.acquire()
        tasks.append(asyncio.create_task(_stream(houses[number % 2].proxy_port, flows)))
    for _ in range(AT_ONCE):
        await flows.acquire()
    began = time.perf_counter()
    await _kill(houses[0])
    overs = await asyncio.gather(*tasks)
    for house in houses:
        await eventually(house.budgets, lambda rows: all(row["held"] == 0 for row in rows))
    await houses[0].post("/api/kills/revive", **SCOPE, reason="the next round")
    await asyncio.sleep(0.2)
    return [over - began for over in overs]


async def _measure(directory: Path, redis_url: str, port: int, streams: int, rounds: int) -> Load:
    open_authority(directory / "certs")
    provider = Standin(port=port)  # Where it is; who answers there is another process.
    async with contextlib.AsyncExitStack() as stack:
        houses = []
        for name in ("one", "two"):
            place = directory / name
            place.mkdir()
            shutil.copytree(directory / "certs", place / "certs")
            (place / "certs").chmod(0o700)
            (place / "policy.yaml").write_text(CAP)
            AUTHORITY.cert_pem.write_to_path(str(place / "upstream.pem"))
            house = await Process(place, provider, provider, redis_url).start()
            stack.push_async_callback(kill, house)
            houses.append(house)
        found = [took for _ in range(rounds) for took in await _round(houses, streams)]
    return Load(len(found), sum(found), sorted(found), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    port = _free_port()
    upstream = (sys.executable, "-m", "benchmarks.upstream", str(port), str(EVENTS), str(PAUSE_S))
    with (
        tempfile.TemporaryDirectory() as directory,
        RedisServer.running() as server,
        _server(*upstream),
    ):
        _wait_for(port)
        load = asyncio.run(_measure(Path(directory), server.url, port, given.streams, given.rounds))
    figures = {f"p{int(share * 100)}": load.percentile(share) for share in (0.5, 0.95, 0.99)}
    figures["max"] = load.latencies[-1] * 1000
    print(f"{load.requests} streams ended by {given.rounds} kills, {given.streams} at a time:")
    print("  ".join(f"{name} {value:.1f} ms" for name, value in figures.items()))
    print(f"p99 within {GOAL_MS} ms: {'yes' if figures['p99'] <= GOAL_MS else 'no'}; nothing held")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

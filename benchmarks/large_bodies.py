"""What small calls feel while others send bodies of a megabyte, in one run.

    python -m benchmarks.large_bodies [--seconds 8] [--rounds 3] [--json FILE]

Twenty small calls a second go through one Exeat, half of them streams, and are timed from the moment
they were due to their first event or whole answer. Three times in turn: alone (`quiet`); while a
process of its own sends bodies of 1 MB, none like another, to a second Exeat on the same machine
(`beside`: what two busy cores cost anybody); and while it sends them to the same Exeat (`loaded`).
Every round gives a p50 and a p99; the table gives the median round.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.synchronize import Event
from pathlib import Path

from benchmarks.throughput import _exeat_config, _free_port, _request, _server, _wait_for

PER_SECOND = 20
LOAD_PER_SECOND = 4
"""Bodies of a megabyte: 4 MB/s of text to be counted."""
BODY_BYTES = 1_000_000
SHAPES = {"one text": 1, "2,000 messages": 2000}
"""How many messages share the megabyte."""


def _large(messages: int, chance: random.Random) -> tuple[bytes, bytes]:
    """Head and body of a request; each message has a mark to be changed, so that no memo knows it."""
    size = BODY_BYTES // messages - 60
    words = "".join(chance.choices("abcdefghijklmnopqrstuvwxy      \n", k=BODY_BYTES))
    asked = [
        {"role": "user", "content": "zz" + words[at * size : (at + 1) * size]}
        for at in range(messages)
    ]
    body = {"model": "gpt-4o-mini", "max_tokens": 100, "messages": asked}
    data = json.dumps(body, separators=(",", ":")).encode()
    head = (
        "POST /openai/v1/chat/completions HTTP/1.1\r\nHost: bench\r\n"
        "Content-Type: application/json\r\nX-Org-Id: acme\r\nX-Agent-Id: large\r\n"
        f"X-Session-Id: s2\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode(), data


def _send_load(port: int, messages: int, stop: Event, sent: "multiprocessing.Queue[int]") -> None:
    """Runs in a process of its own: making the bodies is not what is measured."""
    asyncio.run(_load(port, messages, stop, sent))


async def _load(port: int, messages: int, stop: Event, sent: "multiprocessing.Queue[int]") -> None:
    chance = random.Random(1)
    ready = [_large(messages, chance) for _ in range(12)]
    count, due = 0, time.perf_counter()

    async def one(data: bytes) -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        count += 1
        writer.close()

    async with asyncio.TaskGroup() as tasks:
        while not stop.is_set():
            # Changed all over, so that nothing counted before is known.
            head, body = ready[count % len(ready)]
            other = b"%c%c" % (chance.choice(b"aiou"), chance.choice(b"bcdf"))
            tasks.create_task(one(head + body.replace(b"zz", other)))
            due += 1 / LOAD_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
    sent.put(count)


async def _small(port: int, host: str, seconds: float) -> list[float]:
    """Milliseconds of small calls at a steady pace, sorted."""
    took: list[float] = []
    begin = time.perf_counter()

    async def one(due: float, stream: bool) -> None:
        request = _request("/openai/v1/chat/completions", host, stream=stream)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await (reader.readuntil(b"data: ") if stream else reader.readexactly(1))
        took.append((time.perf_counter() - due) * 1000)
        writer.close()

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(seconds * PER_SECOND)):
            tasks.create_task(one(begin + number / PER_SECOND, number % 2 == 0))
    return sorted(took)


def _round(
    port: int, host: str, seconds: float, load_port: int | None, messages: int
) -> list[float]:
    """The small calls' times while load goes to `load_port`, if anywhere."""
    if load_port is None:
        return asyncio.run(_small(port, host, seconds))
    stop = multiprocessing.Event()
    sent: multiprocessing.Queue[int] = multiprocessing.Queue()
    load = multiprocessing.Process(target=_send_load, args=(load_port, messages, stop, sent))
    load.start()
    time.sleep(2.5)  # It makes its bodies first.
    try:
        return asyncio.run(_small(port, host, seconds))
    finally:
        stop.set()
        count = sent.get(timeout=60)
        load.join(timeout=60)
        if not count:
            raise RuntimeError("no large body was answered")


def main() -> None:
    """Run, print the table, and write the figures where --json says."""
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--seconds", type=float, default=8.0)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--json", type=Path)
    options = parse.parse_args()
    upstream, first, second = (_free_port() for _ in range(3))
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name, ExitStack() as stack:
        python = sys.executable
        stack.enter_context(_server(python, "-m", "benchmarks.upstream", str(upstream)))
        for number, port in enumerate((first, second)):
            directory = Path(name) / str(number)
            directory.mkdir()
            config = _exeat_config(directory, port, upstream)
            stack.enter_context(_server(python, "-m", "proxy.cli", "up", "--config", str(config)))
        for port in (upstream, first, second):
            _wait_for(port)
        figures = {
            shape: _shape(shape, messages, first, second, f"127.0.0.1:{upstream}", options)
            for shape, messages in SHAPES.items()
        }
        if options.json:
            options.json.write_text(json.dumps(figures, indent=2))


def _shape(
    shape: str, messages: int, first: int, second: int, host: str, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    loads = {"quiet": None, "beside": second, "loaded": first}
    rounds: dict[str, list[list[float]]] = {name: [] for name in loads}
    for number in range(options.rounds + 1):
        for name, load_port in loads.items():
            seconds = options.seconds if number else 1.0  # The first round only warms up.
            took = _round(first, host, seconds, load_port, messages)
            if number:
                rounds[name].append(took)
    print(
        f"\n1 MB as {shape}, {LOAD_PER_SECOND} a second | p50 ms | p99 ms | added p50 | added p99"
    )
    found: dict[str, dict[str, float]] = {}
    for name, runs in rounds.items():
        p50 = statistics.median(run[len(run) // 2] for run in runs)
        p99 = statistics.median(run[int(len(run) * 0.99)] for run in runs)
        found[name] = {"p50_ms": p50, "p99_ms": p99}
        added = [p50 - found["quiet"]["p50_ms"], p99 - found["quiet"]["p99_ms"]]
        print(
            f"{name:40} | {p50:6.2f} | {p99:6.2f} | {added[0]:9.2f} | {added[1]:9.2f}", flush=True
        )
    return found


if __name__ == "__main__":
    main()

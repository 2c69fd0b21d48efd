"""A load generator on bare sockets, so that the proxy is what is measured."""

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What one run saw; latencies in seconds, sorted."""

    requests: int
    seconds: float
    latencies: list[float]
    failures: int

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """A latency in milliseconds."""
        if not self.latencies:
            return float("nan")
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1000


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    size = int(lowered[at + 15 : lowered.find(b"\r\n", at)]) if at >= 0 else 0
    await reader.readexactly(size)
    return head


async def run_load(port: int, request: bytes, connections: int, seconds: float) -> Load:
    """Keep `connections` busy with `request` for so long; only 200s count."""
    latencies: list[float] = []
    failures = 0
    begin = time.perf_counter()
    end = begin + seconds

    async def worker() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (start := time.perf_counter()) < end:
            writer.write(request)
            head = await _read_answer(reader)
            if head.startswith(b"HTTP/1.1 200"):
                latencies.append(time.perf_counter() - start)
            else:
                failures += 1
        writer.close()

    await asyncio.gather(*(worker() for _ in range(connections)))
    return Load(len(latencies), time.perf_counter() - begin, sorted(latencies), failures)


async def first_bytes(port: int, request: bytes, streams: int) -> tuple[list[float], int]:
    """Seconds to the first event of each of `streams` concurrent streams, sorted; failures."""
    firsts: list[float] = []
    failures = 0
    ready = asyncio.Event()

    async def one() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await ready.wait()
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"data: ")
        if head.startswith(b"HTTP/1.1 200"):
            firsts.append(time.perf_counter() - start)
        else:
            failures += 1
        while not (await reader.readline()).startswith(b"0\r\n"):
            pass
        writer.close()

    tasks = [asyncio.create_task(one()) for _ in range(streams)]
    await asyncio.sleep(0.5)
    ready.set()
    await asyncio.gather(*tasks)
    return sorted(firsts), failures

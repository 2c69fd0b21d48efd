"""Stock mitmdump, the bare lean engine and Exeat side by side, in one run.

    python -m benchmarks.throughput [--seconds 4] [--rounds 3] [--json FILE]

Exeat runs its whole chain: identity, allowlist, budget held and settled in memory, decision and
outcome in SQLite with full sync. Stock mitmdump runs with no addon of ours.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.load import Load, first_bytes, run_load

CONNECTIONS = (1, 16, 64)
STREAMS = 100
ROOT = Path(__file__).parent.parent


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def _server(*command: str) -> Iterator[None]:
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing listens on {port}")


def _request(target: str, host: str, *, stream: bool) -> bytes:
    asked = {"model": "gpt-4o-mini", "max_tokens": 100, "stream": stream,
             "messages": [{"role": "user", "content": "Say something nice. " * 20}]}  # fmt: skip
    if stream:
        asked["stream_options"] = {"include_usage": True}
    body = json.dumps(asked, separators=(",", ":")).encode()
    return (
        f"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        "X-Org-Id: acme\r\nX-Agent-Id: bench\r\nX-Session-Id: s1\r\nUser-Agent: bench/1\r\n"
        f"Authorization: Bearer sk-none\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


POLICY = """\
policy: bench
version: 1
egress:
  default: allow
budgets:
  - {name: org-day, per: [org], window: day, usd: "1000000"}
  - {name: session, per: [session], window: total, usd: "1000000"}
  - {name: agent-tokens, per: [agent], window: day, tokens: 1000000000000}
"""


def _exeat_config(directory: Path, port: int, upstream: int) -> Path:
    (directory / "policy.yaml").write_text(POLICY)
    path = directory / "exeat.toml"
    path.write_text(
        'state_dir = "state"\ncerts_dir = "certs"\npolicies = ["policy.yaml"]\n'
        f"proxy = {{ port = {port} }}\nconsole = {{ port = {_free_port()} }}\n"
        f'[routes]\nopenai = "http://127.0.0.1:{upstream}"\n'
        f'[hosts]\n"127.0.0.1:{upstream}" = "127.0.0.1:{upstream}"\n'
    )
    return path


def main() -> None:
    """Run, print the tables, and write the figures where --json says."""
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--seconds", type=float, default=4.0)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--json", type=Path)
    parse.add_argument("--only", default="direct,mitmdump,bare,exeat")
    parse.add_argument("--no-streams", action="store_true")
    options = parse.parse_args()
    names = options.only.split(",")
    upstream, dump, bare, full = (_free_port() for _ in range(4))
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name,
        contextlib.ExitStack() as stack,
    ):
        directory = Path(name)
        python = sys.executable
        stack.enter_context(_server(python, "-m", "benchmarks.upstream", str(upstream)))
        host = f"127.0.0.1:{upstream}"
        doors: dict[str, tuple[int, str]] = {"direct": (upstream, "/v1/chat/completions")}
        if "mitmdump" in names:
            mitmdump = str(Path(python).parent / "mitmdump")
            stack.enter_context(
                _server(mitmdump, "-q", "-p", str(dump), "--set", f"confdir={directory}/dump",
                        "--set", "stream_large_bodies=1")
            )  # fmt: skip
            doors["mitmdump"] = (dump, f"http://{host}/v1/chat/completions")
        if "bare" in names:
            stack.enter_context(
                _server(
                    python, "-m", "benchmarks.bare", f"{directory}/bare", str(bare), str(upstream)
                )
            )
            doors["bare"] = (bare, "/openai/v1/chat/completions")
        if "exeat" in names:
            config = _exeat_config(directory, full, upstream)
            stack.enter_context(_server(python, "-m", "proxy.cli", "up", "--config", str(config)))
            doors["exeat"] = (full, "/openai/v1/chat/completions")
        for port, _ in doors.values():
            _wait_for(port)
        results = _throughput(doors, host, options)
        figures: dict[str, object] = {"throughput": results}
        if not options.no_streams:
            figures["first_byte_ms"] = _streams(doors, host, options.rounds)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=2))


def _throughput(
    doors: dict[str, tuple[int, str]], host: str, options: argparse.Namespace
) -> dict[str, dict[str, dict[str, float]]]:
    print("connections | what     |  req/s | p50 ms | p99 ms | of mitmdump")
    results: dict[str, dict[str, dict[str, float]]] = {}
    for connections in CONNECTIONS:
        rounds: dict[str, list[Load]] = {name: [] for name in doors}
        for number in range(options.rounds + 1):
            for name, (port, target) in doors.items():
                request = _request(target, host, stream=False)
                seconds = options.seconds if number else 0.5  # The first round only warms up.
                load = asyncio.run(run_load(port, request, connections, seconds))
                if load.failures:
                    raise RuntimeError(f"{name}: {load.failures} answers were not 200")
                if number:
                    rounds[name].append(load)
        results[str(connections)] = {
            name: {
                "per_second": statistics.median(load.per_second for load in loads),
                "p50_ms": statistics.median(load.percentile(0.5) for load in loads),
                "p99_ms": statistics.median(load.percentile(0.99) for load in loads),
            }
            for name, loads in rounds.items()
        }
        stock = results[str(connections)].get("mitmdump", {}).get("per_second")
        for name, row in results[str(connections)].items():
            ratio = f"{row['per_second'] / stock:5.2f}x" if stock else ""
            print(
                f"{connections:11} | {name:8} | {row['per_second']:6.0f} | {row['p50_ms']:6.2f} | "
                f"{row['p99_ms']:6.2f} | {ratio}",
                flush=True,
            )
    return results


def _streams(
    doors: dict[str, tuple[int, str]], host: str, rounds: int
) -> dict[str, dict[str, float]]:
    print(f"\n{STREAMS} concurrent streams: time to first byte | p50 ms | p99 ms | added p50 ms")
    results: dict[str, dict[str, float]] = {}
    for name, (port, target) in doors.items():
        request = _request(target, host, stream=True)
        runs = [asyncio.run(first_bytes(port, request, STREAMS)) for _ in range(rounds)]
        p50 = statistics.median(run[len(run) // 2] * 1000 for run, _ in runs)
        p99 = statistics.median(run[int(len(run) * 0.99)] * 1000 for run, _ in runs)
        results[name] = {"p50": p50, "p99": p99, "failures": sum(failed for _, failed in runs)}
        added = p50 - results["direct"]["p50"]
        print(f"{name:45} | {p50:6.1f} | {p99:6.1f} | {added:6.1f}", flush=True)
    return results


if __name__ == "__main__":
    main()

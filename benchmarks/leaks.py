"""How fast a request is looked through for secrets, and what is taken for one in recorded exchanges,
which hold none: python -m benchmarks.leaks [FOLDER]."""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from proxy.leaks import LeakScanner, make_canary
from tests.replay.exchanges import Exchange, exchanges_in

RECORDED = Path(__file__).parent.parent / "tests" / "replay" / "exchanges"
SIZE = 1_000_000
HOSTILE = {
    "starts of keys": b"sk-" + b"Ab1" * 4,
    "starts of tokens": b"eyJ" + b"a" * 10 + b"-",
    "heads of keys": b"-----BEGIN " + b"PRIVATE KEY-----",
    "telling names": b"password=",
    "passwords in URLs": b"://a:bcdefg",
    "escapes": b"\\u0041",
    "percent": b"%41",
    "short base64": b"Zm9vYmFyYmF6cXV4cXV1eGZvby\n",
    "one base64": b"Zm9v",
}


def prose(exchanges: list[Exchange]) -> bytes:
    """One megabyte of JSON as agents send it: recorded requests in one long conversation."""
    texts = [exchange.request.decode("utf-8", "replace") for exchange in exchanges]
    if not texts:
        raise SystemExit("there are no exchanges in that folder")
    whole = json.dumps({"messages": [{"role": "user", "content": text} for text in texts]}).encode()
    return b"[" + b",".join([whole] * (SIZE // len(whole) + 1)) + b"]"


def milliseconds(scanner: LeakScanner, body: bytes) -> float:
    """The best of five, per megabyte."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        scanner.scan_request("https://x.example/", [], body, "application/json", provider=None)
        best = min(best, time.perf_counter() - start)
    return best * 1e3 * SIZE / len(body)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDED
    canaries = [make_canary("acme", f"agent-{number}", b"bench") for number in range(100)]
    scanner = LeakScanner(canaries=canaries)
    exchanges = list(exchanges_in(folder))

    taken = milliseconds(scanner, prose(exchanges))
    print(f"ordinary JSON        {taken:8.1f} ms per MB {1e3 / taken:8.1f} MB/s")
    for name, unit in HOSTILE.items():
        taken = milliseconds(scanner, unit * (SIZE // len(unit)))
        print(f"{name:<20} {taken:8.1f} ms per MB {1e3 / taken:8.1f} MB/s")

    found: Counter[str] = Counter()
    for exchange in exchanges:
        for body in (exchange.request, exchange.answer):
            for leak in scanner.scan_request(
                "https://x.example/", [], body, exchange.content_type, provider=None
            ):
                found[f"{leak.kind} {leak.encoded}".strip()] += 1
    print(f"{len(exchanges)} exchanges, {found.total()} false positives {dict(found) or ''}")


if __name__ == "__main__":
    main()

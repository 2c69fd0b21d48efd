"""How long one decision takes with five hundred rules: python -m benchmarks.policy.

Five hundred rules of every kind, and things that none of the first ones decides. It says whether the
99th percentile is within 200 microseconds; on a busy machine it may not be.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.actions import report
from proxy.actions import action_of
from proxy.policy import PolicyBook
from proxy.policy.decide import decide
from proxy.policy.facts import Facts
from proxy.policy.loader import parse

RULES = 500
ROUNDS = 5_000
P99_US = 200.0

_MATCHES = (
    "agents: ['team-{n}-*'], hosts: ['*.h{n}.example']",
    "kinds: [http], methods: [DELETE], paths: ['/v{n}/*']",
    "kinds: [llm], models: ['model-{n}*']",
    "kinds: [llm], costs_more_than: '{n}.5', agents: ['a{n}']",
    "commands: ['program{n} -r', 'git push --force']",
    "categories: [file_write], targets: ['/srv/{n}/**']",
    "tools: ['tool_{n}', 'mcp__s{n}__*']",
    "secrets: ['kind{n}']",
)


def policy_text() -> str:
    """Rules of every kind, in turn."""
    rules = "".join(
        f"  - {{id: r{n}, decision: deny, match: {{{_MATCHES[n % len(_MATCHES)].format(n=n)}}}}}\n"
        for n in range(RULES)
    )
    return f"policy: many\nversion: 1\negress: {{default: allow}}\nrules:\n{rules}"


def things() -> dict[str, Facts]:
    """A request, a model call, two tool calls."""
    who = ("acme", "coder", "s1", datetime(2026, 11, 21, tzinfo=UTC))
    bash = action_of("Bash", {"command": "git add -A && git commit -m x && git status"})
    write = action_of("Write", {"file_path": "/app/src/main.py", "content": "x"})
    return {
        "http": Facts("http", *who, host="pypi.org", port=443, method="GET", path="/simple/x/"),
        "llm": Facts(
            "llm",
            *who,
            host="api.openai.com",
            port=443,
            method="POST",
            path="/v1/responses",
            provider="openai",
            model="gpt-4o",
            bound_nanousd=10**7,
        ),
        "tool, a command": Facts("tool", *who, action=bash),
        "tool, a file": Facts("tool", *who, action=write),
    }


def main() -> None:
    """A line for each kind of thing, and whether the aim is met."""
    book = PolicyBook([parse(policy_text().encode(), Path("many.yaml"))])
    terms = book.terms("acme", "coder")
    is_met = True
    for name, facts in things().items():
        took = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            decide(terms, facts)
            took.append(time.perf_counter() - started)
        report(f"decide, {RULES} rules, {name}", took)
        is_met &= sorted(took)[int(len(took) * 0.99)] * 1e6 <= P99_US
    print(f"p99 within {P99_US:.0f} us: {'yes' if is_met else 'no'}")


if __name__ == "__main__":
    main()

"""How long it takes to see what a tool call would do: python benchmarks/actions.py.

`new` is a script that was not seen before; `again` is one that was, as agents repeat themselves.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from proxy.actions import CommandPattern, action_of

SCRIPTS = (
    "ls -la src{n}",
    "cd /app/{n} && git status",
    "git add -A && git commit -m 'change {n}' && git push",
    "cat src/module{n}.py | head -50",
    "grep -rn 'pattern {n}' src --include='*.py' | sort | uniq -c",
    "uv run pytest tests/test_{n}.py -q 2>&1 | tail -20",
    "find . -name '*.py' -newer x{n} -exec wc -l {{}} +",
    'for f in a b c{n}; do echo "$f"; done',
)
ROUNDS = 2_000


def measure(name: str, is_new: bool) -> None:
    """Print the median and the 99th percentile in microseconds."""
    took: list[float] = []
    for number in range(ROUNDS):
        for script in SCRIPTS:
            command = script.format(n=number if is_new else 0)
            started = time.perf_counter()
            action_of("Bash", {"command": command})
            took.append(time.perf_counter() - started)
    report(name, took)


def report(name: str, took: list[float]) -> None:
    """One line."""
    took.sort()
    p50, p99 = (took[int(len(took) * share)] * 1e6 for share in (0.5, 0.99))
    print(f"{name:42} p50 {p50:7.1f} us   p99 {p99:7.1f} us   ({len(took)} calls)")


def main() -> None:
    """Three lines."""
    measure("action_of, new", is_new=True)
    measure("action_of, again", is_new=False)
    patterns = [CommandPattern.parse(f"program{n} -r") for n in range(500)]
    action = action_of("Bash", {"command": SCRIPTS[2].format(n=0)})
    took: list[float] = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for pattern in patterns:
            pattern.matches(action)
        took.append(time.perf_counter() - started)
    report("500 patterns, one action", took)


if __name__ == "__main__":
    main()

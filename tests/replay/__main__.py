"""Prints how far what we record of a folder of recordings agrees with them, by provider and format:
read by our readers alone, and driven through a running Exeat and read off its ledger.

python -m tests.replay [folder] [--pure | --estimates]
"""

import asyncio
import logging
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from tests.replay.estimates import guesses_of, table
from tests.replay.exchanges import exchanges_in, sessions_in
from tests.replay.judge import judge
from tests.replay.running import judge_running
from tests.replay.sessions import judge_sessions
from tests.replay.verdict import Verdict, guarded

OWN = Path(__file__).parent / "exchanges"


def main(folder: Path, *, is_pure: bool) -> int:
    """The tables; 1 when anything disagrees."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    exchanges = list(exchanges_in(folder))
    disagree = _table(
        "Read by the readers alone", [guarded(each, partial(judge, each)) for each in exchanges]
    )
    if not is_pure:
        with tempfile.TemporaryDirectory() as name:
            running = asyncio.run(judge_running(exchanges, Path(name)))
        disagree += _table("Through a running Exeat, off its ledger", running)
        sessions = list(sessions_in(folder))
        with tempfile.TemporaryDirectory() as name:
            played = asyncio.run(judge_sessions(sessions, Path(name)))
        disagree += _table("WebSocket sessions through a running Exeat, off its ledger", played)
    return 1 if disagree else 0


def _table(title: str, verdicts: Sequence[Verdict]) -> int:
    groups: defaultdict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        groups[verdict.provider, verdict.wire].append(verdict)
    print(f"\n{title}")
    columns = f"{'calls':>6}{'usage':>7}{'agree':>7}{'cost':>6}{'estimate':>10}"
    print(f"{'provider':<40} {'format':<32}{columns}")
    for (provider, wire), found in sorted(groups.items()):
        _row(provider, wire, found)
    _row("all", "", verdicts)
    for verdict in verdicts:
        for fault in verdict.faults:
            print(f"{verdict.where} {verdict.provider} {verdict.wire}: {fault}")
    told = [verdict for verdict in verdicts if verdict.has_usage]
    unpriced = sorted({f"{v.provider}: {v.price}" for v in told if v.price != "agrees"})
    if unpriced:
        print("not compared in money:", *unpriced, sep="\n  ")
    return sum(not verdict.agrees for verdict in verdicts)


def _row(provider: str, wire: str, verdicts: Sequence[Verdict]) -> None:
    told = [verdict for verdict in verdicts if verdict.has_usage]
    agree = sum(verdict.agrees for verdict in told)
    costs = sum(verdict.price == "agrees" for verdict in told)
    errors = [v.estimate_error for v in told if v.estimate_error is not None]
    error = f"{statistics.median(errors):.1%}" if errors else ""
    counts = f"{len(verdicts):>6}{len(told):>7}{agree:>7}{costs:>6}{error:>10}"
    print(f"{provider:<40} {wire:<32}{counts}")


def estimates(folder: Path) -> int:
    """1 when any bound is below what was used."""
    guesses = guesses_of(exchanges_in(folder))
    print("\n".join(table(guesses)))
    return 1 if any(each.bound < each.truth for each in guesses) else 0


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    where = Path(words[0]) if words else OWN
    if "--estimates" in sys.argv:
        raise SystemExit(estimates(where))
    raise SystemExit(main(where, is_pure="--pure" in sys.argv))

"""Prints how far our readers agree with a folder of recordings, by provider and format.

python -m tests.replay [folder]
python -m tests.replay --estimates [folder]
"""

import statistics
import sys
from collections import defaultdict
from pathlib import Path

from tests.replay.estimates import guesses_of, table
from tests.replay.exchanges import exchanges_in
from tests.replay.judge import Verdict, judge

OWN = Path(__file__).parent / "exchanges"


def main(folder: Path) -> int:
    groups: defaultdict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for exchange in exchanges_in(folder):
        verdict = judge(exchange)
        groups[verdict.provider, verdict.wire].append(verdict)
    print(
        f"{'provider':<34}{'format':<28}{'calls':>6}{'usage':>7}{'agree':>7}{'cost':>6}{'estimate':>10}"
    )
    for (provider, wire), verdicts in sorted(groups.items()):
        told = [verdict for verdict in verdicts if verdict.has_usage]
        agree = sum(verdict.agrees for verdict in told)
        costs = sum(verdict.price == "agrees" for verdict in told)
        errors = [v.estimate_error for v in told if v.estimate_error is not None]
        error = f"{statistics.median(errors):.1%}" if errors else ""
        print(
            f"{provider:<34}{wire:<28}{len(verdicts):>6}{len(told):>7}{agree:>7}{costs:>6}{error:>10}"
        )
    every = [verdict for verdicts in groups.values() for verdict in verdicts]
    for verdict in every:
        for fault in verdict.faults:
            print(f"{verdict.where} {verdict.provider} {verdict.wire}: {fault}")
    unpriced = sorted(
        {f"{v.provider}: {v.price}" for v in every if v.has_usage and v.price != "agrees"}
    )
    print("not compared in money:", *unpriced, sep="\n  ")
    return 1 if any(not verdict.agrees for verdict in every) else 0


def estimates(folder: Path) -> int:
    """1 when any bound is below what was used."""
    guesses = guesses_of(exchanges_in(folder))
    print("\n".join(table(guesses)))
    return 1 if any(each.bound < each.truth for each in guesses) else 0


if __name__ == "__main__":
    named = [argument for argument in sys.argv[1:] if argument != "--estimates"]
    where = Path(named[0]) if named else OWN
    raise SystemExit(estimates(where) if "--estimates" in sys.argv else main(where))

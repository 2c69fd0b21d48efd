"""Estimates come near the provider's own count, and no bound is below it.

Our own exchanges are always measured; with EXEAT_RECORDINGS=/folder, those in that folder too.
"""

import statistics
from pathlib import Path

import pytest

from tests.replay.estimates import Guess, guesses_of, table
from tests.replay.exchanges import exchanges_in
from tests.replay.judge import folder_named

OWN = Path(__file__).parent / "exchanges"
MORE = folder_named()
FOLDERS = [OWN, Path(MORE)] if MORE else [OWN]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_bound_is_below_what_was_used(folder: Path) -> None:
    guesses = guesses_of(exchanges_in(folder))
    assert guesses
    assert [each for each in guesses if each.bound < each.truth] == []


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
def test_the_median_estimate_of_many_recordings_is_within_a_tenth_in_both_halves(
    provider: str,
) -> None:
    groups: dict[tuple[str, str], list[float]] = {}
    for folder in FOLDERS[1:]:  # Our own are a handful of shapes, not a sample.
        for each in guesses_of(exchanges_in(folder)):
            if each.provider == provider and each.kind != "images":
                groups.setdefault((each.kind, each.half), []).append(each.error)
    assert all(statistics.median(errors) <= 0.1 for errors in groups.values()), groups


def test_the_table_counts_by_provider_kind_and_half() -> None:
    guesses = [
        Guess("a:1", "openai", "m", "text", "fitted", 110, 300, 100),
        Guess("a:2", "openai", "m", "text", "held out", 100, 200, 100),
        Guess("a:3", "openai", "m", "tools", "held out", 50, 90, 100),
    ]
    assert table(guesses)[2:] == [
        "| openai | text | all | 2 | 5.0% | 10.0% | 2.5 | 0 |",
        "| openai | text | fitted | 1 | 10.0% | 10.0% | 3.0 | 0 |",
        "| openai | text | held out | 1 | 0.0% | 0.0% | 2.0 | 0 |",
        "| openai | tools | all | 1 | 50.0% | 50.0% | 0.9 | 1 |",
        "| openai | tools | held out | 1 | 50.0% | 50.0% | 0.9 | 1 |",
    ]

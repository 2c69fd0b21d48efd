"""Explanations and comparisons as text for a terminal, and as values for JSON (pure)."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from proxy.money import format_usd
from proxy.policy.explain import Explanation, Said
from proxy.policy.facts import Facts
from proxy.policy.replay import Comparison


def explained(it: Explanation) -> dict[str, Any]:
    """Of an explanation, every rule and the decision."""
    return {"passes": it.ruled.passes, **asdict(it)}


def compared(it: Comparison) -> dict[str, Any]:
    """Of a comparison, its counts and examples."""
    return {
        "calls": it.calls,
        "tool_calls": it.tool_calls,
        "refused_calls": it.refused("call"),
        "refused_tool_calls": it.refused("tool call"),
        "passed_calls": it.passed("call"),
        "passed_tool_calls": it.passed("tool call"),
        "saved_nanousd": it.saved_nanousd.total(),
        "skipped": it.skipped,
        "undecided": it.undecided,
        "seen_in_part": it.in_part,
        "unseen_rules": it.unseen,
        "changes": [
            {**asdict(change), "count": count, "saved_nanousd": it.saved_nanousd[change]}
            for change, count in it.changes.most_common()
        ],
        "examples": [asdict(example) for example in it.examples],
    }


def say_explained(it: Explanation, facts: Facts) -> Iterator[str]:
    """Lines of an explanation."""
    yield f"{facts.kind} by {facts.org}/{facts.agent}, session {facts.session}"
    for said in it.policies:
        yield from _policy(said)
    ruled = it.ruled
    yield f"decision: {ruled.decision} by {ruled.rule}" + (
        "" if ruled.enforced else ", not enforced: it passes"
    )
    if ruled.reason:
        yield f"reason: {ruled.reason}"
    if ruled.bypass:
        yield f"bypass: {ruled.bypass}, so what this rule refuses passes"
    if ruled.watched is not None:
        yield f"watched: {ruled.watched.decision} by {ruled.watched.rule}, not enforced"


def _policy(said: Said) -> Iterator[str]:
    yield f"{said.policy[:80]}"
    if said.ruled is None:
        yield "  is for other callers"
        return
    for name, word in (("places", said.places), ("models", said.model)):
        if word is not None:
            yield f"  {name}: {word}"
    for rule in said.rules:
        mark = "wins" if rule.won else f"misses: {rule.missed}"
        yield f"  {rule.decision:6} {rule.rule}: {mark}"
    yield f"  its rules come to: {said.ruled.decision} by {said.ruled.rule}"


def say_replayed(it: Comparison) -> Iterator[str]:
    """Lines of a replay."""
    saved = format_usd(it.saved_nanousd.total())
    yield (
        f"Would have refused {it.refused('call'):,} of {it.calls:,} calls, and saved {saved}; and "
        f"{it.refused('tool call'):,} of {it.tool_calls:,} tool calls."
    )
    yield (
        f"Would have let through {it.passed('call'):,} calls and {it.passed('tool call'):,} tool "
        "calls that policies refused."
    )
    yield from _rest(it)


def say_differing(it: Comparison) -> Iterator[str]:
    """Lines of two policies over one history."""
    total = it.changes.total()
    yield f"{total:,} of {it.calls + it.tool_calls:,} calls and tool calls are decided otherwise."
    yield (
        f"The second refuses {it.refused('call') + it.refused('tool call'):,} that the first lets "
        f"through, which cost {format_usd(it.saved_nanousd.total())}, and lets through "
        f"{it.passed('call') + it.passed('tool call'):,} that the first refuses."
    )
    yield from _rest(it)


def _rest(it: Comparison) -> Iterator[str]:
    for change, count in it.changes.most_common():
        cost = it.saved_nanousd[change]
        yield (
            f"  {count:>7,}  {change.kind}: {change.before} -> {change.after} by {change.rule}"
            + (f", {format_usd(cost)}" if cost else "")
        )
    if it.examples:
        yield f"The first {len(it.examples)}:"
    for one in it.examples:
        yield (
            f"  {one.seq}  {one.id}  {one.org}/{one.agent}  {one.what}: "
            f"{one.before.decision} -> {one.after.decision} by {one.after.rule}"
        )
    if it.skipped:
        yield f"{it.skipped:,} were not asked about: nobody's, or refused by something else before."
    if it.undecided:
        yield f"{it.undecided:,} were decided then by a rule that cannot be asked again (Not seen)."
    if it.in_part:
        yield f"{it.in_part:,} tool calls are on file only in part."
    for rule, what in it.unseen.items():
        yield f"Not seen: {rule} asks for {what} that no record keeps."

"""A policy over what already happened: what would have been decided otherwise (pure).

Records go in one by one, in the order in which they were filed; what is kept of them is counts, the
first examples, and the ids of calls whose cost is still to come.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from proxy.policy.book import PolicyBook
from proxy.policy.decide import decide
from proxy.policy.facts import Facts
from proxy.policy.history import (
    Body,
    Verdict,
    facts_of_record,
    is_seen_in_part,
    unseen,
    verdict_of,
    verdict_of_record,
)
from proxy.policy.loader import LoadedPolicy
from proxy.policy.rates import Tally, with_rates
from proxy.slip import Ruling

EXAMPLES = 10

type Judge = Callable[[Body, Facts], Verdict | None]


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which decisions differ. `rule` is the stricter side's."""

    kind: str
    """call or tool call"""
    before: Ruling
    after: Ruling
    rule: str


@dataclass(frozen=True, slots=True)
class Example:
    """One call that would be decided otherwise."""

    seq: int
    id: str
    ts: str
    org: str
    agent: str
    what: str
    before: Verdict
    after: Verdict


@dataclass(slots=True)
class Comparison:
    """Two judges over one history."""

    before: Judge
    after: Judge
    unseen: dict[str, str] = field(default_factory=dict)
    """Rules that cannot be applied to a history, and what they ask for."""
    examples_max: int = EXAMPLES
    calls: int = 0
    tool_calls: int = 0
    skipped: int = 0
    """Nobody's, or refused before a policy was asked."""
    undecided: int = 0
    """Decided then by a rule that asks for what no record keeps, so that it cannot be asked again."""
    in_part: int = 0
    """Tool calls whose record does not hold all that they would have done."""
    changes: Counter[Change] = field(default_factory=Counter)
    saved_nanousd: Counter[Change] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    _open: dict[str, Change] = field(default_factory=dict)

    def take(self, body: Body) -> None:
        """The next record."""
        if body["kind"] == "outcome":
            change = self._open.pop(body["id"], None)
            if change is not None:
                self.saved_nanousd[change] += body["resource"]["nanousd"]
            return
        if body["kind"] not in ("decision", "tool_call"):
            return
        if body["kind"] == "decision" and body["request"]["class"] == "internal":
            return
        facts = facts_of_record(body)
        before = self.before(body, facts) if facts is not None else None
        after = self.after(body, facts) if facts is not None else None
        if facts is None or before is None or after is None:
            self.skipped += 1
            return
        if before.rule in self.unseen and after.rule != before.rule:
            self.undecided += 1  # Perhaps the rule would match: what it asks for is not on file.
            return
        if facts.kind == "tool":
            self.tool_calls += 1
            self.in_part += is_seen_in_part(body)
        else:
            self.calls += 1
        if before.decision != after.decision:
            self._note(body, facts, before, after)

    def _note(self, body: Body, facts: Facts, before: Verdict, after: Verdict) -> None:
        stricter = before if after.decision == "allow" else after
        kind = "tool call" if facts.kind == "tool" else "call"
        change = Change(kind, before.decision, after.decision, stricter.rule)
        self.changes[change] += 1
        if kind == "call" and before.passes and not after.passes:
            self._open[body["id"]] = change
        if len(self.examples) < self.examples_max:
            self.examples.append(
                Example(
                    body["seq"],
                    body["id"],
                    body["ts"],
                    facts.org,
                    facts.agent,
                    _what(facts),
                    before,
                    after,
                )
            )

    def refused(self, kind: str) -> int:
        """How many that passed would be refused."""
        return sum(n for change, n in self.changes.items() if _is(change, kind, "refused"))

    def passed(self, kind: str) -> int:
        """How many that were refused would pass."""
        return sum(n for change, n in self.changes.items() if _is(change, kind, "passed"))


def replay(policies: Sequence[LoadedPolicy]) -> Comparison:
    """These policies beside what was decided then."""
    return Comparison(lambda body, _: verdict_of_record(body), _judge(policies), unseen(policies))


def difference(one: Sequence[LoadedPolicy], other: Sequence[LoadedPolicy]) -> Comparison:
    """Two sets of policies, one beside the other."""
    return Comparison(_judge(one), _judge(other), unseen([*one, *other]))


def _judge(policies: Sequence[LoadedPolicy]) -> Judge:
    """Counts for the rates of its own rules, from the first record on."""
    book, tally = PolicyBook(policies), Tally()

    def judge(_: Body, facts: Facts) -> Verdict:
        terms = book.terms(facts.org, facts.agent)
        counted = with_rates(
            terms, replace(facts, rates={}), lambda asked: tally.is_over(asked, facts.at)
        )
        return verdict_of(decide(terms, counted))

    return judge


def _is(change: Change, kind: str, what: str) -> bool:
    passes = [each not in ("deny", "hold") for each in (change.before, change.after)]
    return change.kind == kind and passes == ([True, False] if what == "refused" else [False, True])


def _what(facts: Facts) -> str:
    if facts.action is not None:
        return " ".join([facts.action.tool, *facts.action.targets[:1]])
    said = f"{facts.method} {facts.host}{facts.path}"
    return f"{said} ({facts.model})" if facts.model else said

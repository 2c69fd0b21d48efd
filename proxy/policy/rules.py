"""Rules, compiled: of those that match, the first by priority decides (pure).

A rule is a tuple of questions, the cheapest first. Which rules could match at all is looked up by the
kind of thing, the tool and its category, so that five hundred rules cost little more than a few.
"""

import fnmatch
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from operator import attrgetter
from zoneinfo import ZoneInfo

import re2  # type: ignore[import-untyped]  # It ships no types.

from proxy.actions import (
    NOT_UNDERSTOOD,
    Action,
    Command,
    CommandPattern,
    covers_path,
    matches_path,
)
from proxy.budgets import Limit
from proxy.money import nanousd
from proxy.policy.facts import Facts
from proxy.policy.rule_schema import Match, Rate, Rule, Time
from proxy.slip import Ruling

type Question = Callable[[Facts], bool]

_STRENGTHS = {"token": 1, "listener": 2, "proxy_credentials": 3}
_MEMO_MAX = 4096
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class RateAsked:
    """A rule that matches but for its rate: does this come above the limit?"""

    rule: str
    limit: Limit


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule, ready to be asked."""

    id: str
    name: str
    """As it stands in records: `policy/rules.id`."""
    decision: Ruling
    reason: str
    questions: tuple[tuple[str, Question], ...]
    """Named, so that a rule that does not match can say why not."""
    rate: Rate | None
    starts: frozenset[str] | None
    """It matches only what runs one of them, `git` or `git push`; None when these do not tell."""

    def misses(self, facts: Facts) -> str | None:
        """The first criterion that is not met; None when the rule matches."""
        return next((name for name, holds in self.questions if not holds(facts)), None)


class Rules:
    """The rules of one policy, in the order in which they count."""

    def __init__(self, rules: Sequence[Rule], policy: str = "") -> None:
        ordered = sorted(rules, key=lambda rule: rule.priority)  # Stable: the file breaks ties.
        self._matches = tuple((rule.match, _compiled(rule, policy)) for rule in ordered)
        self.count = any(rule.match.rate is not None for rule in rules)
        """Some rule has a rate."""
        self._memo: dict[tuple[str, str, str], tuple[Compiled, ...]] = {}

    def first(self, facts: Facts) -> Compiled | None:
        """The rule that decides; None leaves it to the default."""
        starts = _starts(facts)
        for rule in self._candidates(facts):
            named = rule.starts
            if starts is not None and named is not None and named.isdisjoint(starts):
                continue  # As most rules are: not worth asking the rest.
            if rule.misses(facts) is None and (rule.rate is None or facts.rates.get(rule.name)):
                return rule
        return None

    def next_rate(self, facts: Facts) -> RateAsked | None:
        """The first rule that would decide but for its rate, as far as that is not answered yet."""
        for rule in self._candidates(facts) if self.count else ():
            if rule.misses(facts) is not None:
                continue
            if rule.rate is None or facts.rates.get(rule.name):
                return None
            if rule.name not in facts.rates:
                return RateAsked(rule.name, _limit(rule, rule.rate, facts))
        return None

    def rates_on_tools(self, facts: Facts) -> list[RateAsked]:
        """The rates that tool calls of this caller may count against, whatever they are."""
        return [
            RateAsked(rule.name, _limit(rule, rule.rate, facts))
            for match, rule in self._matches
            if rule.rate is not None and _could_match_tools(match)
        ]

    def every(self, facts: Facts) -> list[tuple[Compiled, str | None]]:
        """Every rule with the criterion that it misses, for whoever asks why."""
        return [(rule, rule.misses(facts)) for _, rule in self._matches]

    def _candidates(self, facts: Facts) -> tuple[Compiled, ...]:
        action = facts.action
        key = (facts.kind, action.tool, action.category) if action else (facts.kind, "", "")
        found = self._memo.get(key)
        if found is None:
            if len(self._memo) >= _MEMO_MAX:
                self._memo.clear()  # Tool names are the model's to choose.
            found = self._memo[key] = tuple(
                rule for match, rule in self._matches if _could_match(match, *key)
            )
        return found


def _starts(facts: Facts) -> frozenset[str] | None:
    """What a tool would run, each program alone and with each of its words; None when it may be
    anything."""
    action = facts.action
    if action is None or not action.is_understood:
        return None
    if any(command.is_chosen for command in action.commands):
        return None
    found = {command.program for command in action.commands}
    for command in action.commands:
        found.update([f"{command.program} {word}" for word in command.arguments])
    return frozenset(found)


_OF_CALLS = ("hosts", "ports", "methods", "paths", "providers", "models", "costs_more_than")
"""What only a call has: a rule that asks for it matches no tool."""


def _could_match(match: Match, kind: str, tool: str, category: str) -> bool:
    if match.kinds is not None and kind not in match.kinds:
        return False
    if kind != "tool":
        return not any((match.tools, match.categories, match.targets, match.commands)) and not any(
            (match.statements, match.text)
        )
    if match.categories is not None and category not in match.categories:
        return False
    if any(getattr(match, name) is not None for name in _OF_CALLS):
        return False
    return match.tools is None or _globs(match.tools)(tool)


def _could_match_tools(match: Match) -> bool:
    return (match.kinds is None or "tool" in match.kinds) and all(
        getattr(match, name) is None for name in _OF_CALLS
    )


def _limit(rule: Compiled, rate: Rate, facts: Facts) -> Limit:
    """A rule's rate as a limit of the budgets' counters."""
    who = (("org", facts.org), ("agent", facts.agent), ("session", facts.session))
    scope = who[: ("org", "agent", "session").index(rate.per) + 1]
    return Limit(rule.name, (("rule", rule.name), *scope), "times", rate.window, rate.more_than)


def _compiled(rule: Rule, policy: str) -> Compiled:
    match = rule.match
    asked: list[tuple[str, Question]] = []
    if match.kinds is not None:
        kinds = frozenset(match.kinds)
        asked.append(("kinds", lambda facts: facts.kind in kinds))
    for name, of in _TEXTS.items():
        patterns = getattr(match, name)
        if patterns is not None:
            asked.append((name, _asks(_globs(patterns), of)))
    if match.ports is not None:
        ports = frozenset(match.ports)
        asked.append(("ports", lambda facts: facts.port in ports))
    if match.categories is not None:
        categories = frozenset(match.categories)
        asked.append(
            ("categories", lambda f: f.action is not None and f.action.category in categories)
        )
    if match.identity_weaker_than is not None:
        strength = _STRENGTHS[match.identity_weaker_than]
        asked.append(("identity_weaker_than", lambda facts: facts.strength > strength))
    if match.repeats_more_than is not None:
        repeats = match.repeats_more_than
        asked.append(("repeats_more_than", lambda facts: facts.repeats > repeats))
    if match.costs_more_than is not None:
        asked.append(("costs_more_than", _costs(nanousd(match.costs_more_than))))
    if match.secrets is not None:
        secret = _globs(match.secrets)
        asked.append(("secrets", lambda facts: any(map(secret, facts.secrets))))
    if match.time is not None:
        asked.append(("time", _within(match.time)))
    asked += _of_actions(match, lets_pass=rule.decision == "allow")
    reason = rule.reason
    if match.rate is not None and not reason:
        rate, times = match.rate, match.rate.more_than
        reason = f"this comes above {times} per {rate.window} of one {rate.per}"
    name = f"{policy}/rules.{rule.id}"
    starts = _named_starts(match.commands or ())
    return Compiled(rule.id, name, rule.decision, reason, tuple(asked), match.rate, starts)


def _named_starts(commands: Sequence[str]) -> frozenset[str] | None:
    patterns = [CommandPattern.parse(text) for text in commands]
    if not patterns or any(pattern.is_general for pattern in patterns):
        return None
    return frozenset(pattern.start for pattern in patterns)


_TEXTS: dict[str, Callable[[Facts], str | None]] = {
    "orgs": lambda facts: facts.org,
    "agents": lambda facts: facts.agent,
    "sessions": lambda facts: facts.session,
    "hosts": lambda facts: facts.host,
    "methods": lambda facts: facts.method,
    "paths": lambda facts: facts.path,
    "providers": lambda facts: facts.provider,
    "models": lambda facts: facts.model,
    "tools": lambda facts: facts.action.tool if facts.action else None,
}


def _of_actions(match: Match, *, lets_pass: bool) -> list[tuple[str, Question]]:
    """What a tool would do. A rule that refuses needs one command or target that it is about, or one
    that could not be read: that may be anything. A rule that allows must be about all of them."""
    asked: list[tuple[str, Question]] = []
    if match.targets is not None:
        is_meant = _touched(match.targets, match.except_targets or ())
        asked.append(("targets", _of_parts(_targets, is_meant, lets_pass=lets_pass)))
    if match.commands is not None:
        patterns = tuple(CommandPattern.parse(text) for text in match.commands)

        def is_such(command: Command) -> bool:
            if command.is_chosen and lets_pass:
                return False  # It may be such a one, or any other.
            return any(pattern.fits(command) for pattern in patterns)

        asked.append(("commands", _of_parts(_commands, is_such, lets_pass=lets_pass)))
    if match.statements is not None:
        kinds = frozenset(match.statements)

        def is_kind(kind: str) -> bool:
            return kind in kinds or (kind == NOT_UNDERSTOOD and not lets_pass)

        asked.append(("statements", _of_parts(_statements, is_kind, lets_pass=lets_pass)))
    if match.text is not None:
        expressions = tuple(re2.compile(text) for text in match.text)
        asked.append(
            (
                "text",
                lambda facts: (
                    facts.action is not None
                    and any(each.search(facts.action.text) is not None for each in expressions)
                ),
            )
        )
    return asked


_targets = attrgetter("targets")
_commands = attrgetter("commands")
_statements = attrgetter("statements")


def _touched(globs: Sequence[str], spared: Sequence[str]) -> Callable[[str], bool]:
    """Whether a target is one of these, and not spared."""
    if len(globs) == 1 and not spared:
        return partial(matches_path, globs[0])

    def touched(target: str) -> bool:
        return any(matches_path(glob, target) for glob in globs) and not any(
            covers_path(glob, target) for glob in spared
        )

    return touched


def _of_parts[Part](
    parts: Callable[[Action], Collection[Part]],
    is_meant: Callable[[Part], bool],
    *,
    lets_pass: bool,
) -> Question:
    def every(facts: Facts) -> bool:
        action = facts.action
        return (
            action is not None
            and action.is_understood
            and bool(parts(action))
            and all(map(is_meant, parts(action)))
        )

    def some(facts: Facts) -> bool:
        action = facts.action
        if action is None or not action.is_understood:
            return action is not None
        for part in parts(action):  # noqa: SIM110  # Asked five hundred times a call.
            if is_meant(part):
                return True
        return False

    return every if lets_pass else some


def _asks(holds: Callable[[str], bool], of: Callable[[Facts], str | None]) -> Question:
    def ask(facts: Facts) -> bool:
        value = of(facts)
        return value is not None and holds(value)

    return ask


def _globs(patterns: Sequence[str]) -> Callable[[str], bool]:
    """`fnmatch` compiles `*` to atomic groups: linear time."""
    if "*" in patterns:
        return lambda _: True
    if not any(mark in pattern for pattern in patterns for mark in "*?["):
        return frozenset(patterns).__contains__
    union = re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
    return lambda text: union.match(text) is not None


def _costs(most: int) -> Question:
    """Without a price it may cost anything."""
    return lambda facts: (
        facts.kind == "llm" and (facts.bound_nanousd is None or facts.bound_nanousd > most)
    )


def _within(time: Time) -> Question:
    zone, days = ZoneInfo(time.timezone), frozenset(_DAYS.index(day) for day in time.days)
    start, end = time.hours

    def within(facts: Facts) -> bool:
        here = facts.at.astimezone(zone)
        if start <= end:
            return start <= here.hour < end and here.weekday() in days
        if here.hour >= start:
            return here.weekday() in days
        # After midnight it is still the night of the day before.
        return here.hour < end and (here - timedelta(days=1)).weekday() in days

    return within

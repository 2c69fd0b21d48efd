"""How often something happened lately: what rules count, and what goes round in circles (pure)."""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from proxy.budgets.windows import window_start_ms
from proxy.policy.facts import Facts
from proxy.policy.rules import RateAsked
from proxy.slip import Identity

if TYPE_CHECKING:
    from proxy.policy.terms import Terms

_KEYS_MAX = 20_000
"""Scopes that are remembered; the one that was quiet longest is forgotten first."""
_CIRCLE_S = 3600
_TIMES_MAX = 10_000
"""Moments that are kept of each; above this the oldest go, and the count stays at its most."""


def with_rates(terms: "Terms", facts: Facts, is_over: Callable[[RateAsked], bool]) -> Facts:
    """The facts, with every rate answered that a decision on them asks for; each is asked for once."""
    while (asked := terms.next_rate(facts)) is not None:
        facts = with_rate(facts, asked, is_over=is_over(asked))
    return facts


def with_rate(facts: Facts, asked: RateAsked, *, is_over: bool) -> Facts:
    """The facts, with one rate answered."""
    return replace(facts, rates={**facts.rates, asked.rule: is_over})


def over(facts: Facts) -> tuple[str, ...]:
    """The rules whose rate they come above."""
    return tuple(sorted(rule for rule, is_over in facts.rates.items() if is_over))


class Tally:
    """Counts as the budgets do, in memory: in fixed windows, and never above the limit. For replays."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}

    def is_over(self, asked: RateAsked, at: datetime) -> bool:
        """Does one more, at this moment, come above the limit? If not, it counts."""
        start_ms = window_start_ms(asked.limit.window, round(at.timestamp() * 1000))
        since, times = self._counts.get(asked.limit.key, (start_ms, 0))
        times = times if since == start_ms else 0
        if times >= asked.limit.cap:
            return True
        self._counts[asked.limit.key] = (start_ms, times + 1)
        return False


class Circles:
    """How often a session did the very same thing within the hour: what goes round in circles. Each
    process counts what comes by it."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, ...], deque[datetime]] = OrderedDict()

    def before(self, who: Identity, what: str, at: datetime) -> int:
        """How often before this time. `what` names the thing, as a hash or a name."""
        key = (who.org, who.agent, who.session, what)
        times = self._seen.pop(key, None) or deque(maxlen=_TIMES_MAX)
        self._seen[key] = times
        if len(self._seen) > _KEYS_MAX:
            self._seen.popitem(last=False)
        times.append(at)
        since = at - timedelta(seconds=_CIRCLE_S)
        while times[0] <= since:
            times.popleft()
        return len(times) - 1

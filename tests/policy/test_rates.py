"""What rules count: only what meets all else they ask for, in fixed windows, and no more than the limit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy import PolicyBook
from proxy.policy.decide import decide
from proxy.policy.facts import Facts
from proxy.policy.rates import Circles, Tally, over, with_rates
from proxy.slip import Identity, Ruled
from tests.policy.texts import policy

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def terms(*rules: str, more: str = "") -> Any:
    lines = "\n".join(f"  - {{{rule}}}" for rule in rules)
    text = f"egress: {{default: allow}}\n{more}rules:\n{lines}\n"
    return PolicyBook([policy(text)]).terms("acme", "coder")


def http(**more: Any) -> Facts:
    return Facts(
        **{"kind": "http", "org": "acme", "agent": "coder", "session": "s1", "at": NOON} | more
    )


class Asked:
    """Rates answered from memory, and what was asked for."""

    def __init__(self, of: Any) -> None:
        self.terms = of
        self.tally = Tally()
        self.rules: list[str] = []

    def decide(self, facts: Facts) -> Ruled:
        def is_over(asked: Any) -> bool:
            self.rules.append(asked.rule)
            return self.tally.is_over(asked, facts.at)

        return decide(self.terms, with_rates(self.terms, facts, is_over))


@pytest.mark.parametrize("decision", ["deny", "hold", "warn", "redact"])
def test_a_rule_with_a_rate_decides_what_comes_above_it_whatever_it_says(decision: str) -> None:
    asked = Asked(terms(f"id: r, decision: {decision}, match: {{rate: {{more_than: 2}}}}"))
    found = [asked.decide(http(at=NOON + timedelta(seconds=n))) for n in range(4)]
    assert [each.decision for each in found] == ["allow", "allow", decision, decision]
    assert found[3].rule == "p/rules.r"
    assert asked.decide(http(agent="other")).decision == "allow"
    assert asked.decide(http(at=NOON + timedelta(seconds=60))).decision == "allow", "a new window"


def test_it_says_what_the_limit_is_where_no_reason_is_given() -> None:
    rate = "{rate: {more_than: 0, window: hour, per: session}}"
    asked = Asked(
        terms(f"id: r, decision: deny, match: {rate}", f"id: s, decision: deny, match: {rate}")
    )
    assert asked.decide(http()).reason == "this comes above 0 per hour of one session"
    mine = Asked(terms(f"id: r, decision: deny, reason: Mine., match: {rate}"))
    assert mine.decide(http()).reason == "Mine."


@pytest.mark.parametrize(
    ("per", "changed", "is_shared"),
    [
        ("org", {"agent": "b", "session": "x"}, True),
        ("agent", {"session": "x"}, True),
        ("agent", {"agent": "b"}, False),
        ("session", {"session": "x"}, False),
    ],
)
def test_a_rate_is_of_one_scope(per: str, changed: dict[str, str], is_shared: bool) -> None:
    asked = Asked(terms(f"id: r, decision: deny, match: {{rate: {{more_than: 1, per: {per}}}}}"))
    assert asked.decide(http()).passes
    assert asked.decide(http(**changed)).passes is not is_shared


def test_only_what_a_rule_would_decide_counts_for_it() -> None:
    asked = Asked(
        terms(
            "id: mine, decision: deny, priority: 1, match: {hosts: [no.test]}",
            "id: slow, decision: warn, priority: 2, match: {hosts: [a.test, no.test], rate: {more_than: 1}}",
            "id: all, decision: deny, priority: 3, match: {rate: {more_than: 2}}",
        )
    )
    assert asked.decide(http(host="no.test")).rule == "p/rules.mine"
    assert asked.rules == [], "an earlier rule decides, so the later ones count nothing"
    assert asked.decide(http(host="b.test")).passes
    assert asked.rules == ["p/rules.all"], "another host is none of the slow rule's matter"
    assert asked.decide(http(host="a.test")).decision == "allow"
    assert asked.rules[1:] == ["p/rules.slow", "p/rules.all"]
    assert asked.decide(http(host="a.test")).rule == "p/rules.slow"
    assert asked.rules[3:] == ["p/rules.slow"], "it decides, so the next one is not reached"


def test_every_policy_counts_for_itself_also_one_that_only_watches() -> None:
    rate = "rules: [{id: r, decision: deny, match: {rate: {more_than: 0}}}]\n"
    both = [policy("enforce: false\n" + rate, "watch"), policy("egress: {default: allow}\n" + rate)]
    asked = Asked(PolicyBook(both).terms("acme", "coder"))
    ruled = asked.decide(http())
    assert asked.rules == ["watch/rules.r", "p/rules.r"]
    assert (ruled.rule, ruled.watched and ruled.watched.rule) == ("p/rules.r", "watch/rules.r")


def test_what_it_came_above_is_named() -> None:
    facts = http(rates={"p/rules.b": True, "p/rules.a": True, "p/rules.c": False})
    assert over(facts) == ("p/rules.a", "p/rules.b")


@given(
    st.integers(0, 4),
    st.sampled_from(["minute", "hour", "day", "week", "month", "total"]),
    st.lists(st.integers(0, 100_000), max_size=40),
)
def test_in_no_window_more_than_the_limit_stays_below_it(
    most: int, window: str, pauses: list[int]
) -> None:
    asked = Asked(
        terms(f"id: r, decision: deny, match: {{rate: {{more_than: {most}, window: {window}}}}}")
    )
    at, passed = NOON, []
    for pause in pauses:
        at += timedelta(seconds=pause)
        if asked.decide(http(at=at)).passes:
            passed.append(at)
    formats = {
        "minute": "%F %H:%M",
        "hour": "%F %H",
        "day": "%F",
        "week": "%G-%V",
        "month": "%Y-%m",
    }
    windows = [each.strftime(formats.get(window, "")) for each in passed]
    assert all(windows.count(each) <= most for each in windows)
    assert not pauses or len(passed) >= min(most, 1)


def test_circles_are_the_same_thing_within_the_hour() -> None:
    circles, me = Circles(), Identity("acme", "coder", "s1")
    times = [circles.before(me, "x", NOON + timedelta(minutes=n)) for n in (0, 1, 59)]
    assert times == [0, 1, 2]
    assert circles.before(me, "x", NOON + timedelta(minutes=61)) == 1
    assert circles.before(me, "y", NOON) == 0
    assert circles.before(Identity("acme", "coder", "s2"), "x", NOON) == 0

"""What people allow for a time: whom it covers, what it lets pass, and when it is over."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.actions import action_of
from proxy.identity.scope import Scope
from proxy.policy import PolicyBook
from proxy.policy.decide import decide
from proxy.policy.explain import explain
from proxy.policy.facts import Facts
from proxy.policy.loader import parse
from proxy.policy.permits import Asker, Bypass, Grant, InForce
from proxy.slip import Destination, Identity

TEXT = """
policy: p
version: 1
egress:
  allow: [{host: good.test}]
models:
  allow: [gpt-4o]
budgets:
  - {name: day, usd: "5.00", per: [agent], window: day}
rules:
  - {id: push, decision: deny, reason: no pushing, match: {tools: [Bash], commands: [git push]}}
  - {id: ask, decision: hold, match: {tools: [Deploy]}}
"""
ME = Identity("acme", "coder", "s1")
NOW = 1_795_000_000_000


def bypass(*rules: str, scope: Scope | None = None, until_ms: int = NOW + 1000) -> Bypass:
    return Bypass(
        id="b1",
        scope=scope or Scope("acme", "coder"),
        by="ann",
        reason="an outage",
        from_ms=NOW,
        until_ms=until_ms,
        rules=rules,
    )


def grant(amount: int, limit: str = "usd.day/agent=coder/org=acme") -> Grant:
    return Grant(
        id="g1",
        scope=Scope("acme", "coder"),
        by="ann",
        reason="a release",
        from_ms=NOW,
        until_ms=NOW + 1000,
        limit=limit,
        budget="day",
        unit="usd",
        amount=amount,
    )


def book(*permits: Bypass | Grant) -> PolicyBook:
    return PolicyBook([parse(TEXT.encode(), Path("p.yaml"))], InForce(permits))


def tool(name: str, arguments: dict[str, str], at_ms: int = NOW, who: Identity = ME) -> Facts:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return Facts("tool", who.org, who.agent, who.session, at, action=action_of(name, arguments))


PUSH = tool("Bash", {"command": "git push"})


def test_h4_what_a_bypassed_rule_refuses_passes_flagged_and_names_both() -> None:
    ruled = decide(book(bypass("p/rules.push")).terms("acme", "coder"), PUSH)
    assert (ruled.decision, ruled.rule, ruled.bypass) == ("warn", "p/rules.push", "b1")
    assert ruled.passes


def test_h4_it_is_over_at_its_end_and_not_a_millisecond_later() -> None:
    terms = book(bypass("p/rules.push")).terms("acme", "coder")
    command = {"command": "git push"}
    assert decide(terms, tool("Bash", command, NOW + 999)).passes
    assert not decide(terms, tool("Bash", command, NOW + 1000)).passes
    assert not decide(terms, tool("Bash", command, NOW - 1)).passes


@pytest.mark.parametrize(
    ("rules", "scope", "passes"),
    [
        (("p/rules.*",), Scope("acme"), True),
        (("other/*", "p/rules.push"), Scope("acme", "coder", "s1"), True),
        (("p/rules.ask",), Scope("acme"), False),
        (("push",), Scope("acme"), False),
        (("p/rules.push",), Scope("acme", "other"), False),
        (("p/rules.push",), Scope("acme", "coder", "s2"), False),
        (("p/rules.push",), Scope("acme2"), False),
    ],
)
def test_it_covers_the_rules_and_the_callers_that_it_names(
    rules: tuple[str, ...], scope: Scope, passes: bool
) -> None:
    terms = book(bypass(*rules, scope=scope)).terms("acme", "coder")
    assert decide(terms, PUSH).passes is passes


def test_what_waits_for_a_person_passes_too() -> None:
    ruled = decide(book(bypass("p/rules.ask")).terms("acme", "coder"), tool("Deploy", {}))
    assert (ruled.decision, ruled.bypass) == ("warn", "b1")


def test_another_policys_no_stays_a_no() -> None:
    other = parse(TEXT.replace("policy: p", "policy: q").encode(), Path("q.yaml"))
    both = PolicyBook([*book().policies, other], InForce([bypass("p/*")]))
    assert decide(both.terms("acme", "coder"), PUSH).rule == "q/rules.push"


def test_a_quarantine_is_no_rule_of_a_policy() -> None:
    facts = Facts("tool", "acme", "coder", "s1", PUSH.at, action=PUSH.action, quarantined=True)
    ruled = decide(book(bypass("*")).terms("acme", "coder"), facts)
    assert (ruled.decision, ruled.rule) == ("hold", "quarantine")


def test_without_a_policy_nothing_can_be_bypassed() -> None:
    none = PolicyBook((), InForce([bypass("*")])).terms("acme", "coder")
    assert not decide(none, PUSH).passes


def test_places_and_models_pass_as_well_for_whoever_is_named() -> None:
    terms = book(bypass("p/egress.default", "p/models.allow")).terms("acme", "coder")
    to = Destination("https", "evil.test", 443)
    asker = Asker(ME, NOW)
    assert terms.egress(to, "GET", "/", asker).passes
    assert terms.egress(to, "GET", "/", asker).note.endswith("passes by the bypass b1")
    assert terms.model("o1", asker).passes
    assert not terms.egress(to, "GET", "/", Asker(ME, NOW + 1000)).passes
    assert not terms.egress(to, "GET", "/").passes
    assert not terms.model("o1", Asker(Identity("acme", "other", "s1"), NOW)).passes


def test_e7_explain_knows_it_as_the_decision_does() -> None:
    policies, permits = book().policies, InForce([bypass("p/rules.push")])
    assert explain(policies, PUSH, permits).ruled == decide(
        PolicyBook(policies, permits).terms("acme", "coder"), PUSH
    )


def cap(found: PolicyBook, at_ms: int | None, agent: str = "coder") -> int:
    (budgeted,) = found.terms("acme", agent).limits(Identity("acme", agent, "s1"), None, at_ms)
    return budgeted.limit.cap


def test_a_grant_lifts_the_cap_of_its_own_limit_while_it_holds() -> None:
    found = book(grant(2_000_000_000))
    assert cap(found, NOW) == 7_000_000_000
    assert cap(found, NOW + 1000) == cap(found, NOW - 1) == cap(found, None) == 5_000_000_000
    assert cap(found, NOW, "other") == 5_000_000_000


@given(st.lists(st.integers(1, 10**12), max_size=5))
def test_grants_add_up(amounts: list[int]) -> None:
    assert cap(book(*map(grant, amounts)), NOW) == 5_000_000_000 + sum(amounts)


def test_what_is_taken_back_holds_no_more_for_terms_that_were_made_before() -> None:
    found = book(bypass("p/*"), grant(1))
    terms = found.terms("acme", "coder")
    found.permits.adopt(())
    assert not decide(terms, PUSH).passes
    assert cap(found, NOW) == 5_000_000_000

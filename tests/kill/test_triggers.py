"""Triggers: what a policy says is stopped by itself, is; and nothing else."""

import pytest

from proxy.identity.scope import Scope
from proxy.kill.switch import KillSwitch
from proxy.kill.triggers import LOOP_TIMES, SESSIONS_MAX, Triggers
from proxy.policy import PolicyError
from proxy.slip import Identity, Slip
from tests.addons.slips import slip, switch, terms
from tests.policy.texts import policy

OPEN = "egress: {default: allow}\n"


@pytest.fixture
async def made() -> KillSwitch:
    return switch()


def caller(*lines: str, who: Identity | None = None, more: str = "") -> Slip:
    text = OPEN + more + "triggers:\n" + "\n".join(f"  - {{{line}}}" for line in lines)
    return slip(terms=terms(text), identity=who or Identity("acme", "coder", "s1"))


def scopes(made: KillSwitch) -> list[Scope]:
    return [stop.scope for stop in made.in_force]


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        ("session", Scope("acme", "coder", "s1")),
        ("agent", Scope("acme", "coder")),
        ("org", Scope("acme")),
    ],
)
async def test_a_canary_stops_as_much_as_is_said(made: KillSwitch, scope: str, stopped: Scope):
    it = caller(f"on: canary, do: kill, scope: {scope}")
    Triggers(made).saw_secrets(it)
    assert scopes(made) == []
    it.secrets = ("aws_key", "canary")
    Triggers(made).saw_secrets(it)
    assert scopes(made) == [stopped]
    await made.aclose()


async def test_another_secret_stops_nobody(made: KillSwitch):
    it = caller("on: canary, do: kill")
    it.secrets = ("aws_key",)
    Triggers(made).saw_secrets(it)
    assert scopes(made) == []


async def test_a_loop_stops_after_twenty_times_unless_another_number_is_said(made: KillSwitch):
    it = caller("on: loop, do: quarantine")
    Triggers(made).saw_repeats(it, LOOP_TIMES)
    assert scopes(made) == []
    Triggers(made).saw_repeats(it, LOOP_TIMES + 1)
    assert [stop.level for stop in made.in_force] == ["quarantine"]
    await made.aclose()


async def test_a_budget_that_is_spent_stops_only_where_it_is_the_one_that_is_named(
    made: KillSwitch,
):
    budgets = "budgets:\n  - {name: day, usd: 1}\n  - {name: rate, requests: 9, window: minute}\n"
    it = caller("on: budget_spent, budget: day, do: kill", more=budgets)
    Triggers(made).saw_spent(it, "rate")
    assert scopes(made) == []
    Triggers(made).saw_spent(it, "day")
    assert scopes(made) == [Scope("acme", "coder", "s1")]
    await made.aclose()


async def test_one_who_is_stopped_is_not_stopped_again_but_a_quarantine_may_become_a_kill(
    made: KillSwitch,
):
    it = caller("on: loop, do: quarantine, more_than: 1", "on: loop, do: kill, more_than: 5")
    for repeats in (2, 3, 6, 7):
        Triggers(made).saw_repeats(it, repeats)
    (stop,) = made.in_force
    assert stop.level == "kill"
    await made.aclose()


async def test_an_agent_that_changes_its_sessions_name_too_often_is_stopped_itself(
    made: KillSwitch,
):
    for number in range(SESSIONS_MAX + 1):
        it = caller("on: canary, do: kill", who=Identity("acme", "coder", f"s{number}"))
        it.secrets = ("canary",)
        Triggers(made).saw_secrets(it)
    assert scopes(made)[-1] == Scope("acme", "coder")
    assert len(scopes(made)) == SESSIONS_MAX + 1
    await made.aclose()


async def test_a_dry_run_stops_nobody(made: KillSwitch):
    it = caller("on: canary, do: kill", more="enforce: false\n")
    it.secrets = ("canary",)
    Triggers(made).saw_secrets(it)
    assert scopes(made) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("on: budget_spent, do: kill", "names the budget"),
        ("on: loop, do: kill, budget: day", "names the budget"),
        ("on: budget_spent, do: kill, budget: nope", "'nope', which is not here"),
        ("on: canary, do: kill, more_than: 3", "is for `on: loop`"),
        ("on: trust, do: kill", "canary"),
    ],
)
def test_a_trigger_that_means_nothing_is_not_loaded(line: str, says: str):
    with pytest.raises(PolicyError, match=says):
        policy(f"{OPEN}budgets: [{{name: day, usd: 1}}]\ntriggers:\n  - {{{line}}}")


def test_a_canary_is_looked_for_where_a_trigger_waits_for_one():
    assert terms(OPEN + "triggers: [{on: canary, do: kill}]").asks_for_secrets
    assert not terms(OPEN + "triggers: [{on: loop, do: kill}]").asks_for_secrets

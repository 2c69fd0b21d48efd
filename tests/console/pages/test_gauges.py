"""Budgets as gauges, and where their pace leads."""

import pytest

from proxy.budgets import Limit
from proxy.budgets.results import Balance
from proxy.budgets.windows import window_start_ms
from proxy.console.pages.gauges import forecast, gauge, gauges
from proxy.ledger.records import Decision, Outcome
from proxy.ledger.store import Filter
from tests.console.pages.conftest import NOW_MS

DAY = Limit("day", (("org", "acme"),), "usd", "day", 1000)
HALF_A_DAY_MS = window_start_ms("day", NOW_MS) + 43_200_000


def balance(limit: Limit = DAY, settled: int = 200, held: int = 100) -> Balance:
    return Balance(limit, settled, held, max(0, limit.cap - settled - held), None)


@pytest.mark.parametrize(
    ("window", "now_ms", "expected"),
    [
        ("day", HALF_A_DAY_MS, 400),
        ("day", window_start_ms("day", NOW_MS) + 8_640_000, 2000),
        ("day", window_start_ms("day", NOW_MS) + 8_639_999, None),
        ("day", window_start_ms("day", NOW_MS), None),
        ("hour", window_start_ms("hour", NOW_MS) + 1_800_000, 400),
        ("minute", NOW_MS, None),
        ("total", NOW_MS, None),
    ],
)
def test_a_forecast_is_the_pace_so_far_once_a_tenth_has_passed(window, now_ms, expected) -> None:
    assert forecast(window, 200, now_ms) == expected


def test_a_gauge_shows_settled_held_and_the_forecast() -> None:
    it = gauge("acme", balance(), HALF_A_DAY_MS)
    assert (it.share, it.is_full, it.forecast) == (300, False, 400)
    for words in ("settled: <", "held: <", "forecast: <", "day: 30 % used"):
        assert words.replace("<", "") in it.bar


def test_a_gauge_without_room_says_so_and_a_forecast_beyond_its_cap_is_no_mark() -> None:
    it = gauge("acme", balance(settled=900), HALF_A_DAY_MS)
    assert it.is_full
    assert "bar-full" in it.bar
    assert "tick-forecast" not in it.bar


def test_a_cap_of_nothing_is_full() -> None:
    nothing = Limit("none", (), "requests", "total", 0)
    assert gauge("acme", balance(nothing, 0, 0), NOW_MS).share == 1000


async def test_gauges_are_of_whoever_called_and_the_fullest_come_first(ports) -> None:
    found = await gauges(ports, Filter())
    assert {each.name for each in found} >= {"org-month", "agent-day"}
    assert [each.share for each in found] == sorted((each.share for each in found), reverse=True)
    assert all(each.settled or each.held for each in found)
    agents = {dict(each.scope).get("agent") for each in found if each.name == "agent-day"}
    assert {"coder", "reviewer"} <= agents


async def test_gauges_of_one_agent_are_those_it_falls_under(ports) -> None:
    found = await gauges(ports, Filter(org="acme", agent="coder"))
    assert {dict(each.scope).get("agent", "coder") for each in found} == {"coder"}
    assert "org-month" in {each.name for each in found}


async def test_an_org_whose_name_nobody_can_have_counts_nothing(ports) -> None:
    identity = "0192f3a0-7b1c-7def-8abc-0000000000f1"
    who = {"org": "<b>", "agent": "a", "session": "s"}
    decided = Decision(id=identity, ts_ms=NOW_MS, decision="allow", action="llm.call", **who)
    await ports.ledger.append(decided)
    await ports.ledger.append(Outcome(decision_id=identity, ts_ms=NOW_MS, status="answered"))
    assert {each.org for each in await gauges(ports, Filter())} == {"acme"}

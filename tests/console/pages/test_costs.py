"""Costs: over time, by group; no column is left out."""

import csv
import io

import pytest

from proxy.console.pages import costs
from proxy.console.pages.costs import GROUPS, plotted, ranked, said_of, width_for
from proxy.ledger.records import Decision, Outcome, Usage
from proxy.ledger.store import Filter, Spent
from proxy.money import format_usd
from tests.console.pages.conftest import NOW_MS

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def spent(start_ms: int, *group: str | None, nanousd: int = 1) -> Spent:
    return Spent(start_ms, group, 1, 10, nanousd)


@pytest.mark.parametrize(
    ("span_ms", "width_ms"),
    [
        (900_000, 30_000),
        (HOUR_MS, 120_000),
        (DAY_MS, HOUR_MS),
        (7 * DAY_MS, 6 * HOUR_MS),
        (30 * DAY_MS, DAY_MS),
        (91 * DAY_MS, 7 * DAY_MS),
        (5000 * DAY_MS, 30 * DAY_MS),
    ],
)
def test_a_column_is_as_long_as_leaves_room_for_all(span_ms: int, width_ms: int) -> None:
    assert width_for(span_ms) == width_ms


def test_groups_are_ranked_by_what_they_cost_and_the_rest_shares_a_shade() -> None:
    rows = ranked([spent(0, str(n), nanousd=n) for n in range(1, 9)])
    assert [row.group for row in rows][:2] == [("8",), ("7",)]
    assert [row.shade for row in rows] == [1, 2, 3, 4, 5, 6, 6, 6]


def test_every_stretch_has_a_column_and_every_cost_is_in_one() -> None:
    found = [spent(HOUR_MS, "a", nanousd=5), spent(3 * HOUR_MS, "b", nanousd=7)]
    drawn = plotted(found, ranked(found), HOUR_MS, 4 * HOUR_MS + 1, HOUR_MS)
    assert [sum(column.sizes) for column in drawn] == [5, 0, 7, 0]
    assert drawn[2].sizes[0] == 7, "the dearest is at the bottom"
    assert drawn[0].words.startswith("1970-01-01 01:00 UTC, 1 h: <$0.0001\na: ")


def test_labels_are_days_where_columns_are_long() -> None:
    assert [c.label for c in plotted([], [], 0, 2 * DAY_MS, DAY_MS)] == ["1 Jan", "2 Jan"]
    assert [c.label for c in plotted([], [], 0, DAY_MS, 12 * HOUR_MS)] == ["1 Jan", "12:00"]


def test_a_group_without_a_name_says_so() -> None:
    assert said_of(("acme", None)) == "acme/none"


@pytest.mark.parametrize("by", GROUPS)
async def test_every_grouping_is_a_page_and_a_file_and_both_have_the_same_sum(
    look, ports, by
) -> None:
    page = await look(f"/costs?by={by}&since=7d")
    assert page.status == 200
    assert page.text.count("<g><title>") == 2 * 29, "for a desk and for a phone"
    rows = list(csv.DictReader(io.StringIO((await look(f"/costs.csv?by={by}&since=7d")).text)))
    everything = await ports.ledger.spent((), 365 * DAY_MS, Filter(until_ms=NOW_MS))
    assert sum(int(row["nanousd"]) for row in rows) == sum(each.nanousd for each in everything)


async def test_an_unknown_grouping_is_by_agent(look) -> None:
    assert 'aria-current="true">agent<' in (await look("/costs?by=body")).text


async def test_budgets_stand_below_with_their_rule(look) -> None:
    text = (await look("/costs")).text
    assert "The mark is a forecast" in text
    assert "org-month" in text


async def test_a_time_without_costs_says_so(look) -> None:
    assert "Nothing was spent in this time." in (await look("/costs?since=1h&agent=none")).text


async def test_a_time_that_ends_before_it_begins_is_empty(look) -> None:
    assert (await look("/costs?since=1h&until=2020-01-01")).status == 200


async def test_what_is_beyond_the_dearest_is_one_row_with_its_sum_and_all_in_the_file(
    look, ports
) -> None:
    for number in range(130):
        made = f"0192f3a0-7b1c-7def-8abc-7{number:011x}"
        await ports.ledger.append(
            Decision(
                id=made, ts_ms=NOW_MS - 60_000, decision="allow", action="llm.call", host="a.test",
                provider="openai", model="m", org="many", agent=f"agent-{number:03}", session="s",
            )
        )  # fmt: skip
        await ports.ledger.append(
            Outcome(
                decision_id=made, ts_ms=NOW_MS - 59_000, status="answered", http_status=200,
                usage=Usage(1, 1), cost_nanousd=10_000_000 * (number + 1), tokens=2,
            )
        )  # fmt: skip
    text = (await look("/costs?org=many")).text
    assert "the other 30" in text
    assert f'title="{format_usd(10_000_000 * sum(range(1, 31)))}"' in text
    assert "/agent?org=many&amp;agent=agent-030" in text
    assert "/agent?org=many&amp;agent=agent-029" not in text
    rows = list(csv.DictReader(io.StringIO((await look("/costs.csv?org=many")).text)))
    assert {row["agent"] for row in rows} == {f"agent-{number:03}" for number in range(130)}


async def test_more_than_can_be_told_apart_is_said(look, monkeypatch) -> None:
    monkeypatch.setattr(costs, "SPENT_MAX", 3)
    assert "choose a shorter time" in (await look("/costs?since=7d")).text
    monkeypatch.setattr(costs, "SPENT_MAX", 200_000)
    assert "choose a shorter time" not in (await look("/costs?since=7d")).text

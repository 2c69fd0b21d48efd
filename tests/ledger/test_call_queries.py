"""Calls as pairs, and sums over them, asked of a file with a few of each kind."""

import pytest

from proxy.ledger.records import Event
from proxy.ledger.store import OPEN, Call, Counted, Filter, Spender, Spent

HOUR_MS = 3_600_000


@pytest.fixture
async def filled_ledger(ledger, decision, outcome, start_ms):
    """Six calls: answered, refused, at fault, in flight, broken off, refused after it was filed."""
    await ledger.append(decision(0, session="s-0", path="/v1/Secret%_path"))
    await ledger.append(outcome(0, cost_nanousd=500))
    await ledger.append(decision(1, decision="deny", code="budget_exceeded", hold=None))
    await ledger.append(decision(2, decision="fault", code="governance_unavailable", hold=None))
    await ledger.append(decision(3, agent="tester", model="claude-sonnet-4-5"))
    await ledger.append(decision(4, agent="tester", session="s-9", host="api.anthropic.com"))
    await ledger.append(outcome(4, status="errored", cost_nanousd=0))
    await ledger.append(decision(5, ts_ms=start_ms + HOUR_MS))
    await ledger.append(outcome(5, ts_ms=start_ms + HOUR_MS + 9, status="refused", cost_nanousd=40))
    for number, (tool, status) in enumerate((("bash", "deny"), ("read", "allow"))):
        await ledger.append(
            Event(
                kind="tool_call",
                id=f"0192f3a0-7b1c-7def-8abc-f{number:011x}",
                ts_ms=start_ms,
                org="acme",
                agent="coder",
                session="s-0",
                decision_id=_id(0),
                status=status,
                facts={"tool": tool},
            )
        )
    return ledger


def _id(number: int) -> str:
    return f"0192f3a0-7b1c-7def-8abc-{number:012x}"


def numbers(calls: list[Call]) -> list[int]:
    return [int(str(call.decision.body["id"])[-4:], 16) for call in calls]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), [5, 4, 3, 2, 1, 0]),
        (Filter(agent="tester"), [4, 3]),
        (Filter(org="acme", session="s-9"), [4]),
        (Filter(host="api.anthropic.com"), [4]),
        (Filter(model="claude-sonnet-4-5"), [3]),
        (Filter(decision="deny"), [1]),
        (Filter(status="refused"), [5, 2, 1]),
        (Filter(status="answered"), [0]),
        (Filter(status="errored"), [4]),
        (Filter(status=OPEN), [3]),
        (Filter(code="budget_exceeded"), [1]),
        (Filter(tool="bash"), [0]),
        (Filter(tool="none"), []),
        (Filter(text="SONNET"), [3]),
        (Filter(text="budget_exc"), [1]),
        (Filter(text="t%_p"), [0]),
        (Filter(text="%"), [0]),
        (Filter(text="0192f3a0-7b1c-7def-8abc-000000000004"), [4]),
        (Filter(text="no such thing"), []),
    ],
)
async def test_calls_are_found_by_every_part_of_a_filter(filled_ledger, wanted, found):
    assert numbers(await filled_ledger.calls(wanted)) == found


async def test_a_call_is_its_decision_and_its_outcome_once_there_is_one(filled_ledger):
    answered, open_ = [(await filled_ledger.calls(Filter(), 9))[at] for at in (5, 2)]
    assert answered.outcome is not None
    assert answered.outcome.body["kind"] == "outcome"
    assert answered.last_seq == answered.outcome.seq == 1
    assert (open_.outcome, open_.last_seq) == (None, open_.decision.seq)


async def test_calls_page_by_the_sequence_number_of_their_decisions(filled_ledger):
    first = await filled_ledger.calls(Filter(), 4)
    rest = await filled_ledger.calls(Filter(), 4, first[-1].decision.seq)
    assert (numbers(first), numbers(rest)) == ([5, 4, 3, 2], [1, 0])


async def test_calls_are_found_by_the_moment_of_their_decision(filled_ledger, start_ms):
    later = await filled_ledger.calls(Filter(since_ms=start_ms + HOUR_MS))
    earlier = await filled_ledger.calls(Filter(until_ms=start_ms + 2000))
    assert (numbers(later), numbers(earlier)) == ([5], [1, 0])


async def test_news_are_calls_of_which_something_was_filed_since(filled_ledger):
    everything = await filled_ledger.news(Filter(), -1)
    assert numbers(everything) == [5, 4, 3, 2, 1, 0], "what was filed last comes first"
    assert numbers(await filled_ledger.news(Filter(), 5)) == [5, 4], "also by its outcome alone"
    assert numbers(await filled_ledger.news(Filter(agent="tester"), 5)) == [4]
    assert numbers(await filled_ledger.news(Filter(), 5, 1)) == [5]
    assert await filled_ledger.news(Filter(), await filled_ledger.head()) == []


async def test_the_head_is_the_last_record(ledger, decision):
    assert await ledger.head() == -1
    filed = await ledger.append(decision(1))
    assert await ledger.head() == filed.seq


async def test_costs_are_summed_by_stretches_of_time(filled_ledger, start_ms):
    first_ms = start_ms - start_ms % HOUR_MS
    assert await filled_ledger.spent(("agent",), HOUR_MS, Filter()) == [
        Spent(first_ms, ("coder",), 1, 20, 500),
        Spent(first_ms, ("tester",), 1, 20, 0),
        Spent(first_ms + HOUR_MS, ("coder",), 1, 20, 40),
    ]
    assert await filled_ledger.spent((), 24 * HOUR_MS, Filter(agent="coder")) == [
        Spent(start_ms - start_ms % (24 * HOUR_MS), (), 2, 40, 540)
    ]
    with pytest.raises(ValueError, match="no dimension"):
        await filled_ledger.spent(("body",), HOUR_MS, Filter())


async def test_spenders_are_whoever_called_last_first(filled_ledger, start_ms):
    assert await filled_ledger.spenders(("org", "agent"), Filter()) == [
        Spender(("acme", "coder"), 2, 2, 40, 540, start_ms + HOUR_MS),
        Spender(("acme", "tester"), 1, 1, 20, 0, start_ms + 4000),
    ]
    assert await filled_ledger.spenders(("agent",), Filter(since_ms=start_ms + HOUR_MS)) == [
        Spender(("coder",), 1, 1, 20, 40, start_ms + HOUR_MS)
    ]


async def test_refusals_are_counted_by_what_they_have_in_common(filled_ledger, start_ms):
    assert await filled_ledger.refusals(("agent", "code"), Filter()) == [
        Counted(("coder", "budget_exceeded"), 1, start_ms + 1000),
        Counted(("coder", "governance_unavailable"), 1, start_ms + 2000),
    ]
    with pytest.raises(ValueError, match="no column"):
        await filled_ledger.refusals(("leaf_hash",), Filter())


async def test_activity_is_decisions_by_the_minute(filled_ledger, start_ms):
    found = await filled_ledger.activity(HOUR_MS, start_ms + 1000)
    first_ms = start_ms - start_ms % HOUR_MS
    assert [(each.group, each.count) for each in found] == [
        ((first_ms, "allow"), 2),
        ((first_ms, "deny"), 1),
        ((first_ms, "fault"), 1),
        ((first_ms + HOUR_MS, "allow"), 1),
    ]


async def test_tools_are_counted_by_name_and_decision(filled_ledger):
    found = await filled_ledger.tools(Filter(org="acme"))
    assert [(each.group, each.count) for each in found] == [
        (("bash", "deny"), 1),
        (("read", "allow"), 1),
    ]
    assert await filled_ledger.tools(Filter(agent="tester")) == []

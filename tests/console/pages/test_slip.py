"""A call's slip: stamps in order, money, tools, and its place in the chain."""

import pytest

from addons import QUESTIONS
from proxy.console.pages.slip import HeldView, slip_view
from proxy.ledger.records import (
    Decision,
    Event,
    Forecast,
    Hold,
    HoldAmount,
    Outcome,
    Stamp,
    ToolCall,
    Usage,
)
from tests.console.pages.test_rows import DECIDED, ID

BEFORE_THE_GATE = [name for name, _ in QUESTIONS if name not in ("gate", "usage", "audit")]


def stamps(*names: str) -> tuple[Stamp, ...]:
    return tuple(Stamp(name, 10, f"{name} says so") for name in names)


def outcome(**facts) -> Outcome:
    return Outcome(**{"decision_id": ID, "ts_ms": 2_000, "status": "answered", **facts})


async def view(filed, *records):
    found = slip_view(await filed(*records), QUESTIONS)
    assert found is not None
    return found


def marks(it) -> list[tuple[str, str]]:
    return [(stamp.name, stamp.mark) for stamp in it.stamps]


async def test_a_call_that_left_has_every_stamp_and_the_gates_is_its_record(filed):
    it = await view(filed, Decision(**DECIDED, stamps=stamps(*BEFORE_THE_GATE)))
    assert marks(it) == [(name, "stamped") for name in (*BEFORE_THE_GATE, "gate")]
    assert [stamp.number for stamp in it.stamps] == list(range(1, len(it.stamps) + 1))
    assert (it.stamps[0].question, it.stamps[0].note) == ("where to?", "route says so")
    assert (it.stamps[-1].note, it.stamps[-1].took_us) == ("record 0", None)
    assert it.deciding_us == 10 * len(BEFORE_THE_GATE)


async def test_the_one_that_refused_is_marked_and_those_behind_it_were_not_asked(filed):
    refused = {
        **DECIDED,
        "decision": "deny",
        "code": "host_not_allowed",
        "reason": "No.",
        "rule": "p/x",
    }
    it = await view(filed, Decision(**refused, stamps=stamps("route", "identity", "kill")))
    assert marks(it)[:5] == [
        ("route", "stamped"),
        ("identity", "stamped"),
        ("kill", "stamped"),
        ("allowlist", "refused"),
        ("price", "unasked"),
    ]
    assert marks(it)[-1] == ("gate", "unasked")
    assert [mark for _, mark in marks(it)].count("refused") == 1
    assert (it.reason, it.rule, it.stamps[3].note) == ("No.", "p/x", "host_not_allowed")


async def test_what_could_not_be_read_was_refused_before_anybody_was_asked(filed):
    it = await view(filed, Decision(**{**DECIDED, "decision": "deny", "code": "bad_request"}))
    assert marks(it)[:2] == [("reader", "refused"), ("route", "unasked")]
    assert [mark for _, mark in marks(it)].count("refused") == 1


async def test_a_stamp_of_an_addon_that_is_not_known_here_is_shown_all_the_same(filed):
    it = await view(filed, Decision(**DECIDED, stamps=stamps(*BEFORE_THE_GATE, "newer")))
    assert marks(it)[-1] == ("newer", "stamped")


async def test_money_is_estimate_hold_and_cost(filed):
    hold = Hold("h", 1, (HoldAmount("usd.day", "usd", "day", 0, 900),), 9)
    decided = Decision(**DECIDED, estimate=Forecast(5, 5, 300), hold=hold, price_version="old")
    it = await view(filed, decided, outcome(cost_nanousd=250, price_version="new"))
    money = it.money
    assert (money.estimate, money.bound, money.cost, money.released) == (300, 900, 250, 650)
    assert money.held == [HeldView("usd.day", "usd", "day", 900)]
    assert money.price_version == "new"
    assert "cost $0.00000025" in it.money_bar


async def test_nothing_is_let_go_while_it_is_under_way(filed):
    it = await view(filed, Decision(**DECIDED))
    assert (it.money.cost, it.money.released, it.ended, it.tokens) == (None, None, None, None)
    assert "held $0.0000009" in it.money_bar


async def test_times_are_deciding_waiting_and_answering(filed):
    decided = Decision(**DECIDED, stamps=stamps("route"))
    it = await view(filed, decided, outcome(duration_us=1_000, ttfb_us=400))
    assert [text in it.time_bar for text in ("10 µs", "390 µs", "600 µs")] == [True] * 3


async def test_a_broken_clock_breaks_no_bar(filed):
    it = await view(filed, Decision(**DECIDED, stamps=stamps("route")), outcome(duration_us=None))
    assert "<svg" in it.time_bar


async def test_tokens_are_the_providers_or_counted(filed):
    it = await view(filed, Decision(**DECIDED), outcome(usage=Usage(7, 3, source="estimated")))
    assert it.tokens is not None
    assert (it.tokens.input, it.tokens.output, it.tokens.source) == (7, 3, "estimated")


async def test_tools_carry_what_was_decided_and_those_that_nobody_ruled_on_say_so(filed):
    facts = {
        "call_id": "t1",
        "tool": "Bash",
        "category": "command",
        "commands": "rm f r\nls",
        "targets": "build",
        "intent_sha256": "ab",
        "intent_bytes": 12,
        "rule": "p/rules.x",
        "enforced": False,
    }
    told = Event(
        kind="tool_call", id=f"{ID[:-1]}a", ts_ms=1, decision_id=ID, status="deny", facts=facts
    )
    asked = (ToolCall("t1", "Bash"), ToolCall("t2", "Read"))
    it = await view(filed, Decision(**DECIDED), told, outcome(tool_calls=asked))
    one, other = it.tools
    assert (one.tool, one.decision, list(one.commands), list(one.targets)) == (
        "Bash",
        "deny",
        ["rm f r", "ls"],
        ["build"],
    )
    assert (one.intent_bytes, one.is_enforced, one.rule) == (12, False, "p/rules.x")
    assert (other.tool, other.decision) == ("Read", None)


async def test_what_else_was_filed_about_it_is_shown(filed):
    threshold = Event(
        kind="budget_threshold", id="t", ts_ms=1, decision_id=ID, facts={"percent": 80}
    )
    it = await view(filed, Decision(**DECIDED), threshold)
    assert [(event.kind, event.facts) for event in it.events] == [
        ("budget_threshold", [("percent", 80)])
    ]


async def test_records_name_the_ones_before_them(filed):
    it = await view(filed, Decision(**DECIDED), outcome())
    decision, ended = it.links
    assert (decision.seq, decision.kind, decision.prev) == (0, "decision", None)
    assert (ended.seq, ended.kind) == (1, "outcome")
    assert ended.prev == ended.session_prev == decision.leaf


async def test_policies_are_told_by_name_version_and_hash(filed):
    it = await view(filed, Decision(**DECIDED, policies=("policy:safety:3:abcd", "odd")))
    assert it.policies == [("safety", "3", "abcd"), ("", "", "")]


@pytest.mark.parametrize("questions", [(), QUESTIONS])
async def test_records_without_a_decision_are_no_slip(filed, questions):
    entries = await filed(Event(kind="start", id="s", ts_ms=1))
    assert slip_view(entries, questions) is None

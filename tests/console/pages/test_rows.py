"""A call as one row: where it stands, in a word and a shape."""

import pytest

from proxy.console.pages.rows import State, call_row
from proxy.ledger.records import Decision, Forecast, Outcome, Stamp, ToolCall, Usage
from proxy.ledger.store import Call

ID = "0192f3a0-7b1c-7def-8abc-0000000000f1"
DECIDED = {
    "id": ID,
    "ts_ms": 1_000,
    "decision": "allow",
    "action": "llm.call",
    "org": "acme",
    "agent": "coder",
    "session": "s1",
    "method": "POST",
    "host": "api.openai.com",
    "path": "/v1/chat/completions",
    "model": "gpt-4o",
    "bound": Forecast(10, 20, 900),
}


async def row(filed, ended=None, **decided):
    records = [Decision(**{**DECIDED, **decided})]
    if ended is not None:
        records.append(Outcome(decision_id=ID, ts_ms=2_000, **ended))
    entries = await filed(*records)
    return call_row(Call(entries[0], entries[1] if ended else None))


@pytest.mark.parametrize(
    ("decided", "ended", "state"),
    [
        ({}, None, State("open", "in flight")),
        ({"decision": "deny", "code": "x"}, None, State("refused", "refused")),
        ({"decision": "fault", "code": "x"}, None, State("fault", "not governed")),
        ({}, {"status": "answered", "http_status": 200}, State("answered", "answered")),
        ({}, {"status": "answered", "http_status": 429}, State("troubled", "answered 429")),
        ({}, {"status": "errored"}, State("errored", "upstream failed")),
        ({}, {"status": "client_gone"}, State("client_gone", "client left")),
        ({}, {"status": "killed"}, State("killed", "killed")),
        ({}, {"status": "aborted"}, State("aborted", "aborted")),
        ({}, {"status": "lost"}, State("lost", "lost in a crash")),
        ({}, {"status": "refused", "note": "x"}, State("refused", "refused")),
    ],
)
async def test_a_state_has_a_shape_and_a_word(filed, decided, ended, state):
    assert (await row(filed, ended, **decided)).state == state


async def test_what_is_held_is_shown_until_the_cost_is_known(filed):
    under_way = await row(filed)
    assert (under_way.held_nanousd, under_way.nanousd, under_way.took_us) == (900, None, None)
    assert under_way.last_seq == under_way.seq == 0


async def test_the_cost_and_the_tools_come_with_the_outcome(filed):
    it = await row(
        filed,
        {
            "status": "answered",
            "cost_nanousd": 70,
            "tokens": 12,
            "duration_us": 5,
            "estimated": True,
            "usage": Usage(1, 2),
            "tool_calls": (ToolCall("t", "Bash"),),
        },
    )
    assert (it.nanousd, it.held_nanousd, it.tokens, it.took_us) == (70, None, 12, 5)
    assert (it.is_estimated, list(it.tools), it.last_seq) == (True, ["Bash"], 1)


async def test_flags_say_what_is_unusual(filed):
    stamps = (Stamp("allowlist", 5, "p/egress.default, not enforced"),)
    it = await row(filed, stamps=stamps, repeats=2, secrets=("aws_key",))
    assert it.flags == ["dry run", "asked 3 times", "secret: aws_key"]


async def test_a_refusal_after_it_was_filed_shows_its_code(filed):
    it = await row(filed, {"status": "refused", "note": "governance_unavailable"})
    assert it.code == "governance_unavailable"

"""The JSON API: filters, pages, sums, and what it says to a question that cannot be read."""

import pytest

from proxy.slip import Destination, Identity, Slip, Stamped
from tests.console.conftest import CALLS, decision_id

BAD = {
    "a seq of 30 digits": "/api/calls/" + "9" * 30,
    "a seq of 5000 digits": "/api/calls/" + "9" * 5000,
    "a digit that is no number": "/api/calls/%C2%B2",
    "digits of another script": "/api/calls/%D9%A1%D9%A2",
    "an id too short to mean one": "/api/calls/0192f3a",
    "a letter": "/api/calls/x",
    "a negative seq": "/api/calls/-1",
    "a dimension that is none": "/api/costs?by=colour",
    "a dimension that is a column": "/api/costs?by=nanousd",
    "since no moment": "/api/calls?since=yesterday",
    "since far too long ago": "/api/calls?since=999999w",
    "until no moment": "/api/costs?until=%C2%B2d",
    "since before the calendar": "/api/calls?since=0001-01-01",
    "a limit of nothing": "/api/calls?limit=0",
    "a limit below nothing": "/api/calls?limit=-1",
    "a limit that is no number": "/api/calls?limit=ten",
    "a limit of 5000 digits": "/api/calls?limit=" + "9" * 5000,
    "a limit of another script": "/api/calls?limit=%D9%A1",
    "before no record": "/api/calls?before=x",
    "before beyond counting": "/api/calls?before=" + "9" * 30,
    "budgets of nobody": "/api/budgets",
    "budgets of an org that cannot be": "/api/budgets?org=a%20b",
    "budgets of an agent that cannot be": "/api/budgets?org=acme&agent=a%0Ab",
    "an id with a NUL": "/api/calls/%00%00%00%00%00%00%00%00%00",
    "an id that is no text": "/api/calls/%ff%ff%ff%ff%ff%ff%ff%ff%ff",
    "a filter that is no text": "/api/calls?org=%ff",
}
SMALL_PRINT = ("since far too long ago", "since before the calendar", "a filter that is no text")
"""These can be read: nothing is found, or all of it."""


@pytest.mark.parametrize("case", BAD)
async def test_a_question_that_cannot_be_read_is_answered_with_what_is_wrong(desk, case):
    answer = await desk.get(BAD[case])

    if case in SMALL_PRINT:
        assert answer.status in (200, 400)
    else:
        assert 400 <= answer.status < 500
        assert set(answer.body["error"]) == {"code", "message"}


async def records(desk, query: str = "") -> list[int]:
    answer = await desk.get(f"/api/calls{query}")
    assert answer.status == 200
    return [each["seq"] for each in answer.body["records"]]


FILTERS = {
    "": [6, 5, 4, 3, 2, 1, 0],
    "?org=acme": [5, 4, 3, 2, 1, 0],
    "?agent=tester": [5, 4],
    "?agent=nobody": [],
    "?session=s1&kind=decision": [4, 2, 0],
    "?model=gpt-4o&kind=outcome": [5, 1],
    "?host=evil.test": [6],
    "?provider=openai&agent=coder": [3, 2, 1, 0],
    "?decision=deny": [6],
    "?decision=allow": [4, 2, 0],
    "?status=answered": [5, 3, 1],
    "?code=host_not_allowed": [6],
    "?since=2026-11-18T13:00:00Z": [5, 4],
    "?until=2026-11-18T12:00:00Z": [6, 1, 0],
    "?since=2026-11-18T12:00:00Z&until=2026-11-18T13:00:00Z": [3, 2],
    "?org=acme'--": [],
    "?limit=2": [6, 5],
    "?limit=2&before=5": [4, 3],
    "?before=1": [0],
    "?limit=999999": [6, 5, 4, 3, 2, 1, 0],
}


@pytest.mark.parametrize("query", FILTERS)
async def test_every_filter_narrows(desk, query):
    assert await records(desk, query) == FILTERS[query]


async def test_pages_follow_one_another_to_the_end(desk):
    seen: list[int] = []
    path = "/api/calls?limit=3"
    while True:
        body = (await desk.get(path)).body
        seen += [each["seq"] for each in body["records"]]
        if body["next_before"] is None:
            break
        path = f"/api/calls?limit=3&before={body['next_before']}"
    assert seen == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("which", "found"),
    [("4", [4]), (decision_id(1), [2, 3]), (decision_id(9), [6]), ("0192f3a0", [*range(7)])],
)
async def test_a_call_is_found_by_its_seq_its_id_or_the_start_of_it(desk, which, found):
    answer = await desk.get(f"/api/calls/{which}")
    assert answer.status == 200
    assert [each["seq"] for each in answer.body["records"]] == found


@pytest.mark.parametrize(
    "which", ["99", "999999999999999", "ffffffff-0000", "%25%25%25%25%25%25%25%25"]
)
async def test_a_call_that_is_not_there_is_a_404(desk, which):
    answer = await desk.get(f"/api/calls/{which}")
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")


async def test_costs_are_summed_by_what_was_asked(desk):
    by_agent = (await desk.get("/api/costs?by=agent")).body["rows"]
    assert [(row["agent"], row["nanousd"], row["calls"]) for row in by_agent] == [
        ("tester", 4000, 1),
        ("coder", 3000, 2),
    ]
    assert by_agent[0]["estimated"] == 1
    assert (by_agent[1]["tokens"], by_agent[1]["input_tokens"]) == (30, 20)

    default = (await desk.get("/api/costs")).body["rows"]
    assert {(row["agent"], row["model"], row["nanousd"]) for row in default} == set(CALLS)
    later = (await desk.get("/api/costs?by=org&since=2026-11-18T13:00:00Z")).body["rows"]
    assert [row["nanousd"] for row in later] == [4000]


async def test_budgets_stand_where_the_callers_terms_put_them(desk):
    body = (await desk.get("/api/budgets?org=acme&agent=coder")).body
    rows = {row["budget"]: row for row in body["budgets"]}
    assert set(rows) == {"day", "mine"}
    assert (rows["mine"]["limit"], rows["mine"]["settled"], rows["mine"]["remaining"]) == (9, 30, 0)
    assert rows["mine"]["scope"] == {"org": "acme", "agent": "coder"}
    assert rows["day"]["limit"] == 10**9
    whole = (await desk.get("/api/budgets?org=acme")).body["budgets"]
    assert [row["budget"] for row in whole] == ["day"], "a budget per agent needs an agent"


async def test_the_policies_in_force_are_shown_with_what_is_wrong(desk):
    desk.policies.problem = "p.yaml:1:1: not YAML"
    body = (await desk.get("/api/policies")).body
    assert [each["policy"] for each in body["policies"]] == ["p"]
    assert body["policies"][0]["id"].startswith("policy:p:1:")
    assert body["problem"] == "p.yaml:1:1: not YAML"


async def test_calls_in_flight_are_shown_without_their_query(desk):
    whole = Slip("call-1", 0, 5, "tunnel", "POST", "/v1?key=sk-secret")
    whole.destination = Destination("https", "a.test", 443)
    whole.identity = Identity("acme", "coder", "s1")
    whole.stamps = [Stamped("route", 1, "")]
    desk.calls.live = (whole, Slip("call-2", 0, 6, "forward", "GET", "/"))
    answer = await desk.get("/api/calls/live")

    first, second = answer.body["calls"]
    assert (first["id"], first["host"], first["org"]) == ("call-1", "a.test", "acme")
    assert first["stamps"] == ["route"]
    assert (second["host"], second["org"], second["held_nanousd"]) == (None, None, 0)
    assert "sk-secret" not in str(answer.body)

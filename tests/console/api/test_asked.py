"""What the API says to a question that cannot be read."""

import pytest

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

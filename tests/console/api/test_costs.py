"""Costs over the API."""

from tests.console.conftest import CALLS


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


async def test_costs_are_a_file_too(desk):
    answer = await desk.get("/api/costs?by=agent&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="costs.csv"'
    titles, *rows = answer.body.decode().splitlines()
    assert titles.startswith("agent,calls,input_tokens,")
    assert [row.split(",")[0] for row in rows] == ["tester", "coder"]

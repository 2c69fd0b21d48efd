"""Budgets over the API."""


async def test_budgets_stand_where_the_callers_terms_put_them(desk):
    body = (await desk.get("/api/budgets?org=acme&agent=coder")).body
    rows = {row["budget"]: row for row in body["budgets"]}
    assert set(rows) == {"day", "mine"}
    assert (rows["mine"]["limit"], rows["mine"]["settled"], rows["mine"]["remaining"]) == (9, 30, 0)
    assert rows["mine"]["scope"] == {"org": "acme", "agent": "coder"}
    assert rows["day"]["limit"] == 10**9
    whole = (await desk.get("/api/budgets?org=acme")).body["budgets"]
    assert [row["budget"] for row in whole] == ["day"], "a budget per agent needs an agent"

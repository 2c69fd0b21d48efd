"""Permits over the API: who may, what they are told, and what holds then."""

from typing import Any

import pytest

from tests.console.conftest import Desk

BYPASS = {"org": "acme", "agent": "coder", "rules": ["p/*"], "minutes": 30, "reason": "An outage."}
GRANT = {
    "org": "acme",
    "agent": "coder",
    "budget": "day",
    "amount": "5.00",
    "minutes": 30,
    "reason": "A release.",
}


async def ask(desk: Desk, path: str, role: str = "admin", **body: Any) -> Any:
    return await desk.get(
        path, method="POST", body=body, authorization=f"Bearer {desk.tokens[role]}"
    )


async def listed(desk: Desk) -> Any:
    found = await desk.get("/api/permits", authorization=f"Bearer {desk.tokens['viewer']}")
    return found.body["permits"]


async def test_a_bypass_is_an_admins_and_is_seen_until_it_is_revoked(desk, ports) -> None:
    assert (await ask(desk, "/api/permits/bypass", "approver", **BYPASS)).status == 403
    made = (await ask(desk, "/api/permits/bypass", **BYPASS)).body
    assert (made["kind"], made["rules"], made["by"]) == ("bypass", ["p/*"], "admin")
    assert made["until_ms"] - made["from_ms"] == 30 * 60_000
    assert await listed(desk) == [made]
    (event,) = await ports.ledger.events(("bypass",))
    assert event.body["id"] == made["id"]
    gone = await ask(desk, "/api/permits/revoke", "approver", id=made["id"], reason="Mended.")
    assert gone.body == made
    assert await listed(desk) == []
    again = await ask(desk, "/api/permits/revoke", id=made["id"], reason="Mended.")
    assert (again.status, again.body["error"]["code"]) == (404, "not_found")


async def test_a_grant_is_an_approvers_and_lifts_the_limit_that_everybody_sees(desk) -> None:
    before = await limits(desk)
    made = (await ask(desk, "/api/permits/grant", "approver", **GRANT)).body
    assert (made["kind"], made["budget"], made["unit"]) == ("grant", "day", "usd")
    assert made["amount"] == 5_000_000_000
    after = await limits(desk)
    assert after["day"] - before["day"] == 5_000_000_000


async def limits(desk: Desk) -> dict[str, int]:
    found = await desk.get("/api/budgets?org=acme&agent=coder")
    return {each["budget"]: each["limit"] for each in found.body["budgets"]}


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"budget": "weekly"}, 404, "there are: day (usd)"),
        ({"amount": "0"}, 400, "nothing would be granted"),
        ({"amount": "-1"}, 400, "amount"),
        ({"amount": "1e9"}, 400, "amount"),
        ({"minutes": 0}, 400, "minutes"),
        ({"minutes": 1441}, 400, "minutes"),
        ({"reason": ""}, 400, "reason"),
        ({"unit": "tokens"}, 404, "there are: day (usd)"),
    ],
)
async def test_what_cannot_be_granted_says_why(
    desk, changes: dict[str, Any], status: int, says: str
) -> None:
    done = await ask(desk, "/api/permits/grant", **{**GRANT, **changes})
    assert done.status == status
    assert says in done.body["error"]["message"]
    assert await listed(desk) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": []},
        {"rules": ["a b"]},
        {"minutes": 1441},
        {"session": "s1", "agent": None},
        {"reason": "a\nb"},
    ],
)
async def test_a_bypass_that_says_too_little_or_too_much_is_refused(desk, changes: Any) -> None:
    asked = {name: value for name, value in {**BYPASS, **changes}.items() if value is not None}
    assert (await ask(desk, "/api/permits/bypass", **asked)).status == 400
    assert await listed(desk) == []

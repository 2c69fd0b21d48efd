"""What agents may ask Exeat itself."""

import json

import pytest

from proxy.budgets import Accounts, Charge, CountersUnavailable, MemoryCounters, Reservation
from proxy.desk import Desk
from proxy.inside import InsideDoor
from proxy.policy import PolicyBook
from proxy.policy.released import Released
from proxy.slip import Identity, Slip
from tests.addons.slips import MemoryLedger
from tests.policy.texts import policy

ME = Identity("acme", "coder", "s1", task="t1", sources={"org": "headers"})


class EmptyHistory:
    """A ledger in which nothing happened yet."""

    async def settled(self, org, limit, since_ms):
        return 0

    async def open_holds(self, org, limit, since_ms):
        return []

    async def last_seq(self, org):
        return 0


RULES = policy(
    """
budgets:
  - {name: day, window: day, usd: "1.00"}
  - {name: rate, per: [agent], window: minute, requests: 3}
  - {name: each-model, per: [model], usd: 1}
"""
)


def ask(path: str, method: str = "GET") -> Slip:
    slip = Slip("id", 0, 0, "internal", method, path)
    slip.identity = ME
    slip.terms = PolicyBook([RULES]).terms("acme", "coder")
    return slip


def door(accounts: Accounts) -> InsideDoor:
    return InsideDoor(accounts, Desk(MemoryLedger(), Released()))


@pytest.fixture
def accounts() -> Accounts:
    return Accounts(MemoryCounters(), EmptyHistory())


async def test_an_agent_learns_who_it_is_taken_for(accounts):
    status, body = await door(accounts).respond(ask("/v1/whoami?x=1"))

    assert status == 200
    assert json.loads(body) == {
        "org": "acme",
        "agent": "coder",
        "session": "s1",
        "task": "t1",
        "parent": None,
        "sources": {"org": "headers"},
        "policies": [RULES.id],
    }


async def test_an_agent_learns_what_it_may_still_spend(accounts):
    slip = ask("/v1/budget")
    limits = [each.limit for each in slip.terms.limits(ME, None)]
    charges = tuple(Charge(each, 250_000_000 if each.unit == "usd" else 1, 0) for each in limits)
    now_ms = 1_795_000_000_000
    await accounts.reserve(Reservation("h1", "acme", charges, 0, 0, 10**12), now_ms)

    status, body = await door(accounts).respond(slip)

    day, rate = json.loads(body)["budgets"]
    assert status == 200
    assert (day["budget"], day["unit"], day["limit"]) == ("day", "nanousd", 10**9)
    assert (rate["budget"], rate["unit"], rate["limit"]) == ("rate", "requests", 3)
    assert rate["scope"] == {"org": "acme", "agent": "coder"}
    for row in (day, rate):
        assert row["settled"] + row["held"] + row["remaining"] == row["limit"]
        assert row["resets_at"].endswith("Z")
    assert day["remaining_usd"].startswith("$")
    assert "remaining_usd" not in rate


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
async def test_nothing_can_be_changed_from_the_inside(accounts, method):
    status, body = await door(accounts).respond(ask("/v1/whoami", method))

    assert status == 405
    assert json.loads(body)["allowed"] == ["GET"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/whoami/", "/v1/budgets", "//v1/whoami"])
async def test_what_is_not_there_is_named_with_what_is(accounts, path):
    status, body = await door(accounts).respond(ask(path))

    assert status == 404
    assert json.loads(body)["paths"] == [
        "/v1/whoami",
        "/v1/budget",
        "/v1/tool-calls/check",
        "/v1/tool-calls/report",
    ]


async def test_rule_1_fail_closed_counters_that_do_not_answer_are_not_guessed_at():
    class Broken(EmptyHistory):
        async def last_seq(self, org):
            raise CountersUnavailable("no")

    with pytest.raises(CountersUnavailable):
        await door(Accounts(MemoryCounters(), Broken())).respond(ask("/v1/budget"))

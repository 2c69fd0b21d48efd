"""Health: the process lives, and the house is ready or says why not."""

import pytest

from proxy.budgets import CountersUnavailable
from proxy.ledger.store import LedgerUnavailable


async def test_that_the_process_lives_is_no_secret(desk):
    answer = await desk.get("/healthz", authorization="")
    assert (answer.status, answer.body) == (200, {"status": "ok"})


async def test_a_house_that_can_govern_is_ready(desk):
    answer = await desk.get("/readyz", authorization="")
    assert answer.status == 200
    assert answer.body == {
        "status": "ready",
        "checks": {"policy": "ok", "counters": "ok", "ledger": "ok"},
    }


async def _fails(*_, **__):
    raise CountersUnavailable("redis is down")


async def _cannot(*_, **__):
    raise LedgerUnavailable("disk full")


def no_policy(desk, monkeypatch):
    desk.policies._adopt(())


def broken_policy(desk, monkeypatch):
    desk.policies._adopt(())
    desk.policies.problem = "p.yaml:1:1: not YAML"


NOT_READY = {
    "no policy": (no_policy, "policy", "no policy is in force"),
    "a policy that cannot be read": (broken_policy, "policy", "p.yaml:1:1: not YAML"),
    "counters": (
        lambda desk, monkeypatch: monkeypatch.setattr(desk.accounts, "balances", _fails),
        "counters",
        "redis is down",
    ),
    "a ledger that cannot be read": (
        lambda desk, monkeypatch: monkeypatch.setattr(desk.ledger, "last_seq", _cannot),
        "ledger",
        "disk full",
    ),
    "a ledger that could not be written": (
        lambda desk, monkeypatch: setattr(desk.ledger._writer, "problem", "disk full"),
        "ledger",
        "disk full",
    ),
    "a stop": (
        lambda desk, monkeypatch: setattr(desk.calls, "is_stopping", True),
        "engine",
        "stopping",
    ),
}


@pytest.mark.parametrize("case", NOT_READY)
async def test_a_house_that_cannot_govern_says_why(desk, monkeypatch, case):
    breaks, check, why = NOT_READY[case]
    breaks(desk, monkeypatch)
    answer = await desk.get("/readyz")

    assert (answer.status, answer.body["status"]) == (503, "not ready")
    assert answer.body["checks"][check] == why


async def test_an_old_policy_in_force_is_ready_and_says_what_is_wrong_with_the_new(desk):
    desk.policies.problem = "p.yaml:1:1: not YAML"
    answer = await desk.get("/readyz")
    assert (answer.status, answer.body["checks"]["policy"]) == (200, "p.yaml:1:1: not YAML")

"""The console's server: who may ask, what an error looks like, and when the house is ready."""

import pytest

from proxy.budgets import CountersUnavailable
from proxy.ledger.store import LedgerUnavailable

PATHS = ("/api/calls", "/api/calls/live", "/api/calls/0", "/api/costs", "/api/policies", "/api/no")
WITHOUT = ("", "Bearer", "Bearer wrong", "Basic eDp5")


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_token_the_api_says_nothing_but_how_to_ask(desk, path):
    for header in WITHOUT:
        answer = await desk.get(path, authorization=header)
        assert answer.status == 401
        assert answer.body["error"]["code"] == "token_required"
        assert "console.token" in answer.body["error"]["message"]
        assert desk.token not in str(answer.body)


@pytest.mark.parametrize("path", ["/API/calls", "//api/calls", "/api", "/./api/../calls"])
async def test_no_spelling_of_a_path_goes_round_the_token(desk, path):
    answer = await desk.get(path, authorization="")
    assert answer.status in (401, 404)
    assert "records" not in str(answer.body)


async def test_that_the_process_lives_is_no_secret(desk):
    answer = await desk.get("/healthz", authorization="")
    assert (answer.status, answer.body) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/calls", "/api/no", "/no"])
async def test_no_answer_is_kept_or_shown_in_a_page(desk, path):
    headers = (await desk.get(path)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/no", "GET", 404, "not_found"),
        ("/api/no", "GET", 404, "not_found"),
        ("/api/calls", "POST", 405, "method_not_allowed"),
        ("/healthz", "DELETE", 405, "method_not_allowed"),
    ],
)
async def test_an_error_is_json(desk, path, method, status, code):
    answer = await desk.get(path, method=method)
    assert (answer.status, answer.body["error"]["code"]) == (status, code)


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


@pytest.mark.parametrize(
    ("path", "owner", "method", "broken", "code"),
    [
        ("/api/calls", "ledger", "find", _cannot, "ledger_unavailable"),
        ("/api/calls/0", "ledger", "get", _cannot, "ledger_unavailable"),
        ("/api/costs", "ledger", "costs", _cannot, "ledger_unavailable"),
        ("/api/budgets?org=acme", "accounts", "balances", _fails, "counters_unavailable"),
    ],
)
async def test_what_cannot_be_asked_now_is_a_503(
    desk, monkeypatch, path, owner, method, broken, code
):
    monkeypatch.setattr(getattr(desk, owner), method, broken)
    answer = await desk.get(path)
    assert (answer.status, answer.body["error"]["code"]) == (503, code)


async def test_stopping_twice_is_stopping_once(tmp_path):
    from proxy.config import Listen, Settings
    from proxy.console.server import Console

    console = Console(Settings(state_dir=tmp_path, console=Listen(port=0)), *[None] * 4)  # type: ignore[arg-type]
    await console.start()
    await console.stop()
    await console.stop()

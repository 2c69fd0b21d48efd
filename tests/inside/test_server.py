"""The server behind exeat.internal: whom it lets in, and what it says when something fails."""

import contextlib
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
import pytest_asyncio

from proxy.budgets import CountersUnavailable
from proxy.endpoint import Asked, Endpoint, Nothing, Problem
from proxy.inside import InsideServer, Ports, endpoints, listen
from proxy.ledger.store import LedgerUnavailable
from proxy.policy import PolicyBook
from proxy.policy.released import Released
from proxy.seal import HEADER, Seal
from proxy.slip import Slip
from tests.addons.slips import approvals, triggers
from tests.delegate.shop import Shop
from tests.house import NO_TLS
from tests.inside.callers import caller, commons

SEAL = Seal(bytes(range(32)))
ME = caller()


async def _fail(asked: Asked[Slip, Nothing, Nothing]) -> Nothing:
    """Fail as the path says."""
    raise {
        "problem": Problem(418, "teapot", "Ask for coffee elsewhere."),
        "counters": CountersUnavailable("no counters"),
        "ledger": LedgerUnavailable("disk full"),
        "bug": RuntimeError("sk-secret"),
    }[asked.path["how"]]


@contextlib.asynccontextmanager
async def serving(live: Mapping[str, Slip] = {ME.id: ME}) -> AsyncIterator[httpx.AsyncClient]:
    shop = Shop()
    ports = Ports(
        accounts=shop.accounts,
        ledger=shop.ledger,  # type: ignore[arg-type]
        policies=PolicyBook(),
        delegation=shop.delegation,
        triggers=triggers(),
        approvals=approvals(),
        commons=commons(),
        released=Released(),
    )
    listed = [
        *endpoints(ports),
        Endpoint("GET", "/fail/{how}", "agent", _fail, Nothing),
    ]
    server = InsideServer(SEAL, live, listed, body_bytes_max=1 << 16)
    with contextlib.closing(listen()) as door:
        base = f"http://127.0.0.1:{door.getsockname()[1]}"
        await server.start(door)
        try:
            async with httpx.AsyncClient(base_url=base, verify=NO_TLS, trust_env=False) as client:
                yield client
        finally:
            await server.stop()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with serving() as made:
        made.headers[HEADER] = SEAL.on(ME.id)
        yield made


async def test_who_bears_a_seal_is_answered_as_that_call(client):
    answer = await client.get("/v1/whoami")

    assert answer.status_code == 200
    assert answer.json()["agent"] == "coder"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


UNSEALED = {
    "no seal": {},
    "a made-up seal": {HEADER: f"{ME.id}.{'0' * 64}"},
    "another process's seal": {HEADER: Seal(bytes(32)).on(ME.id)},
    "the seal of a call that is over": {HEADER: SEAL.on("gone")},
    "claims of an identity": {"x-org-id": "acme", "x-agent-id": "coder", "x-session-id": "s1"},
}


@pytest.mark.parametrize("case", UNSEALED)
@pytest.mark.parametrize("path", ["/v1/whoami", "/nowhere"])
async def test_nobody_else_is_let_in(case, path):
    async with serving() as client:
        answer = await client.get(path, headers=UNSEALED[case])
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "identity_required"


@pytest.mark.parametrize("facts", [{"door": "forward"}, {"cleared": False}])
async def test_a_seal_opens_nothing_but_a_cleared_call_to_exeat_itself(facts):
    other = caller()
    for name, value in facts.items():
        setattr(other, name, value)
    async with serving({other.id: other}) as client:
        answer = await client.get("/v1/whoami", headers={HEADER: SEAL.on(other.id)})
    assert answer.status_code == 403


FAILURES = {
    "problem": (418, "teapot"),
    "counters": (503, "counters_unavailable"),
    "ledger": (503, "ledger_unavailable"),
    "bug": (500, "internal_error"),
}


@pytest.mark.parametrize("how", FAILURES)
async def test_what_fails_is_said_in_one_shape_and_quotes_no_bug(client, how):
    answer = await client.get(f"/fail/{how}")

    assert (answer.status_code, answer.json()["error"]["code"]) == FAILURES[how]
    assert "sk-secret" not in answer.text


async def test_what_is_not_there_is_named_with_what_is(client):
    answer = await client.get("/v1/budgets")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert "/v1/budget" in answer.json()["error"]["message"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
async def test_a_question_is_asked_in_one_way(client, method):
    assert (await client.request(method, "/v1/whoami")).status_code == 405


@pytest.mark.parametrize("query", ["?hots=a.test", "?port=x&host=a.test"])
async def test_what_cannot_be_read_is_named_and_not_quoted(client, query):
    answer = await client.get(f"/v1/policy/explain{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_query")
    assert "a.test" not in answer.text

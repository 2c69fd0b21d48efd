"""exeat.internal against its own description: whatever is sent through the corridor, what comes back is
what the document says."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import SecretStr
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from proxy.config import Delegate
from tests.house import House, chat, house, policy

DESCRIBED = [status_code_conformance, content_type_conformance, response_schema_conformance]
CHECKS = [*DESCRIBED, not_a_server_error, negative_data_rejection]
EXAMPLES = 6
"""Of each kind, for each endpoint."""
FAST, GONE = "exeat/fast", "gone/gpt-4o-mini"
BASE = "http://exeat.internal"
FEED = "/v1/tasks/watch"
"""It does not end."""


@pytest.fixture
async def built(place: Path) -> AsyncIterator[House]:
    settings = {
        "credentials": {"openai": SecretStr("sk-operator")},
        "delegate": Delegate(aliases={FAST: ("openai/gpt-4o-mini",), "exeat/gone": (GONE,)}),
        "routes": {"gone": {"to": "http://gone.test:9", "provider": "openai"}},
    }
    text, hosts = policy('name: cap, usd: "1.00"'), {"gone.test:9": "127.0.0.1:9"}
    async with house(place, text, more_hosts=hosts, **settings) as one:
        yield one


def session_of(built: House) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": built.proxy_url()}
    return session


def operations(session: requests.Session) -> list[APIOperation]:
    """All but the feed. Who asks is said to the proxy, and is no part of what is made up."""
    document = session.get(f"{BASE}/v1/openapi.json", timeout=10).json()
    for operation in (each for path in document["paths"].values() for each in path.values()):
        operation["security"] = []
    schema = schemathesis.openapi.from_dict(document)
    return [each.ok() for each in schema.get_all_operations() if each.ok().path != FEED]


def _ask(operation: APIOperation, mode: GenerationMode, session: requests.Session) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case) -> None:
        response = case.call(base_url=BASE, session=session, timeout=10)
        if len(response.request.url or "") < 60_000:  # A longer head is refused on the way: 431.
            case.validate_response(response, CHECKS)

    ask()


async def test_whatever_is_sent_comes_back_as_described(built: House) -> None:
    def everything() -> None:
        with session_of(built) as session:
            found = operations(session)
            assert len(found) > 25
            for operation in found:
                _ask(operation, GenerationMode.POSITIVE, session)
                if len(operation.query) or len(operation.body):
                    _ask(operation, GenerationMode.NEGATIVE, session)

    await asyncio.to_thread(everything)


STATUSES = (200, 302, 400, 401, 404, 408, 422, 429, 500, 502, 529)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/delegate"])
async def test_what_a_provider_answers_comes_back_as_described(built: House, path: str) -> None:
    def ask(status: int, model: str = FAST, **more: object) -> int:
        built.says(status=status)
        with session_of(built) as session:
            (operation,) = (each for each in operations(session) if each.path == path)
            case = operation.Case(body=chat(model, **more), media_type="application/json")
            response = case.call(base_url=BASE, session=session, timeout=10)
            is_stream = "event-stream" in response.headers["content-type"][0]
            case.validate_response(response, DESCRIBED[:2] if is_stream else DESCRIBED)
            return response.status_code

    async def told(status: int, model: str = FAST, **more: object) -> int:
        return await asyncio.to_thread(ask, status, model, **more)

    for status in STATUSES:
        assert await told(status) == (502 if status == 302 else status)
    assert await told(200, stream=True) == 200
    assert await told(200, "exeat/gone") == 503
    assert await told(200, "exeat/none") == 404

"""The API against its own description: whatever is sent, what comes back is what the document says."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from proxy.config import ConsoleListen
from proxy.console.server import Console
from tests.console.conftest import opened

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
ONCE = [unsupported_method, allow_header_conformance, ignored_auth]
"""These ask something more each time."""
EXAMPLES = 8
"""Of each kind, for each endpoint: enough to find what is often wrong, in a few seconds."""


@dataclass(frozen=True, slots=True)
class Address:
    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@contextlib.asynccontextmanager
async def console(directory: Path) -> AsyncIterator[Address]:
    async with opened(directory) as ports:
        served = Console(ConsoleListen(port=0), ports)
        url = f"http://127.0.0.1:{await served.start()}"
        made = await ports.access.make("root", "admin", "1h", by="test", now_ms=ports.now_ms())
        try:
            yield Address(url, made[1])
        finally:
            await served.stop()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A console in a thread: schemathesis waits for each answer where it stands."""
    listens: Future[Address] = Future()
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with console(tmp_path_factory.mktemp("console")) as found:
            listens.set_result(found)
            await stop.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    yield listens.result(timeout=30)
    loop.call_soon_threadsafe(stop.set)
    thread.join()


def operations(address: Address) -> list[APIOperation]:
    """All but feeds, which do not end."""
    schema = schemathesis.openapi.from_url(
        f"{address.url}/api/openapi.json", headers=address.headers
    )
    found = [each.ok() for each in schema.get_all_operations()]
    return [each for each in found if "text/event-stream" not in str(each.definition.raw)]


def test_whatever_is_sent_comes_back_as_described(address: Address) -> None:
    found = operations(address)
    assert len(found) > 10
    with requests.Session() as session:
        for operation in found:
            _ask(operation, GenerationMode.POSITIVE, address, session)
            if len(operation.query) or len(operation.body):
                _ask(operation, GenerationMode.NEGATIVE, address, session)


def _ask(
    operation: APIOperation, mode: GenerationMode, address: Address, session: requests.Session
) -> None:
    once = list(ONCE) if mode is GenerationMode.POSITIVE else []

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
        how = {"base_url": address.url, "session": session, "headers": address.headers}
        response = case.call(**how, timeout=10)
        if _is_readable(response.request):
            checks = [*CHECKS, *once]
            once.clear()
            case.validate_response(
                response, checks, headers=address.headers, transport_kwargs={**how, "timeout": 10}
            )

    ask()


def _is_readable(request: requests.PreparedRequest) -> bool:
    """Is it so short that it is looked at? A longer request line is refused by aiohttp (400, as text),
    a longer body is a 413, whatever it says."""
    body = request.body or b""
    return len(str(request.url)) < 8000 and len(body) < 60_000

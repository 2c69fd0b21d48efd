"""One browser and one house with ten thousand calls behind it, for everybody who looks at the console."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.console import scene
from tests.house import House, house
from tests.journeys.conftest import _moved_in
from tests.journeys.console.browser import Visit, chromium, visiting

CALLS = 10_000
HERE = Path(__file__).parent

type Visitor = Callable[..., contextlib.AbstractAsyncContextManager[Visit]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser lives in the session's event loop, so those who use it do, too."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Started once."""
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def busy_house(
    tmp_path_factory: pytest.TempPathFactory, authority: Path
) -> AsyncIterator[House]:
    """A week of ten thousand calls, and a house that goes on from there."""
    place = _moved_in(tmp_path_factory.mktemp("busy"), authority)
    now_ms = time.time_ns() // 1_000_000
    await scene.fill(place / "state" / "ledger.sqlite", scene.history(now_ms, CALLS))
    async with house(place, scene.POLICY) as built:
        yield built


@pytest.fixture
def visit(browser: Browser, busy_house: House) -> Visitor:
    """Somebody who looks at the busy house: `async with visit("viewer") as seen: …`."""

    def come(role: str | None = "admin", **how: object) -> object:
        return visiting(browser, busy_house, role, **how)  # type: ignore[arg-type]

    return come  # type: ignore[return-value]

"""What the journeys share: a CA made once, and houses that no test changes."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from proxy.config import Limits
from proxy.engine.certificates import open_authority
from tests.house import House, house, policy
from tests.journeys.standin import Standin, governed, standin
from tests.redis_server import RedisServer


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA's folder: a key takes long to make, and no journey is about making one."""
    directory = tmp_path_factory.mktemp("authority") / "certs"
    open_authority(directory)
    return directory


@pytest.fixture
def place(tmp_path: Path, authority: Path) -> Path:
    """Where a house may be built: a folder with a CA in it."""
    return _moved_in(tmp_path, authority)


SHARED = (
    "open_house",
    "narrow",
    "aimock_house",
    "broke_house",
    "rationed_house",
    "denying_house",
    "telling_house",
    "toolless_house",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A shared house lives in the session's event loop, so those who visit it do, too."""
    for item in items:
        if isinstance(item, pytest.Function) and set(SHARED) & set(item.fixturenames):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def _moved_in(directory: Path, authority: Path) -> Path:
    shutil.copytree(authority, directory / "certs")
    (directory / "certs").chmod(0o700)
    return directory


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_open_house(
    tmp_path_factory: pytest.TempPathFactory, authority: Path
) -> AsyncIterator[House]:
    """Stands for as long as the tests run."""
    async with house(_moved_in(tmp_path_factory.mktemp("open"), authority)) as built:
        yield built


@pytest_asyncio.fixture(loop_scope="session")
async def open_house(shared_open_house: House) -> House:
    """Exeat with a policy that allows everything and limits nothing."""
    await shared_open_house.reset()
    return shared_open_house


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_narrow_house(
    tmp_path_factory: pytest.TempPathFactory, authority: Path
) -> AsyncIterator[House]:
    """Stands for as long as the tests run."""
    limits = Limits(body_bytes_max=64 * 1024, header_bytes_max=8 * 1024)
    place = _moved_in(tmp_path_factory.mktemp("narrow"), authority)
    async with house(place, limits=limits) as built:
        yield built


@pytest_asyncio.fixture(loop_scope="session")
async def narrow(shared_narrow_house: House) -> House:
    """A house with small limits."""
    await shared_narrow_house.reset()
    return shared_narrow_house


@pytest.fixture(scope="session")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """Every provider, by people who know nothing of Exeat."""
    with standin(tmp_path_factory.mktemp("aimock")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_aimock_houses(
    tmp_path_factory: pytest.TempPathFactory, authority: Path, aimock: Standin
) -> AsyncIterator[Mapping[str, House]]:
    """Houses before the stand-in: all is allowed, there is no money, no call, no model, no tool."""
    texts = {
        "open": policy(),
        "broke": policy('name: tiny, usd: "0.0000001"'),
        "rationed": policy("name: few, requests: 0"),
        "denying": policy(more='models: {allow: ["none"]}\n'),
        "toolless": policy(more="tools: {default: deny}\n"),
        "telling": policy(more='answers: {refusals: message}\nmodels: {allow: ["none"]}\n'),
    }
    async with contextlib.AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                governed(_moved_in(tmp_path_factory.mktemp(name), authority), text, aimock)
            )
            for name, text in texts.items()
        }


@pytest_asyncio.fixture(loop_scope="session")
async def aimock_house(shared_aimock_houses: Mapping[str, House]) -> House:
    """Everything is allowed."""
    await shared_aimock_houses["open"].reset()
    return shared_aimock_houses["open"]


@pytest_asyncio.fixture(loop_scope="session")
async def broke_house(shared_aimock_houses: Mapping[str, House]) -> House:
    """No call fits its budgets."""
    await shared_aimock_houses["broke"].reset()
    return shared_aimock_houses["broke"]


@pytest_asyncio.fixture(loop_scope="session")
async def rationed_house(shared_aimock_houses: Mapping[str, House]) -> House:
    """No call is left, whatever it costs."""
    await shared_aimock_houses["rationed"].reset()
    return shared_aimock_houses["rationed"]


@pytest_asyncio.fixture(loop_scope="session")
async def denying_house(shared_aimock_houses: Mapping[str, House]) -> House:
    """No model is allowed."""
    await shared_aimock_houses["denying"].reset()
    return shared_aimock_houses["denying"]


@pytest_asyncio.fixture(loop_scope="session")
async def telling_house(shared_aimock_houses: Mapping[str, House]) -> House:
    """No model is allowed, and an assistant's message says so."""
    await shared_aimock_houses["telling"].reset()
    return shared_aimock_houses["telling"]


@pytest_asyncio.fixture(loop_scope="session")
async def toolless_house(shared_aimock_houses: Mapping[str, House]) -> House:
    """No tool that a model asks for is allowed."""
    await shared_aimock_houses["toolless"].reset()
    return shared_aimock_houses["toolless"]


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    """One redis-server for all journeys that do not harm it."""
    with RedisServer.running() as server:
        yield server


@pytest.fixture
def redis(redis_process: RedisServer) -> RedisServer:
    """The shared server, empty."""
    assert redis_process.command("FLUSHALL") == "+OK"
    return redis_process

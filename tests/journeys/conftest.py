"""What the journeys share: a CA made once, and a house with everything allowed."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proxy.engine.certificates import open_authority
from tests.house import House, house
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
    shutil.copytree(authority, tmp_path / "certs")
    (tmp_path / "certs").chmod(0o700)
    return tmp_path


@pytest.fixture
async def open_house(place: Path) -> AsyncIterator[House]:
    """Exeat with a policy that allows everything and limits nothing."""
    async with house(place) as built:
        yield built


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

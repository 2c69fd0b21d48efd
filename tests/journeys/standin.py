"""Every provider, answered by aimock: one process for all tests, behind any number of houses."""

import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from proxy.providers.homes import HOMES
from tests.house import AUTHORITY, NO_TLS, House, house
from tests.journeys.sdks import SDKS

FOLDER = Path(__file__).parents[1] / "sdks"
HOSTS = sorted({sdk.host for sdk in SDKS.values()})


@dataclass(frozen=True)
class Standin:
    """Its two doors: without TLS the first part of the path says whose API is asked."""

    plain: int
    tls: int

    def base(self, route: str) -> str:
        """Where a client points to ask it directly."""
        return f"http://127.0.0.1:{self.plain}/{route}"

    async def seen(self) -> int:
        """Requests since the last time that this was asked."""
        async with httpx.AsyncClient(verify=NO_TLS, trust_env=False) as client:
            return int((await client.get(self.base("seen"))).text)


@contextlib.contextmanager
def standin(directory: Path) -> Iterator[Standin]:
    """The process; it ends with its standard input."""
    if not (FOLDER / "node_modules").is_dir():
        raise AssertionError("tests/sdks/node_modules is missing: run make test, or make sdks")
    issued = AUTHORITY.issue_cert(*HOSTS)
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    issued.private_key_pem.write_to_path(str(key))
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    with subprocess.Popen(
        ["node", FOLDER / "standin.mjs", key, certificate],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        yield Standin(**json.loads(process.stdout.readline()))


@contextlib.asynccontextmanager
async def governed(
    directory: Path, text: str, behind: Standin, **more: Any
) -> AsyncIterator[House]:
    """A house whose providers are all the stand-in."""
    gateway = f"aimock.test:{behind.plain}"
    routes = {name: f"http://{gateway}/{name}" for name in HOMES}
    hosts = {f"{host}:443": f"127.0.0.1:{behind.tls}" for host in HOSTS}
    hosts[gateway] = f"127.0.0.1:{behind.plain}"
    async with house(directory, text, routes=routes, hosts=hosts, **more) as built:
        yield built

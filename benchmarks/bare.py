"""The lean engine with nothing on it: one addon that says where to, and a corridor that lets it go."""

import asyncio
import sys
from pathlib import Path

from mitmproxy import http

from addons.route import Route
from proxy.config import RouteTo
from proxy.engine.certificates import open_authority
from proxy.engine.corridor import Corridor
from proxy.engine.dial import Dialler
from proxy.engine.engine import Engine
from proxy.refusals import Refusal
from proxy.slip import Slip, Stamp


class Pin:
    """Pins the upstream's address and asks nothing."""

    name = "pin"

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler

    async def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        assert slip.destination is not None
        pinned = await self._dialler.pin(slip.destination, ())
        if isinstance(pinned, Refusal):
            return pinned
        slip.addresses, slip.dial_port = pinned.addresses, pinned.port
        return Stamp()


async def main(directory: Path, port: int, upstream: int) -> None:
    dialler = Dialler({f"127.0.0.1:{upstream}": f"127.0.0.1:{upstream}"})
    corridor = Corridor(
        [Route({"openai": RouteTo(to=f"http://127.0.0.1:{upstream}")}), Pin(dialler)],
        timeout_s=5,
        body_bytes_max=1 << 25,
    )
    engine = Engine(
        corridor,
        open_authority(directory),
        header_bytes_max=65536,
        body_bytes_max=1 << 25,
        idle_timeout_s=600,
        upstream_ca_file=None,
    )
    await engine.start("127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))

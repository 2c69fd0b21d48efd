"""A stand-in for the proxy and for exeat.internal behind it."""

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Inside:
    """What it answers, and what it was asked."""

    status: int = 200
    answer: bytes = b'{"decision":"allow"}'
    is_silent: bool = False
    asked: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    proxy: str = ""

    @property
    def credentials(self) -> str:
        """Of the last request."""
        return base64.b64decode(self.headers[-1]["Proxy-Authorization"].split()[1]).decode()

    def says(self, **verdict: Any) -> None:
        """The next verdicts."""
        self.answer = json.dumps(verdict).encode()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request in absolute form, as a proxy gets it."""
        self.headers.append(dict(request.headers))
        self.asked.append((str(request.url), await request.json()))
        if self.is_silent:
            await asyncio.Event().wait()
        return web.Response(status=self.status, body=self.answer)


@contextlib.asynccontextmanager
async def inside() -> AsyncIterator[Inside]:
    """Listening on loopback."""
    made = Inside()
    runner = web.ServerRunner(web.Server(made.handle), shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    made.proxy = f"http://acme%2Fcoder:s1@127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield made
    finally:
        await runner.cleanup()

"""Attempts over HTTP, to Exeat's own port: there is no way out but through the corridor."""

from collections.abc import AsyncGenerator, Mapping

import aiohttp

from proxy.delegate.roads import Road
from proxy.delegate.sender import Answer, Broken, Unreachable
from proxy.seal import HEADER, Seal
from proxy.slip import Slip

_DIAL_S = 5.0


class Attempts:
    """A client of Exeat's own port, whose calls bear the seal of the call that they serve."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._base = ""
        self._client: aiohttp.ClientSession | None = None

    def open(self, host: str, port: int) -> None:
        """Where Exeat listens. An address that stands for all of them is reached by loopback."""
        reached = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        authority = f"[{reached}]" if ":" in reached else reached
        self._base = f"http://{authority}:{port}"
        self._client = aiohttp.ClientSession(
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_DIAL_S),
            trust_env=False,
        )

    async def close(self) -> None:
        """Let all connections go. Idempotent."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def send(self, road: Road, body: bytes, slip: Slip) -> Answer:
        """Raises Unreachable. Nothing that the agent sent rides along but what it asked."""
        if self._client is None:
            raise Unreachable
        headers = {
            HEADER: self._seal.on(slip.id),
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": slip.user_agent,
        }
        try:
            answer = await self._client.post(
                self._base + road.path, data=body, headers=headers, allow_redirects=False
            )
        except aiohttp.ClientError as error:
            raise Unreachable from error
        return _Answer(answer)


class _Answer:
    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers

    async def pieces(self) -> AsyncGenerator[bytes]:
        """As they come. Raises Broken."""
        try:
            async for piece in self._answer.content.iter_any():
                yield piece
        except aiohttp.ClientError as error:
            raise Broken from error
        finally:
            self._answer.close()

"""Redis, for state that processes share: Lua scripts, each one atomic step, and word of changes.

The server must not evict keys on its own (`maxmemory-policy noeviction` or `volatile-*`); its user must
be allowed EVAL, INFO, PUBLISH and SUBSCRIBE.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

_AGAIN_S = 0.2
"""How long a lost subscription waits before it is tried again."""


class RedisUnavailable(Exception):  # noqa: N818  # named for the state it reports
    """The server did not answer, or not what it should."""


def script(*files: Path) -> str:
    """A script's whole text: the files', one after the other."""
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


class Redis:
    """Connects when it is first asked; outlives a restart of the server."""

    def __init__(self, url: str, *, timeout_s: float = 0.5, connections_max: int = 64) -> None:
        """`timeout_s` bounds connecting, each reply, and the wait for a free connection."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections_max,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._client = Client.from_pool(pool)

    async def run(self, script: str, keys: Sequence[str], *arguments: str) -> Any:
        """The script's reply. Its text goes along each time, for the server may have forgotten it, and a
        kill cannot wait to be asked again. Scripts may be repeated: a lost connection is tried once more.
        Raises RedisUnavailable."""
        execute: Callable[..., Awaitable[Any]] = self._client.execute_command
        asked = ("EVAL", script, len(keys), *keys, *arguments)
        try:
            try:
                return await execute(*asked)
            except Disconnected:
                # The server restarted, or closed what idled in the pool.
                await self._client.connection_pool.disconnect(inuse_connections=False)
                return await execute(*asked)
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisUnavailable(f"Redis: {type(error).__name__}: {error}") from error

    async def heard(self, channel: str, every_s: float) -> AsyncGenerator[None]:
        """Comes round when something was published, after every lost subscription, and every so often.
        What is published while nobody listens is lost: whoever listens reads the state each time."""
        while True:
            subscription = self._client.pubsub(ignore_subscribe_messages=True)
            try:
                await subscription.subscribe(channel)
                yield
                while True:
                    await subscription.get_message(timeout=every_s)
                    while await subscription.get_message(timeout=0) is not None:
                        pass  # One look at the state answers them all.
                    yield
            except (RedisError, OSError, TimeoutError):
                yield
                await asyncio.sleep(_AGAIN_S)
            finally:
                await subscription.aclose()  # type: ignore[no-untyped-call]

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

"""RedisPermits: the port of permits for many processes."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from proxy.permits.store import PermitsUnavailable
from proxy.permits.words import dumped, loaded
from proxy.policy.permits import Permit
from proxy.redis import Redis, RedisUnavailable, script

_EVERY_S = 1.0
"""How often the state is read where nobody says that it changed."""

_HERE = Path(__file__).parent
_LOAD, _PUT, _REMOVE = (script(_HERE / f"redis_{name}.lua") for name in ("load", "put", "remove"))


class RedisPermits:
    """One hash for all permits, and a channel that says when it changed; both in one slot. A Redis that
    was emptied allows nothing: what is in force is no stricter for it than the policies."""

    keeps = True

    def __init__(self, redis: Redis, prefix: str = "exeat") -> None:
        self._redis = redis
        self._keys = [f"{prefix}:{{permits}}:in-force"]
        self._channel = f"{prefix}:{{permits}}:changed"

    async def load(self) -> tuple[Permit, ...]:
        return tuple(loaded(value) for value in await self._run(_LOAD))

    async def put(self, permit: Permit) -> None:
        await self._run(_PUT, permit.id, dumped(permit))

    async def remove(self, permit_id: str) -> Permit | None:
        was = await self._run(_REMOVE, permit_id)
        return None if was is None else loaded(was)

    def changes(self) -> AsyncGenerator[None]:
        return self._redis.heard(self._channel, _EVERY_S)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _run(self, text: str, *arguments: str) -> Any:
        try:
            return await self._redis.run(text, self._keys, self._channel, *arguments)
        except RedisUnavailable as error:
            raise PermitsUnavailable(str(error)) from error

"""RedisStops: the port of the kill switch for many processes."""

import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from proxy.identity.scope import Scope
from proxy.kill.stops import Stop
from proxy.kill.store import Loaded, StopsUnavailable
from proxy.redis import Redis, RedisUnavailable, script

_EVERY_S = 1.0
"""How often the state is read where nobody says that it changed."""

_HERE = Path(__file__).parent
_LOAD, _PUT, _REMOVE = (script(_HERE / f"redis_{name}.lua") for name in ("load", "put", "remove"))


class RedisStops:
    """One hash for all stops, and a channel that says when it changed; both in one slot."""

    def __init__(self, redis: Redis, prefix: str = "exeat") -> None:
        self._redis = redis
        self._keys = [f"{prefix}:{{stops}}:in-force"]
        self._channel = f"{prefix}:{{stops}}:changed"

    async def load(self, mine: Sequence[Stop], run: str) -> Loaded:
        stops = json.dumps([[_field(stop.scope), _value(stop)] for stop in mine])
        told, *values = await self._run(_LOAD, run, stops)
        return Loaded(tuple(_stop(value) for value in values), told.decode())

    async def put(self, stop: Stop) -> Stop:
        return _stop(await self._run(_PUT, _field(stop.scope), _value(stop)))

    async def remove(self, scope: Scope) -> Stop | None:
        was = await self._run(_REMOVE, _field(scope))
        return None if was is None else _stop(was)

    def changes(self) -> AsyncGenerator[None]:
        return self._redis.heard(self._channel, _EVERY_S)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _run(self, text: str, *arguments: str) -> Any:
        try:
            return await self._redis.run(text, self._keys, self._channel, *arguments)
        except RedisUnavailable as error:
            raise StopsUnavailable(str(error)) from error


def _field(scope: Scope) -> str:
    """A scope's name in the hash: no two scopes share one, and none begins with `#`."""
    return json.dumps([scope.org, scope.agent, scope.session])


def _value(stop: Stop) -> str:
    scope = stop.scope
    return json.dumps(
        {
            "id": stop.id,
            "scope": [scope.org, scope.agent, scope.session],
            "level": stop.level,
            "by": stop.by,
            "reason": stop.reason,
            "at_ms": str(stop.at_ms),  # cjson would round it.
        }
    )


def _stop(value: bytes) -> Stop:
    found = json.loads(value)
    scope = Scope(*found["scope"])
    return Stop(
        found["id"], scope, found["level"], found["by"], found["reason"], int(found["at_ms"])
    )

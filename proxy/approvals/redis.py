"""RedisApprovals: the port of approvals for many processes."""

from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import Any

from proxy.approvals.approval import Approval
from proxy.approvals.store import ApprovalsUnavailable, Changed
from proxy.approvals.words import read, written
from proxy.redis import Redis, RedisUnavailable, script

_EVERY_S = 1.0
"""How often the state is read where nobody says that it changed."""

_HERE = Path(__file__).parent
_ASK, _SWAP, _GET, _SINCE, _FORGET = (
    script(_HERE / f"redis_{name}.lua") for name in ("ask", "swap", "get", "since", "forget")
)


class RedisApprovals:
    """All of it in one slot: approvals by id, ids by key, ids by their latest change, and for each org
    what waits. A server that loses it has nothing that was approved: what was held is asked anew."""

    fresh_s: float | None = 3.0

    def __init__(self, redis: Redis, prefix: str = "exeat") -> None:
        self._redis = redis
        self._prefix = f"{prefix}:{{approvals}}:"
        self._keys = [self._prefix + name for name in ("by-id", "by-key", "changes")]
        self._channel = self._prefix + "changed"

    async def begin(self, known: Iterable[Approval]) -> None:
        pass

    async def ask(self, fresh: Approval, now_ms: int, pending_max: int) -> Approval | None:
        asked = (str(now_ms), str(pending_max), fresh.id, fresh.wanted.key, str(fresh.until_ms))
        found = await self._run(_ASK, fresh.wanted.org, *asked, written(fresh))
        return None if found is None else read(found)

    async def swap(self, after: Approval) -> bool:
        is_waiting = "1" if after.state == "pending" else ""
        asked = (after.id, str(after.version - 1), is_waiting, after.wanted.key)
        return bool(await self._run(_SWAP, after.wanted.org, *asked, written(after)))

    async def get(self, approval_id: str) -> Approval | None:
        found = await self._run(_GET, "", approval_id)
        return None if found is None else read(found)

    async def since(self, upto: int, life: str) -> Changed:
        last, now, *found = await self._run(_SINCE, "", str(upto), life)
        is_all = not upto or now.decode() != life
        return Changed(tuple(read(each) for each in found), int(last), now.decode(), is_all)

    async def forget(self, approvals: Iterable[Approval]) -> None:
        for it in approvals:
            await self._run(_FORGET, it.wanted.org, it.id, it.wanted.key, written(it))

    def changes(self) -> AsyncGenerator[None]:
        return self._redis.heard(self._channel, _EVERY_S)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _run(self, text: str, org: str, *arguments: str) -> Any:
        keys = [*self._keys, f"{self._prefix}waiting:{org}"]
        try:
            return await self._redis.run(text, keys, self._channel, *arguments)
        except RedisUnavailable as error:
            raise ApprovalsUnavailable(str(error)) from error

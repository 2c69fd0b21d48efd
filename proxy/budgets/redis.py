"""RedisCounters: the budget port for many workers. One Lua script, one round trip, one atomic step.

The server must not evict keys on its own (`maxmemory-policy noeviction` or `volatile-*`; these
keys have no TTL), and its user must be allowed EVAL, EVALSHA and INFO.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import NoScriptError, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from proxy.budgets import redis_wire as wire
from proxy.budgets.amounts import checked, checked_now, checked_org, checked_text, saturated
from proxy.budgets.counters import ENDED_MS, GENERATION, IDLE_MS, RELEASED_MS, OpenHold
from proxy.budgets.limits import Limit, Reservation, Unit, counter_name
from proxy.budgets.redis_scripts import SCRIPTS, Script, Source
from proxy.budgets.results import (
    Balance,
    CountersUnavailable,
    Exceeded,
    ExpiredHold,
    Hold,
    Settlement,
    Stale,
    Unseeded,
)
from proxy.budgets.windows import window_end_ms, window_start_ms

_BATCH = 200
"""Holds expired and counters swept by one script: Redis serves nobody else meanwhile."""


class RedisCounters:
    """Counters in Redis, for many processes at once; outlives a restart and SCRIPT FLUSH."""

    def __init__(self, client: Redis, prefix: str = "exeat") -> None:
        self._client = client
        self._prefix = prefix

    @classmethod
    def from_url(
        cls, url: str, *, timeout_s: float = 0.5, connections_max: int = 64, prefix: str = "exeat"
    ) -> "RedisCounters":
        """Connects at the first call. `timeout_s` bounds connecting, each reply, and the wait for a
        free connection. A lost connection is tried once more; nothing else is retried here."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections_max,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        return cls(Redis.from_pool(pool), prefix)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def reserve(
        self, reservation: Reservation, now_ms: int, seen_seq: int = 0
    ) -> Hold | Exceeded | Unseeded | Stale:
        entries = [
            {
                **wire.entry(charge.limit, window_start_ms(charge.limit.window, now_ms)),
                "f": str(charge.fixed),
                "p": str(charge.per_output),
                "t": str(charge.up_to),
            }
            for charge in reservation.charges
        ]
        ask = {
            "id": reservation.hold_id,
            "low": str(reservation.output_min),
            "high": str(reservation.output_max),
            "lease": str(saturated(now_ms + reservation.lease_ms)),
            "now": str(checked_now(now_ms)),
            "e": entries,
        }
        answer = await self._run("reserve", reservation.org, ask, seen_seq)
        match answer["is"]:
            case "unseeded":
                charges = reservation.charges
                return Unseeded(tuple(charges[int(i) - 1].limit for i in answer["missing"]))
            case "exceeded":
                return wire.reserve_exceeded(answer, reservation, now_ms)
            case _:
                return wire.hold_or_stale(answer, reservation.hold_id, reservation.org)

    async def settle(
        self, hold_id: str, org: str, actual: Mapping[Unit, int], now_ms: int, seen_seq: int = 0
    ) -> Settlement | Stale:
        ask = {
            "id": checked_text("hold_id", hold_id),
            "actual": {u: str(checked("an actual amount", n)) for u, n in actual.items()},
            "now": str(checked_now(now_ms)),
            "forget": str(now_ms + ENDED_MS),
        }
        answer = await self._run("settle", org, ask, seen_seq)
        return Stale() if answer["is"] == "stale" else wire.settlement(answer)

    async def release(self, hold_id: str, org: str, now_ms: int, seen_seq: int = 0) -> Stale | None:
        forget_ms = checked_now(now_ms) + RELEASED_MS
        ask = {"id": checked_text("hold_id", hold_id), "forget": str(forget_ms)}
        answer = await self._run("settle", org, ask, seen_seq)
        return Stale() if answer["is"] == "stale" else None

    async def extend(
        self, hold_id: str, org: str, output_tokens_more: int, now_ms: int, seen_seq: int = 0
    ) -> Hold | Exceeded | Stale:
        more = checked("output_tokens_more", output_tokens_more)
        ask = {"id": hold_id, "more": str(more), "now": str(checked_now(now_ms))}
        answer = await self._run("extend", org, ask, seen_seq)
        if answer["is"] == "exceeded":
            return wire.extend_exceeded(answer, more)
        return wire.hold_or_stale(answer, hold_id, org)

    async def renew(
        self, org: str, hold_ids: Sequence[str], lease_until_ms: int, seen_seq: int = 0
    ) -> tuple[str, ...] | Stale:
        ask = {"ids": list(hold_ids), "lease": str(checked("lease_until_ms", lease_until_ms))}
        answer = await self._run("renew", org, ask, seen_seq)
        return Stale() if answer["is"] == "stale" else tuple(answer["ids"])

    async def expire(
        self, org: str, now_ms: int, seen_seq: int = 0
    ) -> tuple[ExpiredHold, ...] | Stale:
        ask = {
            "now": str(checked_now(now_ms)),
            "forget": str(now_ms + ENDED_MS),
            "ended_before": str(now_ms - ENDED_MS),
            "idle_before": str(now_ms - IDLE_MS),
            "batch": str(_BATCH),
        }
        expired: list[ExpiredHold] = []
        while True:
            try:
                answer = await self._run("expire", org, ask, seen_seq)
            except CountersUnavailable:
                if not expired:
                    raise
                return tuple(expired)  # These are charged, and nobody else will tell of them.
            if answer["is"] == "stale":
                return tuple(expired) or Stale()
            expired.extend(wire.expired_hold(item, org) for item in answer["expired"])
            if not answer["more"]:
                return tuple(expired)

    async def seed(
        self,
        org: str,
        limit: Limit,
        window_start_ms: int,
        settled: int,
        holds: Sequence[OpenHold],
        now_ms: int,
    ) -> bool:
        checked("window_start_ms", window_start_ms)
        ask: dict[str, Any] = {
            "entry": wire.entry(limit, window_start_ms),
            "settled": str(checked("settled", settled)),
            "now": str(checked_now(now_ms)),
            "generation": str(GENERATION),
            "holds": [
                (
                    hold_id,
                    str(checked("an amount", amount)),
                    str(checked("a lease", lease_until_ms)),
                )
                for hold_id, amount, lease_until_ms in holds
            ],
        }
        ends_ms = window_end_ms(limit.window, window_start_ms)
        if ends_ms is not None:
            ask["ends"] = str(ends_ms)
        answer = await self._run("seed", org, ask, 0)
        return bool(answer["created"])

    async def reset(self, org: str, seen_seq: int) -> None:
        await self._run("reset", org, {"generation": str(GENERATION)}, seen_seq)

    async def balances(
        self, org: str, limits: Sequence[Limit], now_ms: int, seen_seq: int = 0
    ) -> list[Balance] | Unseeded | Stale:
        names = [counter_name(limit, window_start_ms(limit.window, now_ms)) for limit in limits]
        answer = await self._run("balances", org, {"names": names}, seen_seq)
        match answer["is"]:
            case "stale":
                return Stale()
            case "unseeded":
                return Unseeded(tuple(limits[int(i) - 1] for i in answer["missing"]))
            case _:
                pairs = zip(limits, answer["standing"], strict=False)
                return [wire.balance(limit, standing, now_ms) for limit, standing in pairs]

    async def _run(self, name: Script, org: str, ask: dict[str, Any], seen: int) -> dict[str, Any]:
        checked_org(org)
        ask["seen"] = str(checked("seen_seq", seen))
        stem = f"{self._prefix}:{{{org}}}:"
        keys = [stem + part for part in ("counters", "holds", "leases", "ended", "forget")]
        arguments: tuple[int | str, ...] = (len(keys), *keys, wire.dumps(ask))
        try:
            try:
                reply = await self._execute(SCRIPTS[name], arguments)
            except Disconnected:
                # The server restarted, or closed what idled in the pool. Scripts may be repeated.
                await self._client.connection_pool.disconnect(inuse_connections=False)
                reply = await self._execute(SCRIPTS[name], arguments)
        except (RedisError, OSError, TimeoutError) as error:
            raise CountersUnavailable(f"Redis, {name}: {type(error).__name__}: {error}") from error
        return cast(dict[str, Any], wire.loads(reply))

    async def _execute(self, script: Source, arguments: tuple[int | str, ...]) -> bytes:
        execute: Callable[..., Awaitable[bytes]] = self._client.execute_command
        try:
            return await execute("EVALSHA", script.sha, *arguments)
        except NoScriptError:
            return await execute("EVAL", script.text, *arguments)

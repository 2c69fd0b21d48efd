"""Names become addresses in one place, once per call, and only checked addresses are dialled.

asyncio resolves through `loop.getaddrinfo` and dials exactly what that returned, so a dial that was
cleared is given its call's pinned addresses there: no second lookup can say something else.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from proxy.hosts import is_ip, split_authority
from proxy.policy.addresses import Network, why_refused
from proxy.refusals import Code, Refusal
from proxy.slip import Destination

_PINNED_S = 30.0
"""How long a looked-up name is believed; a checked address stays a checked address."""
_NAMES_MAX = 1024

type Lookup = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Pinned:
    """The only addresses that a dial may use, and the port to dial."""

    addresses: tuple[str, ...]
    port: int


_dialling: ContextVar[Pinned | None] = ContextVar("exeat_dialling", default=None)


async def system_lookup(host: str, port: int) -> Sequence[str]:
    """Addresses of a name, by the system's resolver. Raises socket.gaierror."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


class Dialler:
    """Resolves, checks, pins. `hosts` is the operator's own table, exempt from the rules."""

    def __init__(self, hosts: Mapping[str, str], lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._hosts: dict[tuple[str, int], Pinned] = {}
        for name, address in hosts.items():
            at, to = split_authority(name), split_authority(address)
            if at is None or to is None or at[1] is None or to[1] is None:
                raise ValueError(f"{name!r} = {address!r} is not host:port = address:port")
            self._hosts[at[0], at[1]] = Pinned((to[0],), to[1])
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def pin(self, to: Destination, networks: Sequence[Network]) -> Pinned | Refusal:
        """Where `to` may be dialled. One forbidden address refuses the name: it is being played."""
        fixed = self._hosts.get((to.host, to.port))
        if fixed is not None:
            return fixed
        if is_ip(to.host):
            addresses: tuple[str, ...] = (to.host,)
        else:
            try:
                addresses = await self._resolve(to.host, to.port)
            except socket.gaierror as error:
                return _unresolved(to.host, error)
        for address in addresses:
            reason = why_refused(address, networks)
            if reason is not None:
                return Refusal(
                    Code.ADDRESS_NOT_ALLOWED,
                    f"{to.host} is at {reason}. If that is meant, name its network under "
                    "egress.networks in the policy, or the host in [hosts] of exeat.toml.",
                )
        return Pinned(addresses, to.port)

    async def _resolve(self, host: str, port: int) -> tuple[str, ...]:
        now = time.monotonic()
        known = self._known.get(host)
        if known is not None and known[0] > now:
            return known[1]
        addresses = tuple(await self._lookup(host, port))
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if len(self._known) >= _NAMES_MAX:
            self._known.clear()
        self._known[host] = (now + _PINNED_S, addresses)
        return addresses


def _unresolved(host: str, error: socket.gaierror) -> Refusal:
    """A name that is not there is a no; a resolver that is not there is a fault."""
    if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
        return Refusal(
            Code.HOST_NOT_FOUND,
            f"The name {host} does not exist. Check its spelling, or add it to [hosts] in exeat.toml.",
        )
    return Refusal(
        Code.UPSTREAM_UNREACHABLE,
        f"The name {host} cannot be looked up now. Try again later.",
        retry_after_s=5,
    )


def dial_only(pinned: Pinned) -> None:
    """From here on, this task dials these addresses whatever name it asks for."""
    _dialling.set(pinned)


def dial_freely() -> None:
    """The dial is over: names resolve as usual in this task again."""
    _dialling.set(None)


def guard_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Teach a loop about pinned dials; others pass as before. Idempotent."""
    if getattr(loop, "exeat_guarded", False):
        return
    resolve, connect = loop.getaddrinfo, loop.create_connection

    async def getaddrinfo(host: Any, port: Any, **kwargs: Any) -> Any:
        pinned = _dialling.get()
        if pinned is None:
            return await resolve(host, port, **kwargs)
        kind = kwargs.get("type") or socket.SOCK_STREAM
        return [
            (socket.AF_INET6, kind, 6, "", (address, pinned.port, 0, 0))
            if ":" in address
            else (socket.AF_INET, kind, 6, "", (address, pinned.port))
            for address in pinned.addresses
        ]

    async def create_connection(
        factory: Any, host: Any = None, port: Any = None, **kwargs: Any
    ) -> Any:
        pinned = _dialling.get()
        if pinned is not None and isinstance(host, str) and is_ip(host):
            # An address is never looked up, so what the hosts table says of it is said here.
            if not pinned.addresses:
                raise OSError("no address is pinned")
            host, port = pinned.addresses[0], pinned.port
        return await connect(factory, host, port, **kwargs)

    loop.create_connection = create_connection  # type: ignore[assignment, method-assign]
    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]
    loop.exeat_guarded = True  # type: ignore[attr-defined]

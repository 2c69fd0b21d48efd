"""What the engine knows of one client connection: its tunnel, its credentials, its open calls."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from mitmproxy.connection import Client

from proxy.engine.dial import Pinned
from proxy.refusals import Code
from proxy.slip import Slip


@dataclass(slots=True)
class ConnectionFacts:
    """Rides on the client connection for as long as it lives; one per connection."""

    connect_target: tuple[str, int] | None = None
    """Normalised host and port of CONNECT; None outside a tunnel."""
    connect_credentials: list[str] = field(default_factory=list)
    """`Proxy-Authorization` lines of CONNECT, verbatim."""
    credentials_seen: str | None = None
    """The proxy credentials this connection is bound to."""
    absolute_form: bool = False
    """The request being read names its destination in its target, not only in Host."""
    malformed: tuple[Code, str] | None = None
    """(refusal code, reason) of a request head that could not be read."""
    cleared: dict[tuple[str, int], Pinned] = field(default_factory=dict)
    """Places that a cleared call of this connection may dial, and the addresses they have."""
    tell: Callable[[str, bytes], None] | None = None
    """Says something to the client in the stream that answers the call of this id, between two pieces."""
    open_slips: dict[str, Slip] = field(default_factory=dict)
    """Calls without an outcome yet, by slip id."""
    read_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a call ends, for whoever waits for answers that are read on."""

    def close(self, slip: Slip) -> None:
        """The call has ended."""
        self.open_slips.pop(slip.id, None)
        self.read_on.set()

    async def all_read(self) -> None:
        """Returns when no answer is read on for a client that has gone."""
        while any(slip.is_read_on and slip.caller_left for slip in self.open_slips.values()):
            self.read_on.clear()
            await self.read_on.wait()


_ATTRIBUTE = "exeat_facts"


def facts_of(client: Client) -> ConnectionFacts:
    """The facts of a connection, made at first sight."""
    known: ConnectionFacts | None = client.__dict__.get(_ATTRIBUTE)
    if known is None:
        known = client.__dict__[_ATTRIBUTE] = ConnectionFacts()
    return known

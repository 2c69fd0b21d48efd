"""One client connection: mitmproxy's handler with hooks looked up in a table made once."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mitmproxy import options
from mitmproxy.proxy import commands, mode_specs
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.server import LiveConnectionHandler

type Hook = Callable[[Any], Awaitable[None] | None]

_MODE = mode_specs.ProxyMode.parse("regular")
_UPSTREAMS_PER_ADDRESS = 256
"""mitmproxy opens five at a time, and holds each for its lifetime: the sixth stream of an HTTP/2
client to an HTTP/1 provider would wait for another to end."""


class Handler(LiveConnectionHandler):
    """Reads one connection until its end; every hook goes through `table`."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        opts: options.Options,
        table: Mapping[str, Hook],
    ) -> None:
        super().__init__(reader, writer, opts, _MODE)
        self.layer = modes.HttpProxy(self.layer.context)
        self.max_conns = defaultdict(lambda: asyncio.Semaphore(_UPSTREAMS_PER_ADDRESS))
        self._table = table

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """Run what the table has for this hook; nothing, for most."""
        handle = self._table.get(hook.name)
        if handle is None:
            return
        with self.timeout_watchdog.disarm():
            (data,) = hook.args()
            waiting = handle(data)
            if waiting is not None:
                await waiting

    def hang_up(self) -> None:
        """End the connection as if the client had left: every open call of it is closed."""
        io = self.transports.get(self.client)
        if io is not None and io.handler is not None:
            io.handler.cancel("stopping")

    def log(self, *args: Any, **kwargs: Any) -> None:
        """mitmproxy's connection chatter names hosts and paths; it is not ours to write down."""
        message = str(args[0]) if args else ""
        if "crashed" in message:
            super().log(*args, **kwargs)

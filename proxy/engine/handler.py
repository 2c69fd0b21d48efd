"""One client connection: mitmproxy's handler, with hooks looked up in a table made once.

mitmproxy starts a task for every hook, and most hooks have nothing to wait for. Here a hook that
answers at once is answered in place; only one that waits becomes a task.
"""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import structlog
from mitmproxy import options
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, layer, mode_specs
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.server import ConnectionIO, LiveConnectionHandler

from proxy.engine.facts import facts_of
from proxy.engine.layers import Severed

log = structlog.get_logger()

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
        context = self.layer.context
        modes.HttpProxy(context)  # Stands in the context's list of layers, which others look at.
        self.layer = layer.NextLayer(context)
        self.max_conns = defaultdict(lambda: asyncio.Semaphore(_UPSTREAMS_PER_ADDRESS))
        self._table = table
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading_on: asyncio.Future[None] | None = None

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """Hooks that mitmproxy's own coroutines fire: connects and disconnects."""
        waiting = self._fire(hook)
        if waiting is not None:
            await waiting

    async def server_event(self, event: events.Event) -> None:
        """Feed one event to the layers and do what they ask for. One event at a time: the layers are
        generators, and must not be entered twice."""
        async with self._server_event_lock:
            self.timeout_watchdog.register_activity()
            if isinstance(self.layer, layer.NextLayer) and self.layer.layer is not None:
                self.layer = self.layer.layer  # Chosen: events need not pass through the choice.
            queue = deque((event,))
            while queue:
                try:
                    for command in self.layer.handle_event(queue.popleft()):
                        if isinstance(command, commands.StartHook):
                            waiting = self._fire(command)
                            if waiting is not None:
                                self._spawn(self._wait_for(command, waiting))
                            elif command.blocking:
                                queue.append(events.HookCompleted(command))
                        else:
                            self._do(command)
                except Exception as error:
                    # A layer that broke has lost its place in the protocol: nothing it says next
                    # can be trusted, and what it left open must be closed.
                    log.error("connection broken", exc_info=error)
                    queue.clear()
                    self.hang_up()

    def _fire(self, hook: commands.StartHook) -> Awaitable[None] | None:
        """Start what the table has for a hook. What fails here has stamped nothing, so it lets
        nothing through; the layers go on and find no answer."""
        handle = self._table.get(hook.name)
        if handle is None:
            return None
        (data,) = hook.args()
        try:
            return handle(data)
        except Exception as error:
            log.error("hook failed", hook=hook.name, exc_info=error)
            return None

    async def _wait_for(self, hook: commands.StartHook, waiting: Awaitable[None]) -> None:
        with self.timeout_watchdog.disarm():
            try:
                await waiting
            except Exception as error:
                log.error("hook failed", hook=hook.name, exc_info=error)
        if hook.blocking:
            await self.server_event(events.HookCompleted(hook))

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    def _do(self, command: commands.Command) -> None:
        """Everything a layer may ask for that is not a hook; mirrors mitmproxy's own list."""
        match command:
            case commands.OpenConnection():
                task = self._spawn(self.open_connection(command))
                self.transports[command.connection] = ConnectionIO(handler=task)
            case commands.RequestWakeup():
                self.wakeup_timer.add(self._spawn(self.wakeup(command)))
            case commands.ConnectionCommand() if command.connection not in self.transports:
                pass  # Closed already.
            case commands.SendData():
                writer = self.transports[command.connection].writer
                if writer is not None and not writer.is_closing():
                    writer.write(command.data)
            case commands.CloseTcpConnection():
                self.close_connection(command.connection, command.half_close)
            case commands.CloseConnection():
                self.close_connection(command.connection, False)
            case commands.Log():
                pass  # Names hosts and paths: not ours to write down.
            case _:
                raise RuntimeError(f"the engine asks for something unknown: {type(command)}")

    async def handle_connection(self, connection: Connection) -> None:
        """Read until the end; for the client's side that is when its last answer has been read, which
        it may not have waited for."""
        try:
            await super().handle_connection(connection)
        finally:
            if connection is self.client:
                self._reading_on = asyncio.ensure_future(facts_of(self.client).all_read())
                while not self._reading_on.done():
                    # Closing the connection cancels this task, too, which is no reason to stop.
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.wait([self._reading_on])

    def hang_up(self) -> None:
        """End the connection as if the client had left: every open call of it is closed."""
        if self._reading_on is not None:
            self._reading_on.cancel()
        io = self.transports.get(self.client)
        if io is not None and io.handler is not None:
            io.handler.cancel("hung up")

    def fall_silent(self) -> None:
        """Nothing passes any more, to either side; what was on its way is thrown away. To be hung up."""
        for io in tuple(self.transports.values()):
            if isinstance(io.writer, asyncio.StreamWriter):
                io.writer.transport.abort()

    def sever(self, ids: Collection[str]) -> None:
        """End some calls of a connection that has others, too."""
        self._spawn(self.server_event(Severed(frozenset(ids))))

    def log(self, *args: Any, **kwargs: Any) -> None:
        """mitmproxy's connection chatter: not ours to write down, except that something broke."""
        if kwargs.get("exc_info"):
            log.error("connection handler failed", exc_info=kwargs["exc_info"])

"""One connection: a hook or a layer that breaks harms that connection and lets nothing through."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest
from mitmproxy import options
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook

from proxy.engine.handler import Handler


class Writer:
    """The part of a StreamWriter that a handler touches before it reads."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1234)


def hook(data: Any = None) -> commands.StartHook:
    """One of mitmproxy's own; it carries whatever it is given."""
    return HttpRequestHook(data)


class Asks(layer.Layer):
    """Fires a hook on its first event, and writes down what comes back."""

    def __init__(self, context: Any, command: commands.Command) -> None:
        super().__init__(context)
        self.command = command
        self.replies: list[Any] = []

    def _handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        self.replies.append((yield self.command))


def handler(table: dict[str, Callable[[Any], Any]], command: commands.Command) -> Handler:
    made = Handler(asyncio.StreamReader(), Writer(), options.Options(), table)  # type: ignore[arg-type]
    made.layer = Asks(made.layer.context, command)
    return made


async def fire(made: Handler) -> list[Any]:
    await made.server_event(events.Start())
    async with asyncio.timeout(5):
        while made._tasks:
            await asyncio.wait(set(made._tasks))
            await asyncio.sleep(0)  # A done task is let go by its callback, in the next turn.
    assert isinstance(made.layer, Asks)
    return made.layer.replies


async def test_a_hook_that_answers_at_once_is_answered_in_place():
    seen: list[str] = []

    assert await fire(handler({"request": seen.append}, hook("data"))) == [None]
    assert seen == ["data"]


async def test_a_hook_that_waits_is_waited_for():
    order: list[str] = []

    async def waits(data: str) -> None:
        await asyncio.sleep(0)
        order.append(data)

    made = handler({"request": waits}, hook("data"))
    await made.server_event(events.Start())
    assert isinstance(made.layer, Asks)
    assert made.layer.replies == []
    await asyncio.wait(set(made._tasks), timeout=5)
    assert made.layer.replies == [None]
    assert order == ["data"]


def _raises(data: Any) -> None:
    raise RuntimeError("broken")


async def _raises_late(data: Any) -> None:
    await asyncio.sleep(0)
    raise RuntimeError("broken")


@pytest.mark.parametrize("breaks", [_raises, _raises_late])
async def test_a_hook_that_breaks_does_not_break_the_connection(breaks):
    assert await fire(handler({"request": breaks}, hook())) == [None]


async def test_a_hook_that_nobody_listens_to_goes_on():
    assert await fire(handler({}, hook())) == [None]


async def test_a_command_that_is_unknown_hangs_up():
    class Unknown(commands.Command):
        pass

    made = handler({}, Unknown())
    hung_up: list[bool] = []
    made.hang_up = lambda: hung_up.append(True)  # type: ignore[method-assign]
    await made.server_event(events.Start())

    assert hung_up == [True]


async def test_hanging_up_before_anything_was_opened_is_no_error():
    handler({}, hook()).hang_up()


async def test_what_mitmproxy_says_of_a_connection_is_not_written_down(capsys):
    made = handler({}, commands.Log("client sent https://a.test/?key=sk-secret"))
    await made.server_event(events.Start())
    made.log("to https://a.test/?key=sk-secret")

    assert "sk-secret" not in "".join(capsys.readouterr())

"""A broken addon lets nobody through: no request, and not so much as a connection."""

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

import addons
import proxy.runtime
from proxy.config import Limits
from proxy.engine.dial import Pinned
from proxy.engine.facts import facts_of
from tests.house import House, chat, eventually, house, policy
from tests.journeys.wire import Recorder

NAMES = (
    "route",
    "identity",
    "kill",
    "allowlist",
    "price",
    "policy",
    "mcp",
    "approval",
    "budget",
    "tool_calls",
    "credentials",
    "gate",
    "usage",
    "audit",
)
METHODS = ("open", "depart", "refused", "answer", "settle", "file")


class Broken:
    """An addon that can be broken, and mended again."""

    def __init__(self, addon: Any) -> None:
        self.name: str = addon.name
        self.broken: dict[str, Callable[..., Any]] = {}
        for method in METHODS:
            if hasattr(addon, method):
                setattr(self, method, functools.partial(self._call, addon, method))

    def _call(self, addon: Any, method: str, *arguments: Any) -> Any:
        return self.broken.get(method, getattr(addon, method))(*arguments)


def raises(*_: Any) -> Any:
    raise RuntimeError("broken")


def forgets(*_: Any) -> Any:
    return None


async def hangs(*_: Any) -> Any:
    await asyncio.Event().wait()


async def raises_late(*_: Any) -> Any:
    await asyncio.sleep(0)
    raise RuntimeError("broken")


WAYS: dict[str, dict[str, Callable[..., Any]]] = {
    "raises": {"depart": raises},
    "raises while it waits": {"depart": raises_late},
    "hangs": {"depart": hangs},
    "forgets to answer": {"depart": forgets},
    "raises in every method": dict.fromkeys(METHODS, raises),
}


def breakable(patch: pytest.MonkeyPatch) -> list[Broken]:
    """The addons of the house that is opened next."""
    made: list[Broken] = []

    def chain(*arguments: Any) -> list[Any]:
        made.extend(map(Broken, addons.chain(*arguments)))
        return list(made)

    patch.setattr(proxy.runtime, "chain", chain)
    return made


async def test_these_are_all_the_addons_there_are(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = breakable(monkeypatch)
    async with house(place):
        assert tuple(addon.name for addon in made) == NAMES


@pytest.mark.parametrize("name", NAMES)
async def test_fail_closed_an_addon_that_is_broken_lets_nobody_through(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = breakable(monkeypatch)
    provider = Recorder()
    await provider.start()
    with structlog.testing.capture_logs() as logs:
        await lets_nobody_through(place, made, provider, name)
    # Nobody broke in silence, and what the operator reads is not what the caller was told.
    assert {each["addon"] for each in logs if each["event"] == "addon failed"} >= {name}
    await provider.stop()


async def lets_nobody_through(
    place: Path, made: list[Broken], provider: Recorder, name: str
) -> None:
    async with house(
        place,
        policy('name: cap, usd: "1.00"'),
        limits=Limits(decision_timeout_s=0.2),
        routes={"openai": "http://provider.test", "any": "http://provider.test"},
        hosts={
            "provider.test:80": f"127.0.0.1:{provider.port}",
            "api.openai.com:443": f"127.0.0.1:{provider.port}",
        },
    ) as built:
        (addon,) = [each for each in made if each.name == name]
        async with built.client() as client, built.through() as tunnelled:
            for way, broken in WAYS.items():
                addon.broken = broken
                answers: list[Awaitable[Any]] = [
                    client.post("/openai/v1/chat/completions", json=chat()),
                    client.get("/any/page"),
                    client.put("/any/upload", content=b"x" * 100_000),
                    tunnelled.post("https://api.openai.com/v1/chat/completions", json=chat()),
                ]
                for answer in await asyncio.gather(*answers):
                    assert answer.status_code == 503, way
                    assert answer.headers["x-exeat-decision"] == "governance_unavailable", way
                    assert answer.headers["x-should-retry"] == "false", way
                    assert "broken" not in json.dumps(answer.json()), way
                assert provider.seen == [], way
                assert provider.connections == 0, way
                if (name, way) != ("budget", "raises in every method"):
                    budgets = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
                    assert budgets[0]["settled"] == 0, way
            addon.broken = {}
            mended = await client.get("/any/page")
            assert mended.status_code == 200  # So it was this addon that stood in the way.


async def test_fail_closed_an_addon_that_breaks_on_the_way_back_does_not_break_the_answer(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = breakable(monkeypatch)
    async with house(place, policy('name: cap, usd: "1.00"')) as built, built.client() as client:
        (usage,) = [each for each in made if each.name == "usage"]
        usage.broken = {"answer": raises}
        answer = await client.post("/openai/v1/chat/completions", json=chat())
        assert answer.status_code == 200
        (outcome,) = await built.outcomes(1)
        (decision,) = await built.records(kind="decision")
        # Nobody read what it used, so it is charged as held.
        assert outcome["resource"]["estimated"]
        assert outcome["resource"]["nanousd"] == decision["resource"]["bound"]["nanousd"]


async def test_fail_closed_dialling_without_a_cleared_call_is_refused(open_house: House) -> None:
    assert open_house.here is not None
    corridor = open_house.here.corridor
    client = Client(
        peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), proxy_mode=ProxyMode.parse("regular")
    )
    facts_of(client).cleared["cleared.test", 443] = Pinned(("203.0.113.1",), 443)
    for address, refused in (
        (("cleared.test", 443), False),
        (("cleared.test", 80), True),
        (("other.test", 443), True),
        (("203.0.113.1", 443), True),
        (None, True),
    ):
        data = ServerConnectionHookData(Server(address=address), client)
        corridor.server_connect(data)
        assert (data.server.error is not None) == refused, address
        corridor.server_connected(data)

"""A broken addon lets nobody through: no request, and not so much as a connection."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
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
    "allowlist",
    "budget",
    "credentials",
    "gate",
    "usage",
    "audit",
)
METHODS = ("open", "depart", "refused", "answer", "settle", "file")


class Broken:
    """An addon with some of its methods replaced."""

    def __init__(self, addon: Any, **broken: Callable[..., Any]) -> None:
        self.name: str = addon.name
        for method in METHODS:
            found = broken.get(method, getattr(addon, method, None))
            if found is not None:
                setattr(self, method, found)


def raises(*_: Any) -> Any:
    raise RuntimeError("broken")


def forgets(*_: Any) -> Any:
    return None


async def hangs(*_: Any) -> Any:
    await asyncio.Event().wait()


async def raises_late(*_: Any) -> Any:
    await asyncio.sleep(0)
    raise RuntimeError("broken")


def everything(addon: Any) -> dict[str, Callable[..., Any]]:
    return {method: raises for method in METHODS if hasattr(addon, method)}


WAYS: dict[str, Callable[[Any], dict[str, Callable[..., Any]]]] = {
    "raises": lambda addon: {"depart": raises},
    "raises while it waits": lambda addon: {"depart": raises_late},
    "hangs": lambda addon: {"depart": hangs},
    "forgets to answer": lambda addon: {"depart": forgets},
    "raises in every method": everything,
}


@contextlib.asynccontextmanager
async def broken_house(
    place: Path, patch: pytest.MonkeyPatch, name: str, way: str
) -> AsyncIterator[tuple[House, Recorder]]:
    """A house whose addon `name` is broken, and the provider that must not hear of it."""

    def chain(*arguments: Any) -> list[Any]:
        return [
            Broken(addon, **WAYS[way](addon)) if addon.name == name else addon
            for addon in addons.chain(*arguments)
        ]

    patch.setattr(proxy.runtime, "chain", chain)
    provider = Recorder()
    await provider.start()
    try:
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
            yield built, provider
    finally:
        await provider.stop()


async def test_these_are_all_the_addons_there_are(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def chain(*arguments: Any) -> list[Any]:
        made = addons.chain(*arguments)
        seen.extend(addon.name for addon in made)
        return list(made)

    monkeypatch.setattr(proxy.runtime, "chain", chain)
    async with house(place):
        assert tuple(seen) == NAMES


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
async def test_fail_closed_an_addon_that_is_broken_lets_nobody_through(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> None:
    async with broken_house(place, monkeypatch, name, way) as (built, provider):
        async with built.client() as client, built.through() as tunnelled:
            answers: list[Awaitable[Any]] = [
                client.post("/openai/v1/chat/completions", json=chat()),
                client.get("/any/page"),
                client.put("/any/upload", content=b"x" * 100_000),
                tunnelled.post("https://api.openai.com/v1/chat/completions", json=chat()),
            ]
            for answer in await asyncio.gather(*answers):
                assert answer.status_code == 503
                assert answer.headers["x-exeat-decision"] == "governance_unavailable"
                assert answer.headers["x-should-retry"] == "false"
                assert "broken" not in json.dumps(answer.json())
        assert provider.seen == []
        assert provider.connections == 0
        if not (name == "budget" and way == "raises in every method"):
            budgets = await eventually(built.budgets, lambda rows: rows[0]["held"] == 0)
            assert budgets[0]["settled"] == 0


async def test_fail_closed_an_addon_that_breaks_on_the_way_back_does_not_break_the_answer(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chain(*arguments: Any) -> list[Any]:
        return [
            Broken(addon, answer=raises) if addon.name == "usage" else addon
            for addon in addons.chain(*arguments)
        ]

    monkeypatch.setattr(proxy.runtime, "chain", chain)
    async with house(place, policy('name: cap, usd: "1.00"')) as built, built.client() as client:
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

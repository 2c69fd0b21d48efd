"""Rule 10: no network but the call's own. Every address that this process dials or looks up is watched."""

import ipaddress
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house import chat, house

CHAT = "/openai/v1/chat/completions"
_watched: list[tuple[str, Any]] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is not None and event in ("socket.connect", "socket.getaddrinfo"):
        _watched.append((event, arguments[1] if event == "socket.connect" else arguments[0]))


@pytest.fixture
def dialled() -> Iterator[list[tuple[str, Any]]]:
    """What was dialled and looked up meanwhile. An audit hook cannot be taken away, only be idle."""
    global _watched
    if not getattr(sys, "_exeat_watches", False):
        sys.addaudithook(_watch)
        sys._exeat_watches = True  # type: ignore[attr-defined]
    _watched = found = []
    yield found
    _watched = None


def is_here(address: Any) -> bool:
    """A path of this machine, or its loopback."""
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode()
    if not isinstance(host, str) or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def test_rule_10_a_start_a_call_and_a_stop_dial_nothing_but_the_calls_own(
    place: Path, dialled: list[tuple[str, Any]]
) -> None:
    async with house(place) as built, built.client() as client:
        assert (await client.post(CHAT, json=chat())).status_code == 200
        await built.outcomes(1)
        provider = built.plain.port
    elsewhere = [each for each in dialled if not is_here(each[1])]
    assert elsewhere == []
    ports = [each[1][1] for each in dialled if each[0] == "socket.connect" and len(each[1]) > 1]
    assert provider in ports, "what is watched is what is dialled"


async def test_rule_10_a_refused_call_dials_and_looks_up_nothing(
    place: Path, dialled: list[tuple[str, Any]]
) -> None:
    closed = "policy: shut\nversion: 1\negress: {default: deny}\n"
    async with house(place, closed) as built, built.through() as client:
        answer = await client.get("https://nowhere.invalid/")
        assert answer.status_code == 403
    assert [each for each in dialled if not is_here(each[1])] == []


def test_a_name_elsewhere_would_be_seen() -> None:
    assert not is_here("telemetry.example.com")
    assert not is_here(("192.0.2.1", 443))
    assert is_here(("127.0.0.1", 1))
    assert is_here("/run/redis.sock")

"""Names become addresses once, checked and pinned; a dial goes nowhere else."""

import asyncio
import contextvars
import ipaddress
import socket
from collections.abc import Sequence

import pytest

from proxy.engine import dial
from proxy.engine.dial import Dialler, Pinned, dial_freely, dial_only, guard_loop
from proxy.refusals import Code, Refusal
from proxy.slip import Destination


class Names:
    """A resolver that counts its questions."""

    def __init__(self, **known: Sequence[str]) -> None:
        self.known = known
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        found = self.known.get(host.partition(".")[0])
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return found


def https(host: str, port: int = 443) -> Destination:
    return Destination("https", host, port)


async def test_a_name_is_pinned_to_the_addresses_it_has():
    names = Names(api=["1.1.1.1", "2606:4700::1"])

    assert await Dialler({}, names).pin(https("api.test", 8443), ()) == Pinned(
        ("1.1.1.1", "2606:4700::1"), 8443
    )


@pytest.mark.parametrize(
    "found",
    [
        ["10.0.0.1"],
        ["1.1.1.1", "10.0.0.1"],
        ["1.1.1.1", "::1"],
        ["64:ff9b::a00:1"],
        ["169.254.169.254"],
    ],
)
async def test_scenario_E3_one_forbidden_address_refuses_the_name(found):
    refusal = await Dialler({}, Names(api=found)).pin(https("api.test"), ())

    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.ADDRESS_NOT_ALLOWED
    assert "egress.networks" in refusal.message


async def test_a_network_that_the_policy_names_is_open():
    networks = (ipaddress.ip_network("10.0.0.0/8"),)

    pinned = await Dialler({}, Names(api=["10.0.0.1"])).pin(https("api.test"), networks)
    assert pinned == Pinned(("10.0.0.1",), 443)


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("1.1.1.1", None),
        ("2606:4700::1", None),
        ("127.0.0.1", Code.ADDRESS_NOT_ALLOWED),
        ("::1", Code.ADDRESS_NOT_ALLOWED),
        ("169.254.169.254", Code.ADDRESS_NOT_ALLOWED),
    ],
)
async def test_an_address_is_checked_and_never_looked_up(host, code):
    names = Names()

    found = await Dialler({}, names).pin(https(host), ())
    assert (found.code if isinstance(found, Refusal) else None) is code
    assert names.asked == []


@pytest.mark.parametrize("known", [{}, {"api": []}])
async def test_rule_1_fail_closed_a_name_without_an_address_is_refused(known):
    refusal = await Dialler({}, Names(**known)).pin(https("api.test"), ())

    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.HOST_NOT_FOUND
    assert "api.test" in refusal.message


async def test_the_operators_own_table_is_neither_looked_up_nor_checked():
    names = Names()
    dialler = Dialler({"API.test.:443": "127.0.0.1:9443", "[::1]:80": "10.0.0.1:1"}, names)

    assert await dialler.pin(https("api.test"), ()) == Pinned(("127.0.0.1",), 9443)
    assert await dialler.pin(Destination("http", "::1", 80), ()) == Pinned(("10.0.0.1",), 1)
    assert isinstance(await dialler.pin(https("api.test", 444), ()), Refusal)
    assert names.asked == ["api.test"]


@pytest.mark.parametrize(
    ("name", "address"), [("a", "127.0.0.1:1"), ("a:1", "127.0.0.1"), ("", "")]
)
def test_a_table_that_cannot_be_read_is_refused_at_the_start(name, address):
    with pytest.raises(ValueError, match="is not host:port"):
        Dialler({name: address})


async def test_a_name_is_believed_for_a_while_and_then_looked_up_again(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(dial.time, "monotonic", lambda: now)
    names = Names(api=["1.1.1.1"])
    dialler = Dialler({}, names)

    await dialler.pin(https("api.test"), ())
    now += dial._PINNED_S - 0.01
    await dialler.pin(https("api.test"), ())
    assert len(names.asked) == 1
    now += 0.02
    names.known["api"] = ["10.0.0.1"]
    assert isinstance(await dialler.pin(https("api.test"), ()), Refusal)
    assert len(names.asked) == 2


async def test_a_name_that_is_remembered_is_checked_anew_under_each_policy():
    dialler = Dialler({}, Names(api=["10.0.0.1"]))
    inside = (ipaddress.ip_network("10.0.0.0/8"),)

    assert isinstance(await dialler.pin(https("api.test"), inside), Pinned)
    assert isinstance(await dialler.pin(https("api.test"), ()), Refusal)


async def test_a_failure_is_not_remembered():
    names = Names()
    dialler = Dialler({}, names)
    await dialler.pin(https("api.test"), ())
    names.known["api"] = ["1.1.1.1"]

    assert isinstance(await dialler.pin(https("api.test"), ()), Pinned)


async def test_ten_thousand_names_do_not_fill_the_memory():
    class Any:
        async def __call__(self, host, port):
            return ["1.1.1.1"]

    dialler = Dialler({}, Any())
    for number in range(10_000):
        await dialler.pin(https(f"n{number}.test"), ())

    assert len(dialler._known) <= dial._NAMES_MAX


class Loop:
    """The part of a loop that is guarded."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def getaddrinfo(self, host, port, **kwargs):
        self.asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("9.9.9.9", port))]

    async def create_connection(self, factory, host=None, port=None, **kwargs):
        return host, port


async def _in_new_context(pinned, loop, **kwargs):
    async def ask():
        if pinned is not None:
            dial_only(pinned)
        return await loop.getaddrinfo("api.test", 443, **kwargs)

    return await asyncio.create_task(ask(), context=contextvars.copy_context())


async def test_a_pinned_dial_gets_its_addresses_whatever_it_asks_for_and_asks_nobody():
    loop = Loop()
    guard_loop(loop)

    found = await _in_new_context(Pinned(("1.1.1.1", "2606:4700::1"), 8443), loop)

    assert found == [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 8443)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1", 8443, 0, 0)),
    ]
    assert loop.asked == []


async def test_what_is_not_pinned_resolves_as_usual():
    loop = Loop()
    guard_loop(loop)

    [found] = await _in_new_context(None, loop)
    assert found[4] == ("9.9.9.9", 443)


async def test_a_pin_holds_in_its_own_task_until_the_dial_is_over():
    loop = Loop()
    guard_loop(loop)

    async def dialling():
        dial_only(Pinned(("1.1.1.1",), 1))
        await loop.getaddrinfo("api.test", 443)
        dial_freely()
        return await loop.getaddrinfo("api.test", 443)

    [found] = await asyncio.create_task(dialling())
    [other] = await loop.getaddrinfo("other.test", 443)
    assert found[4] == other[4] == ("9.9.9.9", 443)


async def test_rule_1_fail_closed_a_pin_without_addresses_dials_nothing():
    loop = Loop()
    guard_loop(loop)

    assert await _in_new_context(Pinned((), 443), loop) == []
    assert loop.asked == []


async def _dialled(pinned, host):
    """Where a connection is made to; asyncio asks no resolver about an address."""
    loop = Loop()
    guard_loop(loop)

    async def connect():
        if pinned is not None:
            dial_only(pinned)
        return await loop.create_connection(None, host, 11434)

    return await asyncio.create_task(connect(), context=contextvars.copy_context())


@pytest.mark.parametrize(
    ("pinned", "host", "dialled"),
    [
        (Pinned(("10.0.0.9",), 1234), "127.0.0.1", ("10.0.0.9", 1234)),
        (Pinned(("10.0.0.9",), 1234), "::1", ("10.0.0.9", 1234)),
        (Pinned(("10.0.0.9",), 1234), "api.test", ("api.test", 11434)),
        (None, "127.0.0.1", ("127.0.0.1", 11434)),
    ],
)
async def test_a_pinned_dial_of_an_address_goes_where_the_hosts_table_says(pinned, host, dialled):
    assert await _dialled(pinned, host) == dialled


async def test_rule_1_fail_closed_a_pin_without_addresses_does_not_dial_an_address():
    with pytest.raises(OSError, match="no address is pinned"):
        await _dialled(Pinned((), 443), "127.0.0.1")


def test_a_loop_is_guarded_once():
    loop = Loop()
    guard_loop(loop)
    before = (loop.getaddrinfo, loop.create_connection)
    guard_loop(loop)

    assert (loop.getaddrinfo, loop.create_connection) == before


async def test_the_system_resolver_is_asked_for_streams_and_says_each_address_once():
    found = await dial.system_lookup("127.0.0.1", 80)

    assert found == ["127.0.0.1"]

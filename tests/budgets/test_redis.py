"""RedisCounters when Redis is frozen, killed, emptied, restored from a snapshot or refusing."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from proxy.budgets import (
    Accounts,
    Charge,
    CountersUnavailable,
    Exceeded,
    Hold,
    Limit,
    Stale,
)
from proxy.budgets.redis import RedisCounters
from tests.budgets.diary import NOW, ORG, Caller, Diary, ask, limit
from tests.redis_server import RedisServer

USD = limit(100)
TIMEOUT_S = 0.2


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer.running() as server:
        yield server


@pytest.fixture
async def caller(server: RedisServer) -> AsyncIterator[Caller]:
    caller = worker(server, Diary())
    yield caller
    await caller.accounts.aclose()


def worker(server: RedisServer, diary: Diary) -> Caller:
    counters = RedisCounters.from_url(server.url, timeout_s=TIMEOUT_S)
    return Caller(Accounts(counters, diary, timeout_s=TIMEOUT_S), diary)


async def standing(caller: Caller, each: Limit = USD) -> tuple[int, int]:
    (balance,) = await caller.accounts.balances(ORG, [each], NOW)
    return balance.settled, balance.held


async def spend(caller: Caller, hold_id: str, amount: int) -> None:
    await caller.hold(ask(hold_id, Charge(USD, amount, 0)))
    await caller.settle(hold_id, {"usd": amount})


async def test_a_frozen_redis_refuses_in_time_and_serves_again_without_a_restart(
    server: RedisServer, caller: Caller
) -> None:
    await caller.hold(ask("in flight", Charge(USD, 40, 0)))
    server.freeze()
    began = asyncio.get_running_loop().time()
    for number in range(3):
        with pytest.raises(CountersUnavailable):
            await caller.reserve(ask(f"never left {number}", Charge(USD, 10, 0)))
    with pytest.raises(CountersUnavailable):
        await caller.settle("in flight", {"usd": 15})
    assert asyncio.get_running_loop().time() - began < 4 * 1.0
    server.thaw()
    await caller.accounts.drained()
    assert await standing(caller) == (15, 0), "charged once; what never left costs nothing"
    await spend(caller, "again", 85)


async def test_a_reply_that_comes_after_its_caller_gave_up_is_never_taken_for_anothers(
    server: RedisServer,
) -> None:
    counters = RedisCounters.from_url(server.url, timeout_s=10, connections_max=1)
    caller = Caller(Accounts(counters, Diary(), timeout_s=0.05), Diary())
    await caller.hold(ask("known", Charge(USD, 1, 0)))
    server.freeze()
    with pytest.raises(CountersUnavailable):
        await caller.reserve(ask("given up", Charge(USD, 60, 0)))
    server.thaw()
    hold = await caller.hold(ask("next", Charge(USD, 3, 0)))
    assert (hold.id, hold.amounts[0].amount) == ("next", 3)
    await caller.accounts.drained()
    assert await standing(caller) == (0, 4)
    await caller.accounts.aclose()


async def test_a_redis_killed_and_started_empty_is_rebuilt_before_the_first_admit(
    server: RedisServer, caller: Caller
) -> None:
    await spend(caller, "spent", 50)
    await caller.hold(ask("in flight", Charge(USD, 30, 0)))
    server.kill()
    with pytest.raises(CountersUnavailable):
        await caller.reserve(ask("refused", Charge(USD, 1, 0)))
    server.start()
    answer = await caller.reserve(ask("too much", Charge(USD, 21, 0)))
    assert answer == Exceeded(USD, required=21, remaining=20, held=30, resets_at_ms=None)
    await caller.settle("in flight", {"usd": 10})
    assert await standing(caller) == (60, 0)


async def test_an_old_snapshot_is_detected_and_the_counters_are_rebuilt(
    server: RedisServer, caller: Caller
) -> None:
    await spend(caller, "before", 20)
    await caller.hold(ask("open then, settled since", Charge(USD, 30, 0)))
    server.save()
    await caller.settle("open then, settled since", {"usd": 25})
    await spend(caller, "since", 50)
    server.kill()
    server.start()
    answer = await caller.reserve(ask("h", Charge(USD, 6, 0)))
    assert answer == Exceeded(USD, required=6, remaining=5, held=0, resets_at_ms=None)
    assert await standing(caller) == (95, 0)


async def test_a_worker_that_never_saw_what_was_lost_still_does_not_trust_an_old_snapshot(
    server: RedisServer, caller: Caller
) -> None:
    bystander = worker(server, caller.diary)
    await spend(caller, "before", 20)
    assert await standing(bystander) == (20, 0)
    server.save()
    await spend(caller, "since", 70)
    server.kill()
    server.start()
    assert isinstance(await bystander.reserve(ask("h", Charge(USD, 11, 0))), Exceeded)
    await spend(bystander, "fits", 10)
    assert await standing(caller) == (100, 0)
    await bystander.accounts.aclose()


async def test_two_workers_that_find_the_store_lost_rebuild_it_once_and_keep_each_others_holds(
    server: RedisServer, caller: Caller
) -> None:
    other = worker(server, caller.diary)
    for number in range(5):
        await spend(caller, f"a{number}", 2)
        await spend(other, f"b{number}", 2)
    server.kill()
    server.start()
    asks = [
        each.reserve(ask(f"{name}{number}", Charge(USD, 9, 0)))
        for number in range(10)
        for name, each in (("c", caller), ("d", other))
    ]
    answers = await asyncio.gather(*asks)
    holds = [answer for answer in answers if isinstance(answer, Hold)]
    assert len(holds) == 8
    assert await standing(caller) == await standing(other) == (20, 72)
    await other.accounts.aclose()


async def test_flushed_scripts_are_loaded_again(server: RedisServer, caller: Caller) -> None:
    await caller.hold(ask("h", Charge(USD, 40, 0)))
    server.command("SCRIPT", "FLUSH")
    await caller.settle("h", {"usd": 15})
    server.command("SCRIPT", "FLUSH")
    assert await standing(caller) == (15, 0)


@pytest.mark.parametrize("lost", ["holds", "leases", "counters"])
async def test_a_key_lost_alone_is_noticed(server: RedisServer, caller: Caller, lost: str) -> None:
    await spend(caller, "spent", 50)
    await caller.hold(ask("in flight", Charge(USD, 30, 0)))
    server.command("DEL", f"exeat:{{{ORG}}}:{lost}")
    assert isinstance(await caller.reserve(ask("h", Charge(USD, 21, 0))), Exceeded)
    assert await standing(caller) == (50, 30)
    await caller.settle("in flight", {"usd": 1})
    assert await standing(caller) == (51, 0)


async def test_a_redis_that_refuses_writes_lets_no_one_through(
    server: RedisServer, caller: Caller
) -> None:
    await spend(caller, "spent", 50)
    for refuse, allow in (
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    ):
        server.command(*refuse)
        with pytest.raises(CountersUnavailable):
            await caller.reserve(ask(f"refused {refuse}", Charge(USD, 1, 0)))
        server.command(*allow)
        await caller.accounts.drained()
        await spend(caller, f"allowed {allow}", 5)
    assert await standing(caller) == (60, 0)


async def test_without_a_redis_everything_is_refused() -> None:
    counters = RedisCounters.from_url("redis://127.0.0.1:1/0", timeout_s=TIMEOUT_S)
    accounts = Accounts(counters, Diary())
    with pytest.raises(CountersUnavailable):
        await accounts.reserve(ask("h", Charge(USD, 1, 0)), NOW)
    with pytest.raises(CountersUnavailable):
        await accounts.balances(ORG, [USD], NOW)
    await accounts.aclose()


async def test_a_seed_that_reaches_a_restored_server_does_not_make_it_trusted(
    server: RedisServer, caller: Caller
) -> None:
    await spend(caller, "spent", 20)
    server.save()
    server.kill()
    server.start()
    counters = RedisCounters.from_url(server.url)
    assert not await counters.seed(ORG, limit(9, "tokens"), 0, 0, [], NOW)
    assert await counters.balances(ORG, [USD], NOW) == Stale()
    await counters.aclose()


async def test_all_that_is_kept_of_an_org_lies_in_one_slot(
    server: RedisServer, caller: Caller
) -> None:
    await spend(caller, "spent", 20)
    await caller.hold(ask("open", Charge(USD, 20, 0)))
    parts = ("counters", "holds", "leases", "ended", "forget")
    found = [server.command("EXISTS", f"exeat:{{{ORG}}}:{part}") for part in parts]
    assert (found, server.command("DBSIZE")) == ([":1"] * 5, ":5")


def test_without_redis_server_the_tests_say_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="apt-get install redis-server"), RedisServer.running():
        raise AssertionError


RACER = """
import asyncio, sys
from proxy.budgets import Accounts, Charge, Hold
from proxy.budgets.redis import RedisCounters
from tests.budgets.diary import NOW, ORG, Diary, ask, limit

async def main(url, name):
    accounts = Accounts(RedisCounters.from_url(url), Diary(), timeout_s=5)
    charge = Charge(limit(1_000), 30, 0)
    asks = (accounts.reserve(ask(f"{name}{n}", charge), NOW) for n in range(60))
    answers = await asyncio.gather(*asks)
    held = [answer.id for answer in answers if isinstance(answer, Hold)]
    for hold_id in held[::2]:
        await accounts.settle(hold_id, ORG, {"usd": 30}, NOW)
    print(len(held), len(held[::2]))
    await accounts.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_racing_on_one_counter_fill_it_exactly(server: RedisServer) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, server.url, name], stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    counts = [racer.communicate(timeout=30)[0].split() for racer in racers]
    held, settled = (sum(int(count[column]) for count in counts) for column in (0, 1))
    assert held == 1000 // 30
    counters = RedisCounters.from_url(server.url)
    balances = await counters.balances(ORG, [limit(1_000)], NOW)
    await counters.aclose()
    assert isinstance(balances, list)
    assert balances[0].settled == settled * 30
    assert balances[0].held == (held - settled) * 30

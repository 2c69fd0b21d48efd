"""The port of approvals: memory and Redis answer alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from proxy.approvals.approval import Approval, claimed, decided, expired
from proxy.approvals.memory import MemoryApprovals
from proxy.approvals.redis import RedisApprovals
from proxy.approvals.store import ApprovalStore, ApprovalsUnavailable
from proxy.redis import Redis
from tests.approvals.questions import CLAIM, NOW, TTL, question
from tests.redis_server import RedisServer


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer.running() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def store(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[ApprovalStore]:
    if request.param == "memory":
        yield MemoryApprovals()
        return
    redis_server.command("FLUSHALL")
    made = RedisApprovals(Redis(redis_server.url, timeout_s=10))
    yield made
    await made.aclose()


def yes(it: Approval, by: str = "ann") -> Approval:
    return decided(it, by, True, "“ok” \n", NOW + 1, claim_ms=CLAIM)


async def ask(store: ApprovalStore, it: Approval, most: int = 64) -> Approval | None:
    return await store.ask(it, it.asked_ms, most)


async def test_what_was_asked_is_there_word_for_word(store: ApprovalStore) -> None:
    it = question()
    assert await ask(store, it) == it
    assert await store.get(it.id) == it
    assert await store.get("A-none") is None


async def test_the_same_key_joins_while_it_may_and_then_is_asked_anew(store: ApprovalStore) -> None:
    it, again = question(1), question(2)
    await ask(store, it)
    assert await ask(store, again) == it
    granted = yes(it)
    assert await store.swap(granted)
    assert await ask(store, again) == granted
    used = claimed(granted, "call-7", NOW + 2)
    assert used is not None
    assert await store.swap(used)
    assert await ask(store, again) == again
    late = question(3, now_ms=NOW + TTL)
    assert await ask(store, late) == late


async def test_h2_another_key_is_another_question(store: ApprovalStore) -> None:
    one, other = question(1, "k"), question(2, "l")
    assert await ask(store, one) == one
    assert await ask(store, other) == other


async def test_of_one_org_no_more_wait_than_may(store: ApprovalStore) -> None:
    for number in range(3):
        assert await ask(store, question(number, f"k{number}"), 3) is not None
    assert await ask(store, question(9, "k9"), 3) is None
    assert await ask(store, question(8, "k0"), 3) is not None, "it joins"
    assert await ask(store, question(10, "k10", org="other"), 3) is not None
    assert await store.swap(yes(question(0, "k0")))
    assert await ask(store, question(9, "k9"), 3) is not None
    assert await ask(store, question(11, "k11"), 3) is None
    assert await ask(store, question(11, "k11", now_ms=NOW + TTL), 3) is not None


async def test_h3_of_two_changes_to_one_version_one_counts(store: ApprovalStore) -> None:
    it = question()
    await ask(store, it)
    both = [yes(it, "ann"), decided(it, "bob", False, "no", NOW + 1, claim_ms=CLAIM)]
    assert sorted(await asyncio.gather(*map(store.swap, both))) == [False, True]
    assert await store.get(it.id) in both


async def test_a_change_whose_answer_was_lost_is_told_again(store: ApprovalStore) -> None:
    it = question()
    await ask(store, it)
    assert await store.swap(yes(it))
    assert await store.swap(yes(it))
    assert not await store.swap(yes(it, "bob"))
    assert not await store.swap(replace(yes(it), id="A-none"))


async def test_twenty_claims_leave_one(store: ApprovalStore) -> None:
    it = question()
    await ask(store, it)
    granted = yes(it)
    await store.swap(granted)
    claims = [claimed(granted, f"call-{n}", NOW + 2) for n in range(20)]
    told = await asyncio.gather(*(store.swap(each) for each in claims if each is not None))
    assert sum(told) == 1


async def test_what_changed_since_is_told_once_each_as_it_is(store: ApprovalStore) -> None:
    one, two = question(1, "k"), question(2, "l")
    await ask(store, one)
    await ask(store, two)
    first = await store.since(0, "")
    assert set(first.approvals) == {one, two}
    assert (await store.since(first.upto, first.life)).approvals == ()
    await store.swap(yes(one))
    then = await store.since(first.upto, first.life)
    assert then.approvals == (yes(one),)
    assert not then.is_all
    assert set((await store.since(0, "")).approvals) == {yes(one), two}


async def test_what_ended_is_forgotten_and_what_changed_meanwhile_is_not(
    store: ApprovalStore,
) -> None:
    it = question()
    await ask(store, it)
    over = expired(it, NOW + TTL)
    assert over is not None
    await store.forget([over])
    assert await store.get(it.id) == it
    await store.swap(over)
    await store.forget([over])
    assert await store.get(it.id) is None
    assert (await store.since(0, "")).approvals == ()


async def test_a_listener_hears_of_every_change(store: ApprovalStore) -> None:
    it = question()
    async with asyncio.timeout(10), aclosing(store.changes()) as changes:
        await anext(changes)
        await ask(store, it)
        await anext(changes)
        await store.swap(yes(it))
        await anext(changes)


async def test_what_the_ledger_says_begins_only_a_store_that_forgets(store: ApprovalStore) -> None:
    await store.begin([question()])
    known = await store.get("A-1")
    assert (known is not None) == (store.fresh_s is None)


async def test_a_server_that_lost_everything_says_so(redis_server: RedisServer) -> None:
    redis_server.command("FLUSHALL")
    store = RedisApprovals(Redis(redis_server.url))
    try:
        await ask(store, question(1, "k"))
        seen = await store.since(0, "")
        redis_server.command("FLUSHALL")
        await ask(store, question(3, "m"))
        other = await store.since(seen.upto, seen.life)
        assert (other.is_all, other.approvals) == (True, (question(3, "m"),))
        redis_server.kill()
        with pytest.raises(ApprovalsUnavailable):
            await store.since(other.upto, other.life)
        redis_server.start()
        lost = await store.since(other.upto, other.life)
        assert (lost.is_all, lost.approvals, lost.upto) == (True, (), 0)
    finally:
        await store.aclose()

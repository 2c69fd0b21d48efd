"""The outbox alone: the order of what is filed, and who is woken."""

import asyncio

from proxy.board.memory import MemoryStore
from proxy.board.outbox import Outbox
from proxy.ledger.records import Event
from tests.board.people import NOW, Diary


def happened(name, org="acme"):
    return lambda shelf: shelf.events.put(Event(kind="task", id=name, ts_ms=NOW, org=org))


async def test_what_happened_is_filed_in_its_order_however_much_it_is():
    store, diary = MemoryStore(), Diary()
    for number in range(450):
        await store.run(happened(f"{number:03d}"))
    await Outbox(store, diary).drain()
    assert [event.id for event in diary.events] == [f"{number:03d}" for number in range(450)]
    assert await store.run(lambda shelf: shelf.events.unfiled(1)) == []


async def test_two_who_drain_at_once_file_each_event_once():
    store, diary = MemoryStore(), Diary()
    outbox = Outbox(store, diary)
    await store.run(happened("a"))
    await asyncio.gather(outbox.drain(), outbox.drain())
    assert diary.asked == 1


async def test_a_watcher_is_woken_by_its_own_org_and_leaves_nothing_behind():
    outbox = Outbox(MemoryStore(), Diary())
    watched = outbox.watch("acme", "task", None)
    waiting = asyncio.ensure_future(anext(watched))
    while not outbox._bells:
        await asyncio.sleep(0)
    (bell,) = outbox._bells["acme"]
    await outbox.run(happened("theirs", "other"))
    assert not bell.is_set()
    await outbox.run(happened("ours"))
    assert (await waiting).change.event.id == "ours"
    await watched.aclose()
    assert outbox._bells == {}


async def test_what_is_not_filed_is_not_shown():
    store, diary = MemoryStore(), Diary()
    outbox = Outbox(store, diary)
    await store.run(happened("a"))
    assert await store.run(lambda shelf: shelf.events.since("acme", "task", 0, 9)) == []
    await outbox.drain()
    (change,) = await store.run(lambda shelf: shelf.events.since("acme", "task", 0, 9))
    assert change.event.id == "a"


async def test_old_events_are_forgotten_once_they_are_filed():
    store, diary = MemoryStore(), Diary()
    outbox = Outbox(store, diary)
    await outbox.run(happened("old"))
    await store.run(happened("waiting"))
    await store.run(lambda shelf: shelf.events.forget(NOW + 1))
    assert await store.run(lambda shelf: shelf.events.bounds()) == (2, 2)
    await outbox.drain()
    await store.run(lambda shelf: shelf.events.forget(NOW + 1))
    assert await store.run(lambda shelf: shelf.events.bounds()) == (3, 2)

"""Telling never waits, builds nothing for nobody, and says what a listener lost."""

import asyncio

import pytest

from proxy.events import Events, Happening, RecordFiled


def filed(seq: int) -> RecordFiled:
    return RecordFiled(seq, "decision", f"id-{seq}", None)


@pytest.fixture
def events() -> Events:
    return Events()


def test_nothing_is_built_while_nobody_listens(events: Events) -> None:
    def build() -> list[Happening]:
        raise AssertionError("built for nobody")

    events.tell(build)
    assert not events.is_heard


async def test_every_listener_hears_everything_in_order(events: Events) -> None:
    with events.listen() as one, events.listen() as other:
        assert events.is_heard
        events.tell(lambda: [filed(1), filed(2)])
        events.tell(lambda: [filed(3)])
        assert await one.all() == (filed(1), filed(2), filed(3))
        events.tell(lambda: [filed(4)])
        assert await one.all() == (filed(4),)
        assert await other.all() == (filed(1), filed(2), filed(3), filed(4))
    assert not events.is_heard


async def test_a_listener_waits_until_something_happens(events: Events) -> None:
    with events.listen() as heard:
        waiting = asyncio.ensure_future(heard.all())
        await asyncio.sleep(0)
        assert not waiting.done()
        events.tell(lambda: [filed(1)])
        assert await waiting == (filed(1),)


async def test_who_does_not_keep_up_loses_the_oldest_and_knows_how_many(events: Events) -> None:
    with events.listen(waiting_max=3) as heard:
        for seq in range(10):
            events.tell(lambda seq=seq: [filed(seq)])  # type: ignore[misc]
        assert heard.missed == 7
        assert [each.seq for each in await heard.all() if isinstance(each, RecordFiled)] == [
            7,
            8,
            9,
        ]


async def test_who_has_left_hears_no_more(events: Events) -> None:
    with events.listen() as heard:
        events.tell(lambda: [filed(1)])
    events.tell(lambda: [filed(2)])
    assert await heard.all() == (filed(1),)

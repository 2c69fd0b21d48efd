"""The live feed: one question for the first look, each wake-up and every return."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from aiohttp import web

from proxy.console import feed
from proxy.console.feed import Feeds, News, Told, written
from proxy.events import Events, RecordFiled
from proxy.serving import problems
from tests.house import eventually


class Page:
    """What there is to be told: lines, numbered."""

    def __init__(self, events: Events) -> None:
        self.lines: list[str] = []
        self.asked: list[int] = []
        self.may_look = True
        self.again_s: float | None = None
        self._events = events

    def add(self, *lines: str) -> None:
        self.lines += lines
        self._events.tell(lambda: [RecordFiled(len(self.lines) - 1, "decision", "x", None)])

    async def news(self, query: Mapping[str, str], after: int) -> News:
        self.asked.append(after)
        told = [Told("row", line) for line in self.lines[after + 1 :]]
        return News(told, len(self.lines) - 1, again_s=self.again_s)

    async def looks(self, request: web.Request) -> bool:
        return self.may_look


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def page(events: Events) -> Page:
    return Page(events)


@pytest.fixture
async def address(events: Events, page: Page) -> AsyncIterator[str]:
    feeds = Feeds(events, {"calls": page.news}, page.looks, lambda request: request.query["by"])
    app = web.Application(middlewares=[problems])
    app.router.add_get("/feed", feeds.serve)
    app.on_shutdown.append(feeds.close)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/feed"
    await runner.cleanup()


@contextlib.asynccontextmanager
async def listening(
    url: str, by: str = "ann", **headers: str
) -> AsyncIterator[aiohttp.StreamReader]:
    url = f"{url}&by={by}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield answer.content


async def event(stream: aiohttp.StreamReader) -> str:
    return (await asyncio.wait_for(stream.readuntil(b"\n\n"), 5)).decode()


async def test_what_is_there_is_told_and_then_what_comes(address: str, page: Page) -> None:
    page.add("one")
    async with listening(f"{address}?page=calls") as stream:
        assert await event(stream) == "retry: 2000\n\n"
        assert await event(stream) == "event: row\ndata: one\nid: 0\n\n"
        page.add("two")
        assert await event(stream) == "event: row\ndata: two\nid: 1\n\n"


async def test_who_comes_back_is_told_what_they_missed_and_nothing_twice(
    address: str, page: Page
) -> None:
    page.add("one", "two", "three")
    async with listening(f"{address}?page=calls&after=0", **{"last-event-id": "1"}) as stream:
        await event(stream)
        assert await event(stream) == "event: row\ndata: three\nid: 2\n\n"


async def test_the_page_says_where_its_feed_begins(address: str, page: Page) -> None:
    page.add("one", "two")
    for after, first in (("0", "two"), ("nonsense", "one"), ("9" * 30, "one")):
        async with listening(f"{address}?page=calls&after={after}") as stream:
            await event(stream)
            assert f"data: {first}\n" in await event(stream)


async def test_while_nothing_happens_a_comment_keeps_the_connection(
    address: str, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PING_S", 0.01)
    async with listening(f"{address}?page=calls") as stream:
        await event(stream)
        assert await event(stream) == ": nothing new\n\n"


async def test_it_ends_with_the_right_to_look(
    address: str, page: Page, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PING_S", 0.01)
    async with listening(f"{address}?page=calls") as stream:
        await event(stream)
        page.may_look = False
        rest = (await asyncio.wait_for(stream.read(), 5)).decode()
        assert rest.endswith("event: bye\ndata: signed out\n\n")
    assert not events.is_heard


async def test_who_has_gone_is_listened_for_no_more(
    address: str, page: Page, events: Events
) -> None:
    async with listening(f"{address}?page=calls") as stream:
        await event(stream)
        assert events.is_heard

    async def still() -> bool:
        page.add("x")  # A write is what finds that nobody is there.
        return events.is_heard

    await eventually(still, lambda heard: not heard)


async def test_figures_that_move_are_asked_for_again(address: str, page: Page) -> None:
    page.again_s = 0.01
    async with listening(f"{address}?page=calls") as stream:
        await event(stream)
        await eventually(lambda: _of(page.asked), lambda asked: len(asked) >= 3)


async def _of[T](value: T) -> T:
    return value


async def test_a_page_without_a_feed_is_a_404(address: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{address}?page=none") as answer:
        assert answer.status == 404


async def refused(url: str, by: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}&by={by}") as answer:
        return answer.status, (await answer.json())["error"]["code"]


async def test_feeds_are_bounded(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "FEEDS_MAX", 1)
    async with listening(f"{address}?page=calls") as stream:
        await event(stream)
        assert await refused(f"{address}?page=calls", "bob") == (503, "too_many_feeds")


async def test_one_viewer_has_a_share_and_shuts_nobody_out(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "SHARE_MAX", 2)
    url = f"{address}?page=calls"
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            await event(await stack.enter_async_context(listening(url)))
        assert await refused(url, "ann") == (429, "too_many_own_feeds")
        await event(await stack.enter_async_context(listening(url, "bob")))
    async with listening(url) as stream:  # Those that were left count no more, at once.
        await event(stream)


def test_a_line_end_in_what_is_told_ends_no_event() -> None:
    hostile = "<td>a\rdata: b\r\n\nevent: bye\n\n</td>"
    text = written(News([Told("row", hostile)], 3), frozenset(), is_moved=True).decode()
    lines = text.split("\n")
    assert lines[0] == "event: row"
    assert all(line.startswith("data: ") for line in lines[1:-3])
    assert lines[-3:] == ["id: 3", "", ""]
    assert "\r" not in text


def test_a_panel_that_is_shown_already_is_not_told_again() -> None:
    news = News([Told("panel", "<p>a</p>"), Told("panel", "<p>b</p>")], 1)
    assert b"<p>a</p>" not in written(news, frozenset(["<p>a</p>"]), is_moved=False)
    assert written(News([], 1), frozenset(), is_moved=False) == b""


def test_where_nothing_is_told_a_viewer_still_knows_from_where_on() -> None:
    assert written(News([], 9), frozenset(), is_moved=True) == b"id: 9\n\n"


def test_what_was_left_out_is_counted() -> None:
    text = written(News([Told("row", "<tr>")], 1, missed=4), frozenset(), is_moved=True)
    assert text.startswith(b"event: missed\ndata: 4\n\n")

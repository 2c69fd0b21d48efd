"""Calls: paged, filtered, drawn; and told live."""

from dataclasses import replace

import pytest

from proxy.console.pages.asked import read
from proxy.console.pages.calls import SIZE, calls_view, source
from proxy.ledger.records import Decision
from proxy.ledger.store import Filter
from tests.console.pages.conftest import NOW_MS
from tests.console.pages.test_rows import DECIDED


async def test_a_page_leads_to_older_ones_and_back_to_the_newest(ports) -> None:
    found = await ports.ledger.calls(Filter(), SIZE + 1)
    first = calls_view(read("/calls", {"org": "acme"}, NOW_MS), found)
    assert len(first.rows) == SIZE
    assert first.older == f"/calls?org=acme&before={first.rows[-1].seq}"
    assert first.newest is None

    last = calls_view(read("/calls", {"before": "9"}, NOW_MS), found[:3])
    assert (last.older, last.newest) == (None, "/calls")


async def test_pages_hold_every_call_once(look, ports) -> None:
    seen: list[str] = []
    path = "/calls"
    while path:
        text = (await look(path)).text
        seen += [part.partition('"')[0] for part in text.split('<tr id="call-')[1:]]
        _, _, rest = text.partition('rel="next"')
        path = text.rpartition('" rel="next"')[0].rpartition('href="')[2] if rest else ""
    everything = await ports.ledger.calls(Filter(), 1000)
    assert seen == [str(call.decision.body["id"]) for call in everything]


async def test_a_filter_shows_what_it_finds_and_a_chip_to_take_it_away(look) -> None:
    text = (await look("/calls?agent=reviewer&status=answered")).text
    assert 'title="acme/coder"' not in text
    assert 'title="acme/reviewer"' in text
    assert 'href="/calls?status=answered"' in text


async def test_nothing_found_says_what_to_do(look) -> None:
    assert "No call is like this" in (await look("/calls?agent=nobody")).text


async def test_what_cannot_be_read_is_told(look) -> None:
    answer = await look("/calls?since=soon")
    assert answer.status == 200
    assert "&#39;soon&#39; is no time" in answer.text


async def test_news_are_rows_of_what_was_filed_since(ports) -> None:
    head = await ports.ledger.head()
    news = source(ports)
    assert (await news({}, head)).told == ()
    filed = await ports.ledger.append(Decision(**{**DECIDED, "ts_ms": NOW_MS}))
    told = await news({"agent": "coder"}, head)
    assert told.after == filed.seq
    assert [piece.kind for piece in told.told] == ["row"]
    assert f'<tr id="call-{DECIDED["id"]}"' in told.told[0].html
    assert (await news({"agent": "other"}, head)).told == []


async def test_too_many_news_are_the_latest_and_how_many_were_left_out(ports) -> None:
    head = await ports.ledger.head()
    decided = Decision(**DECIDED)
    for number in range(SIZE + 7):
        await ports.ledger.append(replace(decided, id=f"0192f3a0-7b1c-7def-8abd-{number:012x}"))
    news = await source(ports)({}, head)
    assert (len(news.told), news.missed) == (SIZE, 7)
    assert f"{SIZE + 6:012x}" in news.told[-1].html, "the newest comes last, and so on top"


@pytest.mark.parametrize("role", ["viewer", "approver"])
async def test_whoever_may_look_may_look(look, role) -> None:
    assert (await look("/calls", role=role)).status == 200

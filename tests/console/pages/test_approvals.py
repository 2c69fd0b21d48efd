"""Approvals as pages: what waits stands first, is found by the URL, exported."""

import csv
import io
import json

import pytest

from proxy.console.pages.approvals import SIZE, read, source, waiting
from tests.console.pages.people import ask


@pytest.mark.parametrize(
    ("query", "given", "problem"),
    [
        ({}, {}, None),
        ({"state": "denied", "agent": " coder "}, {"state": "denied", "agent": "coder"}, None),
        ({"state": "open"}, {}, "state: there are pending"),
        ({"rule": "x" * 129}, {}, "rule is longer than 128 characters"),
    ],
)
def test_what_the_url_asks_for_is_read_and_the_rest_is_told(query, given, problem) -> None:
    asked = read(query)
    assert asked.given == given
    assert [each.startswith(problem) for each in asked.problems] == ([True] if problem else [])


async def test_without_any_the_page_says_what_would_make_one(look) -> None:
    text = (await look("/approvals")).text
    assert "Nothing waits for you." in text
    assert "decision: hold" in text


async def test_what_waits_stands_first_and_is_counted_on_every_page(look, ports) -> None:
    no, it = await ask(ports, "no"), await ask(ports, "k")
    await ports.approvals.decide(no.id, "ann", False, "Not today")
    text = (await look("/approvals")).text
    assert text.index(it.id) < text.index(no.id)
    assert "deploy /srv" in text
    for path in ("/approvals", "/", "/costs"):
        text = (await look(path)).text
        assert "<title>(1) " in text
        assert '<span class="badge" title="1 wait for a person">1</span>' in text
    assert "1 waits for a person." in (await look("/")).text
    assert [row.it.id for row in waiting(ports)] == [it.id]


async def test_the_url_narrows_it_and_what_is_shown_is_what_is_exported(look, ports) -> None:
    it, other = await ask(ports, "k"), await ask(ports, "o", org="other", rule="=1+1")
    await ports.approvals.decide(it.id, "ann", False, "no")
    for query, there, gone in (
        ("?state=denied", it, other),
        ("?org=other", other, it),
        ("?state=pending", other, it),
    ):
        text = (await look(f"/approvals{query}")).text
        assert there.id in text
        assert gone.id not in text
    (row,) = csv.DictReader(io.StringIO((await look("/approvals.csv?state=denied")).text))
    assert (row["id"], row["denied_by"], row["state"]) == (it.id, "ann", "denied")
    (row,) = csv.DictReader(io.StringIO((await look("/approvals.csv?org=other")).text))
    assert row["rule"] == "'=1+1"
    lines = (await look("/approvals.jsonl")).text.splitlines()
    assert {json.loads(line)["id"] for line in lines} == {it.id, other.id}


async def test_pages_go_by_key(look, ports) -> None:
    made = [await ask(ports, f"k{number}") for number in range(SIZE + 2)]
    text = (await look("/approvals")).text
    assert sum(f'"approval-{each.id}"' in text for each in made) == SIZE
    following = text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    text = (await look(following.replace("&amp;", "&"))).text
    assert sum(f'"approval-{each.id}"' in text for each in made) == 2
    assert 'href="/approvals" rel="first"' in text
    assert "there is no such approval" in (await look("/approvals?after=nothing")).text


async def test_the_feeds_draw_it_anew(ports) -> None:
    it = await ask(ports)
    (panel,) = (await source(ports)({}, -1)).told
    assert it.id in panel.html
    await ports.approvals.decide(it.id, "ann", False, "no")
    news = await source(ports)({"state": "pending"}, -1)
    assert it.id not in news.told[0].html

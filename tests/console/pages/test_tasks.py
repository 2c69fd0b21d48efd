"""The board as a page: found by the URL, paged by key, exported, live, and what to do when it is empty."""

import csv
import io
import json

import pytest

from proxy.board.acts import Complete
from proxy.console.pages.tasks import SIZE, UNFINISHED, read, source
from proxy.slip import Identity
from tests.console.pages.board import make, work

EVE = Identity("other", "eve", "s1")


@pytest.mark.parametrize(
    ("query", "states", "problem"),
    [
        ({}, UNFINISHED, None),
        ({"state": "failed"}, ("failed",), None),
        ({"state": "all"}, (), None),
        ({"state": "done"}, UNFINISHED, "state: there are open"),
        ({"holder": "x" * 129}, UNFINISHED, "holder: no task can be like this"),
        ({"holder": "\ud800"}, UNFINISHED, "holder: no task can be like this"),
        ({"after": "x"}, UNFINISHED, "after:"),
    ],
)
def test_what_the_url_asks_for_is_read_and_the_rest_is_told(query, states, problem) -> None:
    found = read(query)
    assert found.wanted.states == states
    assert [each.startswith(problem) for each in found.asked.problems] == [True] * bool(problem)


async def test_an_empty_board_says_what_to_do_with_the_exact_command(look) -> None:
    text = (await look("/tasks")).text
    assert "Nothing is to be done." in text
    assert "http://exeat.internal/v1/tasks" in text
    assert "No task is like this." in (await look("/tasks?holder=bob")).text


async def test_tasks_are_listed_with_state_holder_and_what_they_wait_for(look, ports) -> None:
    first = await make(ports, "Gather the hats", allowance_nanousd=2_000_000_000)
    await make(ports, "Count the hats", depends_on=[first])
    await work(ports, first)
    text = (await look("/tasks")).text
    for words in ("in progress", "blocked", "waits for 1", "/agent?org=acme&amp;agent=ada"):
        assert words in text
    assert "of $2.00" in text
    assert "data-until=" in text
    assert "1 in progress, 1 blocked" in text


async def test_the_url_narrows_and_what_has_ended_is_shown_when_asked_for(look, ports) -> None:
    await work(ports, await make(ports, "Done already"), Complete(fence=1))
    await make(ports, "Another org", EVE, priority=200)
    assert "Done already" not in (await look("/tasks")).text
    assert "Done already" in (await look("/tasks?state=completed")).text
    everything = (await look("/tasks?state=all")).text
    assert everything.index("Done already") < everything.index("Another org")
    assert "Done already" not in (await look("/tasks?state=all&org=other")).text


async def test_pages_go_by_key(look, ports) -> None:
    for number in range(SIZE + 2):
        await make(ports, f"task-{number:03d}", priority=number)
    text = (await look("/tasks")).text
    assert "task-049" in text
    assert "task-050" not in text
    following = text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    text = (await look(following.replace("&amp;", "&"))).text
    assert "task-051" in text
    assert 'href="/tasks" rel="first"' in text


async def test_what_is_shown_is_what_is_exported(look, ports) -> None:
    await work(ports, await make(ports, "=1+1"))
    await make(ports, "Not his")
    answer = await look("/tasks.csv?holder=ada")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["title"], row["state"], row["holder"]) == ("'=1+1", "in_progress", "ada")
    assert answer.headers["content-disposition"] == 'attachment; filename="tasks.csv"'
    lines = (await look("/tasks.jsonl?state=all")).text.splitlines()
    assert {json.loads(line)["title"] for line in lines} == {"=1+1", "Not his"}


async def test_the_feed_draws_the_list_and_looks_again_while_leases_run(ports) -> None:
    task = await make(ports, "Gather")
    news = await source(ports)({}, -1)
    assert (news.again_s, 'id="board"' in news.told[0].html) == (None, True)
    await work(ports, task)
    news = await source(ports)({}, news.after)
    assert "in progress" in news.told[0].html
    assert news.again_s is not None


async def test_an_agents_page_leads_to_its_tasks(look, ports) -> None:
    task = await make(ports, "Gather the hats")
    await work(ports, task)
    for path in ("/agent?org=acme&agent=ada", "/session?org=acme&agent=ada&session=s1"):
        text = (await look(path)).text
        assert f"/tasks/{task}" in text
        assert "/tasks?org=acme&amp;holder=ada&amp;state=all" in text
    assert f"/tasks/{task}" not in (await look("/session?org=acme&agent=ada&session=s2")).text

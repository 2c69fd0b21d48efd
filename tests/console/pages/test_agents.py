"""Agents and sessions: who called, who was refused, who is calling."""

import csv
import html
import io
import json
import re
from urllib.parse import urlencode

import pytest

from proxy.console.pages.agents import tool_rows
from proxy.ledger.records import Decision, Outcome, Usage
from proxy.ledger.store import Counted, Filter
from tests.console.pages.conftest import NOW_MS
from tests.console.pages.test_now import slip

MANY = 120


@pytest.fixture
async def many(ports) -> None:
    """Agents, each with one call and a session of its own; some at the same time."""
    for number in range(MANY):
        at_ms = NOW_MS - 60_000 - number // 2
        who = {"org": "many", "agent": f"agent-{number:03}", "session": f"run-{number:03}"}
        made = f"0192f3a0-7b1c-7def-8abc-5{number:011x}"
        await ports.ledger.append(
            Decision(
                id=made, ts_ms=at_ms, decision="allow", action="llm.call", host="a.test",
                provider="openai", model="m", **who,
            )
        )  # fmt: skip
        await ports.ledger.append(
            Outcome(
                decision_id=made, ts_ms=at_ms + 1, status="answered", http_status=200,
                usage=Usage(1, 1), cost_nanousd=10, tokens=2,
            )
        )  # fmt: skip


def test_tools_are_ranked_and_show_each_decision() -> None:
    rows = tool_rows(
        [
            Counted(("Read", "allow"), 2, 0),
            Counted(("Bash", "allow"), 2, 0),
            Counted(("Bash", "deny"), 1, 0),
        ]
    )
    assert [(row.tool, row.count) for row in rows] == [("Bash", 3), ("Read", 2)]
    assert list(rows[0].decisions) == [("allow", 2), ("deny", 1)]


async def test_everybody_is_listed_with_a_link(look) -> None:
    text = (await look("/agents?since=7d")).text
    assert 'href="/agent?org=acme&amp;agent=support%2Ftriage"' in text
    assert "nobody" in text, "refused for want of a name"
    assert "Latest sessions" in text


async def test_an_agents_page_has_budgets_tools_sessions_and_calls(look) -> None:
    text = (await look("/agent?org=acme&agent=coder&since=7d")).text
    for words in ("agent-day", "Tools asked for", "Sessions", "Latest calls", "/calls?org=acme"):
        assert words in text
    assert 'title="acme/reviewer"' not in text


async def test_a_sessions_page_follows_its_calls(look, ports) -> None:
    sessions = await ports.ledger.spenders(("org", "agent", "session"), Filter())
    names = zip(("org", "agent", "session"), sessions[0].group, strict=True)
    query = urlencode(dict(names))
    text = (await look(f"/session?{query}&since=7d")).text
    assert f"/feed?{query.replace('&', '&amp;')}&amp;page=session" in text
    assert "data-rows" in text


@pytest.mark.parametrize("path", ["/agent", "/agent?org=acme", "/session?org=acme&agent=coder"])
async def test_a_link_that_names_nobody_is_a_404(look, path) -> None:
    answer = await look(path)
    assert (answer.status, "names nobody" in answer.text) == (404, True)


async def test_an_agent_that_never_called_has_an_empty_page(look) -> None:
    answer = await look("/agent?org=acme&agent=nobody-yet")
    assert (answer.status, "None in this time." in answer.text) == (200, True)


async def walked(look, path: str, shown: str, cursor: str) -> list[list[str]]:
    """What each page shows, first to last, by following its link to the next."""
    found = []
    while path:
        text = html.unescape((await look(path)).text)
        found.append(list(dict.fromkeys(re.findall(shown, text))))
        nexts = re.findall(r'href="([^"]+)" rel="next"', text)
        path = next((each for each in nexts if re.search(rf"[?&]{cursor}=", each)), "")
        assert len(found) < 9
    return found


@pytest.mark.parametrize(
    ("path", "shown", "cursor", "name"),
    [
        ("/agents?org=many", r"/agent\?org=many&agent=(agent-\d+)", "after", "agent"),
        ("/agents?org=many", r"/session\?[^\"]*session=(run-\d+)", "sessions_after", "run"),
    ],
)
async def test_a_page_has_few_and_the_next_one_goes_on(
    look, many, path, shown, cursor, name
) -> None:
    pages = await walked(look, path, shown, cursor)
    if cursor == "after":  # The latest sessions name agents, too.
        first = set(pages[0])
        pages = [pages[0], *([each for each in page if each not in first] for page in pages[1:])]
    assert len(pages) == 3
    assert all(0 < len(page) <= 50 for page in pages[1:])
    assert sorted({each for page in pages for each in page}) == [
        f"{name}-{n:03}" for n in range(MANY)
    ]


async def test_an_agents_sessions_go_on_too(look, ports) -> None:
    for number in range(60):
        await ports.ledger.append(
            Decision(
                id=f"0192f3a0-7b1c-7def-8abc-6{number:011x}", ts_ms=NOW_MS - number,
                decision="deny", action="egress.http", code="host_not_allowed", host="evil.test",
                org="many", agent="one", session=f"run-{number:03}",
            )
        )  # fmt: skip
    shown = r'<td class="what">\s*<a[^>]*session=(run-\d+)'
    first, second = await walked(look, "/agent?org=many&agent=one", shown, "after")
    assert first == [f"run-{number:03}" for number in range(50)]
    assert second == [f"run-{number:03}" for number in range(50, 60)]


async def test_agents_and_sessions_are_files_with_all_that_is_found(look, many) -> None:
    answer = await look("/agents.csv?org=many", role="viewer")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == MANY
    assert rows[0]["agent"] == "agent-000", "as the page has them: who called last comes first"
    assert {(row["calls"], row["sessions"], row["nanousd"]) for row in rows} == {("1", "1", "10")}
    lines = (await look("/sessions.jsonl?org=many&agent=agent-007")).text.splitlines()
    assert [json.loads(line)["session"] for line in lines] == ["run-007"]
    text = html.unescape((await look("/agents?org=many")).text)
    assert 'href="/agents.csv?org=many&since=24h"' in text
    assert 'href="/sessions.jsonl?org=many&since=24h"' in text


async def test_a_filter_is_also_about_calls_in_flight(look, desk) -> None:
    desk.calls.live = [slip()]
    assert "acme" in (await look("/agents.csv?since=1s")).text
    assert "acme" not in (await look("/agents.csv?since=1s&org=other")).text


async def test_what_is_no_place_is_told_and_the_first_page_is_shown(look, many) -> None:
    for query in ("after=x", "sessions_after=1e3.x", "after=9999999999999999.x"):
        text = (await look(f"/agents?org=many&{query}")).text
        assert "there is no such place" in text
        assert "agent-000" in text

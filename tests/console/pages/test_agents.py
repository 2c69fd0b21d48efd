"""Agents and sessions: who called, who was refused, who is calling."""

from urllib.parse import urlencode

import pytest

from proxy.console.pages.agents import spender_rows, tool_rows
from proxy.ledger.store import Counted, Filter, Spender, Spent
from tests.console.pages.conftest import NOW_MS
from tests.console.pages.test_now import slip

HOUR_MS = 3_600_000


def test_rows_join_what_was_spent_refused_and_is_under_way() -> None:
    rows = spender_rows(
        [Spender(("acme", "coder"), 5, 2, 90, 700, 1_000)],
        [Counted(("acme", "coder"), 3, 2_000), Counted((None, None), 1, 500)],
        [slip()],
        [Spent(NOW_MS - NOW_MS % HOUR_MS, ("acme", "coder"), 1, 1, 7)],
        NOW_MS,
    )
    assert [row.who for row in rows] == [("acme", "coder"), (None, None)]
    coder, nobody = rows
    assert (coder.calls, coder.refused, coder.live, coder.sessions) == (5, 3, 1, 2)
    assert coder.last_ms == NOW_MS - 3_000, "the latest of all that is known"
    assert coder.spark is not None
    assert (nobody.calls, nobody.refused, nobody.spark) == (0, 1, None)


def test_by_session_each_is_its_own() -> None:
    rows = spender_rows(
        [Spender(("acme", "coder", "s1"), 1, 1, 1, 1, 9)],
        [Counted(("acme", "coder", "s2"), 1, 8)],
        [slip()],
    )
    assert {row.who: row.live for row in rows} == {
        ("acme", "coder", "s1"): 1,
        ("acme", "coder", "s2"): 0,
    }


def test_with_only_calls_in_flight_there_are_rows_too() -> None:
    assert [row.who for row in spender_rows([], [], [slip()])] == [("acme", "coder")]
    assert spender_rows([], [], []) == []


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

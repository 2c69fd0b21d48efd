"""Rows of agents and sessions: joined, in order, and paged by where the last one stands."""

import pytest

from proxy.console.pages.asked import read
from proxy.console.pages.spender_rows import (
    AGENT_COLUMNS,
    SESSION_COLUMNS,
    SIZE,
    exported,
    is_of,
    paged,
    place_of,
    row_of,
    spender_rows,
    with_sparks,
)
from proxy.ledger.store import Counted, Filter, Spender, Spent
from tests.console.pages.conftest import NOW_MS
from tests.console.pages.test_now import slip

HOUR_MS = 3_600_000
ASKED = read("/agents", {"org": "acme"}, NOW_MS)


def test_rows_join_what_was_spent_refused_and_is_under_way() -> None:
    rows = spender_rows(
        [Spender(("acme", "coder"), 5, 2, 90, 700, 1_000)],
        [Counted(("acme", "coder"), 3, 2_000), Counted((None, None), 1, 500)],
        [slip()],
        2,
    )
    rows = with_sparks(rows, [Spent(NOW_MS - NOW_MS % HOUR_MS, ("acme", "coder"), 1, 1, 7)], NOW_MS)
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
        3,
    )
    assert {row.who: row.live for row in rows} == {
        ("acme", "coder", "s1"): 1,
        ("acme", "coder", "s2"): 0,
    }


def test_with_only_calls_in_flight_there_are_rows_too() -> None:
    assert [row.who for row in spender_rows([], [], [slip()], 2)] == [("acme", "coder")]
    assert [row.who for row in spender_rows([], [], [slip()], 3)] == [("acme", "coder", "s1")]
    assert spender_rows([], [], [], 2) == []


def test_pages_show_each_once_also_when_many_called_at_once_and_one_calls_again() -> None:
    spenders = [Spender(("acme", f"a{n:03}"), 1, 1, 1, 1, 1000 - n // 60) for n in range(130)]
    rows, after, shown = spender_rows(spenders, [], [], 2), None, []
    while True:
        found = paged(rows, ASKED, after)
        shown += [row.who for row in found.rows]
        assert (len(found.rows) <= SIZE, found.total) == (True, 130)
        if found.following is None:
            break
        time, name = found.rows[-1].place
        after = place_of(f"{-time}.{name}")
        again = Spender(("acme", "a000"), 2, 1, 1, 1, 5000)
        rows = spender_rows([again, *spenders[1:]], [], [], 2)
    assert sorted(shown) == [each.group for each in spenders]
    assert found.first == "/agents?org=acme"


@pytest.mark.parametrize("text", ["x", "-1.x", "1e3.x", "\u0661.x", "9" * 16 + ".x", "."])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no such place"):
        place_of(text)


def test_a_place_without_rows_behind_it_is_an_empty_page() -> None:
    rows = spender_rows([Spender(("acme", "a"), 1, 1, 1, 1, 9)], [], [], 2)
    assert place_of("") is None
    assert paged(rows, ASKED, place_of("0")).rows == []
    assert len(paged(rows, ASKED, place_of("99")).rows) == 1


def test_a_row_in_a_file_has_every_column() -> None:
    assert tuple(exported(row_of(("acme", None)))) == AGENT_COLUMNS
    assert tuple(exported(row_of(("acme", "a", "s")))) == SESSION_COLUMNS


def test_a_call_in_flight_is_of_whom_it_says() -> None:
    assert is_of(slip(), Filter())
    assert is_of(slip(), Filter(org="acme", agent="coder", session="s1"))
    assert not is_of(slip(), Filter(org="acme", session="s2"))

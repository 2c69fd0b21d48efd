"""A page's URL is its view: read, changed, and written again."""

from proxy.console.pages.asked import Chip, read
from proxy.ledger.store import Filter

NOW_MS = 1_795_000_000_000


def test_filters_are_read_and_empty_ones_are_not_there() -> None:
    asked = read("/calls", {"agent": "coder", "host": " ", "q": "x", "other": "y"}, NOW_MS)
    assert asked.filter == Filter(agent="coder", text="x")
    assert dict(asked.given) == {"agent": "coder", "q": "x"}
    assert (asked.value("agent"), asked.value("host")) == ("coder", "")


def test_times_are_relative_to_now() -> None:
    asked = read("/calls", {"since": "1h", "until": "2026-11-18"}, NOW_MS)
    assert asked.filter.since_ms == NOW_MS - 3_600_000
    assert asked.filter.until_ms == 1_794_960_000_000


def test_what_cannot_be_read_is_told_and_left_out() -> None:
    query = {"since": "soon", "before": "-1", "agent": "a" * 600, "model": "gpt-4o"}
    asked = read("/calls", query, NOW_MS)
    assert [text.partition(" ")[0].rstrip(":") for text in asked.problems] == [
        "agent",
        "since",
        "before",
    ]
    assert asked.filter == Filter(model="gpt-4o")
    assert asked.before is None


def test_a_chip_leads_to_the_page_without_it() -> None:
    asked = read("/calls", {"agent": "a/b&c", "status": "refused", "since": "1h"}, NOW_MS)
    assert asked.chips == [
        Chip("agent", "a/b&c", "/calls?status=refused&since=1h"),
        Chip("status", "refused", "/calls?agent=a%2Fb%26c&since=1h"),
    ]


def test_the_url_is_the_view() -> None:
    asked = read("/calls", {"agent": "coder", "before": "40"}, NOW_MS)
    assert asked.before == 40
    assert asked.url() == "/calls?agent=coder"
    assert asked.url(before=30) == "/calls?agent=coder&before=30"
    assert asked.url("/calls.csv") == "/calls.csv?agent=coder"


def test_a_time_that_was_written_by_hand_is_kept_among_the_choices() -> None:
    asked = read("/calls", {"since": "2026-11-01"}, NOW_MS)
    assert asked.periods[-1] == ("2026-11-01", "since 2026-11-01")
    assert len(read("/calls", {"since": "1h"}, NOW_MS).periods) == len(asked.periods) - 1

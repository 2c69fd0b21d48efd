"""Windows begin and end where a calendar in UTC says."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.budgets import Window, window_end_ms, window_start_ms
from proxy.budgets.amounts import NOW_MS_MAX

WINDOWS: list[Window] = ["minute", "hour", "day", "week", "month"]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("window", "now", "start", "end"),
    [
        ("minute", "2026-12-31T23:59:59.999", "2026-12-31T23:59", "2027-01-01T00:00"),
        ("hour", "2026-12-31T23:59:59.999", "2026-12-31T23:00", "2027-01-01T00:00"),
        ("day", "2024-02-29T12:00", "2024-02-29", "2024-03-01"),
        ("week", "2026-11-22T23:59:59", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-23T00:00", "2026-11-23", "2026-11-30"),
        ("week", "2026-12-31T00:00", "2026-12-28", "2027-01-04"),
        ("month", "2024-02-29T23:59:59.999", "2024-02-01", "2024-03-01"),
        ("month", "2026-12-01T00:00", "2026-12-01", "2027-01-01"),
        ("month", "9998-12-31T23:59", "9998-12-01", "9999-01-01"),
    ],
)
def test_a_window_starts_and_ends_on_the_calendar(
    window: Window, now: str, start: str, end: str
) -> None:
    assert window_start_ms(window, ms(now)) == ms(start)
    assert window_end_ms(window, ms(now)) == ms(end)


def test_the_total_starts_at_zero_and_never_ends() -> None:
    assert window_start_ms("total", NOW_MS_MAX) == 0
    assert window_end_ms("total", NOW_MS_MAX) is None


@given(st.integers(min_value=0, max_value=NOW_MS_MAX), st.sampled_from(WINDOWS))
def test_windows_tile_time_without_gap_or_overlap(now_ms: int, window: Window) -> None:
    start, end = window_start_ms(window, now_ms), window_end_ms(window, now_ms)
    assert end is not None
    assert start <= now_ms < end
    if end <= NOW_MS_MAX:
        assert window_start_ms(window, end - 1) == start
        assert window_start_ms(window, end) == end


@pytest.mark.parametrize("now_ms", [-1, NOW_MS_MAX + 1, 1.5, True, 10**30])
def test_a_time_outside_the_calendar_is_refused(now_ms: int) -> None:
    with pytest.raises(ValueError):
        window_start_ms("month", now_ms)
    with pytest.raises(ValueError):
        window_end_ms("total", now_ms)

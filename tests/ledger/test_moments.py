import pytest

from proxy.ledger.moments import moment_ms, span_ms

NOW_MS = 1_795_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW_MS - 90_000),
        ("1h", NOW_MS - 3_600_000),
        ("7d", NOW_MS - 604_800_000),
        ("2w", NOW_MS - 1_209_600_000),
        ("2026-11-18", 1_794_960_000_000),
        ("2026-11-18T01:00:00", 1_794_963_600_000),
        ("2026-11-18T01:00:00.250Z", 1_794_963_600_250),
        ("2026-11-18T01:00:00+01:00", 1_794_960_000_000),
    ],
)
def test_a_moment_is_so_long_ago_or_a_date_in_utc(text, expected):
    assert moment_ms(text, NOW_MS) == expected


@pytest.mark.parametrize("text", ["", "soon", "1y", "-1h", "2026-13-01"])
def test_anything_else_is_refused_with_examples(text):
    with pytest.raises(ValueError, match="write 90s, 30m, 1h"):
        moment_ms(text, NOW_MS)


@pytest.mark.parametrize(("text", "ms"), [("90s", 90_000), (" 7d ", 604_800_000), ("0m", 0)])
def test_a_span_is_as_long_as_it_says(text, ms):
    assert span_ms(text) == ms


@pytest.mark.parametrize("text", ["", "7", "d", "7y", "-7d", "2026-11-18"])
def test_what_is_no_span_is_none(text):
    assert span_ms(text) is None

"""What is a secret and what only looks like one: two tables."""

import pytest

from proxy.leaks import KINDS, LeakScanner
from proxy.leaks.rules import FORMATS
from tests.leaks.samples import ALNUM, negatives, positives, some

POSITIVES = positives()
NEGATIVES = negatives()
SCANNER = LeakScanner()


@pytest.mark.parametrize("row", range(len(POSITIVES)), ids=lambda row: f"{row}-{POSITIVES[row][0]}")
def test_a_secret_is_found_as_what_it_is_and_where_it_is(row: int) -> None:
    kind, text, secret = POSITIVES[row]
    (leak,) = SCANNER.scan_text(text, "body")
    assert leak.kind == kind
    assert leak.encoded == ""
    start = text.index(secret)
    assert (leak.start, leak.end) == (start, start + len(secret))


@pytest.mark.parametrize("row", range(len(NEGATIVES)))
def test_what_only_looks_like_a_secret_is_none(row: int) -> None:
    assert SCANNER.scan_text(NEGATIVES[row], "body") == []


def test_the_tables_are_long_enough_and_hold_every_kind() -> None:
    assert len(POSITIVES) >= 60
    assert len(NEGATIVES) >= 60
    assert {kind for kind, _, _ in POSITIVES} == set(KINDS) - {"canary", "own-key"}


def test_every_format_can_be_told_by_the_first_three_characters() -> None:
    assert all(len(start) >= 3 for rule in FORMATS for start in rule.starts)


def test_a_secret_that_goes_on_is_not_one_of_its_kind() -> None:
    assert SCANNER.scan_text("AK" + "IA" + "Q7" * 12, "body") == []


def test_a_secret_within_a_word_is_none() -> None:
    text = "gh" + "p_" + some(ALNUM, 36)
    assert SCANNER.scan_text(f"{text}", "body")
    assert not [
        leak for leak in SCANNER.scan_text(f"a{text}", "body") if leak.kind == "github-token"
    ]


@pytest.mark.parametrize("before", ["\\n", "\\\\n", "\\t", "\\r\\n", "=", "%20", '\\"', "\\u0020"])
def test_an_escape_before_a_secret_is_not_a_part_of_it(before: str) -> None:
    secret = "gh" + "p_" + some(ALNUM, 36)
    text = f"token{before}{secret}\\n"
    (leak,) = SCANNER.scan_text(text, "body")
    assert text[leak.start : leak.end] == secret


def test_two_secrets_beside_each_other_are_both_found() -> None:
    first, second = "gh" + "p_" + some(ALNUM, 36), "np" + "m_" + some(ALNUM, 36)
    assert [leak.kind for leak in SCANNER.scan_text(f"{first},{second}", "body")] == [
        "github-token",
        "npm-token",
    ]


def test_a_private_key_that_was_cut_off_is_one() -> None:
    whole = next(text for kind, text, _ in POSITIVES if kind == "private-key")
    (leak,) = SCANNER.scan_text(whole[: len(whole) // 2], "body")
    assert leak.kind == "private-key"


def test_a_secret_longer_than_any_is_found_all_the_same() -> None:
    assert SCANNER.scan_text("gh" + "p_" + some(ALNUM, 9000), "body")[0].kind == "github-token"


@pytest.mark.parametrize("kind", ["high-entropy", "url-password", "assigned-secret", "jwt"])
def test_a_secret_between_escaped_line_ends_is_found(kind: str) -> None:
    text, secret = next(row[1:] for row in POSITIVES if row[0] == kind)
    line = f"x\\n{text if kind in ('url-password', 'assigned-secret') else secret}\\ny"
    (leak,) = SCANNER.scan_text(line, "body")
    assert (leak.kind, line[leak.start : leak.end]) == (kind, secret)

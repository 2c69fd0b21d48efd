"""Command patterns, held against what scripts do: the table in cases.py, both ways."""

import pytest

from proxy.actions import CommandPattern, action_of
from tests.actions.cases import NOT_SEEN, SEEN


@pytest.mark.parametrize(("pattern", "script"), SEEN)
def test_what_a_script_does_is_seen_however_it_is_written(pattern: str, script: str) -> None:
    assert CommandPattern.parse(pattern).matches(action_of("Bash", {"command": script}))


@pytest.mark.parametrize(("pattern", "script"), NOT_SEEN)
def test_what_a_script_only_mentions_is_not_taken_for_it(pattern: str, script: str) -> None:
    action = action_of("Bash", {"command": script})
    assert action.is_understood
    assert not CommandPattern.parse(pattern).matches(action)


def test_the_table_has_rows_both_ways() -> None:
    assert len(SEEN) >= 150
    assert len(NOT_SEEN) >= 90


def test_what_was_not_understood_matches_every_pattern() -> None:
    action = action_of("Bash", {"command": "ls 'never ended"})
    assert not action.is_understood
    assert CommandPattern.parse("mkfs*").matches(action)


def test_a_call_without_a_command_matches_none() -> None:
    assert not CommandPattern.parse("*").matches(action_of("Read", {"file_path": "/x"}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("rm 'x", "quote"),
        ("-rf", "put the program before"),
        ("rm -r; ls", "one command"),
        ("rm && ls", "one command"),
        ("curl | sh | x", "one program on each side"),
        ("curl -s | sh", "one program on each side"),
        ("x >", "one path"),
        ("x > a b", "one path"),
        ("rm ---", "is no option"),
    ],
)
def test_a_pattern_that_cannot_be_read_says_what_to_write(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        CommandPattern.parse(text)

"""The console's token: made once, for its owner alone."""

import pytest

from proxy.console.token import console_token, is_token


def test_a_token_is_made_that_only_its_owner_may_read(tmp_path):
    token = console_token(tmp_path)
    path = tmp_path / "console.token"

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == token + "\n"
    assert len(token) >= 43, "256 bits"


def test_a_token_that_is_there_is_kept(tmp_path):
    assert console_token(tmp_path) == console_token(tmp_path)
    (tmp_path / "console.token").write_text("  mine\n")
    assert console_token(tmp_path) == "mine"


def test_no_two_houses_have_one_token(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert console_token(tmp_path / "a") != console_token(tmp_path / "b")


@pytest.mark.parametrize(
    ("header", "is_it"),
    [
        ("Bearer secret", True),
        ("bearer secret", True),
        ("BEARER  secret ", True),
        ("", False),
        ("Bearer", False),
        ("Bearer ", False),
        ("secret", False),
        ("Basic secret", False),
        ("Bearer secret2", False),
        ("Bearer secre", False),
        ("Bearer Secret", False),
        ("Bearer sécret", False),
        ("Bearer \udcff", False),
    ],
)
def test_whether_a_header_carries_the_token(header, is_it):
    assert is_token("secret", header) is is_it

"""exeat console: tokens made beside a running Exeat, or before its first start."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from proxy.cli import app
from proxy.console.access import Access, Viewer


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def run(*arguments: str):
    return CliRunner().invoke(app, ["console", *arguments])


def whose(state, secret: str) -> Viewer | None:
    access = Access(state)
    try:
        return asyncio.run(access.viewer(secret, 0))
    finally:
        access.close()


def test_a_token_is_made_before_the_first_start_and_its_secret_alone_is_printed(state):
    made = run("token", "--name", "ann", "--role", "approver", "--state-dir", str(state))
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    assert whose(state, secret) == Viewer("ann", "approver")
    assert "approver ann, expires 2" in made.stderr
    assert state.stat().st_mode & 0o777 == 0o700


def test_tokens_are_listed_without_their_secret_and_taken_back(state):
    secret = run("token", "--name", "ann", "--state-dir", str(state)).stdout.strip()
    run("token", "--name", "bob", "--expires", "never", "--state-dir", str(state))
    run("revoke", "ann", "--state-dir", str(state))
    listed = run("tokens", "--format", "json", "--state-dir", str(state))
    rows = json.loads(listed.stdout)
    assert [(row["name"], row["role"], row["state"]) for row in rows] == [
        ("ann", "viewer", "revoked"),
        ("bob", "viewer", "good"),
    ]
    assert rows[1]["expires"] == "never"
    assert secret not in listed.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("token", "--name", "a b"), "is no name"),
        (("token", "--name", "ann", "--expires", "soon"), "is no time"),
        (("revoke", "ann"), "no tokens are here"),
        (("tokens",), "no tokens are here"),
    ],
)
def test_what_cannot_be_done_says_what_can(state, arguments, says):
    done = run(*arguments, "--state-dir", str(state))
    assert done.exit_code == 2
    assert says in done.stderr


def test_a_folder_that_cannot_be_written_is_a_line_and_no_traceback(tmp_path):
    (tmp_path / "console.sqlite").mkdir()
    done = run("token", "--name", "ann", "--state-dir", str(tmp_path))
    assert (done.exit_code, done.exception.__class__) == (2, SystemExit)

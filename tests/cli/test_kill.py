"""exeat kill, revive, kills: as typed, against a console that listens."""

import asyncio
from typing import Any

import pytest
from typer.testing import CliRunner

from proxy.cli import app
from tests.console.conftest import Desk


async def typed(desk: Desk, *words: str, role: Any = "admin", **env: str) -> tuple[int, str]:
    given = {"EXEAT_TOKEN": desk.tokens[role], **env}
    arguments = [*words, "--console", f"http://127.0.0.1:{desk.port}"]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=given)
    # The console logs to the same output, since it runs in this process.
    return done.exit_code, done.output.splitlines()[-1]


async def test_what_is_killed_is_listed_until_it_is_revived(desk: Desk) -> None:
    scope = ("--org", "acme", "--agent", "coder")
    code, said = await typed(desk, "kill", *scope, "--reason", "It went astray", role="approver")
    assert (code, said) == (0, "killed: org acme, agent coder; 0 calls under way ended")
    code, said = await typed(desk, "kills", "--format", "csv", role="viewer")
    assert code == 0
    assert ",kill,acme,coder,,approver,It went astray" in said
    code, said = await typed(desk, "revive", *scope, "--reason", "Mended")
    assert (code, said) == (0, "revived: org acme, agent coder")
    code, said = await typed(desk, "revive", *scope, "--reason", "Mended")
    assert code == 1
    assert "Nothing stops org acme, agent coder" in said


async def test_a_quarantine_says_so_and_so_does_what_holds_after_a_revive(desk: Desk) -> None:
    _, said = await typed(desk, "kill", "--org", "acme", "--reason", "odd", "--quarantine")
    assert said.startswith("in quarantine: org acme;")
    await typed(desk, "kill", "--org", "acme", "--agent", "a", "--reason", "odd")
    _, said = await typed(desk, "revive", "--org", "acme", "--agent", "a", "--reason", "ok")
    assert "still stopped: org acme (quarantine by admin)" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("kill", "--org", "acme", "--session", "s1", "--reason", "x"), "name it with --agent"),
        (("kill", "--org", "a b", "--reason", "x"), "org"),
        (("revive", "--org", "acme", "--reason", "x"), "needs the role admin"),
    ],
)
async def test_an_error_says_what_to_do(desk: Desk, words: tuple[str, ...], says: str) -> None:
    code, said = await typed(desk, *words, role="approver")
    assert code in (1, 2)
    assert says in said


async def test_without_a_token_it_says_how_to_get_one(desk: Desk) -> None:
    code, said = await typed(desk, "kills", EXEAT_TOKEN="")
    assert code == 2
    assert "EXEAT_TOKEN" in said


def test_without_a_console_it_says_which_one_it_asked() -> None:
    done = CliRunner().invoke(
        app, ["kills", "--console", "http://127.0.0.1:1"], env={"EXEAT_TOKEN": "x"}
    )
    assert done.exit_code == 2
    assert "cannot be asked" in done.output

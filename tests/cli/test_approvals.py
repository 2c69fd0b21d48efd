"""exeat approvals: as typed, against a console that listens."""

import asyncio
from typing import Any

import pytest
from typer.testing import CliRunner

from proxy.cli import app
from tests.approvals.questions import wanted
from tests.console.conftest import Desk


async def typed(desk: Desk, *words: str, role: Any = "approver") -> tuple[int, str]:
    arguments = ["approvals", *words, "--console", f"http://127.0.0.1:{desk.port}"]
    env = {"EXEAT_TOKEN": desk.tokens[role]}
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=env)
    return done.exit_code, done.output


async def test_what_waits_is_listed_shown_and_decided(desk: Desk, ports: Any) -> None:
    it = await ports.approvals.ask(wanted(), "call-1")
    code, said = await typed(desk, "list", "--format", "csv", role="viewer")
    assert code == 0
    assert f"{it.id},pending,tool,acme,coder,s1,p/rules.r,tool deploy; target /srv" in said
    code, said = await typed(desk, "show", it.id, role="viewer")
    assert code == 0
    assert "target  /srv" in said
    code, said = await typed(desk, "approve", it.id, "--reason", "I looked")
    assert (code, said.splitlines()[-1]) == (0, f"{it.id}: approved")
    _, said = await typed(desk, "show", it.id)
    assert "by approver: I looked" in said
    _, said = await typed(desk, "list", "--format", "csv")
    assert it.id not in said
    _, said = await typed(desk, "list", "--all", "--format", "csv")
    assert it.id in said


@pytest.mark.parametrize(
    ("words", "role", "says"),
    [
        (("deny", "A-none", "--reason", "no"), "approver", "There is no approval A-none"),
        (("approve", "a/b?c", "--reason", "no"), "approver", "no approval a/b?c"),
        (("approve", "A-1", "--reason", "ok"), "viewer", "needs the role approver"),
        (("show", "A-none"), "viewer", "no such approval"),
    ],
)
async def test_an_error_says_what_is_wrong(
    desk: Desk, words: tuple[str, ...], role: Any, says: str
) -> None:
    code, said = await typed(desk, *words, role=role)
    assert code == 1
    assert says in said

"""The installed command, run as Claude Code's shell runs it."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.hooks.settings import command
from tests.hooks.events import event
from tests.hooks.inside import inside

EXEAT = Path(sys.executable).with_name("exeat")


def hooked(data: bytes, *flags: str, **variables: str) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        ["sh", "-c", command(str(EXEAT), *flags)],
        input=data,
        env={**kept, **variables},
        capture_output=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "EXEAT_PROXY"])
async def test_a_hook_asks_the_proxy_of_its_environment(name: str) -> None:
    async with inside() as door:
        door.says(decision="deny", reason="It deletes.")
        code, out, error = await asyncio.to_thread(hooked, event(), **{name: door.proxy})
    assert (code, error) == (0, "")
    assert json.loads(out)["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert door.credentials == "acme%2Fcoder:s1"


async def test_its_flags_are_heard() -> None:
    async with inside() as door:
        _, out, _ = await asyncio.to_thread(hooked, event(), "--grant", HTTPS_PROXY=door.proxy)
    assert json.loads(out)["hookSpecificOutput"]["permissionDecision"] == "allow"


def test_without_a_proxy_nothing_runs() -> None:
    _, out, _ = hooked(event())
    assert json.loads(out)["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_an_unknown_flag_and_an_unreadable_event_block() -> None:
    assert hooked(event(), "--nonsense")[0] == 2
    code, _, error = hooked(b"{")
    assert code == 2
    assert "Refused by Exeat" in error


def test_a_hook_loads_nothing_of_the_engine_nor_of_the_stores() -> None:
    script = (
        "import sys; import proxy.command; import proxy.hook; "
        "print([name for name in ('mitmproxy', 'aiohttp', 'sqlalchemy', 'typer', "
        "'proxy.cli', 'proxy.config') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"[]\n"

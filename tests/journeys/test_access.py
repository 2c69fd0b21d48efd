"""Who may look at the console of a running Exeat, from its first start on."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.house import NO_TLS, House, Process, eventually, kill, providers

ROOT = Path(__file__).parent.parent.parent


async def status_of(built: House, token: str) -> int:
    async with httpx.AsyncClient(verify=NO_TLS, trust_env=False, timeout=30) as client:
        answer = await client.get(
            f"http://127.0.0.1:{built.console_port}/api/calls",
            headers={"authorization": f"Bearer {token}"},
        )
    return answer.status_code


async def exeat_console(directory: Path, *arguments: str) -> str:
    """Standard output of `exeat console …` beside the running Exeat."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proxy.cli", "console", *arguments,
        "--state-dir", str(directory / "state"),
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().strip()


async def test_the_first_start_shows_the_admins_token_once_and_keeps_it_nowhere(tmp_path):
    (tmp_path / "policy.yaml").write_text("policy: open\nversion: 1\negress: {default: allow}\n")
    async with providers(tmp_path) as (plain, tls):
        exeat = Process(tmp_path, plain, tls, None, token="")
        built = await exeat.start()
        shown = await eventually(
            lambda: _shown(exeat.stderr), lambda found: len(found) == 1, timeout_s=10
        )
        assert await status_of(built, shown[0]) == 200
        assert await status_of(built, shown[0][:-1]) == 401
        await kill(built, 15)

        built = await exeat.start()
        assert await status_of(built, shown[0]) == 200
        await kill(built, 15)
    assert await _shown(exeat.stderr) == shown, "not at the second start"
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert shown[0].encode() not in kept


async def _shown(stderr: Path) -> list[str]:
    return re.findall(r"exeat_[\w-]{43}", stderr.read_text())


async def test_a_command_beside_it_makes_a_token_and_takes_it_back_and_both_are_on_file(tmp_path):
    (tmp_path / "policy.yaml").write_text("policy: open\nversion: 1\negress: {default: allow}\n")
    async with providers(tmp_path) as (plain, tls):
        built = await Process(tmp_path, plain, tls, None).start()
        made = await exeat_console(tmp_path, "token", "--name", "ann", "--role", "viewer")
        assert await status_of(built, made) == 200
        await exeat_console(tmp_path, "revoke", "ann")
        assert await status_of(built, made) == 401

        def ann(records: list[dict[str, Any]]) -> list[str]:
            results = [each["result"] for each in records]
            return [it["status"] for it in results if it["facts"]["name"] == "ann"]

        records = await eventually(
            lambda: built.records(kind="access"), lambda found: len(ann(found)) == 2
        )
        assert ann(records) == ["made", "revoked"]
        assert made not in str(records)
        await kill(built)

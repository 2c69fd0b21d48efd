"""`exeat hook claude-code` against a running Exeat: local tools are decided by the same rules."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, house

RULES = """policy: test
version: 1
egress:
  default: allow
rules:
  - {id: no-rm, decision: deny, reason: Not here., match: {commands: [rm -r]}}
"""
ROOT = Path(__file__).parent.parent.parent


async def hook(built: House, event: dict[str, Any], **env: str) -> tuple[int, Any]:
    """Exit code, and what it answers; as Claude Code would run it."""
    common = {"session_id": "cc-1", "cwd": "/work", "tool_use_id": "toolu_1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from proxy.command import main; main()", "hook", "claude-code",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={**built.env(), **env}, cwd=ROOT,
    )  # fmt: skip
    out, err = await process.communicate(json.dumps({**common, **event}).encode())
    return process.returncode or 0, json.loads(out) if out.strip() else err.decode()


def before(command: str) -> dict[str, Any]:
    return {
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": command},
    }


async def test_a_tool_is_asked_about_and_its_result_is_on_file(place: Path) -> None:
    async with house(place, RULES) as built:
        code, told = await hook(built, before("sudo rm -rf /"))
        assert code in (0, 2)
        assert told["hookSpecificOutput"]["permissionDecision"] == "deny"
        assert "Not here." in told["hookSpecificOutput"]["permissionDecisionReason"]

        code, told = await hook(built, before("ls"))
        assert code == 0
        assert "deny" not in json.dumps(told)
        after = {**before("ls"), "hook_event_name": "PostToolUse", "tool_response": {"stdout": "a"}}
        await hook(built, after)
        checks = await built.records(kind="tool_call")
        assert [each["result"]["status"] for each in checks] == ["deny", "allow"]
        (result,) = await built.records(kind="tool_result")
        assert len(result["result"]["facts"]["output_sha256"]) == 64


@pytest.mark.parametrize("proxy", ["http://acme%2Fcoder:s1@127.0.0.1:9", ""])
async def test_rule_1_when_exeat_cannot_be_asked_the_answer_is_no(place: Path, proxy: str) -> None:
    async with house(place, RULES) as built:
        variables = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), proxy)
        code, told = await hook(built, before("ls"), **variables)
    assert code == 2 or told["hookSpecificOutput"]["permissionDecision"] == "deny"

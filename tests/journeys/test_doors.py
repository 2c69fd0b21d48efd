"""E7, rule 9: the same tool call is decided alike by every door, on the running system.

The doors: a model's answer, whole, streamed and on a WebSocket; MCP over HTTP; a runtime's hook; and
without a call at all, explain and replay. What differs between them is where the call goes, so the rules
here ask about the tool and its caller alone.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner

from proxy.approving import ApprovalsSection
from proxy.cli import app
from tests.house import House, chat, eventually, house, message
from tests.journeys.test_sockets import LIVE, Upstream, connected, upstream_end
from tests.journeys.test_sockets import TestLive as Live

RULES = """policy: test
version: 1
egress: {default: allow}
rules:
  - {id: no-rm, decision: deny, reason: Nothing is removed here., match: {commands: [rm -r]}}
  - {id: keys, decision: deny, reason: Keys stay., match: {categories: [credential_access]}}
  - {id: deploys, decision: hold, reason: A person looks., match: {tools: [deploy]}}
  - {id: pushes, decision: warn, reason: It is seen., match: {commands: [git push]}}
  - {id: notes, decision: redact, reason: Without secrets., match: {targets: ["**/notes.md"]}}
"""
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("Bash", {"command": "ls -la"}, "allow", "test/tools.default"),
    ("Bash", {"command": "sudo rm -rf /srv"}, "deny", "test/rules.no-rm"),
    ("Bash", {"command": "git rm -r old"}, "allow", "test/tools.default"),
    ("Bash", {"command": "sh -c 'rm -r x'"}, "deny", "test/rules.no-rm"),
    ("Read", {"file_path": "/home/me/.ssh/id_rsa"}, "deny", "test/rules.keys"),
    ("Bash", {"command": "git push origin main"}, "warn", "test/rules.pushes"),
    ("deploy", {"to": "production"}, "hold", "test/rules.deploys"),
    ("Read", {"file_path": "/src/a.py"}, "allow", "test/tools.default"),
    # There is nothing to redact in what a tool is asked: it is allowed, by that rule.
    ("Write", {"file_path": "/src/notes.md", "content": "x"}, "redact", "test/rules.notes"),
]


@pytest.fixture
async def server() -> AsyncIterator[int]:
    """The port of an MCP server that does whatever it is asked."""

    async def answer(request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": {"content": []}})

    served = web.Application()
    served.add_routes([web.post("/{rest:.*}", answer)])
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


@dataclass
class Doors(House):
    """An Exeat, and the end of a WebSocket to a model."""

    socket: Upstream = field(default_factory=Upstream)


@asynccontextmanager
async def opened(place: Path, server: int, text: str) -> AsyncIterator[Doors]:
    nobody = ApprovalsSection(wait_s=0.05)
    async with upstream_end() as upstream:
        hosts = {"mcp.test:80": f"127.0.0.1:{server}"}
        hosts["generativelanguage.googleapis.com:443"] = f"127.0.0.1:{upstream.port}"
        async with house(place, text, more_hosts=hosts, approvals=nobody) as built:
            yield Doors(**vars(built), socket=upstream)


async def by_answer(built: House, session: str, tool: str, arguments: dict[str, Any]) -> str:
    built.says(tool=tool, arguments=json.dumps(arguments))
    async with built.client() as client:
        headers = {"x-session-id": session}
        answer = await client.post("/openai/v1/chat/completions", json=chat(), headers=headers)
    return answer.text


async def by_stream(built: House, session: str, tool: str, arguments: dict[str, Any]) -> str:
    built.says(tool=tool, arguments=json.dumps(arguments))
    async with built.client() as client:
        headers = {"x-session-id": session}
        answer = await client.post(
            "/anthropic/v1/messages", json=message(stream=True), headers=headers
        )
    return answer.text


async def by_mcp(built: House, session: str, tool: str, arguments: dict[str, Any]) -> str:
    asked = {"name": tool, "arguments": arguments}
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
    both = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    async with built.through(built.proxy_url(session=session)) as client:
        return (await client.post("http://mcp.test/mcp", json=rpc, headers=both)).text


async def by_hook(built: House, session: str, tool: str, arguments: dict[str, Any]) -> str:
    asked = {"runtime": "claude-code", "tool": tool, "arguments": arguments}
    async with built.through(built.proxy_url(session=session)) as client:
        answer = await client.post("http://exeat.internal/v1/tool-calls/check", json=asked)
    return answer.text


async def by_socket(built: Doors, session: str, tool: str, arguments: dict[str, Any]) -> str:
    called = {"id": "call_1", "name": tool, "args": arguments}
    asked = {"toolCall": {"functionCalls": [called]}}
    done = {"serverContent": {"turnComplete": True}, "usageMetadata": Live.USAGE}
    built.socket.reply = lambda said: [{"setupComplete": {}}] if "setup" in said else [asked, done]
    async with connected(built, LIVE, session=session) as socket:
        for each in (Live.SETUP, Live.TURN):
            await socket.send_bytes(json.dumps(each).encode())
        told = b""
        while b"turnComplete" not in told:
            told += (await socket.receive(timeout=10)).data
    return told.decode()


DOORS = (by_answer, by_stream, by_mcp, by_hook, by_socket)


@pytest.mark.parametrize("dry_run", [False, True], ids=["enforced", "dry run"])
async def test_rule_9_e7_by_every_door_the_same_call_is_decided_alike(
    place: Path, server: int, dry_run: bool
) -> None:
    text = RULES + ("enforce: false\n" if dry_run else "")
    async with opened(place, server, text) as built:
        told = {
            (door, number): await door(built, f"{door.__name__}-{number}", tool, arguments)
            for door in DOORS
            for number, (tool, arguments, _, _) in enumerate(CASES)
        }
        filed = await eventually(
            lambda: built.records(kind="tool_call"), lambda rows: len(rows) == len(told)
        )
        found = {each["role"]["session"]: each for each in filed}
        explained = [
            (await built.post("/api/policy/explain", **facts_of(tool, arguments)))["ruled"]
            for tool, arguments, _, _ in CASES
        ]
    for number, (tool, arguments, decision, rule) in enumerate(CASES):
        said = [found[f"{door.__name__}-{number}"]["result"] for door in DOORS]
        assert {(each["status"], each["facts"]["rule"]) for each in said} == {(decision, rule)}, (
            tool, arguments,
        )  # fmt: skip
        assert len({each["facts"]["arguments_sha256"] for each in said}) == 1
        assert {each["facts"]["enforced"] for each in said} == {not dry_run}
        assert (explained[number]["decision"], explained[number]["rule"]) == (decision, rule)
        if decision in ("deny", "hold") and not dry_run:
            reason = explained[number]["reason"]
            assert [door for door in DOORS if reason not in told[door, number]] == []
    replay = replayed(place)
    assert replay["changes"] == []
    assert replay["tool_calls"] == len(DOORS) * len(CASES), "all of them were held against it"


def facts_of(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    who = {"org": "acme", "agent": "coder", "session": "s1"}
    return {**who, "tool": tool, "arguments": json.dumps(arguments)}


def replayed(place: Path) -> dict[str, Any]:
    """What would change if the same policy decided again over what was filed."""
    words = ["policy", "replay", str(place / "policy.yaml"), "--json"]
    told = CliRunner().invoke(app, [*words, "--ledger", str(place / "state" / "ledger.sqlite")])
    return dict(json.loads(told.stdout))

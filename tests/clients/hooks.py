"""Claude Code with our hook, before a model that asks for one command: does the command run, and what is
the model told? `python -m tests.clients.hooks`; docs/hooks.md holds what was measured."""

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from proxy.hooks.settings import command, with_hooks
from tests.clients.__main__ import clients
from tests.hooks.inside import inside

EXEAT = Path(sys.executable).with_name("exeat")
PATIENCE_S = 60


@dataclass
class Model:
    """Asks for the command until it is told what came of it, then says good night."""

    shell: str
    told: list[Any] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """One call of Anthropic's messages."""
        if not request.path.endswith("/messages"):
            return web.json_response({})
        asked = await request.json()
        results = [
            block
            for message in asked["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
            if block.get("type") == "tool_result"
        ]
        self.told = results or self.told
        has_bash = any(tool.get("name") == "Bash" for tool in asked.get("tools", []))
        if has_bash and not results:
            given = json.dumps({"command": self.shell, "description": "Try"})
            block: dict[str, Any] = {
                "type": "tool_use",
                "id": "toolu_1",
                "name": "Bash",
                "input": {},
            }
            delta = {"type": "input_json_delta", "partial_json": given}
            reason = "tool_use"
        else:
            block, reason = {"type": "text", "text": ""}, "end_turn"
            delta = {"type": "text_delta", "text": "Good night."}
        usage = {"input_tokens": 1, "output_tokens": 1}
        start = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage},
            {"type": "message_stop"},
        ]
        text = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
        return web.Response(text=text, content_type="text/event-stream")


@contextlib.asynccontextmanager
async def serving(model: Model) -> AsyncIterator[str]:
    """The model's address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", model.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        await runner.cleanup()


async def run(home: Path, base: str, hook: str, variables: Mapping[str, str], *flags: str) -> str:
    """What Claude Code says at its end."""
    (home / ".claude").mkdir(parents=True)
    (home / ".claude" / "settings.json").write_text(with_hooks("", hook))
    client = clients()["Claude Code"]
    process = await asyncio.create_subprocess_exec(
        *client.command,
        *flags,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": base,
            **client.variables,
            **variables,
        },
        cwd=home,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    except TimeoutError:
        os.killpg(process.pid, 9)
        said, _ = await process.communicate()
    return said.decode(errors="replace").strip()


async def case(
    directory: Path,
    name: str,
    hook: str,
    *flags: str,
    verdict: Mapping[str, str] | None = None,
    is_silent: bool = False,
) -> bool:
    """Whether the command ran."""
    home = directory / name.replace(" ", "-")
    mark = home / "it-ran"
    model = Model(f"touch {mark}; echo done")
    async with serving(model) as base, inside() as door:
        if verdict:
            door.says(**verdict)
        door.is_silent = is_silent
        said = await run(home, base, hook, {"EXEAT_PROXY": door.proxy}, *flags)
    told = [block.get("content") for block in model.told]
    paths = [url.rpartition("/")[2] for url, _ in door.asked]
    print(
        f"== {name}: ran {mark.exists()}; asked {paths}; the model is told {str(told)[:220]}; {said[:80]}"
    )
    return mark.exists()


async def main() -> int:
    """Every way in which a hook can answer, or not."""
    hook, free = command(str(EXEAT)), ("--allowedTools", "Bash")
    no = {"decision": "deny", "reason": "Files are not touched here.", "rule": "r1"}
    yes = {"decision": "allow"}
    with tempfile.TemporaryDirectory() as name:
        at = Path(name)
        ran = [
            await case(at, "allowed", hook, *free, verdict=yes),
            await case(at, "granted", command(str(EXEAT), "--grant"), verdict=yes),
            not await case(at, "allowed but for Claude Code", hook, verdict=yes),
            not await case(at, "denied", hook, *free, verdict=no),
            not await case(at, "held", hook, *free, verdict={**no, "decision": "hold"}),
            not await case(at, "silent", hook, *free, is_silent=True),
            not await case(at, "odd", hook, *free, verdict={"decision": "maybe"}),
            not await case(at, "gone", command("/nowhere/exeat"), *free),
        ]
    return 0 if all(ran) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

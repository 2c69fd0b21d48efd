"""Codex on its WebSocket, and a model that asks it to delete a tree: what it shows when the call is denied,
and whether its conversation goes on.

python -m tests.clients.sockets   (after `make clients` has installed it)
"""

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from proxy.engine.certificates import open_authority
from tests.clients.__main__ import Client, clients, run
from tests.house import policy
from tests.journeys.test_sockets import built_with

RULES = "rules: [{id: no-rm, decision: deny, reason: Not here., match: {commands: ['rm -r']}}]\n"
RUN = ("--dangerously-bypass-approvals-and-sandbox",)
GOES_ON = "Good evening."


class Model:
    """Asks for one command, then says good evening."""

    def __init__(self, command: str) -> None:
        given = json.dumps({"cmd": command, "command": ["bash", "-lc", command]})
        self._call = {"type": "function_call", "id": "fc_1", "call_id": "call_1"}
        self._call |= {"name": "exec_command", "arguments": given, "status": "completed"}
        self.asked: list[dict[str, Any]] = []

    def reply(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        if asked.get("type") != "response.create":
            return []
        is_prewarm = asked.get("generate") is False
        if not is_prewarm:
            self.asked.append(asked)
        text = {"type": "output_text", "text": GOES_ON, "annotations": []}
        said = {"type": "message", "id": "msg_1", "role": "assistant", "content": [text]}
        items = [] if is_prewarm else [self._call if len(self.asked) == 1 else said]
        usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        response = {"id": f"resp_{len(self.asked)}", "model": asked.get("model"), "usage": usage}
        at = {"output_index": 0}
        return [
            {"type": "response.created", "response": response | {"status": "in_progress"}},
            *({"type": "response.output_item.added", "item": item} | at for item in items),
            *({"type": "response.output_item.done", "item": item} | at for item in items),
            {"type": "response.completed", "response": response | {"output": items}},
        ]


async def main() -> int:
    """0 when it said the reason, ran nothing, and went on in the same conversation."""
    with tempfile.TemporaryDirectory() as name:
        place, precious = Path(name), Path(name) / "precious"
        precious.mkdir()
        open_authority(place / "certs")
        model, codex = Model(f"rm -rf {precious}"), clients()["Codex"]
        *words, last = codex.command
        first = Client((*words, *RUN, last), codex.variables)
        again = Client(
            (words[0], "exec", "resume", "--last", *words[2:], *RUN, "Go on."), codex.variables
        )
        async with built_with(place, policy(more=RULES)) as (built, upstream):
            upstream.reply = model.reply
            told = [await run(first, built, place / "home")]
            told.append(await run(again, built, place / "home"))
            tools = await built.records(kind="tool_call")
        for code, said in told:
            print(f"exit {code}\n{said.strip()}\n")
        print([each["result"]["status"] for each in tools])
        shutil.rmtree(place / "home", ignore_errors=True)
        is_denied = "[Exeat:" in told[0][1] and precious.exists() and len(tools) == 1
        return 0 if is_denied and GOES_ON in told[1][1] else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))

"""Claude Code, and a model that asks it to delete a tree: what it shows when the call is denied.

python -m tests.clients.tools   (after `make clients` has installed it)
"""

import asyncio
import json
import shutil
import tempfile
from pathlib import Path

from proxy.engine.certificates import open_authority
from tests.clients.__main__ import clients, run
from tests.house import house

SAFETY = (Path(__file__).parent.parent.parent / "policies" / "safety.yaml").read_text()


async def main() -> int:
    """0 when it went on after the denial, said the reason, and ran nothing."""
    with tempfile.TemporaryDirectory() as name:
        place, precious = Path(name), Path(name) / "precious"
        precious.mkdir()
        open_authority(place / "certs")
        async with house(place, SAFETY) as built:
            asked = json.dumps({"command": f"rm -rf {precious}", "description": "Clean up"})
            built.says(tool="Bash", arguments=asked)
            code, said = await run(clients()["Claude Code"], built, place / "home")
            tools = await built.records(kind="tool_call")
        print(f"exit {code}, {len(tools)} tool call(s) on file")
        print(said.strip())
        is_good = code == 0 and precious.exists() and "[Exeat:" in said and bool(tools)
        shutil.rmtree(place / "home", ignore_errors=True)
        return 0 if is_good else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))

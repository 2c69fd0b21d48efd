"""Claude Code, Codex, gemini-cli and opencode, asked one thing through Exeat: what they say, and after
how many requests. `make clients` installs and runs them; docs/clients.md holds what was measured.

They are large, and change by the week: this is a measurement, and no part of `make test`.
"""

import asyncio
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.house import House, policy
from tests.journeys.standin import Standin, governed, standin

MODULES = Path(__file__).parent / "node_modules"
ASKED = "Hello, gate."
SAID = "Good evening from the other side."
PATIENCE_S = 90
CODEX = ("-c", 'web_search="disabled"')
"""A search that the provider runs has no upper bound on its cost, and no budget lets it pass."""
HOSTS = ("api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com")
EGRESS = "  allow: [{}]".format(", ".join(f'{{host: "{host}"}}' for host in HOSTS))


@dataclass(frozen=True)
class Client:
    """How one is started, and what it wants in its environment."""

    command: tuple[str, ...]
    variables: Mapping[str, str]


def clients() -> Mapping[str, Client]:
    """By name. None of their install scripts ran, so two are started by their binaries."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
    claude = MODULES / f"@anthropic-ai/claude-code-{sys.platform}-{machine}" / "claude"
    opencode = MODULES / f"opencode-{sys.platform}-{machine}" / "bin" / "opencode"
    return {
        "Claude Code": Client(
            (str(claude), "-p", ASKED, "--model", "claude-sonnet-4-6"),
            {"ANTHROPIC_API_KEY": "sk-agent", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
        ),
        "Codex": Client(
            (
                str(MODULES / ".bin/codex"),
                "exec",
                "--skip-git-repo-check",
                "-m",
                "gpt-5.1",
                *CODEX,
                ASKED,
            ),
            {"CODEX_API_KEY": "sk-agent", "OPENAI_API_KEY": "sk-agent"},
        ),
        "gemini-cli": Client(
            (str(MODULES / ".bin/gemini"), "-m", "gemini-2.5-flash", "-p", ASKED),
            {"GEMINI_API_KEY": "sk-agent", "GEMINI_CLI_TRUST_WORKSPACE": "true"},
        ),
        "opencode": Client(
            (str(opencode), "run", "--model", "openai/gpt-4o-mini", ASKED),
            {"OPENAI_API_KEY": "sk-agent", "OPENCODE_DISABLE_AUTOUPDATE": "1"},
        ),
    }


async def run(client: Client, built: House, home: Path) -> tuple[int | None, str]:
    """Its exit code, None when it did not end by itself, and all that it said."""
    home.mkdir(exist_ok=True)
    ours = {name: value for name, value in built.env().items() if os.environ.get(name) != value}
    process = await asyncio.create_subprocess_exec(
        *client.command,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **ours, **client.variables},
        cwd=home,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        return process.returncode, said.decode(errors="replace")
    except TimeoutError:
        os.killpg(process.pid, 9)
        said, _ = await process.communicate()
        return None, said.decode(errors="replace")


async def measure(directory: Path, behind: Standin, wanted: list[str]) -> bool:
    """Print what each client made of each house; were all as they should be?"""
    texts = {
        "answered": policy(egress=EGRESS),
        "budget": policy('name: tiny, usd: "0.0000001"', egress=EGRESS),
        "policy": policy(egress=EGRESS, more='models: {allow: ["none"]}\n'),
    }
    good = True
    for case, text in texts.items():
        place = directory / case
        place.mkdir()
        async with governed(place, text, behind) as built:
            for name, client in clients().items():
                if wanted and name not in wanted:
                    continue
                await built.reset()
                started = time.monotonic()
                code, said = await run(client, built, place / name.replace(" ", "-"))
                took_s = time.monotonic() - started
                records = await built.records(kind="decision")
                told = Counter(
                    f"{each['request']['method']} {each['request']['host']}"
                    f"{each['request']['path']} {each['result']['code'] or 'allowed'}"
                    for each in records
                )
                print(f"== {name}, {case}: exit {code}, {took_s:.1f} s")
                for line, count in told.items():
                    print(f"   {count} x {line}")
                print("   " + "\n   ".join(said.strip().splitlines()[-12:]))
                good &= (SAID in said) == (case == "answered") and code is not None
    return good


async def main() -> int:
    """All of them, or those that are named."""
    with tempfile.TemporaryDirectory() as name, standin(Path(name)) as behind:
        return 0 if await measure(Path(name), behind, sys.argv[1:]) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

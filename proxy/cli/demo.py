"""exeat demo: a tour of the gate with a stand-in provider; no key, no network."""

import asyncio
import contextlib
import json
import os
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console as Terminal
from rich.table import Table

from proxy.config import ConsoleListen, Listen, Settings
from proxy.money import format_usd

_POLICY = """\
policy: demo
version: 1
egress:
  default: deny
  allow:
    - host: api.openai.com
    - host: api.anthropic.com
budgets:
  - name: agent-total
    per: [agent]
    window: total
    usd: "0.02"
"""
_QUESTION = [{"role": "user", "content": "Who may leave?"}]


def demo() -> None:
    """Show an allowed call, a stream, three refusals, the costs and the verified ledger."""
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(open(os.devnull, "w")))  # noqa: SIM115 -- open until the process ends
    sys.exit(asyncio.run(_tour()))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the demo's Exeat is."""

    proxy_port: int
    directory: Path

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.directory / "certs" / "bundle.pem"))


@contextlib.asynccontextmanager
async def _place(directory: Path) -> AsyncIterator[_Place]:
    """Exeat with embedded stores, and behind it the stand-in, under the providers' own names."""
    from proxy.demo.authority import server_context
    from proxy.demo.standin import Standin
    from proxy.runtime import running

    provider = Standin()
    provider.says(output_tokens=120, words=24)
    hosts = ("api.openai.com", "api.anthropic.com")
    await provider.start(server_context(directory / "provider-ca.pem", hosts))
    (directory / "policy.yaml").write_text(_POLICY)
    settings = Settings(
        proxy=Listen(port=0),
        console=ConsoleListen(port=0),
        state_dir=directory / "state",
        certs_dir=directory / "certs",
        policies=(directory / "policy.yaml",),
        upstream_ca_file=directory / "provider-ca.pem",
        hosts={f"{host}:443": f"127.0.0.1:{provider.port}" for host in hosts},
    )
    try:
        async with running(settings, grace_s=2) as here:
            yield _Place(here.proxy_port, directory)
    finally:
        await provider.stop()


async def _tour() -> int:
    from proxy.ledger.reader import SqliteReader
    from proxy.ledger.verify import verify

    terminal = Terminal(highlight=False)
    with tempfile.TemporaryDirectory(prefix="exeat-demo-") as name:
        directory = Path(name)
        async with _place(directory) as place, aiohttp.ClientSession() as session:
            steps = await _calls(terminal, place, session)
        ledger = directory / "state" / "ledger.sqlite"
        terminal.rule("What it cost, by agent, session and model")
        reader = SqliteReader(ledger)
        try:
            terminal.print(_costs(reader.costs(("agent", "session", "model"))))
        finally:
            reader.close()
        terminal.rule("Is the ledger whole?")
        report = verify(ledger)
        terminal.print(report.summary)
        if report.exit_code not in (0, 3) or not steps:
            terminal.print("[bold red]The demo did not go as it should.[/]")
            return 1
    terminal.print(
        "\n[bold]That was the gate.[/] Start your own with [cyan]exeat up[/], then point an agent at "
        'it: [cyan]eval "$(exeat env --org acme --agent coder --session s1)"[/]'
    )
    return 0


async def _calls(terminal: Terminal, place: _Place, session: aiohttp.ClientSession) -> bool:
    """Every kind of call; True when each ended as it should."""
    base = f"http://127.0.0.1:{place.proxy_port}"
    proxy = f"http://acme%2Fcoder:demo-1@127.0.0.1:{place.proxy_port}"
    who = {"x-org-id": "acme", "x-agent-id": "reviewer", "x-session-id": "demo-2"}
    chat = {"model": "gpt-4o-mini", "max_tokens": 200, "messages": _QUESTION}
    claude = {"model": "claude-sonnet-4-5", "max_tokens": 300, "messages": _QUESTION}
    greedy = claude | {"max_tokens": 60_000}
    ends: list[bool] = []

    async def show(title: str, door: str, expected: int, url: str, body: Any, **how: Any) -> None:
        method = "POST" if body is not None else "GET"
        async with session.request(method, url, json=body, **how) as answer:
            text = (await answer.read()).decode()
        ends.append(answer.status == expected)
        mark = "[green]✓[/]" if answer.status == expected else "[red]✗[/]"
        terminal.print(f"{mark} [bold]{title}[/]  [dim]{door}[/]")
        terminal.print(f"   HTTP {answer.status}  {_gist(text)}", markup=False)

    through = {"proxy": proxy, "ssl": place.trust}
    terminal.rule("Calls through Exeat")
    await show("an allowed call", "HTTPS_PROXY, intercepted", 200,
               "https://api.openai.com/v1/chat/completions", chat, **through)  # fmt: skip
    await show("a streamed call", "HTTPS_PROXY, intercepted", 200,
               "https://api.anthropic.com/v1/messages", claude | {"stream": True}, **through)  # fmt: skip
    await show("an allowed call", "base URL, identity in headers", 200,
               f"{base}/openai/v1/chat/completions", chat, headers=who)  # fmt: skip
    await show("nobody says who asks", "base URL", 403,
               f"{base}/openai/v1/chat/completions", chat)  # fmt: skip
    await show("a host that is not on the list", "HTTPS_PROXY, intercepted", 403,
               "https://paste.example/upload", None, **through)  # fmt: skip
    await show("more than the budget, stopped before it left", "HTTPS_PROXY, intercepted", 402,
               "https://api.anthropic.com/v1/messages", greedy, **through)  # fmt: skip
    await show("what may I still spend?", "exeat.internal", 200,
               "http://exeat.internal/v1/budget", None, proxy=proxy)  # fmt: skip
    return all(ends)


def _gist(text: str) -> str:
    """What a person would want to see of an answer, in one line."""
    if text.startswith(("event:", "data:")):
        return f"{text.count('data:')} events, streamed"
    try:
        answer = json.loads(text)
    except ValueError:
        return text[:100]
    if isinstance(answer.get("error"), dict):
        return str(answer["error"]["message"])
    if "detail" in answer:
        return str(answer["detail"])
    if "budgets" in answer:
        rows = answer["budgets"]
        return ", ".join(f"{row['budget']}: {row.get('remaining_usd')} left" for row in rows)
    if "choices" in answer:
        return str(answer["choices"][0]["message"]["content"])
    return text[:100]


def _costs(rows: Any) -> Table:
    table = Table("agent", "session", "model", box=None, pad_edge=False)
    for title in ("calls", "input", "output", "cost"):
        table.add_column(title, justify="right")
    for row in rows:
        numbers = (row.calls, row.input_tokens, row.output_tokens, format_usd(row.nanousd))
        table.add_row(*(value or "-" for value in row.group), *map(str, numbers))
    return table

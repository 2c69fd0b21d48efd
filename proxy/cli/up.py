"""exeat up: one process with engine, console, counters and ledger."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
from rich.console import Console as Terminal

from proxy.config import Settings, load_settings

if TYPE_CHECKING:
    from proxy.runtime import Running


def up(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Settings file; default exeat.toml.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port that agents use; 0 takes a free one.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address that agents use.")] = None,
    console_port: Annotated[int | None, typer.Option(help="Port of the console's API.")] = None,
    policy: Annotated[
        list[Path] | None, typer.Option("--policy", "-p", help="Policy file; may be repeated.")
    ] = None,
    redis: Annotated[
        str | None, typer.Option(help="Count budgets in Redis, e.g. redis://127.0.0.1:6379/0.")
    ] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Where the ledger is kept.")] = None,
    certs_dir: Annotated[Path | None, typer.Option(help="Where the CA is kept.")] = None,
    mitmweb: Annotated[
        bool, typer.Option("--mitmweb", help="Open mitmproxy's viewer: it shows bodies.")
    ] = False,
) -> None:
    """Start Exeat and stay until stopped. A stop settles what is in flight."""
    settings = load_settings(
        config,
        policies=tuple(policy) if policy else None,
        state_dir=state_dir,
        certs_dir=certs_dir,
        raw_view=True if mitmweb else None,
    )
    settings = _with_flags(settings, host, port, console_port, redis)
    _log_to_stderr(settings.log_format)
    sys.exit(asyncio.run(_serve(settings)))


def _with_flags(
    settings: Settings,
    host: str | None,
    port: int | None,
    console_port: int | None,
    redis: str | None,
) -> Settings:
    """Flags reach into sections one field at a time."""
    from pydantic import SecretStr

    given = {"host": host, "port": port}
    proxy = settings.proxy.model_copy(update={k: v for k, v in given.items() if v is not None})
    console = settings.console
    if console_port is not None:
        console = console.model_copy(update={"port": console_port})
    counters = settings.counters
    if redis is not None:
        counters = counters.model_copy(update={"redis_url": SecretStr(redis)})
    return settings.model_copy(update={"proxy": proxy, "console": console, "counters": counters})


def _log_to_stderr(log_format: str) -> None:
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


async def _serve(settings: Settings) -> int:
    from proxy.budgets import CountersUnavailable
    from proxy.database import DatabaseUnavailable
    from proxy.ledger.store import LedgerError
    from proxy.runtime import running

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        async with running(settings) as here:
            _announce(settings, here)
            await stopping.wait()
    except (OSError, LedgerError, DatabaseUnavailable, CountersUnavailable, ValueError) as error:
        sys.stderr.write(f"exeat cannot start: {error}\n")
        return 2
    return 0


def _announce(settings: Settings, here: "Running") -> None:
    terminal = Terminal(stderr=True, highlight=False)
    terminal.print(f"[bold]exeat[/] listens on http://{settings.proxy.host}:{here.proxy_port}")
    scheme = "https" if settings.console.tls_cert else "http"
    terminal.print(f"  console   {scheme}://{settings.console.host}:{here.console_port}/")
    if here.first_token:
        # Not by `terminal`: it would break the line where the terminal ends.
        sys.stderr.write(f"            the admin's token, shown this once: {here.first_token}\n")
    terminal.print(f"  ledger    {settings.ledger_path}")
    terminal.print('  an agent  eval "$(exeat env --org ORG --agent AGENT --session SESSION)"')
    if settings.raw_view:
        terminal.print("[bold red]the raw view is open: it shows requests and answers whole[/]")
    if here.policies.problem:
        terminal.print("[bold red]no policy is in force: everything is refused[/]")
        terminal.print(here.policies.problem, markup=False)

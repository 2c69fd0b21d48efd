"""exeat hook …: put Exeat before the tools that an agent runs on its own machine."""

import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from proxy.hook import run
from proxy.hooks.settings import SettingsError, command, with_hooks, without_hooks

app = typer.Typer(help="Decide an agent's local tools.", no_args_is_help=True)

Grants = Annotated[
    bool, typer.Option("--grant", help="What is allowed needs no prompt of Claude Code's own.")
]
Asks = Annotated[
    bool, typer.Option("--ask", help="What waits for approval is asked at the terminal.")
]


@app.callback()
def hook() -> None:
    """Decide an agent's local tools."""


@app.command("claude-code")
def claude_code(grant: Grants = False, ask: Asks = False) -> None:
    """Answer one event of Claude Code, from stdin. Claude Code runs this; see `exeat hook install`."""
    said = run(sys.stdin.buffer, grants=grant, asks=ask)
    sys.stdout.write(said.out)
    sys.stderr.write(said.error)
    raise typer.Exit(said.code)


@app.command()
def install(
    settings: Annotated[
        Path | None, typer.Option(help="Claude Code's settings; else ~/.claude/settings.json.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the hooks out again.")] = False,
    grant: Grants = False,
    ask: Asks = False,
) -> None:
    """Write the hooks into Claude Code's settings, or take them out. All else there stays."""
    path = (settings or Path.home() / ".claude" / "settings.json").resolve()
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        flags = [flag for flag, is_set in (("--grant", grant), ("--ask", ask)) if is_set]
        after = (
            without_hooks(before) if remove else with_hooks(before, command(_executable(), *flags))
        )
    except (SettingsError, UnicodeDecodeError) as error:
        typer.echo(f"{path}: {error}", err=True)
        raise typer.Exit(1) from None
    if after == before or (remove and not before):
        typer.echo(f"{path}: nothing to change")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if before:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        kept = path.with_name(f"{path.name}.{stamp}.bak")
        shutil.copy2(path, kept)
        typer.echo(f"{kept}: as it was")
    _replace(path, after)
    typer.echo(f"{path}: {'hooks taken out' if remove else 'hooks written'}")


def _executable() -> str:
    """Ours by its full path: a hook's PATH is its agent's."""
    beside = Path(sys.executable).with_name("exeat")
    return str(beside) if beside.exists() else shutil.which("exeat") or "exeat"


def _replace(path: Path, text: str) -> None:
    """Whole or not at all: half a settings file is one without hooks."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

"""exeat console: tokens for the console and its API, made by whoever can write the state folder."""

import asyncio
import contextlib
import os
import pwd
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from proxy.cli.rows import AsFormat, Format, Row, stop, write_rows
from proxy.config import load_settings
from proxy.console.access import Access, AccessError
from proxy.console.access.access import FILE
from proxy.console.access.tokens import Token
from proxy.database import DatabaseUnavailable

app = typer.Typer(help="Who may look at the console: tokens.", no_args_is_help=True)

StateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Default: the settings' own.", metavar="PATH")
]
LISTED = ("name", "role", "state", "made", "expires", "id")


class TokenRole(StrEnum):
    metrics = "metrics"
    viewer = "viewer"
    approver = "approver"
    admin = "admin"


@app.command()
def token(
    name: Annotated[str, typer.Option(help="Whose it is; stands in records of what they do.")],
    role: Annotated[TokenRole, typer.Option(help="What they may do.")] = TokenRole.viewer,
    expires: Annotated[str, typer.Option(help="30d, 12h, a date, or never.")] = "30d",
    state_dir: StateDir = None,
) -> None:
    """Make a token and print it. It is kept nowhere: print it again is what nobody can."""
    folder = state_dir or load_settings().state_dir
    with _access(folder, make=True) as access:
        made = access.make(name, role.value, expires, by=_me(), now_ms=_now_ms())
        kept, secret = asyncio.run(made)
    typer.echo(f"{kept.role} {kept.name}, expires {_date(kept.expires_ms)}", err=True)
    typer.echo(secret)


@app.command()
def tokens(form: AsFormat = Format.table, state_dir: StateDir = None) -> None:
    """Every token that was ever made, without its secret."""
    with _access(state_dir or load_settings().state_dir) as access:
        found = asyncio.run(access.tokens())
    now_ms = _now_ms()
    write_rows([_row(each, now_ms) for each in found], LISTED, form)


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(help="The token's name or id.", metavar="NAME|ID")],
    state_dir: StateDir = None,
) -> None:
    """Take a token back: from now on it opens nothing."""
    with _access(state_dir or load_settings().state_dir) as access:
        gone = asyncio.run(access.revoke(which, by=_me(), now_ms=_now_ms()))
    typer.echo(f"revoked: {gone.role} {gone.name} ({gone.id})")


@contextlib.contextmanager
def _access(folder: Path, *, make: bool = False) -> Iterator[Access]:
    """What goes wrong ends the command with its next step."""
    if make:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif not (folder / FILE).is_file():
        stop(f"{folder / FILE}: no tokens are here; start exeat, or name a folder with --state-dir")
    access = None
    try:
        access = Access(folder)
        yield access
    except (AccessError, DatabaseUnavailable, OSError) as error:
        stop(str(error))
    finally:
        if access is not None:
            access.close()


def _me() -> str:
    """Whoever runs this on the machine; `command:` tells them from a viewer of that name."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # A container's user may have no name.
        name = str(os.getuid())
    return f"command:{name}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _row(token: Token, now_ms: int) -> Row:
    return {
        "name": token.name,
        "role": token.role,
        "state": token.state(now_ms),
        "made": _date(token.made_ms),
        "expires": _date(token.expires_ms),
        "id": token.id,
    }


def _date(ms: int | None) -> str:
    if ms is None:
        return "never"
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")

"""A ledger's file, for the commands that read it while Exeat runs or not."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from proxy.cli.rows import stop
from proxy.config import load_settings
from proxy.ledger.moments import moment_ms
from proxy.ledger.opening import check_schema
from proxy.ledger.reader import SqliteReader
from proxy.ledger.store import LedgerCorrupt
from proxy.ledger.verify import read_mode

LedgerPath = Annotated[
    Path | None,
    typer.Option("--ledger", help="The ledger's file; default: the settings' own.", metavar="PATH"),
]


def ledger_path(named: Path | None) -> Path:
    """The file named on the command line, or the one that `exeat up` would use here."""
    return named or load_settings().ledger_path


Since = Annotated[str | None, typer.Option(help="From: 1h, 7d, 2026-11-21, or a full time (UTC).")]
Until = Annotated[str | None, typer.Option(help="Before: as --since.")]


@contextmanager
def opened(path: Path) -> Iterator[SqliteReader]:
    """A reader of the ledger at `path`; what goes wrong ends the command with its next step."""
    if not path.is_file():
        stop(f"{path}: no ledger is here; start exeat, or name one with --ledger")
    reader = None
    try:
        mode = read_mode(path)
        check_schema(path, mode)
        reader = SqliteReader(path, mode=mode)
        yield reader
    except LedgerCorrupt as error:
        stop(str(error))
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        cause = getattr(error, "orig", None) or error
        stop(f"{path}: cannot be read ({cause}); run exeat audit verify --ledger {path}")
    finally:
        if reader is not None:
            reader.close()


def moment(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return moment_ms(text, time.time_ns() // 1_000_000)
    except ValueError as error:
        stop(f"{option} {error}")

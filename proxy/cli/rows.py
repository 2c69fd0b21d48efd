"""Rows of a ledger command on the terminal: as a table, JSON, CSV or JSON lines; and its errors."""

import json
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from proxy.config import load_settings
from proxy.csv_rows import Row as Row
from proxy.csv_rows import csv_rows, csv_titles
from proxy.ledger.moments import moment_ms
from proxy.ledger.opening import check_schema
from proxy.ledger.reader import SqliteReader
from proxy.ledger.store import LedgerCorrupt
from proxy.ledger.verify import read_mode

PIPED_WIDTH = 200
"""Columns of a table that goes to a file or a pipe, which has no width of its own."""


class Format(StrEnum):
    table = "table"
    json = "json"
    csv = "csv"
    jsonl = "jsonl"


LedgerPath = Annotated[
    Path | None,
    typer.Option("--ledger", help="The ledger's file; default: the settings' own.", metavar="PATH"),
]


def ledger_path(named: Path | None) -> Path:
    """The file named on the command line, or the one that `exeat up` would use here."""
    return named or load_settings().ledger_path


AsFormat = Annotated[Format, typer.Option("--format", help="How to print.")]
Since = Annotated[str | None, typer.Option(help="From: 1h, 7d, 2026-11-21, or a full time (UTC).")]
Until = Annotated[str | None, typer.Option(help="Before: as --since.")]


def write_rows(
    rows: Sequence[Row], columns: Sequence[str], form: Format, *, right: Sequence[str] = ()
) -> None:
    """`right` names the columns a table aligns to the right."""
    match form:
        case Format.table:
            _table(rows, columns, right)
        case Format.json:
            _line(json.dumps([dict(row) for row in rows], ensure_ascii=False, indent=2))
        case Format.jsonl:
            for row in rows:
                _line(json.dumps(dict(row), ensure_ascii=False))
        case Format.csv:
            sys.stdout.write(csv_titles(columns) + csv_rows(columns, rows))


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


def stop(message: str, code: int = 2) -> NoReturn:
    typer.echo(f"exeat: {message}", err=True)
    raise typer.Exit(code)


def printable(text: str) -> str:
    """A model or a host is the caller's text: no escape in it may reach the terminal."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _line(text: str) -> None:
    # A lone surrogate cannot be filed, so this is always encodable; escapes stay escapes.
    typer.echo(text)


def _table(rows: Sequence[Row], columns: Sequence[str], right: Sequence[str]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH)
    table = Table(*(), box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_text(row.get(name)) for name in columns))
    console.print(table)


def _text(value: str | int | bool | None) -> Text:
    return Text("" if value is None else printable(str(value)))

"""Rows of a command on the terminal: as a table, JSON, CSV or JSON lines; and its errors."""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proxy.csv_rows import Row as Row
from proxy.csv_rows import csv_rows, csv_titles

PIPED_WIDTH = 200
"""Columns of a table that goes to a file or a pipe, which has no width of its own."""


class Format(StrEnum):
    table = "table"
    json = "json"
    csv = "csv"
    jsonl = "jsonl"


AsFormat = Annotated[Format, typer.Option("--format", help="How to print.")]


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

"""Rows as comma-separated values that a spreadsheet may open: no text of a caller's is a formula (pure)."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

type Cell = str | int | bool | None
type Row = Mapping[str, Cell]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_rows(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """A line for each row, ended by a line feed; a column that a row lacks is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def csv_titles(columns: Sequence[str]) -> str:
    """The first line."""
    return csv_rows(columns, [dict(zip(columns, columns, strict=True))])


def _cell(value: Cell) -> Cell:
    """As text where a spreadsheet would compute it (OWASP, CSV injection)."""
    is_formula = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if is_formula else value

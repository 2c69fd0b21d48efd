"""Rows as comma-separated values that a spreadsheet may open: no text of a caller's is a formula (pure)."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from unicodedata import category, normalize

type Cell = str | int | bool | None
type Row = Mapping[str, Cell]

_BEGINS_ONE = frozenset("=+-@\N{MINUS SIGN}")
"""What a formula begins with, in any of its widths."""
_SPLITS = ("\t", "\r", "\n")
_UNSEEN = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))
"""Categories of what a spreadsheet may pass over before a formula: controls, blanks, marks."""


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
    """As text where a spreadsheet may compute it (OWASP, CSV injection); a number is no text."""
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def _is_formula(text: str) -> bool:
    if text.startswith(_SPLITS):
        return True
    first = next((each for each in text if category(each) not in _UNSEEN), "")
    return normalize("NFKC", first) in _BEGINS_ONE

"""The corridor's table stands in the code's docstring and in the README; tests/test_architecture.py holds
it against the code."""

from itertools import takewhile

import addons
from tests.docs.pages import ROOT


def rows(text: str) -> list[str]:
    """The corridor's table as it is written."""
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index("| | addon | asks |")
    return list(takewhile(lambda line: line.startswith("|"), lines[start:]))


def test_the_readme_shows_the_same_table_as_the_code() -> None:
    assert rows((ROOT / "README.md").read_text("utf-8")) == rows(addons.__doc__ or "")

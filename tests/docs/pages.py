"""The pages under test: their fenced blocks, their tables, and what they cite."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")),
        ROOT / "policies" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    """A page as it is spoken of."""
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of one language, in order."""
    return [text for word, text in _FENCE.findall(page.read_text("utf-8")) if word == language]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def table(text: str, first: str) -> list[Sequence[str]]:
    """Rows, without head and rule, of the table whose first column is titled `first`."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("|") and _cells(line)[0] == first:
            next(lines)
            return list(_rows(lines))
    raise AssertionError(f"no table begins with {first!r}")


def _rows(lines: Iterator[str]) -> Iterator[Sequence[str]]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield _cells(line)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]

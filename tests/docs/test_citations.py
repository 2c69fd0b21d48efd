"""What a page points at is there: tests, files, functions, other pages."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, name_of, prose

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_FILE = re.compile(r"`((?:proxy|addons|tests|policies|benchmarks|docs)/[\w./-]+)`")
_FUNCTION = re.compile(r"`((?:proxy|addons)/[\w/]+\.py): ([\w.]+)(?:\(\))?`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")

PAGE = pytest.mark.parametrize("page", PAGES, ids=name_of)


@cache
def names_in(path: Path) -> frozenset[str]:
    """Functions, classes, methods (`Class.method`) and constants of a file."""
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (ast.FunctionDef, ast.AsyncFunctionDef)
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, inner)}
    return frozenset(found)


@PAGE
def test_every_cited_test_exists(page: Path) -> None:
    for file, name in _TEST.findall(page.read_text("utf-8")):
        assert (ROOT / file).is_file(), file
        methods = {known.rpartition(".")[2] for known in names_in(ROOT / file)}
        assert name in methods, f"{file}::{name}"


@PAGE
def test_every_file_that_is_named_exists(page: Path) -> None:
    for file in _FILE.findall(prose(page)):
        assert (ROOT / file).exists(), file


@PAGE
def test_every_function_that_is_named_exists(page: Path) -> None:
    for file, name in _FUNCTION.findall(prose(page)):
        assert name in names_in(ROOT / file), f"{file}: {name}"


@PAGE
def test_every_relative_link_resolves(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def anchors(page: Path) -> set[str]:
    """Heading anchors as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


def test_every_folder_of_the_house_stands_in_the_code_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for path in sorted((ROOT / "proxy").iterdir()):
        if path.is_dir() and path.name != "__pycache__":
            assert f"| `proxy/{path.name}/` |" in text
        elif path.suffix == ".py" and path.name != "__init__.py":
            assert f"| `proxy/{path.name}` |" in text


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(_LINK.findall((folder / "README.md").read_text("utf-8")))
    assert listed == {path.name for path in folder.glob("0*.md")}


@PAGE
def test_no_page_holds_a_path_of_somebodys_machine_or_an_emoji(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not re.search(r"(?<![\w.])/(work|home|Users|root|tmp)/", text)
    assert not re.search("[\U0001f300-\U0001faff\u2600-\u27bf]", text)

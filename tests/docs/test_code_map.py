"""Who imports which driver: the last column of the code map in ARCHITECTURE.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


FILES = [path for top in ("proxy", "addons") for path in (ROOT / top).rglob("*.py")]
IMPORTS = {str(path.relative_to(ROOT)): frozenset(imports(path)) for path in FILES}


@pytest.mark.parametrize(
    ("driver", "where"),
    [
        ("mitmproxy", ("addons/", "proxy/engine/")),
        (
            "aiohttp",
            (
                *("proxy/console/", "proxy/demo/", "proxy/inside/", "proxy/cli/demo.py"),
                *("proxy/serving.py", "proxy/delegate/attempts.py", "proxy/approvals/notify.py"),
            ),
        ),
        ("aiosmtplib", ("proxy/approvals/notify.py",)),
        ("standardwebhooks", ("proxy/approvals/notify.py",)),
        ("redis", ("proxy/budgets/redis", "proxy/redis.py")),
        ("sqlite3", ("proxy/ledger/", "proxy/cli/reading.py", "proxy/database.py")),
        ("mcp", ("proxy/inside/",)),
        ("anyio", ("proxy/inside/mcp_server.py",)),
        ("pydantic_settings", ("proxy/config.py",)),
        ("genai_prices", ("proxy/pricing/",)),
        ("tiktoken", ("proxy/pricing/",)),
        ("prometheus_client", ("proxy/metrics/",)),
        ("tree_sitter", ("proxy/actions/",)),
        ("tree_sitter_bash", ("proxy/actions/",)),
        ("tree_sitter_powershell", ("proxy/actions/",)),
        ("sqlglot", ("proxy/actions/",)),
        ("jinja2", ("proxy/console/templates.py",)),
    ],
)
def test_a_driver_is_imported_only_where_the_map_says(driver: str, where: tuple[str, ...]) -> None:
    users = {
        file
        for file, modules in IMPORTS.items()
        if any(module.partition(".")[0] == driver for module in modules)
    }
    assert users
    assert not {file for file in users if not file.startswith(where)}


def test_no_addon_imports_another() -> None:
    for file, modules in IMPORTS.items():
        if file.startswith("addons/") and file != "addons/__init__.py":
            assert not {module for module in modules if module.startswith("addons")}, file


@pytest.mark.parametrize("file", ["proxy/slip.py", "proxy/refusals.py", "proxy/money.py"])
def test_the_pure_files_import_nothing_but_the_standard_library(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    for node in tree.body:  # Types that only a checker reads stand deeper.
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.module.partition(".")[0] not in ("proxy", "addons", "mitmproxy")


def test_only_the_settings_read_the_environment() -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in FILES
        if "os.environ" in path.read_text("utf-8") or "os.getenv" in path.read_text("utf-8")
    }
    assert users == {"proxy/config.py"}

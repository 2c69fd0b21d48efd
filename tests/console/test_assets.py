"""Stylesheets, scripts and icons: named by what is in them, kept for ever, open to anyone."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from proxy.console.assets import ASSETS, FOLDER, Assets

SCRIPTS = sorted(FOLDER.glob("*.js"))
LINES_MAX = 150


async def test_an_asset_is_kept_for_ever_under_its_own_name(desk) -> None:
    answer = await desk.get(ASSETS.url("tokens.css"), authorization="")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.body == (FOLDER / "tokens.css").read_bytes()


async def test_what_is_known_is_not_sent_again(desk) -> None:
    tag = (await desk.get(ASSETS.url("main.js"))).headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag), "a strong one"
    url = f"http://127.0.0.1:{desk.port}{ASSETS.url('main.js')}"
    async with desk.session.get(url, headers={"if-none-match": tag}) as again:
        assert (again.status, await again.read()) == (304, b"")


async def test_under_another_versions_name_it_is_asked_about_again(desk) -> None:
    answer = await desk.get("/static/0000/main.js")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["none.css", "..%2fserver.py", "%2e%2e/server.py", "__init__.py"])
async def test_nothing_else_is_served(desk, name: str) -> None:
    assert (await desk.get(f"/static/{ASSETS.version}/{name}")).status == 404


def test_another_content_is_another_name(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "static")
    before = Assets(tmp_path / "static")
    (tmp_path / "static" / "base.css").write_text("p { margin: 1px; }")
    assert Assets(tmp_path / "static").version != before.version
    with pytest.raises(KeyError):
        before.url("none.css")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_small_checked_and_loads_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("// @ts-check\n")
    assert len(text.splitlines()) < LINES_MAX
    assert "http" not in text
    imported = re.findall(r'from "\./(\w+\.js)"', text)
    assert text.count("import {") == len(imported)
    assert all((FOLDER / name).exists() for name in imported)


@pytest.mark.skipif(shutil.which("node") is None, reason="only node knows whether it is JavaScript")
def test_scripts_are_javascript() -> None:
    for path in SCRIPTS:
        subprocess.run(["node", "--check", path], check=True, capture_output=True)


def test_no_stylesheet_loads_anything() -> None:
    for path in FOLDER.glob("*.css"):
        text = path.read_text("utf-8")
        assert "@import" not in text
        assert "url(" not in text

"""What the pages tell a reader to type is typed here."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from proxy.cli import app
from proxy.config import load_settings
from tests.docs.pages import PAGES, ROOT, blocks, name_of

COMMANDS = [
    pytest.param(line, id=f"{name_of(page)}: {line}")
    for page in PAGES
    for block in blocks(page, "sh")
    for line in block.splitlines()
    if line.strip()
]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_in_a_sh_block_does_what_it_is_shown_for(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    program, *arguments = shlex.split(line)
    assert program == "exeat"
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert result.output.strip()


def test_the_two_commands_of_the_readme_come_first_and_exist() -> None:
    first = blocks(ROOT / "README.md", "")[0]
    targets = [line.split("#")[0].split() for line in first.splitlines()]
    assert targets == [["make", "demo"], ["make", "test"]]
    for target in targets:
        done = subprocess.run(
            [target[0], "-n", target[1]], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z-]+)`", page.read_text("utf-8")))
        assert named <= known, name_of(page)


def test_the_readmes_settings_file_loads(tmp_path: Path) -> None:
    (block,) = blocks(ROOT / "README.md", "toml")
    (tmp_path / "exeat.toml").write_text(block)
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('openai = "sk-1"\nanthropic = "sk-2"\n')
    secrets.chmod(0o600)
    settings = load_settings(tmp_path / "exeat.toml")
    assert settings.policies == (tmp_path / "team.yaml",)
    assert sorted(settings.credentials) == ["anthropic", "openai"]


@pytest.mark.parametrize("page", ["README.md", "docs/console.md"])
def test_every_path_of_the_api_that_a_page_names_exists(page: str) -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "proxy/console/api").glob("*.py")]
    known = set(re.findall(r'"(/api/[^"{?]+[a-z])[/"]', "".join(sources)))
    named = re.findall(r"`(?:[A-Z]+ )?(/api/[^`{?]*[a-z])[`/?]", (ROOT / page).read_text("utf-8"))
    assert named
    assert set(named) <= known

"""exeat hook install: the settings file is changed whole, kept beside itself, and changed back."""

import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from proxy.cli import app
from tests.hooks.events import event

BEFORE = '{"model": "opus", "hooks": {}}\n'


def install(path: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["hook", "install", "--settings", str(path), *more])


def test_the_hooks_are_written_where_there_was_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".claude" / "settings.json"
    assert install(path).exit_code == 0
    entry = json.loads(path.read_text())["hooks"]["PreToolUse"][0]["hooks"][0]
    program = entry["command"].split(" hook claude-code")[0]
    assert Path(program).is_absolute()
    assert Path(program).exists()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_there_is_kept_beside_it_and_nothing_else_changes(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(BEFORE)
    path.chmod(0o644)
    install(path)
    (kept,) = tmp_path.glob("settings.json.*.bak")
    assert kept.read_text() == BEFORE
    assert path.stat().st_mode & 0o777 == 0o644
    assert json.loads(path.read_text())["model"] == "opus"

    again = install(path)
    assert "nothing to change" in again.output
    assert len(list(tmp_path.iterdir())) == 2, "no second copy, and nothing half written"


def test_removal_takes_out_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(BEFORE)
    install(path, "--grant", "--ask")
    assert "--grant --ask || exit 2" in path.read_text()
    assert install(path, "--remove").exit_code == 0
    assert json.loads(path.read_text()) == {"model": "opus"}
    missing = tmp_path / "none.json"
    assert "nothing to change" in install(missing, "--remove").output
    assert not missing.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"disableAllHooks": true}'])
def test_a_file_that_cannot_hold_them_is_not_touched(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    done = install(path)
    assert done.exit_code == 1
    assert path.read_text() == text
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_to_a_settings_file_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "settings.json"
    real.write_text(BEFORE)
    link.symlink_to(real)
    install(link)
    assert link.is_symlink()
    assert "PreToolUse" in real.read_text()


def test_the_slow_way_to_the_hook_answers_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    done = CliRunner().invoke(app, ["hook", "claude-code"], input=io.BytesIO(event()).read())
    assert done.exit_code == 0
    assert json.loads(done.output)["hookSpecificOutput"]["permissionDecision"] == "deny"

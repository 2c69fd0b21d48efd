"""docs/operating.md names every setting with its default, and every code of a refusal."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from proxy import shapes
from proxy.config import Settings, load_settings
from proxy.refusals import KINDS, Code, Refusal
from tests.docs.pages import ROOT, table

PAGE = (ROOT / "docs" / "operating.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def no_settings_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the developer's environment nor their exeat.toml."""
    for name in [name for name in os.environ if name.startswith("EXEAT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def settings(model: BaseModel, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str]]:
    """Setting, variable and default of every field, sections opened."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        path = (*prefix, name)
        if isinstance(value, BaseModel):
            yield from settings(value, path)
        else:
            yield ".".join(path), "EXEAT_" + "__".join(path).upper(), written(value)


def written(value: Any) -> str:
    """A default as the page writes it."""
    if value is None or value in ({}, ()):
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={text}" for name, text in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def test_every_setting_stands_in_the_table_with_its_variable_and_its_default() -> None:
    told = [tuple(cell.strip("`") for cell in row[:3]) for row in table(PAGE, "setting")]
    assert told == list(settings(load_settings()))


def test_every_row_of_the_table_says_what_the_setting_means() -> None:
    assert all(len(row[3]) > 10 for row in table(PAGE, "setting"))


def test_the_variables_of_the_table_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, variable, default in settings(Settings()):
        if default.isdigit():
            monkeypatch.setenv(variable, str(int(default) + 1))
            value: Any = load_settings()
            for part in name.split("."):
                value = getattr(value, part)
            assert value == int(default) + 1, name


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("polices = []\n", "exeat.toml:1: polices: there is no such setting"),
        ("\n[limits]\nbody_bytes_max = 1\n", "exeat.toml:3: limits.body_bytes_max:"),
    ],
)
def test_an_error_names_file_line_and_field(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "exeat.toml").write_text(text)
    with pytest.raises(ValueError, match=re.escape(where)):
        load_settings()


def test_every_code_stands_in_the_table_once_and_in_order() -> None:
    told = [row[0].strip("`") for row in table(PAGE, "code")]
    assert told == [code.value for code in Code]


def test_the_table_gives_every_code_its_kind_and_its_status() -> None:
    for row in table(PAGE, "code"):
        kind, _, status = row[1].partition(", ")
        code = Code(row[0].strip("`"))
        assert kind == KINDS[code]
        answer = shapes.answer(Refusal(code, "no"), wire="http", user_agent="", record="1")
        if status:
            assert answer.status == int(status), code
        else:
            assert kind in ("policy", "budget"), "only these differ between clients"


@pytest.mark.parametrize(
    ("code", "wire", "user_agent", "status"),
    [
        (Code.HOST_NOT_ALLOWED, "http", "", 403),
        (Code.HOST_NOT_ALLOWED, "openai.responses", "", 400),
        (Code.HOST_NOT_ALLOWED, "openai.chat", "codex_exec/1", 400),
        (Code.HOST_NOT_ALLOWED, "anthropic.messages", "claude-cli/2", 451),
        (Code.HOST_NOT_ALLOWED, "anthropic.messages", "", 403),
        (Code.BUDGET_EXCEEDED, "openai.chat", "", 429),
        (Code.BUDGET_EXCEEDED, "anthropic.messages", "", 402),
        (Code.BUDGET_EXCEEDED, "http", "", 403),
    ],
)
def test_the_status_of_a_kind_is_as_the_page_says(
    code: Code, wire: str, user_agent: str, status: int
) -> None:
    answer = shapes.answer(Refusal(code, "no"), wire=wire, user_agent=user_agent, record="1")
    assert answer.status == status
    assert ("x-should-retry", "false") in answer.headers


def test_every_code_is_said_somewhere() -> None:
    sources = [
        path.read_text("utf-8")
        for folder in ("addons", "proxy")
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in ("refusals.py", "shapes.py")
    ]
    unsaid = {code for code in Code if not any(f"Code.{code.name}" in text for text in sources)}
    assert unsaid == set()

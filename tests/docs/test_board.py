"""docs/board.md: what it tells a reader to type works, and its tables are the code's."""

import asyncio
import sys
from pathlib import Path
from typing import get_args

import pytest

from proxy.board import message, message_steps, task_steps
from proxy.board.acts import LEASE_S, LEASE_S_MAX
from proxy.board.states import A2A, MCP, STATES
from proxy.board.witness import Reason
from proxy.config import load_settings
from proxy.inside.tasks import ACTS
from proxy.inside.tool_table import TOOLS
from tests.docs.pages import ROOT, blocks, table
from tests.house import house

PAGE = ROOT / "docs" / "board.md"
TEXT = PAGE.read_text("utf-8")


def first(column: str) -> list[str]:
    """The first column of the table that begins with this word."""
    return [row[0].strip("`") for row in table(TEXT, column)]


@pytest.mark.parametrize("number", range(len(blocks(PAGE, "python"))))
async def test_what_a_reader_is_shown_works_as_it_stands(tmp_path: Path, number: int) -> None:
    async with house(tmp_path) as built:
        at = f"127.0.0.1:{built.proxy_port}"
        source = blocks(PAGE, "python")[number].replace("127.0.0.1:8080", at)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", source, stderr=asyncio.subprocess.PIPE
        )
        _, told = await process.communicate()
        assert process.returncode == 0, told.decode()
        tasks = (await built.api("/api/tasks"))["tasks"]
    assert "completed" in {each["state"] for each in tasks}


def test_the_states_are_told_with_their_other_names() -> None:
    rows = [[cell.strip("`") for cell in row] for row in table(TEXT, "state")]
    assert [(row[0], row[2], row[3]) for row in rows] == [
        (state, A2A[state], MCP[state]) for state in STATES
    ]


def test_every_act_tool_and_reason_has_its_row_in_order() -> None:
    assert first("act") == [act.__name__.lower() for act in ACTS]
    assert first("tool") == [tool.name for tool in TOOLS]
    assert first("reason") == list(get_args(Reason))


@pytest.mark.parametrize(
    "told",
    [
        f"{LEASE_S} unless said, at most {LEASE_S_MAX}",
        f"{message_steps.INBOX_MAX} messages wait at one address, {message_steps.FROM_ONE_MAX} of",
        f"{message.KEPT_S // 86_400} days unless said, at most {message.KEPT_S_MAX // 86_400}",
        f"forgotten after {task_steps.KEPT_MS // 86_400_000} days",
        f"more than {task_steps.TASKS_MAX:,} tasks",
        f"if it has {task_steps.SHARE_MAX:,} or more",
        f"At most {task_steps.SHARE_MAX:,} tasks are kept because of one agent",
        f"An org keeps {message_steps.MESSAGES_MAX:,} messages",
        f"at most {message_steps.SHARE_MAX:,} that are not done with",
    ],
)
def test_its_figures_are_the_codes(told: str) -> None:
    assert told in TEXT


def test_its_settings_load(tmp_path: Path) -> None:
    (block,) = blocks(PAGE, "toml")
    (tmp_path / "exeat.toml").write_text(block)
    settings = load_settings(tmp_path / "exeat.toml")
    assert settings.board.roles == {"reviewer": ("review/*", "ada")}

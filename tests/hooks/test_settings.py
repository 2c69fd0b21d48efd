"""Claude Code's settings with our hooks, and everything else as it was."""

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.hooks.settings import SettingsError, command, with_hooks, without_hooks

OURS = command("/opt/exeat/bin/exeat")
OTHERS: dict[str, Any] = {
    "model": "opus",
    "permissions": {"deny": ["Read(.env)"]},
    "hooks": {
        "PreToolUse": [
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "lint.sh"}]},
            "something new",
        ],
        "Stop": [{"hooks": [{"type": "command", "command": "bell"}]}],
    },
}


def test_every_tool_is_asked_for_and_every_failure_blocks() -> None:
    hooks = json.loads(with_hooks("", OURS))["hooks"]
    assert list(hooks) == ["PreToolUse", "PostToolUse", "PostToolUseFailure"]
    (before,) = hooks["PreToolUse"]
    assert before == {
        "matcher": "*",
        "hooks": [{"type": "command", "command": OURS, "timeout": 10, "onFailure": "block"}],
    }


@pytest.mark.parametrize("program", ["/does/not/exist", "false", "a b"])
def test_a_program_that_is_gone_or_fails_ends_in_exit_2(program: str) -> None:
    done = subprocess.run(["sh", "-c", command(program)], capture_output=True, check=False)
    assert done.returncode == 2


def test_what_else_is_there_stays() -> None:
    after = json.loads(with_hooks(json.dumps(OTHERS), OURS))
    assert after["model"] == "opus"
    assert after["permissions"] == OTHERS["permissions"]
    assert after["hooks"]["PreToolUse"][:2] == OTHERS["hooks"]["PreToolUse"]
    assert after["hooks"]["Stop"] == OTHERS["hooks"]["Stop"]


@given(
    st.dictionaries(
        st.sampled_from(["PreToolUse", "PostToolUse", "Stop"]),
        st.lists(
            st.fixed_dictionaries(
                {
                    "hooks": st.lists(
                        st.fixed_dictionaries({"command": st.text(max_size=5)}),
                        min_size=1,
                        max_size=3,
                    )
                }
            ),
            min_size=1,
            max_size=3,
        ),
    ).filter(bool)
)
def test_to_install_twice_is_to_install_once_and_to_remove_is_to_go_back(hooks: Any) -> None:
    before = json.dumps({"hooks": hooks, "é": 1}, indent=2, ensure_ascii=False) + "\n"
    once = with_hooks(before, OURS)
    assert with_hooks(once, OURS) == once
    assert without_hooks(once) == before


def test_another_path_or_flag_takes_the_place_of_the_old_one() -> None:
    newer = command("/new/exeat", "--grant")
    after = with_hooks(with_hooks("", OURS), newer)
    assert after == with_hooks("", newer)


def test_nothing_of_ours_is_left_after_removal() -> None:
    assert json.loads(without_hooks(with_hooks("", OURS))) == {}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"hooks":[]}', '{"hooks":{"PreToolUse":{}}}', '{"disableAllHooks":true}'],
)
def test_a_file_that_cannot_hold_them_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        with_hooks(text, OURS)

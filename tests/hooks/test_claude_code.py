"""Claude Code's events are read as they are, and answered in the words that it obeys."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.hooks.claude_code import (
    Said,
    UnreadableHookError,
    block,
    deny,
    read_event,
    say,
    unreported,
)
from proxy.hooks.contract import ToolCallCheck, ToolCallReport, ToolCallVerdict
from tests.hooks.events import event


def verdict(decision: Any, **more: Any) -> ToolCallVerdict:
    return ToolCallVerdict(decision=decision, reason="It deletes.", **more)


def decided(said: Said) -> dict[str, Any]:
    assert (said.code, said.error) == (0, "")
    own: dict[str, Any] = json.loads(said.out)["hookSpecificOutput"]
    assert own["hookEventName"] == "PreToolUse"
    return own


def test_before_a_tool_the_whole_call_is_asked_for() -> None:
    read = read_event(event(agent_id="sub-1"))
    assert (read.name, read.agent) == ("PreToolUse", "sub-1")
    assert read.question == ToolCallCheck(
        runtime="claude-code",
        tool="Bash",
        arguments={"command": "rm -rf build", "description": "Clean up"},
        cwd="/home/dev/project",
        call_id="toolu_01",
    )


@pytest.mark.parametrize(
    ("response", "output", "status"),
    [
        ("héllo", "héllo".encode(), "ok"),
        ({"stdout": "é", "code": 0}, '{"code":0,"stdout":"é"}'.encode(), "ok"),
        ([{"isError": True}], b'[{"isError":true}]', "ok"),
        ({"isError": True}, b'{"isError":true}', "error"),
        (None, b"null", "ok"),
    ],
)
def test_after_a_tool_its_output_is_told_by_hash_and_size(
    response: Any, output: bytes, status: Any
) -> None:
    read = read_event(event("PostToolUse", tool_response=response, duration_ms=12.6))
    assert read.question == ToolCallReport(
        runtime="claude-code",
        tool="Bash",
        call_id="toolu_01",
        status=status,
        duration_ms=13,
        output_sha256=hashlib.sha256(output).hexdigest(),
        output_bytes=len(output),
    )


def test_a_tool_that_failed_is_told_as_an_error() -> None:
    read = read_event(event("PostToolUseFailure", error="exit 1"))
    assert isinstance(read.question, ToolCallReport)
    assert (read.question.status, read.question.output_bytes) == ("error", 6)
    assert read.question.duration_ms is None


def test_other_events_are_not_asked_about() -> None:
    assert read_event(event("SessionStart")).question is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"hook_event_name":"PreToolUse"}',
        event(tool_input="rm"),
        event(tool_input=None),
        event(tool_name=""),
        event(tool_name="x" * 257),
        event(tool_use_id=None),
        event("PostToolUse", duration_ms=-5),
        event().replace(b'"tool_name"', b'"tool_name": "Read", "tool_name"'),
    ],
)
def test_what_is_not_an_event_is_unreadable_and_not_quoted(data: bytes) -> None:
    with pytest.raises(UnreadableHookError) as caught:
        read_event(data)
    assert "rm" not in str(caught.value).replace("permi", "")


@given(st.binary(max_size=100))
def test_no_bytes_do_anything_but_be_read_or_refused(data: bytes) -> None:
    try:
        read_event(data)
    except UnreadableHookError:
        return


def test_a_denial_is_in_the_field_that_claude_code_obeys() -> None:
    said = decided(say(verdict("deny", rule="r1", record="rec-1")))
    assert said["permissionDecision"] == "deny"
    assert said["permissionDecisionReason"] == (
        "Refused by Exeat: It deletes. (rule r1, record rec-1)"
    )


def test_an_allowed_call_goes_on_to_claude_codes_own_permissions() -> None:
    assert say(verdict("allow")) == Said()
    assert decided(say(verdict("allow"), grants=True))["permissionDecision"] == "allow"


def test_a_warning_is_shown_to_the_user() -> None:
    said = json.loads(say(verdict("warn")).out)
    assert said == {"systemMessage": "Exeat warns: It deletes."}
    granted = say(verdict("warn"), grants=True)
    assert decided(granted)["permissionDecision"] == "allow"


def test_what_waits_for_approval_does_not_run_meanwhile() -> None:
    said = decided(say(verdict("hold")))
    assert said["permissionDecision"] == "deny"
    assert "approval" in said["permissionDecisionReason"]
    assert decided(say(verdict("hold"), asks=True))["permissionDecision"] == "ask"
    assert decided(say(verdict("hold"), grants=True))["permissionDecision"] == "deny"


def test_a_denial_always_has_a_reason() -> None:
    said = decided(say(ToolCallVerdict(decision="deny")))
    assert said["permissionDecisionReason"] == "Refused by Exeat: the decision is deny."
    assert decided(deny("x"))["permissionDecision"] == "deny"


def test_without_an_event_only_exit_2_blocks() -> None:
    assert block("x") == Said(error="Refused by Exeat: x\n", code=2)


def test_a_result_that_is_not_on_file_is_said_to_the_user() -> None:
    said = unreported("x")
    assert said.code == 0
    assert "systemMessage" in json.loads(said.out)

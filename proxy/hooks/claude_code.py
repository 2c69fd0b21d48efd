"""Claude Code's hook protocol: JSON on stdin, JSON on stdout, and an exit code (pure).

Facts from Claude Code 2.1.197 and its documents: exit 0 means that stdout is read; exit 2 blocks, with
stderr as the reason; any other code, and a hook that is killed for its time, lets the tool run.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from proxy.hooks.contract import ToolCallCheck, ToolCallReport, ToolCallVerdict
from proxy.providers.body import Json, read_body
from proxy.providers.call import BadRequest

RUNTIME = "claude-code"
BEFORE = "PreToolUse"
AFTER = ("PostToolUse", "PostToolUseFailure")


@dataclass(frozen=True, slots=True)
class Said:
    """What the hook's process says, and how it ends."""

    out: str = ""
    error: str = ""
    code: int = 0


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One event that Claude Code told."""

    name: str
    session: str
    agent: str | None
    """A subagent's id; None for the main thread."""
    question: ToolCallCheck | ToolCallReport | None
    """What Exeat is to be told; None for events that are no tool's."""


class UnreadableHookError(ValueError):
    """What was on stdin is not what Claude Code sends. The text does not quote it."""


def read_event(data: bytes) -> HookEvent:
    """Raises UnreadableHookError."""
    try:
        said = read_body(data).members
        name = _text(said, "hook_event_name")
        return HookEvent(
            name,
            _text(said, "session_id"),
            said["agent_id"] if isinstance(said.get("agent_id"), str) else None,
            _question(name, said),
        )
    except BadRequest as error:
        raise UnreadableHookError(error.reason) from None
    except ValueError as error:
        # pydantic's own message would quote the value.
        if isinstance(error, UnreadableHookError):
            raise
        raise UnreadableHookError("a field has a value that is not allowed") from None


def _question(name: str, said: Json) -> ToolCallCheck | ToolCallReport | None:
    if name == BEFORE:
        arguments = said.get("tool_input")
        if not isinstance(arguments, dict):
            raise UnreadableHookError("tool_input is not an object")
        cwd = said.get("cwd")
        return ToolCallCheck(
            runtime=RUNTIME,
            tool=_text(said, "tool_name"),
            arguments=arguments,
            cwd=cwd if isinstance(cwd, str) else None,
            call_id=_text(said, "tool_use_id"),
        )
    if name not in AFTER:
        return None
    has_failed = name == "PostToolUseFailure"
    result = said.get("error" if has_failed else "tool_response")
    output = _written(result)
    duration = said.get("duration_ms")
    return ToolCallReport(
        runtime=RUNTIME,
        call_id=_text(said, "tool_use_id"),
        tool=_text(said, "tool_name"),
        status="error" if has_failed or _is_error(result) else "ok",
        duration_ms=round(duration) if isinstance(duration, int | float) else None,
        output_sha256=hashlib.sha256(output).hexdigest(),
        output_bytes=len(output),
    )


def _text(said: Json, name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise UnreadableHookError(f"{name} is missing")
    return value


def _written(result: object) -> bytes:
    """A text as it is, anything else as compact JSON with its keys in order."""
    if isinstance(result, str):
        return result.encode("utf-8", "surrogatepass")
    text = json.dumps(result, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _is_error(result: object) -> bool:
    return isinstance(result, dict) and (
        result.get("is_error") is True or result.get("isError") is True
    )


def say(verdict: ToolCallVerdict, *, grants: bool = False, asks: bool = False) -> Said:
    """A verdict in Claude Code's words.

    An allowed call goes on to Claude Code's own permissions, unless `grants`: to say "allow" would
    take the user's prompt away. One that waits for approval is denied, unless `asks`: then whoever sits
    at the terminal is the one who approves.
    """
    reason = _reason(verdict)
    match verdict.decision:
        case "deny":
            return deny(reason)
        case "hold":
            held = f"{reason} It waits for a person's approval; try again when it is given."
            return _decided("ask", reason) if asks else deny(held)
        case "warn":
            return _decided("allow" if grants else None, reason, f"Exeat warns: {reason}")
        case "allow":
            return _decided("allow", reason) if grants else Said()


def deny(reason: str) -> Said:
    """The tool does not run, and the model is told why."""
    return _decided("deny", f"Refused by Exeat: {reason}")


def block(reason: str) -> Said:
    """When not even the event could be read: exit 2 blocks whatever was to come."""
    return Said(error=f"Refused by Exeat: {reason}\n", code=2)


def unreported(reason: str) -> Said:
    """The tool has run; the user is told that its result is not on file."""
    return Said(json.dumps({"systemMessage": f"Exeat has no record of this result: {reason}"}))


def _decided(permission: str | None, reason: str, message: str | None = None) -> Said:
    out: dict[str, Any] = {}
    if permission is not None:
        out["hookSpecificOutput"] = {
            "hookEventName": BEFORE,
            "permissionDecision": permission,
            "permissionDecisionReason": reason,
        }
    if message is not None:
        out["systemMessage"] = message
    return Said(json.dumps(out))


def _reason(verdict: ToolCallVerdict) -> str:
    reason = verdict.reason or f"the decision is {verdict.decision}."
    named = [
        f"{name} {value}"
        for name, value in (("rule", verdict.rule), ("record", verdict.record))
        if value
    ]
    return f"{reason} ({', '.join(named)})" if named else reason

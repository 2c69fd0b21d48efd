"""What Claude Code 2.1.197 tells its hooks."""

import json
from typing import Any


def event(name: str = "PreToolUse", **more: Any) -> bytes:
    """One event, as on stdin."""
    said: dict[str, Any] = {
        "session_id": "5f0c9f2e-0000-4000-8000-000000000001",
        "transcript_path": "/home/dev/.claude/projects/x/1.jsonl",
        "cwd": "/home/dev/project",
        "permission_mode": "default",
        "hook_event_name": name,
        "tool_name": "Bash",
        "tool_input": {"command": "rm -rf build", "description": "Clean up"},
        "tool_use_id": "toolu_01",
    }
    return json.dumps(said | more).encode()

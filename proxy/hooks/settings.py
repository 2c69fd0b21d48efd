"""Claude Code's settings.json with our hooks in it, or without them (pure)."""

import json
import shlex
from typing import Any

from proxy.hooks.claude_code import AFTER, BEFORE

TIMEOUT_S = 10
"""Our own limit is shorter: a hook that Claude Code has to kill does not block in every version."""

_MARK = " hook claude-code"


class SettingsError(ValueError):
    """The file cannot hold our hooks as it is. It is not touched."""


def command(executable: str, *flags: str) -> str:
    """What Claude Code's shell runs. Only exit 2 blocks, so every way to fail ends in it: a program
    that is gone (127), one that crashes (1)."""
    words = shlex.join([executable, *_MARK.split(), *flags])
    return f"{words} || exit 2"


def with_hooks(text: str, command: str) -> str:
    """Our hooks in place of older ones of ours; all else as it was. Raises SettingsError."""
    settings = _read(text)
    if settings.get("disableAllHooks") is True:
        raise SettingsError("disableAllHooks is true: no hook would run")
    hooks = _without_ours(settings)
    for event in (BEFORE, *AFTER):
        entry: dict[str, Any] = {"type": "command", "command": command, "timeout": TIMEOUT_S}
        if event == BEFORE:
            entry["onFailure"] = "block"  # Since 2.1.295; older ones ignore it.
        hooks.setdefault(event, []).append({"matcher": "*", "hooks": [entry]})
    settings["hooks"] = hooks
    return _written(settings)


def without_hooks(text: str) -> str:
    """All but our hooks, as it was. Raises SettingsError."""
    settings = _read(text)
    if "hooks" in settings:
        settings["hooks"] = _without_ours(settings)
        if not settings["hooks"]:
            del settings["hooks"]
    return _written(settings)


def _read(text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise SettingsError(f"it is not JSON: {error}") from None
    if not isinstance(settings, dict):
        raise SettingsError("it is not a JSON object")
    return settings


def _without_ours(settings: dict[str, Any]) -> dict[str, Any]:
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, dict):
        raise SettingsError("hooks is not an object")
    kept: dict[str, Any] = {}
    for event, groups in hooks.items():
        if not isinstance(groups, list):
            raise SettingsError(f"hooks.{event} is not an array")
        left = [rest for group in groups if (rest := _group_without_ours(group)) is not None]
        if left or not groups:
            kept[event] = left
    return kept


def _group_without_ours(group: Any) -> Any:
    """None when nothing of it is left. What we do not understand is not ours."""
    entries = group.get("hooks") if isinstance(group, dict) else None
    if not isinstance(entries, list):
        return group
    left = [entry for entry in entries if not _is_ours(entry)]
    if len(left) == len(entries):
        return group
    return {**group, "hooks": left} if left else None


def _is_ours(entry: Any) -> bool:
    said = entry.get("command") if isinstance(entry, dict) else None
    return isinstance(said, str) and "exeat" in said and _MARK in said


def _written(settings: dict[str, Any]) -> str:
    return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"

"""The states of a task, and what A2A and MCP call them (pure tables)."""

from collections.abc import Mapping
from typing import Literal, get_args

State = Literal[
    "open", "claimed", "in_progress", "input_required", "completed", "failed", "cancelled"
]
STATES: tuple[State, ...] = get_args(State)

HELD: frozenset[State] = frozenset({"claimed", "in_progress", "input_required"})
"""Somebody has it."""
LEASED: frozenset[State] = frozenset({"claimed", "in_progress"})
"""Held for as long as a lease runs. Who waits for an answer has none: the wait is not theirs to end."""
ENDED: frozenset[State] = frozenset({"completed", "failed", "cancelled"})
"""Nothing leads out of these."""

A2A: Mapping[State, str] = {
    "open": "SUBMITTED",
    "claimed": "SUBMITTED",
    "in_progress": "WORKING",
    "input_required": "INPUT_REQUIRED",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "cancelled": "CANCELED",
}
"""The Agent2Agent protocol's TaskState. It has no word for a task that is taken and not begun."""

MCP: Mapping[State, str] = {
    "open": "working",
    "claimed": "working",
    "in_progress": "working",
    "input_required": "input_required",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""The status of MCP's task extension, which begins at `working`."""

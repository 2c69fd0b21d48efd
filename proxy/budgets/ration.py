"""What one call may still use of what was held for it, counted as it is used (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.budgets.results import Held, Hold
from proxy.budgets.windows import window_end_ms

TOOL_CALLS_AHEAD = 16
"""Tool calls held for a model call that offers tools: answers seldom ask for more at once."""


@dataclass(slots=True)
class Ration:
    """Decides at once, so that a stream need not wait: at most what was held is used."""

    amounts: tuple[Held, ...]
    """What is held, limit by limit; without any, everything may be used."""
    used: int = 0

    @classmethod
    def of_tool_calls(cls, hold: Hold | None) -> "Ration":
        """As far as a call's hold is about tool calls."""
        held: Iterable[Held] = hold.amounts if hold is not None else ()
        return cls(tuple(each for each in held if each.limit.unit == "tool_calls"))

    def take(self) -> Held | None:
        """Use one. Where that is not held, nothing is used: the limit that is last to make room."""
        short = [each for each in self.amounts if each.amount <= self.used]
        if short:
            return max(short, key=_reset_ms)
        self.used += 1
        return None


@dataclass(frozen=True, slots=True)
class Counted:
    """What a call holds of one rule's rate, and what it has used of that."""

    rule: str
    hold: Hold
    ration: Ration


def _reset_ms(held: Held) -> float:
    end_ms = window_end_ms(held.limit.window, held.window_start_ms)
    return float("inf") if end_ms is None else end_ms

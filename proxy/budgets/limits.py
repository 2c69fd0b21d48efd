"""What is asked of a budget: limits, one call's charges against them, a reservation (pure)."""

from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import quote

from proxy.budgets.amounts import checked, checked_org, checked_text
from proxy.budgets.windows import Window

Unit = Literal["usd", "tokens", "requests", "tool_calls", "times"]
"""`usd` counts nano-dollars, `times` what a rule's rate is about; the others count themselves."""

_UNITS = frozenset(get_args(Unit))
_WINDOWS = frozenset(get_args(Window))


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `cap` units in each window, summed over every call that has the scope's values.

    An empty scope is the whole org. Raises ValueError for what cannot be counted.
    """

    name: str
    scope: tuple[tuple[str, str], ...]
    unit: Unit
    window: Window
    cap: int
    key: str = field(init=False, compare=False, repr=False)
    """The counter's identity: scope, unit and window, whatever the cap, the name and the order."""

    def __post_init__(self) -> None:
        checked_text("a limit's name", self.name)
        checked("a limit's cap", self.cap)
        if self.unit not in _UNITS or self.window not in _WINDOWS:
            raise ValueError(f"limit {self.name}: no such unit or window")
        parts = [f"{self.unit}.{self.window}"]
        for dimension, value in sorted(self.scope):
            checked_text("a scope's dimension", dimension)
            checked_text("a scope's value", value)
            parts.append(f"{quote(dimension, safe='')}={quote(value, safe='')}")
        if len({dimension for dimension, _ in self.scope}) != len(self.scope):
            raise ValueError(f"limit {self.name}: a dimension stands twice in its scope")
        object.__setattr__(self, "key", "/".join(parts))


def counter_name(limit: Limit, window_start_ms: int) -> str:
    """One counter: a limit's key in one window. (`@` is quoted within a key: injective.)"""
    return f"{limit.key}@{window_start_ms}"


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call may cost a limit: fixed + per_output x the output tokens it is granted.

    `up_to` is what it takes beyond that, as far as there is room: for want of it nobody is refused.
    Output and this do not mix: ValueError.
    """

    limit: Limit
    fixed: int
    per_output: int
    up_to: int = 0

    def __post_init__(self) -> None:
        checked("a charge's fixed part", self.fixed)
        checked("a charge's part per output token", self.per_output)
        checked("a charge's part as there is room", self.up_to)
        if self.per_output and self.up_to:
            raise ValueError("a charge is either by the output or as there is room")

    def cost(self, output_tokens: int) -> int:
        """The worst case with this much output, in the limit's unit; what must fit."""
        return self.fixed + self.per_output * output_tokens

    def amount(self, output_tokens: int, room: int) -> int:
        """What is held where there is so much room, in which the cost fits."""
        cost = self.cost(output_tokens)
        return cost + min(self.up_to, room - cost)


@dataclass(frozen=True, slots=True)
class Reservation:
    """One call's worst case against every limit it falls under, asked for in one step.

    Limits that share a counter are one charge, held to the smallest cap. The lease runs
    `lease_ms` from the moment of asking. Raises ValueError for what cannot be counted.
    """

    hold_id: str
    org: str
    charges: tuple[Charge, ...]
    output_min: int
    output_max: int
    lease_ms: int

    def __post_init__(self) -> None:
        checked_text("hold_id", self.hold_id)
        checked_org(self.org)
        checked("output_max", self.output_max)
        checked("output_min", self.output_min, self.output_max)
        checked("lease_ms", self.lease_ms)
        object.__setattr__(self, "charges", _one_per_counter(self.charges))


def _asked(charge: Charge) -> tuple[int, int, int]:
    return charge.fixed, charge.per_output, charge.up_to


def _one_per_counter(charges: tuple[Charge, ...]) -> tuple[Charge, ...]:
    tightest: dict[str, Charge] = {}
    for charge in charges:
        known = tightest.setdefault(charge.limit.key, charge)
        if _asked(known) != _asked(charge):
            raise ValueError(f"two different charges against one counter, {charge.limit.key}")
        if charge.limit.cap < known.limit.cap:
            tightest[charge.limit.key] = charge
    return charges if len(tightest) == len(charges) else tuple(tightest.values())

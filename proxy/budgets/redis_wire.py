"""How asks and answers travel to the Lua scripts and back: JSON, numbers as strings (pure)."""

import json
from functools import lru_cache
from typing import Any

from proxy.budgets.arithmetic import Shortfall, hardest
from proxy.budgets.limits import Limit, Reservation, counter_name
from proxy.budgets.results import (
    Balance,
    Exceeded,
    ExpiredHold,
    Held,
    Hold,
    HoldClosed,
    Settlement,
    Stale,
)
from proxy.budgets.windows import window_end_ms

dumps = json.JSONEncoder(separators=(",", ":")).encode
loads = json.loads


def entry(limit: Limit, window_start_ms: int) -> dict[str, str]:
    """One counter as the scripts name it (redis_shared.lua says what each letter is)."""
    return {
        "n": counter_name(limit, window_start_ms),
        "l": _written(limit),
        "u": limit.unit,
        "c": str(limit.cap),
        "w": str(window_start_ms),
    }


def hold_or_stale(answer: dict[str, Any], hold_id: str, org: str) -> Hold | Stale:
    """The answers that reserve and extend share. Raises HoldClosed."""
    if answer["is"] == "stale":
        return Stale()
    if answer["is"] == "closed":
        raise HoldClosed(hold_id)
    lease_until_ms, seq = int(answer["lease"]), int(answer["seq"])
    remaining = tuple(int(left) for left in answer.get("left") or ())
    output = int(answer["o"])
    return Hold(hold_id, org, output, _amounts(answer), lease_until_ms, seq, remaining)


def reserve_exceeded(answer: dict[str, Any], asked: Reservation, now_ms: int) -> Exceeded:
    """The hardest of the limits that a reservation did not fit under."""
    found = [(asked.charges[int(item["i"]) - 1], item) for item in answer["short"]]
    return hardest(
        Shortfall(
            charge.limit,
            charge.cost(asked.output_min),
            int(item["settled"]),
            int(item["held"]),
            now_ms,
        )
        for charge, item in found
    )


def extend_exceeded(answer: dict[str, Any], more: int) -> Exceeded:
    """The hardest of the limits that a hold could not grow under."""
    return hardest(
        Shortfall(
            _read(item["l"]),
            int(item["p"]) * more,
            int(item["settled"]),
            int(item["held"]),
            int(item["w"]),
        )
        for item in answer["short"]
    )


def settlement(answer: dict[str, Any]) -> Settlement:
    """What a settle changed."""
    already, overran = bool(answer.get("already", False)), bool(answer.get("overran", False))
    return Settlement(_amounts(answer), overran, already, _crossed(answer), int(answer["seq"]))


def expired_hold(item: dict[str, Any], org: str) -> ExpiredHold:
    """One orphan that was charged."""
    return ExpiredHold(item["id"], org, _amounts(item), _crossed(item))


def balance(limit: Limit, standing: list[str], now_ms: int) -> Balance:
    """A counter's settled and held amounts under this limit's cap."""
    settled, held = int(standing[0]), int(standing[1])
    remaining = max(0, limit.cap - settled - held)
    return Balance(limit, settled, held, remaining, window_end_ms(limit.window, now_ms))


def _amounts(answer: dict[str, Any]) -> tuple[Held, ...]:
    return tuple(
        Held(
            _read(item["l"]),
            int(item["w"]),
            int(item["a"]),
            int(item["p"]) if "p" in item else None,
        )
        for item in answer["e"]
    )


def _crossed(answer: dict[str, Any]) -> tuple[tuple[Limit, int], ...]:
    return tuple((_read(written), int(percent)) for written, percent in answer["crossed"])


@lru_cache(maxsize=4096)
def _written(limit: Limit) -> str:
    return dumps([limit.name, limit.scope, limit.unit, limit.window, limit.cap])


@lru_cache(maxsize=4096)
def _read(written: str) -> Limit:
    name, scope, unit, window, cap = loads(written)
    return Limit(name, tuple((dimension, value) for dimension, value in scope), unit, window, cap)

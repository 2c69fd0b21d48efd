"""What calls in flight hold of one limit, read off their decisions (pure)."""

from collections.abc import Iterable
from typing import cast

from proxy.budgets.ration import TOOL_CALLS_AHEAD
from proxy.ledger.r6 import Body, ms_of
from proxy.ledger.store import Limit, OpenHold


def held_by(decisions: Iterable[Body], org: str, limit: Limit, since_ms: int) -> list[OpenHold]:
    """The holds of `decisions` (allowed, without an outcome) on `limit` since `since_ms`.

    A call decided before the limit existed named no amount for it, yet will be charged to it: its
    bound stands in, so that settled + held is never understated.
    """
    found: list[OpenHold] = []
    for body in decisions:
        role, resource = cast(Body, body["role"]), cast(Body, body["resource"])
        if role["org"] != org:
            continue
        if limit.unit == "times":
            for held in cast(list[Body], resource["rates"]):
                found += _open(held, _named(held, limit, since_ms))
            continue
        hold = cast(Body | None, resource["hold"])
        if hold is not None:
            found += _open(hold, _amount(body, hold, limit, since_ms))
    return found


def _open(hold: Body, amount: int | None) -> list[OpenHold]:
    if amount is None:
        return []
    return [OpenHold(cast(str, hold["id"]), amount, cast(int, hold["lease_until_ms"]))]


def _named(hold: Body, limit: Limit, since_ms: int) -> int | None:
    for held in cast(list[Body], hold["amounts"]):
        if _is_of(held, limit) and _start_ms(held) >= since_ms:
            return cast(int, held["amount"])
    return None


def _is_of(held: Body, limit: Limit) -> bool:
    return (held["scope"], held["unit"], held["window"]) == (limit.key, limit.unit, limit.window)


def _amount(body: Body, hold: Body, limit: Limit, since_ms: int) -> int | None:
    for held in cast(list[Body], hold["amounts"]):
        if _is_of(held, limit):
            return cast(int, held["amount"]) if _start_ms(held) >= since_ms else None
    if ms_of(cast(str, body["ts"])) < since_ms or not _is_within(body, limit):
        return None
    bound = cast(dict[str, int] | None, cast(Body, body["resource"])["bound"]) or {}
    match limit.unit:
        case "usd":
            return bound.get("nanousd", 0)
        case "tokens":
            return bound.get("input_tokens", 0) + bound.get("output_tokens", 0)
        case "requests":
            return 1
        case "tool_calls":
            is_model = cast(Body, body["request"])["class"] == "llm.call"
            return TOOL_CALLS_AHEAD if is_model else 1
        case _:
            return None


def _start_ms(held: Body) -> int:
    return cast(int, held["window_start_ms"])


def _is_within(body: Body, limit: Limit) -> bool:
    facts = cast(Body, body["role"]) | cast(Body, body["request"])
    return all(facts.get(name) == value for name, value in limit.scope)

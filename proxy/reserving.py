"""What is asked of the budgets for one call: its limits, and its worst case against each (pure)."""

from collections.abc import Sequence

from proxy.budgets import TOOL_CALLS_AHEAD, Charge, Reservation
from proxy.hooks.contract import CHECK_PATH
from proxy.policy.terms import BudgetedLimit
from proxy.providers.tool_gate import SIEVES
from proxy.slip import Slip

_LOWERS = ("fit", "extend")
"""What may be done about a call that does not fit, for which its bound is lowered first."""

STEP_TOKENS = 4096
"""Held at first of an answer that grows, and added each time; a token is counted for each byte of
text."""


def limits_of(slip: Slip, now_ms: int) -> tuple[BudgetedLimit, ...]:
    """The limits that a call counts against, with what is granted on top of them now. A check by a hook
    goes nowhere, but may let a tool call through; whatever else is asked of Exeat itself is free."""
    assert slip.terms is not None
    assert slip.identity is not None
    limits = slip.terms.limits(slip.identity, slip.call.model if slip.call else None, now_ms)
    if slip.door != "internal":
        return limits
    return tuple(each for each in limits if _is_check(slip) and each.limit.unit == "tool_calls")


def reservation(
    slip: Slip, limits: Sequence[BudgetedLimit], lease_ms: int, *, can_be_lowered: bool
) -> Reservation:
    """The whole worst case; of an answer that grows its first step; and less, where that may be."""
    assert slip.identity is not None
    output_max = slip.quote.output_tokens_bound if slip.quote else 0
    output_min = output_max
    spending = spending_of(limits)
    if slip.grows:
        output_min = output_max = first_step(spending)
    elif spending and can_be_lowered and all(each.on_exceed in _LOWERS for each in spending):
        output_min = min(output_max, max(each.fit_floor for each in spending))
    charges = tuple(_charge(each, slip) for each in limits)
    return Reservation(slip.id, slip.identity.org, charges, output_min, output_max, lease_ms)


def spending_of(limits: Sequence[BudgetedLimit]) -> list[BudgetedLimit]:
    """Those that an answer's length counts against."""
    return [each for each in limits if each.limit.unit in ("usd", "tokens")]


def first_step(spending: Sequence[BudgetedLimit]) -> int:
    """Output tokens held at first, and added each time."""
    return max(STEP_TOKENS, *(each.fit_floor for each in spending))


def asks_uncounted(slip: Slip) -> bool:
    """Tool calls are limited, and it offers tools in a way whose answer is none of ours to read: in a
    batch, or in the background."""
    call = slip.call
    if call is None or slip.terms is None or not slip.terms.tool_calls_are_limited:
        return False
    is_elsewhere = call.format not in SIEVES or "background" in call.unbounded
    return is_elsewhere and call.prompt.has_tools


def mcp_tool_calls(slip: Slip) -> int:
    """Calls of tools that it makes itself."""
    return sum(call.tool is not None for call in slip.mcp.calls) if slip.mcp is not None else 0


def _charge(budgeted: BudgetedLimit, slip: Slip) -> Charge:
    limit, quote = budgeted.limit, slip.quote
    if limit.unit == "requests":
        return Charge(limit, 1, 0)
    if limit.unit == "tool_calls":
        return Charge(limit, mcp_tool_calls(slip), 0, tool_calls_ahead(slip))
    if quote is None:
        return Charge(limit, 0, 0)
    if limit.unit == "usd":
        return Charge(limit, quote.fixed_nanousd, quote.per_output_nanousd)
    return Charge(limit, quote.input_tokens_bound, quote.samplings)


def tool_calls_ahead(slip: Slip) -> int:
    """Tool calls that its answer may let through, if there is room for so many."""
    if slip.door == "internal":
        return int(_is_check(slip))
    may_ask = slip.call is not None and slip.call.prompt.may_lead_to_tools
    return TOOL_CALLS_AHEAD if may_ask else 0


def _is_check(slip: Slip) -> bool:
    return slip.method == "POST" and slip.path.partition("?")[0] == CHECK_PATH

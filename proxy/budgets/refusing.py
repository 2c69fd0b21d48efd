"""How it is told that a budget has no room (pure)."""

from proxy.budgets.limits import Limit
from proxy.budgets.results import Exceeded, Held
from proxy.budgets.windows import window_end_ms
from proxy.money import format_usd
from proxy.refusals import Code, Refusal

_RATE_UNITS = ("requests", "tool_calls")
_RATE_WINDOWS = ("minute", "hour")


def refusal_of(answer: Exceeded, now_ms: int) -> Refusal:
    """Of a call that does not fit: limit, what was required, what remains, when it resets."""
    limit = answer.limit
    resets_s = _seconds(answer.resets_at_ms, now_ms)
    facts: dict[str, str | int] = {
        "budget": limit.name,
        "unit": limit.unit,
        "window": limit.window,
        "limit": limit.cap,
        "required": answer.required,
        "remaining": answer.remaining,
        "held": answer.held,
    }
    if answer.resets_at_ms:
        facts["resets_at"] = answer.resets_at_ms // 1000
    if limit.unit in _RATE_UNITS and limit.window in _RATE_WINDOWS and resets_s:
        return Refusal(
            Code.RATE_LIMITED,
            f"The rate limit {limit.name} of {shown(limit, limit.cap)} per {limit.window} is "
            f"reached. Try again in {resets_s} s.",
            rule=f"budget:{limit.name}",
            facts=facts,
            retry_after_s=resets_s,
        )
    when = _when(resets_s)
    if answer.required > limit.cap:
        when = "No reset makes room for it."
    is_spending = limit.unit in ("usd", "tokens")
    what_to_do = "Ask for less output (max_tokens), or ask" if is_spending else "Ask"
    return Refusal(
        Code.BUDGET_EXCEEDED,
        f"The budget {limit.name} does not have room for this call: it may take up to "
        f"{shown(limit, answer.required)}, and {shown(limit, answer.remaining)} of "
        f"{shown(limit, limit.cap)} remain. {when} {what_to_do} the operator.",
        rule=f"budget:{limit.name}",
        facts=facts,
    )


def spent(held: Held, now_ms: int) -> str:
    """Why one thing more may not be had: its limit, that nothing remains, when it resets."""
    limit = held.limit
    per = "in all" if limit.window == "total" else f"per {limit.window}"
    when = _when(_seconds(window_end_ms(limit.window, held.window_start_ms), now_ms))
    return (
        f"The budget {limit.name} of {shown(limit, limit.cap)} {per} has no room for it: 0 remain. "
        f"{when}"
    )


def shown(limit: Limit, amount: int) -> str:
    """An amount of a limit's unit, as people read it."""
    return format_usd(amount) if limit.unit == "usd" else f"{amount} {limit.unit.replace('_', ' ')}"


def _seconds(at_ms: int | None, now_ms: int) -> int:
    return max(1, -(-(at_ms - now_ms) // 1000)) if at_ms else 0


def _when(resets_s: int) -> str:
    return f"It resets in {resets_s} s." if resets_s else "It does not reset by itself."

"""Is there money? The worst case of a call is held before it leaves, and settled when it ends."""

import time
from collections.abc import Sequence

from mitmproxy import http

from proxy.budgets import Accounts, Charge, CountersUnavailable, Exceeded, Hold, Reservation, Unit
from proxy.engine.answers import Filter
from proxy.kill.triggers import Triggers
from proxy.money import format_usd
from proxy.policy.terms import BudgetedLimit, TaskLimits
from proxy.pricing.charges import fitted
from proxy.pricing.quote import Quote
from proxy.pricing.tokens import output_upper_bound
from proxy.providers.decoding import decode_body
from proxy.providers.formats import format_named
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp

_RATE_WINDOWS = ("minute", "hour")

_STEP_TOKENS = 4096
"""Held at first, and added each time; a token is counted for each byte of text."""
_AHEAD_TOKENS = 2048
"""Asked for before it is needed: an answer comes in pieces, and a piece is counted when it is here."""
_LAST_TOKENS = 1024
"""Without more room, the answer ends when so little is left."""

_UNBOUNDED = Refusal(
    Code.PRICE_UNKNOWN,
    "What this call may cost has no bound that is known, and the task that it is made for has an "
    "allowance. Use a model that has a known price.",
)
_DIVIDED = Refusal(
    Code.GOVERNANCE_UNAVAILABLE,
    "The allowance of this call's task was divided while it was decided. Try again.",
    retry_after_s=1,
)


class Budget:
    """Holds a call's bound against every limit at once; no limit may ever be passed."""

    name = "budget"

    def __init__(
        self, accounts: Accounts, allowances: TaskLimits, lease_ms: int, triggers: Triggers
    ) -> None:
        self._accounts = accounts
        self._allowances = allowances
        self._triggers = triggers
        self._lease_ms = lease_ms

    async def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, with what is held."""
        assert slip.terms is not None
        assert slip.identity is not None
        if slip.door == "internal":
            return Stamp("inside")
        model = slip.call.model if slip.call else None
        allowance = await self._allowances.of(slip.identity)
        limits = (*slip.terms.limits(slip.identity, model), *allowance)
        if not limits:
            return Stamp("no budget applies")
        if allowance and _is_unbounded(slip):
            return _UNBOUNDED
        slip.grows = _grows(slip, limits)
        lowers = _can_be_lowered(slip, flow)
        try:
            asked = _reservation(slip, limits, self._lease_ms, lowers)
            answer = await self._accounts.reserve(asked, _now_ms())
            if slip.grows and isinstance(answer, Exceeded):
                slip.grows = False
                asked = _reservation(slip, limits, self._lease_ms, lowers)
                answer = await self._accounts.reserve(asked, _now_ms())
        except CountersUnavailable:
            return Refusal(
                Code.GOVERNANCE_UNAVAILABLE,
                "The budget counters do not answer, so nothing leaves. Try again shortly.",
                retry_after_s=5,
            )
        if isinstance(answer, Exceeded):
            return _exceeded(answer)
        slip.hold = answer
        if allowance and await self._allowances.of(slip.identity) != allowance:
            return _DIVIDED
        _tell_remaining(slip, answer)
        if slip.grows:
            # What ends such an answer is written into it, which takes one that we can edit.
            flow.request.headers["accept-encoding"] = "identity"
            return Stamp(f"held for {answer.output_tokens} output tokens at first")
        return Stamp(self._fit(slip, flow, answer))

    def _fit(self, slip: Slip, flow: http.HTTPFlow, hold: Hold) -> str:
        """Lower the call's own bound to what was granted, where that is less."""
        call, quote = slip.call, slip.quote
        if call is None or quote is None or hold.output_tokens >= quote.output_tokens_bound:
            return f"held {format_usd(quote.bound_nanousd)}" if quote else "held"
        wire = format_named(call.format, call.provider)
        if slip.message is not None:
            slip.message = wire.amend(
                slip.message, call, output_tokens=hold.output_tokens, ask_usage=False
            )
        else:
            request = flow.request
            body = decode_body(
                request.raw_content or b"", request.headers.get("content-encoding", ""), 2**31
            )
            request.headers.pop("content-encoding", None)
            request.content = wire.amend(
                body, call, output_tokens=hold.output_tokens, ask_usage=False
            )
        slip.quote = fitted(quote, hold.output_tokens)
        slip.notes["x-exeat-output-tokens-max"] = str(hold.output_tokens)
        return (
            f"fitted to {hold.output_tokens} output tokens, {format_usd(slip.quote.bound_nanousd)}"
        )

    def answer(self, slip: Slip, flow: http.HTTPFlow) -> Filter | None:
        """Watch an answer that may outgrow its hold."""
        return _watch(slip) if slip.grows else None

    async def extend(self, slip: Slip) -> Refusal | None:
        """Hold a step more; or say that there is no room, once what is held is all but used."""
        hold = slip.hold
        assert hold is not None
        step = min(_needed(slip) + _STEP_TOKENS, _bound(slip) - hold.output_tokens)
        answer = await self._accounts.extend(hold.id, hold.org, step, _now_ms())
        if isinstance(answer, Exceeded):
            is_used = _needed(slip) > _AHEAD_TOKENS - _LAST_TOKENS
            return _exceeded(answer) if is_used else None
        slip.hold = answer
        slip.grows = answer.output_tokens < _bound(slip)
        return None

    async def refused(self, slip: Slip) -> None:
        """The call does not leave: its hold is let go."""
        if slip.hold is not None:
            await self._accounts.release(slip.hold.id, slip.hold.org, _now_ms())

    async def settle(self, slip: Slip) -> None:
        """The call has ended: the hold shrinks to what it used."""
        if slip.hold is None:
            return
        if not slip.left:
            await self._accounts.release(slip.hold.id, slip.hold.org, _now_ms())
            return
        actual: dict[Unit, int] = {"usd": slip.cost_nanousd, "tokens": slip.tokens, "requests": 1}
        settled = await self._accounts.settle(slip.hold.id, slip.hold.org, actual, _now_ms())
        for limit, percent in settled.crossed:
            if percent == 100:
                self._triggers.saw_spent(slip, limit.name)


def _tell_remaining(slip: Slip, hold: Hold) -> None:
    """Of the limit in dollars that has the least left, once this call's worst case is set aside."""
    left = [
        remaining
        for held, remaining in zip(hold.amounts, hold.remaining, strict=False)
        if held.limit.unit == "usd"
    ]
    if left and slip.call is not None:
        slip.notes["x-exeat-budget-remaining"] = format_usd(max(0, min(left)))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _can_be_lowered(slip: Slip, flow: http.HTTPFlow) -> bool:
    """A body under AWS's signature cannot be changed, and some bodies bound not all that is
    billed."""
    is_signed = flow.request.headers.get("authorization", "").startswith("AWS4-")
    return slip.call is not None and slip.call.can_be_lowered and not is_signed


def _grows(slip: Slip, limits: tuple[BudgetedLimit, ...]) -> bool:
    """May a part be held first? Only of an answer that can be counted as it flows: a stream of a
    model that hides nothing of what it makes."""
    spending = [each for each in limits if each.limit.unit in ("usd", "tokens")]
    call, quote = slip.call, slip.quote
    if call is None or quote is None or not spending or slip.socket is not None:
        return False
    if not call.streaming or call.may_reason or call.prompt.has_tools:
        return False  # A tool call that is held back cannot be ended in words.
    agreed = all(each.on_exceed == "extend" for each in spending)
    return agreed and quote.output_tokens_bound > _first_step(spending)


def _first_step(spending: Sequence[BudgetedLimit]) -> int:
    return max(_STEP_TOKENS, *(each.fit_floor for each in spending))


def _bound(slip: Slip) -> int:
    return slip.quote.output_tokens_bound if slip.quote else 0


def _needed(slip: Slip) -> int:
    """Output tokens, per sampling, that should be held by now and are not: what may have been made,
    and what may come in the next piece. All, when the answer could not be ended."""
    assert slip.call is not None
    assert slip.reader is not None
    assert slip.hold is not None
    if not slip.reader.can_be_edited:
        return _bound(slip) - slip.hold.output_tokens
    made = output_upper_bound(slip.call, slip.reader, _bound(slip))
    ahead = -(-made // slip.call.samplings) + _AHEAD_TOKENS
    return min(_bound(slip), ahead) - slip.hold.output_tokens


def _watch(slip: Slip) -> Filter:
    def watch(chunk: bytes) -> bytes:
        if slip.grows and slip.reader is not None and chunk:
            slip.wants_room = _needed(slip) > 0
        return chunk

    return watch


def _reservation(
    slip: Slip, limits: tuple[BudgetedLimit, ...], lease_ms: int, can_be_lowered: bool
) -> Reservation:
    assert slip.identity is not None
    quote = slip.quote
    output_max = quote.output_tokens_bound if quote else 0
    output_min = output_max
    spending = [each for each in limits if each.limit.unit in ("usd", "tokens")]
    if slip.grows:
        output_min = output_max = _first_step(spending)
    elif spending and can_be_lowered and all(each.on_exceed != "refuse" for each in spending):
        output_min = min(output_max, max(each.fit_floor for each in spending))
    charges = tuple(_charge(each, quote) for each in limits)
    return Reservation(slip.id, slip.identity.org, charges, output_min, output_max, lease_ms)


def _charge(budgeted: BudgetedLimit, quote: Quote | None) -> Charge:
    limit = budgeted.limit
    if limit.unit == "requests":
        return Charge(limit, 1, 0)
    if quote is None:
        return Charge(limit, 0, 0)
    if limit.unit == "usd":
        return Charge(limit, quote.fixed_nanousd, quote.per_output_nanousd)
    return Charge(limit, quote.input_tokens_bound, quote.samplings)


def _is_unbounded(slip: Slip) -> bool:
    """A model call that could cost anything; `price` minds it where a policy counts dollars."""
    return slip.call is not None and (slip.quote is None or bool(slip.call.unbounded))


def _exceeded(answer: Exceeded) -> Refusal:
    limit = answer.limit
    show = format_usd if limit.unit == "usd" else f"{{}} {limit.unit}".format
    resets_s = max(1, -(-(answer.resets_at_ms - _now_ms()) // 1000)) if answer.resets_at_ms else 0
    when = f"It resets in {resets_s} s." if resets_s else "It does not reset by itself."
    if answer.required > limit.cap:
        when = "No reset makes room for it."
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
    if limit.unit == "requests" and limit.window in _RATE_WINDOWS and resets_s:
        return Refusal(
            Code.RATE_LIMITED,
            f"The rate limit {limit.name} of {limit.cap} requests per {limit.window} is reached. "
            f"Try again in {resets_s} s.",
            rule=f"budget:{limit.name}",
            facts=facts,
            retry_after_s=resets_s,
        )
    return Refusal(
        Code.BUDGET_EXCEEDED,
        f"The budget {limit.name} does not have room for this call: it may take up to "
        f"{show(answer.required)}, and {show(answer.remaining)} of {show(limit.cap)} remain. "
        f"{when} Ask for less output (max_tokens), or ask the operator.",
        rule=f"budget:{limit.name}",
        facts=facts,
    )

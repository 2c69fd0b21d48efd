"""Is there money? The worst case of a call is held before it leaves, and settled when it ends."""

import asyncio
import time

from mitmproxy import http

from proxy.anew import Anew
from proxy.approvals.approvals import Approvals
from proxy.approvals.store import ApprovalsUnavailable
from proxy.approvals.waiting import WAIT_MAX_S, more_budget
from proxy.budgets import (
    Accounts,
    CountersUnavailable,
    Exceeded,
    Hold,
    Ration,
    Unit,
)
from proxy.budgets.refusing import refusal_of
from proxy.engine.answers import Filter
from proxy.kill.triggers import Triggers
from proxy.mcp.errors import refused
from proxy.mcp.headers import is_answered_elsewhere
from proxy.money import format_usd
from proxy.policy.terms import BudgetedLimit, TaskLimits
from proxy.policy.words import uncounted
from proxy.pricing.charges import fitted
from proxy.pricing.tokens import output_upper_bound
from proxy.providers.decoding import decode_body
from proxy.providers.formats import format_named
from proxy.refusals import Code, Refusal
from proxy.reserving import (
    STEP_TOKENS,
    asks_uncounted,
    first_step,
    limits_of,
    mcp_tool_calls,
    reservation,
    spending_of,
)
from proxy.slip import Slip, Stamp

_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 0.0)
"""Between looks for what was granted with a yes."""
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


_UNASKED = Refusal(
    Code.GOVERNANCE_UNAVAILABLE,
    "The budget has no room for this call, and nobody can be asked for more. Try again shortly.",
    retry_after_s=5,
)


class Budget:
    """Holds a call's bound against every limit at once; no limit may ever be passed."""

    name = "budget"

    def __init__(
        self,
        accounts: Accounts,
        allowances: TaskLimits,
        lease_ms: int,
        triggers: Triggers,
        approvals: Approvals,
        anew: Anew,
        wait_s: float,
    ) -> None:
        self._approvals = approvals
        self._anew = anew
        self._wait_s = min(wait_s, WAIT_MAX_S)
        self._accounts = accounts
        self._allowances = allowances
        self._triggers = triggers
        self._lease_ms = lease_ms

    async def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, with what is held."""
        assert slip.terms is not None
        assert slip.identity is not None
        allowance = () if slip.door == "internal" else await self._allowances.of(slip.identity)
        limits = (*limits_of(slip, _now_ms()), *allowance)
        if not limits:
            return Stamp("inside" if slip.door == "internal" else "no budget applies")
        if asks_uncounted(slip):
            return Refusal(
                Code.FORMAT_UNSUPPORTED,
                "The tool calls that this call may lead to cannot be counted, and a budget of tool "
                "calls applies. Leave the tools out, or ask the operator for other terms.",
            )
        if allowance and _is_unbounded(slip):
            return _UNBOUNDED
        try:
            answer = await self._reserved(slip, flow, limits)
            if isinstance(answer, Exceeded) and _asks_people(limits, answer):
                header = flow.request.headers.get
                no = await more_budget(self._approvals, slip, answer, header, self._wait_s)
                approved = slip.approval.wanted.key if slip.approval is not None else None
                no = no or self._anew.no(slip, "This call", approved)
                if no is not None:
                    return no
                answer = await self._reserved_with_more(slip, flow, allowance)
        except CountersUnavailable:
            return uncounted()
        except ApprovalsUnavailable:
            return _UNASKED
        if isinstance(answer, Exceeded):
            return _refused(slip, flow, answer)
        slip.hold = answer
        if allowance and await self._allowances.of(slip.identity) != allowance:
            return _DIVIDED
        slip.ration = Ration.of_tool_calls(answer)
        _tell_remaining(slip, answer)
        if slip.grows:
            # What ends such an answer is written into it, which takes one that we can edit.
            flow.request.headers["accept-encoding"] = "identity"
            return Stamp(f"held for {answer.output_tokens} output tokens at first")
        return Stamp(self._fit(slip, flow, answer))

    def patience_s(self, slip: Slip) -> float:
        """As long as a person may take, where a budget of the caller asks one."""
        assert slip.terms is not None
        return self._wait_s if slip.terms.budgets_ask_people else 0.0

    async def _reserved_with_more(
        self, slip: Slip, flow: http.HTTPFlow, allowance: tuple[BudgetedLimit, ...]
    ) -> Hold | Exceeded:
        """With what was granted: that comes by another way than the yes, and may be a little later."""
        for pause_s in _PAUSES_S:
            answer = await self._reserved(slip, flow, (*limits_of(slip, _now_ms()), *allowance))
            if not isinstance(answer, Exceeded):
                break
            await asyncio.sleep(pause_s)
        return answer

    async def _reserved(
        self, slip: Slip, flow: http.HTTPFlow, limits: tuple[BudgetedLimit, ...]
    ) -> Hold | Exceeded:
        slip.grows = _grows(slip, limits)
        lowers = _can_be_lowered(slip, flow)
        asked = reservation(slip, limits, self._lease_ms, can_be_lowered=lowers)
        answer = await self._accounts.reserve(asked, _now_ms())
        if slip.grows and isinstance(answer, Exceeded):
            slip.grows = False
            asked = reservation(slip, limits, self._lease_ms, can_be_lowered=lowers)
            answer = await self._accounts.reserve(asked, _now_ms())
        return answer

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
        step = min(_needed(slip) + STEP_TOKENS, _bound(slip) - hold.output_tokens)
        answer = await self._accounts.extend(hold.id, hold.org, step, _now_ms())
        if isinstance(answer, Exceeded):
            is_used = _needed(slip) > _AHEAD_TOKENS - _LAST_TOKENS
            return refusal_of(answer, _now_ms()) if is_used else None
        slip.hold = answer
        slip.grows = answer.output_tokens < _bound(slip)
        return None

    async def refused(self, slip: Slip) -> None:
        """The call does not leave: its hold is let go."""
        if slip.hold is not None:
            await self._accounts.release(slip.hold.id, slip.hold.org, _now_ms())

    async def settle(self, slip: Slip) -> None:
        """The call has ended: the hold shrinks to what it used."""
        if slip.left and slip.mcp is not None:
            slip.tool_calls_passed = mcp_tool_calls(slip)
        if slip.hold is None:
            return
        if not slip.left and not slip.tool_calls_passed:
            await self._accounts.release(slip.hold.id, slip.hold.org, _now_ms())
            return
        actual: dict[Unit, int] = {
            "usd": slip.cost_nanousd,
            "tokens": slip.tokens,
            "requests": 1,
            "tool_calls": slip.tool_calls_passed,
        }
        settled = await self._accounts.settle(slip.hold.id, slip.hold.org, actual, _now_ms())
        for limit, percent in settled.crossed:
            if percent == 100:
                self._triggers.saw_spent(slip, limit.name)


def _asks_people(limits: tuple[BudgetedLimit, ...], answer: Exceeded) -> bool:
    return any(each.on_exceed == "hold" and each.limit == answer.limit for each in limits)


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
    spending = spending_of(limits)
    call, quote = slip.call, slip.quote
    if call is None or quote is None or not spending or slip.socket is not None:
        return False
    if not call.streaming or call.may_reason or call.prompt.has_tools:
        return False  # A tool call that is held back cannot be ended in words.
    agreed = all(each.on_exceed == "extend" for each in spending)
    return agreed and quote.output_tokens_bound > first_step(spending)


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


def _refused(slip: Slip, flow: http.HTTPFlow, answer: Exceeded) -> Refusal:
    refusal = refusal_of(answer, _now_ms())
    if slip.mcp is not None and refusal.facts["unit"] == "tool_calls":
        headers = list(flow.request.headers.items(multi=True))
        why = {number: refusal for number, call in enumerate(slip.mcp.calls) if call.tool}
        elsewhere = is_answered_elsewhere(headers)
        slip.own_answer = refused(slip.mcp, why, slip.id, is_answered_elsewhere=elsewhere)
    return refusal


def _is_unbounded(slip: Slip) -> bool:
    """A model call that could cost anything; `price` minds it where a policy counts dollars."""
    return slip.call is not None and (slip.quote is None or bool(slip.call.unbounded))

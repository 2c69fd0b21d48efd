"""What is told of a choice: in a header, in the record, and to who cannot be answered (pure)."""

from collections.abc import Sequence

from proxy.delegate.asked import ChatAsked
from proxy.delegate.choice import Choice, No, Pick
from proxy.ledger.records import Event
from proxy.money import format_usd
from proxy.refusals import Code, Refusal
from proxy.slip import Slip

HEADER = "x-exeat-delegate"
_TEXT_MAX = 2048

type Tried = tuple[str, str]
"""A name, and what came of it: a status, or the code of a refusal."""


def header_of(choice: Choice, pick: Pick, tried: Sequence[Tried]) -> str:
    """Who answered, and why: `openai/gpt-4o-mini; at most $0.00006; the cheapest of 2`."""
    parts = [pick.name, *_reasons(pick)]
    if choice.picks and pick is choice.picks[0] and len(choice.picks) > 1:
        parts.append(f"the cheapest of {len(choice.picks)}")
    parts += [f"after {name} ({what})" for name, what in tried]
    return "; ".join(parts)


def _reasons(pick: Pick) -> list[str]:
    parts = ["no known price"]
    if pick.bound_nanousd is not None:
        parts = [f"at most {format_usd(pick.bound_nanousd)}"]
    if pick.output_tokens is not None:
        parts.append(f"lowered to {pick.output_tokens} output tokens")
    if pick.is_resting:
        parts.append("failed of late")
    return parts


def event_of(
    slip: Slip, asked: ChatAsked, choice: Choice, no: Refusal | None, event_id: str, now_ms: int
) -> Event:
    """The choice as it is filed, before anybody is asked."""
    who = slip.identity
    order = "; ".join(f"{pick.name}: {', '.join(_reasons(pick))}" for pick in choice.picks)
    return Event(
        kind="delegation",
        id=event_id,
        ts_ms=now_ms,
        org=who.org if who else None,
        agent=who.agent if who else None,
        session=who.session if who else None,
        task=who.task if who else None,
        decision_id=slip.id,
        status="chosen" if no is None else "refused",
        facts={
            "asked": ", ".join(asked.names),
            "cap_nanousd": asked.cap_nanousd,
            "context_tokens": asked.context_tokens,
            "order": order[:_TEXT_MAX],
            "passed_over": _passed_over(choice.passed_over)[:_TEXT_MAX],
            "code": no.code.value if no else None,
            "reason": no.message[:_TEXT_MAX] if no else None,
        },
    )


def refusal_of(passed_over: Sequence[tuple[str, No]]) -> Refusal:
    """Nobody may answer. What could be mended by the caller, or by waiting, is said first."""
    reasons = {no.reason for _, no in passed_over}
    text = f"Nobody can be asked: {_passed_over(passed_over)}."
    if reasons == {"request"}:
        return Refusal(Code.BAD_REQUEST, f"The request cannot be passed on: {_first(passed_over)}.")
    if reasons & {"cost", "budget"}:
        return Refusal(
            Code.BUDGET_EXCEEDED, f"{text} Ask for less output (max_tokens), or of another model."
        )
    if "rate" in reasons:
        return Refusal(Code.RATE_LIMITED, f"{text} Try again later.")
    return Refusal(Code.NO_CANDIDATE, f"{text} Ask for another model, or ask the operator.")


def _passed_over(passed_over: Sequence[tuple[str, No]]) -> str:
    return "; ".join(f"{name}: {no.text}" for name, no in passed_over)


def _first(passed_over: Sequence[tuple[str, No]]) -> str:
    return passed_over[0][1].text

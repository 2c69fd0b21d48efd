"""Who answers what was delegated: everybody who may, in the order in which they are asked (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from proxy.budgets import Unit
from proxy.delegate.health import Standing
from proxy.money import format_usd
from proxy.pricing.quote import Quote

OUTPUT_TOKENS_MIN = 256
"""Fewer are not worth a call, unless fewer were asked for."""

Reason = Literal["key", "policy", "request", "price", "context", "cost", "budget", "rate"]


class No(NamedTuple):
    """Why somebody is not asked."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True)
class Room:
    """What one limit still has."""

    budget: str
    unit: Unit
    remaining: int
    lowers_from: int | None = None
    """The corridor itself makes a call fit under this limit, down to so many output tokens; None:
    it refuses what does not fit."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One who could answer."""

    name: str
    no: No | None = None
    """Settled already, whatever it would cost."""
    quote: Quote | None = None
    window_tokens: int = 0
    """What its model can read."""
    can_be_lowered: bool = True
    rooms: tuple[Room, ...] = ()
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True, slots=True)
class Pick:
    """One who may answer, and how."""

    name: str
    bound_nanousd: int | None
    """The most that it can cost; None without a price."""
    output_tokens: int | None = None
    """What its output bound is lowered to; None leaves it."""
    is_resting: bool = False
    """It failed of late, and is asked when nobody else is left."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Everybody, once: either to be asked, or passed over for a reason."""

    picks: tuple[Pick, ...]
    passed_over: tuple[tuple[str, No], ...]


def choose(
    offers: Sequence[Offer],
    *,
    cap_nanousd: int | None = None,
    context_tokens: int = 0,
    lower_output: bool = True,
) -> Choice:
    """The cheapest bound first; among equals the quicker. Whoever rests, or had to be lowered to fit,
    comes after those who need not be."""
    picks: list[tuple[tuple[int, ...], Pick]] = []
    passed_over: list[tuple[str, No]] = []
    for number, offer in enumerate(offers):
        found = _judge(offer, cap_nanousd, context_tokens, lower_output)
        if isinstance(found, No):
            passed_over.append((offer.name, found))
        else:
            picks.append((_rank(offer, found, number), found))
    picks.sort(key=lambda ranked: ranked[0])
    return Choice(tuple(pick for _, pick in picks), tuple(passed_over))


def _rank(offer: Offer, pick: Pick, number: int) -> tuple[int, ...]:
    bound = pick.bound_nanousd
    return (
        pick.is_resting,
        pick.output_tokens is not None,
        bound is None,
        bound or 0,
        offer.standing.latency_ms or 0,
        number,
    )


def _judge(
    offer: Offer, cap_nanousd: int | None, context_tokens: int, lower_output: bool
) -> Pick | No:
    if offer.no is not None:
        return offer.no
    quote = offer.quote
    needs = max(context_tokens, quote.input_tokens_estimate if quote else 0)
    if needs > offer.window_tokens:
        return No("context", f"reads {offer.window_tokens} tokens, and {needs} are needed")
    if quote is None:
        return _unpriced(offer, cap_nanousd)
    rooms = offer.rooms
    if cap_nanousd is not None:
        rooms = (Room("max_cost_usd", "usd", cap_nanousd), *rooms)
    output = quote.output_tokens_bound
    least = min(output, OUTPUT_TOKENS_MIN) if lower_output and offer.can_be_lowered else output
    for room in rooms:
        most = _most(room, quote)
        if most < least:
            is_cap = room.budget == "max_cost_usd"
            return No(_REASONS[room.unit] if not is_cap else "cost", _too_little(room, quote))
        output = min(output, most)
    is_lowered = output < quote.output_tokens_bound
    return Pick(
        offer.name,
        quote.fixed_nanousd + quote.per_output_nanousd * output,
        output if is_lowered else None,
        offer.standing.is_resting,
    )


_REASONS: dict[str, Reason] = {
    "usd": "budget",
    "tokens": "budget",
    "tool_calls": "budget",
    "times": "rate",
    "requests": "rate",
}


def _unpriced(offer: Offer, cap_nanousd: int | None) -> Pick | No:
    """Whoever has no price can keep under no amount of dollars."""
    if cap_nanousd is not None:
        return No("price", "has no known price, so no cap can be kept")
    spent = [room for room in offer.rooms if room.unit == "requests" and room.remaining < 1]
    if spent:
        return No("rate", f"{spent[0].budget} has no request left")
    return Pick(offer.name, None, None, offer.standing.is_resting)


def _most(room: Room, quote: Quote) -> int:
    """The most output tokens, per sampling, that fit; below nought where not even the input does."""
    fixed, each = _costs(room, quote)
    whole = quote.output_tokens_bound
    if room.lowers_from is not None:  # It is not for us to lower; but the least must fit.
        least = min(whole, room.lowers_from)
        return whole if fixed + each * least <= room.remaining else -1
    if each == 0:
        return whole if fixed <= room.remaining else -1
    return min(whole, (room.remaining - fixed) // each)


def _costs(room: Room, quote: Quote) -> tuple[int, int]:
    """Of the call without output, and of one token of output."""
    match room.unit:
        case "usd":
            return quote.fixed_nanousd, quote.per_output_nanousd
        case "tokens":
            return quote.input_tokens_bound, quote.samplings
        case "requests":
            return 1, 0
        case "tool_calls" | "times":
            return 0, 0


def _too_little(room: Room, quote: Quote) -> str:
    if room.unit == "requests":
        return f"{room.budget} has no request left"
    if room.unit == "usd":
        needed, left = format_usd(quote.bound_nanousd), format_usd(max(0, room.remaining))
    else:
        needed, left = f"{quote.tokens_bound} tokens", f"{max(0, room.remaining)}"
    return f"may take {needed}, and {room.budget} has {left}"

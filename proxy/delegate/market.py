"""Who could answer what is asked, for this caller, now: prices, terms, room and health put together."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from proxy.budgets import Accounts
from proxy.delegate.asked import ChatAsked
from proxy.delegate.choice import Choice, No, Offer, Room, choose
from proxy.delegate.health import Health
from proxy.delegate.names import Name
from proxy.delegate.roads import keyed
from proxy.policy import BudgetedLimit, Terms
from proxy.policy.permits import Asker
from proxy.pricing.charges import quote_for
from proxy.pricing.prices import Prices, UnknownPrice
from proxy.pricing.tokens import TokenCounter
from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.format import Format
from proxy.providers.formats import format_named
from proxy.slip import Slip

LARGE_BYTES = 32 * 1024
"""Above this, reading and counting is done in a thread."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An offer, with the call that would be made if it is taken."""

    name: Name
    offer: Offer
    body: bytes = b""
    call: ModelCall | None = None

    def lowered(self, output_tokens: int | None) -> bytes:
        """The body to send, with its output bound lowered where it has to be."""
        if output_tokens is None or self.call is None:
            return self.body
        return _format(self.name).amend(
            self.body, self.call, output_tokens=output_tokens, ask_usage=False
        )


class Market:
    """Makes the offers, and the choice among them."""

    def __init__(
        self,
        keys: Collection[str],
        prices: Prices,
        counter: TokenCounter,
        accounts: Accounts,
        health: Health,
    ) -> None:
        """`keys`: the providers that the operator has a key for."""
        self._keys = frozenset(keys)
        self._prices = prices
        self._counter = counter
        self._accounts = accounts
        self._health = health

    async def choose(
        self, slip: Slip, asked: ChatAsked, names: Sequence[Name], now_ms: int
    ) -> tuple[Choice, Mapping[str, Prepared]]:
        """Who is asked, in order, and with what. Raises CountersUnavailable."""
        assert slip.terms is not None
        assert slip.identity is not None
        asker = Asker(slip.identity, now_ms)
        if slip.body_bytes > LARGE_BYTES:
            made = await asyncio.to_thread(self._prepare, slip.terms, asked, names, asker)
        else:
            made = self._prepare(slip.terms, asked, names, asker)
        made = await self._with_room(slip, made, now_ms)
        choice = choose(
            [each.offer for each in made],
            cap_nanousd=asked.cap_nanousd,
            context_tokens=asked.context_tokens,
            lower_output=asked.lower_output,
        )
        return choice, {each.name.text: each for each in made}

    def may_be_asked(self, terms: Terms, name: Name, asker: Asker) -> bool:
        """Is there a key, and does the policy let this caller go there?"""
        is_keyed = keyed(name.road, self._keys)
        return is_keyed and _forbidden(terms, name, (name.model,), asker) is None

    def _prepare(
        self, terms: Terms, asked: ChatAsked, names: Sequence[Name], asker: Asker
    ) -> Sequence[Prepared]:
        return [self._one(terms, asked, name, asker) for name in names]

    def _one(self, terms: Terms, asked: ChatAsked, name: Name, asker: Asker) -> Prepared:
        road = name.road
        if not keyed(road, self._keys):
            text = f"the operator has no key for {road.payee}"
            return Prepared(name, Offer(name.text, No("key", text)))
        body = asked.sent(name.model)
        try:
            call = _format(name).read_request(body, road.upstream_path, "application/json")
        except BadRequest as error:
            where = f" ({error.param})" if error.param else ""
            return Prepared(name, Offer(name.text, No("request", f"{error.reason}{where}")))
        call = replace(call, host=road.to.host)
        no = _forbidden(terms, name, call.models, asker) or self._unbounded(terms, call)
        offer = Offer(name.text, no) if no else self._priced(terms, name, call)
        return Prepared(name, offer, body, call)

    @staticmethod
    def _unbounded(terms: Terms, call: ModelCall) -> No | None:
        if not call.unbounded or not terms.spends_are_limited:
            return None
        return No("request", f"no upper bound on its cost ({', '.join(call.unbounded)})")

    def _priced(self, terms: Terms, name: Name, call: ModelCall) -> Offer:
        quote = None
        try:
            quote = quote_for(self._prices, self._counter, call, if_unknown=terms.unknown_price)
        except UnknownPrice as error:
            if terms.spends_are_limited:
                return Offer(name.text, No("price", f"no known price ({error})"))
        return Offer(
            name.text,
            quote=quote,
            window_tokens=self._prices.limits_for(call).input_tokens,
            can_be_lowered=call.can_be_lowered,
        )

    async def _with_room(
        self, slip: Slip, made: Sequence[Prepared], now_ms: int
    ) -> Sequence[Prepared]:
        """With what the budgets have left, in one question to the counters."""
        assert slip.identity is not None
        assert slip.terms is not None
        limits: dict[str, tuple[BudgetedLimit, ...]] = {
            each.name.text: slip.terms.limits(slip.identity, each.name.model, now_ms)
            for each in made
            if each.offer.no is None
        }
        every = dict.fromkeys(each.limit for some in limits.values() for each in some)
        balances = await self._accounts.balances(slip.identity.org, list(every), now_ms)
        left = {balance.limit: balance.remaining for balance in balances}
        return [
            replace(
                each,
                offer=replace(
                    each.offer,
                    rooms=tuple(
                        _room(one, left[one.limit]) for one in limits.get(each.name.text, ())
                    ),
                    standing=self._health.standing(each.name.text, now_ms),
                ),
            )
            for each in made
        ]


def _format(name: Name) -> Format:
    return format_named("openai.chat", name.road.provider)


def _forbidden(terms: Terms, name: Name, models: Sequence[str], asker: Asker) -> No | None:
    """The caller's places and models. Rules are asked when the call is made."""
    road = name.road
    answers = [
        terms.egress(road.to, "POST", road.upstream_path, asker),
        *(terms.model(model, asker) for model in models),
    ]
    for answer in answers:
        if not answer.passes:
            return No("policy", f"{answer.reason} ({answer.rule})")
    return None


def _room(budgeted: BudgetedLimit, remaining: int) -> Room:
    limit = budgeted.limit
    match budgeted.on_exceed:
        case "refuse" | "hold":  # Whom to ask is chosen without asking people.
            return Room(limit.name, limit.unit, remaining)
        case "fit" | "extend":
            return Room(limit.name, limit.unit, remaining, budgeted.fit_floor)
        case _:
            assert_never(budgeted.on_exceed)

"""What may it cost? A model call's estimate, for people, and its bound, for the hold."""

import asyncio

from mitmproxy import http

from proxy.money import format_usd
from proxy.pricing.charges import quote_for
from proxy.pricing.prices import Prices, UnknownPrice
from proxy.pricing.tokens import TokenCounter
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp


class Price:
    """Without a price there is no bound, so no spending."""

    name = "price"

    def __init__(self, prices: Prices, counter: TokenCounter) -> None:
        self._prices = prices
        self._counter = counter

    async def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes, with the most that it may cost; or no, where that cannot be said and matters."""
        call, terms = slip.call, slip.terms
        if call is None or terms is None:
            return Stamp("nothing to price")
        slip.price_version = self._prices.version
        if_unknown = terms.unknown_price
        if call.unbounded and terms.spends_are_limited:
            return Refusal(
                Code.FORMAT_UNSUPPORTED,
                f"This call has no upper bound on its cost ({', '.join(call.unbounded)}), and a "
                "budget applies. Leave that feature out, or ask the operator for other terms.",
            )
        try:
            if self._counter.is_large(call):  # Milliseconds, that others must not wait for.
                slip.quote = await asyncio.to_thread(
                    quote_for, self._prices, self._counter, call, if_unknown=if_unknown
                )
            else:
                slip.quote = quote_for(self._prices, self._counter, call, if_unknown=if_unknown)
        except UnknownPrice as error:
            if terms.spends_are_limited:
                return Refusal(
                    Code.PRICE_UNKNOWN,
                    f"The model {call.model} has no known price ({error}), and a budget applies. "
                    "Use a model that has one, or ask the operator to set its rate in prices_file.",
                )
            return Stamp("no price")
        return Stamp(f"at most {format_usd(slip.quote.bound_nanousd)}")

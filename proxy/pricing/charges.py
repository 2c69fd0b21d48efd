"""From a call to its quote, and from its answer to its charge (pure)."""

from dataclasses import dataclass, replace

from proxy.pricing.prices import Prices, UnknownModel, UnknownPrice, UnknownPricing
from proxy.pricing.quote import Quote
from proxy.pricing.rates import nano
from proxy.pricing.tokens import TokenCounter, input_bound, output_upper_bound
from proxy.providers.answer import AnswerReader
from proxy.providers.call import ModelCall
from proxy.providers.usage import Usage


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call is charged. `is_estimated`: the provider did not say, so it is an upper bound."""

    usage: Usage | None
    nanousd: int
    tokens: int
    is_estimated: bool


_NOTHING = Charge(None, 0, 0, False)


def quote_for(
    prices: Prices,
    counter: TokenCounter,
    call: ModelCall,
    *,
    if_unknown: UnknownPricing = "refuse",
) -> Quote:
    """The estimate that people see and the bound that is held. Raises UnknownPrice."""
    if call.items:
        return _together(
            [quote_for(prices, counter, item, if_unknown=if_unknown) for item in call.items]
        )
    models = prices.models_for(call)
    bound = input_bound(call, models, prices.limits_for(call))
    return prices.quote(call, bound, counter.estimate(call, models[0]), if_unknown=if_unknown)


def _together(quotes: list[Quote]) -> Quote:
    """Of several calls as one, none of which can be lowered by itself."""
    bound = sum(quote.bound_nanousd for quote in quotes)
    return Quote(
        input_tokens_estimate=sum(quote.input_tokens_estimate for quote in quotes),
        input_tokens_bound=sum(quote.input_tokens_bound for quote in quotes),
        output_tokens_estimate=sum(quote.output_tokens_estimate for quote in quotes),
        output_tokens_bound=sum(quote.output_tokens_bound * quote.samplings for quote in quotes),
        samplings=1,
        fixed_nanousd=bound,
        per_output_nanousd=0,
        bound_nanousd=bound,
        estimate_nanousd=sum(quote.estimate_nanousd for quote in quotes),
        version=quotes[0].version,
    )


def fitted(quote: Quote, output_tokens: int) -> Quote:
    """The quote of the same call with its output bound lowered."""
    bound = quote.fixed_nanousd + quote.per_output_nanousd * output_tokens
    return replace(
        quote,
        output_tokens_bound=output_tokens,
        output_tokens_estimate=min(quote.output_tokens_estimate, output_tokens * quote.samplings),
        bound_nanousd=bound,
        estimate_nanousd=min(quote.estimate_nanousd, bound),
    )


def charge_for(
    prices: Prices,
    call: ModelCall,
    quote: Quote | None,
    reader: AnswerReader | None,
    http_status: int,
) -> Charge:
    """What a call that left is charged, never less than the provider can bill.

    `http_status` is 0 when no answer came: it may have been worked on all the same. A provider's
    own error (400 and above) is not billed.
    """
    if not call.billable:
        return _NOTHING
    if reader is not None and reader.usage is not None and reader.complete:
        return _reported(prices, call, quote, reader, reader.usage)
    if http_status >= 400:
        return _NOTHING
    if quote is None:
        return Charge(None, 0, 0, True)
    output = quote.output_tokens_bound * call.samplings
    if reader is not None:
        output = output_upper_bound(call, reader, quote.output_tokens_bound)
    return _bounded(quote, output)


def _reported(
    prices: Prices, call: ModelCall, quote: Quote | None, reader: AnswerReader, usage: Usage
) -> Charge:
    """The provider's own figures, at the price of the model that answered."""
    tokens = usage.input_tokens + usage.output_tokens
    tier = reader.service_tier or call.service_tier
    named = prices.answering(call, reader.model)
    try:
        nanousd = prices.cost(*named, usage, tier)
    except UnknownModel:
        if quote is not None and quote.is_dearest:
            return Charge(usage, nano(prices.dearest(named.provider).femto(usage)), tokens, True)
        return Charge(usage, quote.bound_nanousd if quote else 0, tokens, True)
    except UnknownPrice:
        # Billed at a tier that no table knows: the hold is what was promised to cover it.
        return Charge(usage, quote.bound_nanousd if quote else 0, tokens, True)
    return Charge(usage, nanousd, tokens, False)


def _bounded(quote: Quote, output_tokens: int) -> Charge:
    per_sampling = -(-output_tokens // max(1, quote.samplings))
    usage = Usage(quote.input_tokens_bound, output_tokens)
    nanousd = quote.fixed_nanousd + per_sampling * quote.per_output_nanousd
    return Charge(usage, nanousd, quote.input_tokens_bound + output_tokens, True)

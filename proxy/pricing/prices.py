"""What a call may cost at worst, and what it did cost: integer nano-dollars from published rates
(pure)."""

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version as installed_version
from typing import Literal

from genai_prices.data_snapshot import get_snapshot

from proxy.pricing.limits import UNKNOWN, Limits, limits_digest, limits_of
from proxy.pricing.names import stem
from proxy.pricing.own import UNMAPPED, Named, OwnPrices, Rate, tier_factor
from proxy.pricing.price_file import PriceFile
from proxy.pricing.quote import Quote, by_piece, worst_case
from proxy.pricing.rates import Rates, dearest_of, nano
from proxy.pricing.table import every_rate, find_model, has_variant, rates_of, sellers
from proxy.pricing.tiers import (
    CHEAPER,
    GEOGRAPHIES,
    TIERS,
    context_of,
    geography_factor,
    parted,
)
from proxy.providers.call import ModelCall
from proxy.providers.usage import Usage

OUTPUT_TOKENS_TYPICAL = 500
"""For estimates only: half the recorded answers are shorter. Bounds never use it."""

_MEMO_MAX = 4096

type UnknownPricing = Literal["refuse", "dearest"]
"""What becomes of a model that no table knows."""


class UnknownPrice(LookupError):  # noqa: N818 - the word the caller sees
    """No rate is known, so no bound is: refuse the call under a money budget; settle it at its
    hold."""


class UnknownModel(UnknownPrice):
    """The model is in no table, or only something that resembles it is."""


class UnknownTier(UnknownPrice):
    """The model is known; the service tier, speed or geography has no price."""


class Prices:
    """Published rates as they stand at one moment, under the operator's own.

    Rates have dates and hours: whoever owns the clock calls `advance` now and then, once a minute
    is enough. Whoever watches the operator's file calls `adopt` when it has changed.
    """

    def __init__(self, *, at: datetime, file: PriceFile | None = None) -> None:
        self._at = at
        self._snapshot = get_snapshot()
        self._memo: dict[tuple[str, str, str | None], Rates | UnknownPrice] = {}
        self._dearest: dict[str | None, Rates] = {}
        self.adopt(file)

    def adopt(self, file: PriceFile | None) -> bool:
        """From now on this is the operator's file. True when that changes anything."""
        before = getattr(self, "version", None)
        self.own = file.own if file else OwnPrices()
        self.version = _version(file)
        self._memo.clear()
        self._dearest.clear()
        return self.version != before

    def advance(self, at: datetime) -> None:
        self._at = at
        self._memo.clear()

    def is_known(self, provider: str, model: str) -> bool:
        """An answer may name a model no table has; then the one asked for is what is priced."""
        try:
            self.rates(provider, model)
        except UnknownPrice:
            return False
        return True

    def limits(self, provider: str, model: str) -> Limits:
        """What the model can read and write; the operator's word first."""
        rate = self.own_rate(provider, model)
        known = limits_of(provider, model)
        if rate is None:
            return known
        return Limits(
            rate.context or known.input_tokens,
            known.output_tokens if rate.max_output is None else rate.max_output,
        )

    def limits_for(self, call: ModelCall) -> Limits:
        """The widest of every model that may answer."""
        all_of = [self.limits(*named) for named in self.models_for(call)]
        return Limits(
            max(one.input_tokens for one in all_of), max(one.output_tokens for one in all_of)
        )

    def models_for(self, call: ModelCall) -> tuple[Named, ...]:
        """The model that is asked for, then those that may answer in its place, as mapped. A name
        of the operator's own that nothing maps is no model's, even where it looks like one."""
        asked = self._meant(call, call.model)
        is_own = call.model_is_alias and asked == (call.provider, call.model)
        if is_own and not self._has_own_rate(*asked):
            asked = Named(call.provider, UNMAPPED)
        return asked, *(self._meant(call, name) for name in call.fallback_models)

    def _meant(self, call: ModelCall, name: str) -> Named:
        mapped = None
        if not self.own.names(call.provider, name):
            mapped = self.own.meant(call.provider, name, call.host)
        return mapped or Named(call.provider, name)

    def answering(self, call: ModelCall, answered: str | None) -> Named:
        """The model whose price a call is charged at: the one that its answer names, if that has a
        price; else the one asked for. Where a rate was given for the very name that was asked
        for, that is the price, whatever the answer calls it."""
        asked, *others = self.models_for(call)
        is_echo = answered == call.model and not call.model_is_alias
        if answered is None or is_echo or (not others and self.own.names(*asked)):
            return asked
        for named in (Named(asked.provider, answered), self._meant(call, answered)):
            if self.is_known(*named):
                return named
        return asked

    def quote(
        self,
        call: ModelCall,
        input_tokens_bound: int,
        input_tokens_estimate: int,
        *,
        if_unknown: UnknownPricing = "refuse",
    ) -> Quote:
        """Raises UnknownPrice. Says nothing about `call.unbounded`: that the caller refuses
        first. `dearest` takes the dearest rate there is for a model that has none."""
        limits = self.limits_for(call)
        asked = call.output_tokens_max
        output = limits.output_tokens if asked is None else min(asked, limits.output_tokens)
        if asked is not None and _may_write_more(call):
            output = asked
        likely = min(output, OUTPUT_TOKENS_TYPICAL) * call.samplings
        fixed = each = estimate = 0
        is_dearest = False
        if call.billable:
            every = []
            for named in self.models_for(call):
                try:
                    every.append(self._rates_asked(call, named))
                except UnknownModel:
                    if if_unknown == "refuse":
                        raise
                    is_dearest = True
                    every.append(self.dearest(named.provider))
            pieces = by_piece(call)
            if not all(rates.is_by_token or rates.femto(pieces) for rates in every):
                raise UnknownModel(f"{call.model} of {call.provider} is not priced by the token")
            worst = [worst_case(rates, call, input_tokens_bound) for rates in every]
            fixed, each = max(pair[0] for pair in worst), max(pair[1] for pair in worst)
            likely_use = replace(pieces, input_tokens=input_tokens_estimate)
            estimate = nano(every[0].femto(replace(likely_use, output_tokens=likely)))
        bound = fixed + each * output
        return Quote(
            input_tokens_estimate=input_tokens_estimate,
            input_tokens_bound=input_tokens_bound,
            output_tokens_estimate=likely,
            output_tokens_bound=output,
            samplings=call.samplings,
            fixed_nanousd=fixed,
            per_output_nanousd=each,
            bound_nanousd=bound,
            estimate_nanousd=min(estimate, bound),
            version=self.version,
            is_dearest=is_dearest,
        )

    def _rates_asked(self, call: ModelCall, named: Named) -> Rates:
        if named.model == UNMAPPED:
            raise UnknownModel(f"no mapping says which model {call.model} of {call.provider} is")
        return self.rates(*named, call.service_tier)

    def cost(self, provider: str, model: str, usage: Usage, service_tier: str | None = None) -> int:
        """Nano-dollars, rounded up once. The tier the answer reports overrides the one asked for.

        Raises UnknownPrice: then the hold is the charge.
        """
        if usage.stated_nanousd is not None:
            return usage.stated_nanousd
        tier = usage.service_tier or service_tier
        rates = self.rates(provider, model, tier)
        if not usage.parts:
            if not rates.cover(usage):
                raise UnknownModel(f"no price for what {model} of {provider} used")
            return nano(rates.femto(usage))
        femto = usage.web_searches * rates.web_search + rates.request
        for part in usage.parts:
            part_rates = self.rates(provider, part.model or model, part.usage.service_tier or tier)
            if not part_rates.cover(part.usage):
                raise UnknownModel(f"no price for what {part.model or model} of {provider} used")
            femto += part_rates.femto(part.usage)
        return nano(femto)

    def dearest(self, provider: str) -> Rates:
        """The dearest rate known of that provider, whatever the model, tier and date; of all
        providers where it has none."""
        rates = self.own.rates.get(provider, {}).values()
        owns = any(rate.has_price and not rate.free for rate in rates)
        key = provider if owns or sellers(self._snapshot, provider) else None
        found = self._dearest.get(key)
        if found is None:
            found = self._dearest[key] = self._find_dearest(key)
        return found

    def _find_dearest(self, provider: str | None) -> Rates:
        own = [
            rate.rates(None).times(max([*rate.tiers.values(), Decimal(1)]))
            for seller, models in self.own.rates.items()
            for rate in models.values()
            if rate.has_price and provider in (None, seller)
        ]
        found = dearest_of([*own, *every_rate(self._snapshot, provider)])
        return found or self.dearest("")

    def rates(self, provider: str, model: str, tier: str | None = None) -> Rates:
        """The rates that apply now. Raises UnknownPrice."""
        key = (provider, model, tier)
        found = self._memo.get(key)
        if found is None:
            if len(self._memo) >= _MEMO_MAX:
                self._memo.clear()  # Callers choose the names: the memo must not grow with them.
            found = self._memo[key] = self._find(provider, model, tier)
        if isinstance(found, Rates):
            return found
        raise type(found)(*found.args)

    def own_rate(self, provider: str, model: str) -> Rate | None:
        if provider not in self.own.rates:
            return None
        return self.own.rate(provider, self._spellings(provider, model))

    def discount(self, provider: str, model: str) -> Decimal:
        if provider not in self.own.discounts:
            return Decimal(1)
        return self.own.discount(provider, self._spellings(provider, model))

    def _spellings(self, provider: str, model: str) -> list[str]:
        """A dated name is its model, unless a table lists the two apart, at other prices."""
        base = stem(model)
        found = (find_model(self._snapshot, provider, name) for name in (model, base))
        return [model, model.lower(), *([base] if next(found) is next(found) else [])]

    def _has_own_rate(self, provider: str, model: str) -> bool:
        rate = self.own_rate(provider, model)
        return rate is not None and rate.has_price

    def _find(self, provider: str, model: str, tier: str | None) -> Rates | UnknownPrice:
        rate = self.own_rate(provider, model)
        if rate is None or not rate.has_price:
            found = self.listed(provider, model, tier)
            if isinstance(found, Rates):
                return found.times(self.discount(provider, model))
            return found
        name, geography = parted(tier)
        factor = tier_factor(rate, name)
        if factor is None and (name in CHEAPER or context_of(provider, name) == {}):
            factor = Decimal(1)
        place = Decimal(1) if rate.free else geography_factor(provider, geography)
        if factor is None or place is None:
            return UnknownTier(f"the rate for {model} of {provider} names no such service tier")
        listed = self.listed(provider, model, None)
        return rate.rates(listed if isinstance(listed, Rates) else None).times(factor * place)

    def listed_models(self) -> dict[str, list[str]]:
        """Every provider that a table lists, and its models."""
        return {
            seller.id: [entry.id for entry in seller.models] for seller in self._snapshot.providers
        }

    def listed(self, provider: str, model: str, tier: str | None) -> Rates | UnknownPrice:
        """What is published, without anything of the operator's."""
        entry = find_model(self._snapshot, provider, model)
        if entry is None:
            return UnknownModel(f"no price for {model} of {provider}")
        name, geography = parted(tier)
        context = context_of(provider, name)
        factor = geography_factor(provider, geography)
        is_listed = context is not None and (
            not context or name in CHEAPER or has_variant(entry, context, self._at)
        )
        if context is None or factor is None or not is_listed:
            return UnknownTier(f"no price for {model} of {provider} at this service tier")
        try:
            return rates_of(entry, self._at, context, factor)
        except LookupError:
            return UnknownModel(f"{model} of {provider} is not priced by the token")


def _may_write_more(call: ModelCall) -> bool:
    """In a batch Anthropic lets models write more than they can in an answer that is waited for."""
    in_batch = (call.service_tier or "").startswith("batch")
    return in_batch and call.format == "anthropic.messages"


def _version(file: PriceFile | None) -> str:
    """Names the price table in every record: the library's version, a hash of all that is ours,
    and the hash of the operator's file."""
    ours = {
        "tiers": TIERS,
        "geographies": {p: {g: str(f) for g, f in t.items()} for p, t in GEOGRAPHIES.items()},
        "limits": limits_digest(),
        "unknown": UNKNOWN,
    }
    digest = hashlib.sha256(json.dumps(ours, sort_keys=True).encode()).hexdigest()
    version = f"genai-prices {installed_version('genai-prices')}+{digest[:12]}"
    return f"{version}+{file.sha256}" if file else version

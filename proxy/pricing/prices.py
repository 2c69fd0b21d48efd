"""What a call may cost at worst, and what it did cost: integer nano-dollars from published rates
(pure)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version as installed_version

from genai_prices.data_snapshot import get_snapshot

from proxy.pricing.limits import UNKNOWN, Limits, limits_digest, limits_of
from proxy.pricing.rates import Rate, Rates, Step, nano
from proxy.pricing.table import find_model, has_variant, rates_of
from proxy.providers.call import ModelCall
from proxy.providers.usage import Usage

OUTPUT_TOKENS_TYPICAL = 500
"""For estimates only: half the recorded answers are shorter. Bounds never use it."""

_MEMO_MAX = 4096

_STANDARD = frozenset({"auto", "default", "standard", "on_demand"})

_TIERS: dict[str, dict[str, dict[str, str]]] = {
    "openai": {
        "flex": {"service_tier": "flex"},
        "priority": {"service_tier": "priority"},
        "fast": {"service_tier": "fast"},
        "batch": {"processing": "batch"},
    },
    "anthropic": {
        "priority": {},
        "fast": {"speed": "fast"},
        "batch": {"processing": "batch"},
    },
    "google": {
        "flex": {"service_tier": "flex"},
        "priority": {"service_tier": "priority"},
        "batch": {"processing": "batch"},
        "provisioned_throughput": {},
    },
    "aws": {"flex": {"service_tier": "flex"}, "reserved": {}},
    "groq": {"flex": {"service_tier": "flex"}, "batch": {"processing": "batch"}},
    "mistral": {"batch": {"processing": "batch"}},
    "x-ai": {"batch": {"processing": "batch"}},
    "openrouter": {"flex": {"service_tier": "flex"}},
}
"""Tier names to the contexts genai-prices knows them by. Where the context is empty the capacity is
already paid for, so the standard rate is its upper bound. Any other name is refused: `ultrafast`,
`scale`."""

_CHEAPER = frozenset({"flex", "batch"})
"""Tiers that only lower a price: a model that lists none for them is charged the standard rate."""

_GEOGRAPHIES: dict[str, dict[str, Decimal]] = {"anthropic": {"us": Decimal("1.1")}}
"""What genai-prices lacks: the factor for keeping inference in one place (Anthropic's price
page)."""


class UnknownPrice(LookupError):  # noqa: N818 - the word the caller sees
    """No rate is known, so no bound is: refuse the call under a money budget; settle it at its
    hold."""


class UnknownModel(UnknownPrice):
    """The model is in no table, or only something that resembles it is."""


class UnknownTier(UnknownPrice):
    """The model is known; the service tier, speed or geography has no price."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The two numbers kept apart: estimates are what people see, bounds are what is held."""

    input_tokens_estimate: int
    input_tokens_bound: int
    output_tokens_estimate: int
    """All samplings together."""
    output_tokens_bound: int
    """Per sampling, so `per_output_nanousd` times this is the output's share of the hold."""
    samplings: int
    fixed_nanousd: int
    """The input at its worst: every token at the dearest rate that could apply."""
    per_output_nanousd: int
    """One more output token in every sampling, at the dearest rate that could apply."""
    bound_nanousd: int
    estimate_nanousd: int
    version: str

    @property
    def tokens_bound(self) -> int:
        return self.input_tokens_bound + self.output_tokens_bound * self.samplings


class Prices:
    """Published rates as they stand at one moment, under the operator's own.

    `overrides` maps (provider, model) to a rate; the model may be "*" for all a provider serves.
    `aliases` says which model stands behind an operator's own name (an Azure deployment).
    Rates have dates and hours: whoever owns the clock calls `advance` now and then, once a minute
    is enough.
    """

    def __init__(
        self,
        *,
        at: datetime,
        overrides: Mapping[tuple[str, str], Rate] | None = None,
        aliases: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        self._overrides = dict(overrides or {})
        self._aliases = dict(aliases or {})
        self._at = at
        self._snapshot = get_snapshot()
        self._memo: dict[tuple[str, str, str | None], Rates | UnknownPrice] = {}
        self.version = _version(self._overrides, self._aliases)

    def advance(self, at: datetime) -> None:
        self._at = at
        self._memo.clear()

    def is_known(self, provider: str, model: str) -> bool:
        """An answer may name a model no table has; then the one asked for is what is priced."""
        try:
            self._rates(provider, model, None)
        except UnknownPrice:
            return False
        return True

    def limits(self, provider: str, model: str) -> Limits:
        """What the model can read and write; the operator's word first."""
        rate = self._override(provider, model)
        known = limits_of(provider, model)
        if rate is None:
            return known
        return Limits(
            rate.input_tokens_max or known.input_tokens,
            known.output_tokens if rate.output_tokens_max is None else rate.output_tokens_max,
        )

    def limits_for(self, call: ModelCall) -> Limits:
        """The widest of every model that may answer. Raises UnknownModel."""
        all_of = [self.limits(call.provider, model) for model in self.models_for(call)]
        return Limits(
            max(one.input_tokens for one in all_of), max(one.output_tokens for one in all_of)
        )

    def models_for(self, call: ModelCall) -> tuple[str, ...]:
        """The model that is asked for, then those that may answer in its place. Raises
        UnknownModel."""
        model = call.model
        if call.model_is_alias and self._override(call.provider, model) is None:
            named = self._aliases.get((call.provider, model))
            if named is None:
                raise UnknownModel(f"no mapping says which model {model} of {call.provider} is")
            model = named
        return model, *call.fallback_models

    def quote(self, call: ModelCall, input_tokens_bound: int, input_tokens_estimate: int) -> Quote:
        """Raises UnknownPrice. Says nothing about `call.unbounded`: that the caller refuses
        first."""
        limits = self.limits_for(call)
        asked = call.output_tokens_max
        output = limits.output_tokens if asked is None else min(asked, limits.output_tokens)
        likely = min(output, OUTPUT_TOKENS_TYPICAL) * call.samplings
        fixed = each = estimate = 0
        if call.billable:
            every = [
                self._rates(call.provider, model, call.service_tier)
                for model in self.models_for(call)
            ]
            worst = [_worst(rates, call, input_tokens_bound) for rates in every]
            fixed, each = max(pair[0] for pair in worst), max(pair[1] for pair in worst)
            estimate = nano(every[0].femto(Usage(input_tokens_estimate, likely)))
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
        )

    def cost(self, provider: str, model: str, usage: Usage, service_tier: str | None = None) -> int:
        """Nano-dollars, rounded up once. The tier the answer reports overrides the one asked for.

        Raises UnknownPrice: then the hold is the charge.
        """
        if usage.stated_nanousd is not None:
            return usage.stated_nanousd
        tier = usage.service_tier or service_tier
        rates = self._rates(provider, model, tier)
        if not usage.parts:
            return nano(rates.femto(usage))
        femto = usage.web_searches * rates.web_search + rates.request
        for part in usage.parts:
            part_rates = self._rates(provider, part.model or model, part.usage.service_tier or tier)
            femto += part_rates.femto(part.usage)
        return nano(femto)

    def _rates(self, provider: str, model: str, tier: str | None) -> Rates:
        key = (provider, model, tier)
        found = self._memo.get(key)
        if found is None:
            if len(self._memo) >= _MEMO_MAX:
                self._memo.clear()  # Callers choose the names: the memo must not grow with them.
            found = self._memo[key] = self._find(provider, model, tier)
        if isinstance(found, Rates):
            return found
        raise type(found)(*found.args)

    def _find(self, provider: str, model: str, tier: str | None) -> Rates | UnknownPrice:
        rate = self._override(provider, model)
        if rate is not None:
            return rate.rates()
        entry = find_model(self._snapshot, provider, model)
        if entry is None:
            return UnknownModel(f"no price for {model} of {provider}")
        name, _, geography = (tier or "standard").lower().partition("@")
        context = {} if name in _STANDARD else _TIERS.get(provider, {}).get(name)
        factor = _GEOGRAPHIES.get(provider, {}).get(geography) if geography else Decimal(1)
        is_listed = context is not None and (
            not context or name in _CHEAPER or has_variant(entry, context, self._at)
        )
        if context is None or factor is None or not is_listed:
            return UnknownTier(f"no price for {model} of {provider} at this service tier")
        try:
            return rates_of(entry, self._at, context, factor)
        except LookupError:
            return UnknownModel(f"{model} of {provider} is not priced by the token")

    def _override(self, provider: str, model: str) -> Rate | None:
        if not self._overrides:
            return None
        return self._overrides.get((provider, model)) or self._overrides.get((provider, "*"))


def _worst(rates: Rates, call: ModelCall, input_tokens_bound: int) -> tuple[int, int]:
    """Nano-dollars for the input, and for one output token of every sampling. Which long-context
    step will apply is not known before the answer, so the dearest that the bound reaches is
    taken."""
    reached = [step for step in rates.steps if step.above < input_tokens_bound] or [rates.steps[0]]
    dearest_input = max(_dearest_input(step, call) for step in reached)
    dearest_output = max(_dearest_output(step, call) for step in reached)
    fixed = input_tokens_bound * dearest_input + rates.request
    return nano(fixed), nano(dearest_output * call.samplings)


_CACHE_ON_REQUEST = ("anthropic.", "bedrock.")
"""Formats that write a cache only when asked; elsewhere it may be written unasked (wire.md 0.4)."""


def _dearest_input(step: Step, call: ModelCall) -> int:
    dearest = max(step.input, step.cache_read)
    if call.prompt.images or not call.prompt.is_bounded:
        dearest = max(dearest, step.input_image)
    if not call.prompt.is_bounded:
        dearest = max(dearest, step.input_audio, step.cache_read_audio)
    if call.cache_lifetime == "1h":
        return max(dearest, step.cache_write_5m, step.cache_write_1h)
    if call.cache_lifetime == "5m" or not call.format.startswith(_CACHE_ON_REQUEST):
        return max(dearest, step.cache_write_5m)
    return dearest


def _dearest_output(step: Step, call: ModelCall) -> int:
    """Gemini's models draw and speak by themselves, realtime ones speak; others are asked to, and that
    is unbounded."""
    if call.format.startswith(("gemini.", "openai.realtime")):
        return max(step.output, step.output_image, step.output_audio)
    return step.output


def _version(
    overrides: Mapping[tuple[str, str], Rate], aliases: Mapping[tuple[str, str], str]
) -> str:
    """Names the price table in every record: the library's version, and a hash of all that is
    ours."""
    ours = {
        "tiers": _TIERS,
        "geographies": {p: {g: str(f) for g, f in t.items()} for p, t in _GEOGRAPHIES.items()},
        "limits": limits_digest(),
        "unknown": UNKNOWN,
        "aliases": sorted((*key, model) for key, model in aliases.items()),
        "overrides": sorted((*key, repr(rate)) for key, rate in overrides.items()),
    }
    digest = hashlib.sha256(json.dumps(ours, sort_keys=True).encode()).hexdigest()
    return f"genai-prices {installed_version('genai-prices')}+{digest[:12]}"

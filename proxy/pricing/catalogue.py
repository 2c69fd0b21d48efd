"""What the tables hold: which models have a price, where a figure comes from, and what another file
would change (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from proxy.pricing.limits import UNKNOWN
from proxy.pricing.own import EVERY, Named, Rate
from proxy.pricing.prices import Prices, UnknownPrice
from proxy.pricing.rates import FEMTO_PER_NANO, Rates, Step
from proxy.pricing.tiers import TIERS

KINDS = Step._fields[1:]
"""Every kind of token that has a rate."""

_FAR_BELOW = Decimal("0.5")
"""An own rate under half of the published one is more often a slip of the pen than a contract."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure that two tables give otherwise. None: it has none there."""

    provider: str
    model: str
    what: str
    before: str | None
    after: str | None


def providers(prices: Prices) -> list[str]:
    own = prices.own
    named = {*own.rates, *own.discounts, *(each.provider for each in own.mappings)}
    return sorted(named | set(prices.listed_models()))


def models(prices: Prices, provider: str) -> list[str]:
    """Those that have a price by their own name, and the names that are mapped."""
    own = prices.own
    named = {*own.rates.get(provider, {}), *own.discounts.get(provider, {})} - {EVERY}
    named |= {each.name for each in own.mappings if each.provider == provider}
    return sorted(named | set(prices.listed_models().get(provider, ())))


def meant(prices: Prices, provider: str, model: str) -> Named:
    """The model behind a name, wherever it is asked; a mapping for one host only is not followed."""
    return prices.own.meant(provider, model, "") or Named(provider, model)


def source(prices: Prices, provider: str, model: str) -> str:
    """Where the rates of a model come from, in a few words."""
    named = meant(prices, provider, model)
    if named != (provider, model):
        return f"mapped to {named.provider}/{named.model}: {source(prices, *named)}"
    rate = prices.own_rate(provider, model)
    if rate is not None and rate.has_price:
        return "own, free" if rate.free else "own"
    factor = prices.discount(provider, model)
    return "published" if factor == 1 else f"published x {factor}"


def tiers(prices: Prices, provider: str, model: str) -> Iterator[tuple[str, Rates]]:
    """Every tier at which a model has a price, the standard one first."""
    named = meant(prices, provider, model)
    rate = prices.own_rate(*named)
    own = rate.tiers if rate is not None else {}
    for tier in dict.fromkeys(["standard", *TIERS.get(named.provider, {}), *own]):
        try:
            yield tier, prices.rates(*named, tier)
        except UnknownPrice:
            continue


def per_mtok(femto: int) -> str:
    """A rate as price lists write it: dollars for a million tokens."""
    return plain(Decimal(femto) / (1000 * FEMTO_PER_NANO))


def each(femto: int) -> str:
    """Dollars for one request or one search."""
    return plain(Decimal(femto) / (10**9 * FEMTO_PER_NANO))


def plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def warnings(prices: Prices) -> list[str]:
    """What in the operator's file is allowed, and may not be what was meant."""
    found = [*_of_rates(prices), *_of_discounts(prices)]
    for mapping in prices.own.mappings:
        target = Named(mapping.of or mapping.provider, mapping.model)
        if not prices.is_known(*target):
            found.append(
                f"mappings: {mapping.provider}/{mapping.name} stands for {target.provider}/"
                f"{target.model}, which has no price"
            )
    return found


def _of_rates(prices: Prices) -> Iterator[str]:
    for provider, rates in prices.own.rates.items():
        listed = prices.listed_models().get(provider)
        if listed is None and ":" not in provider:
            yield f"rates.{provider}: no table lists this provider; a host of one's own is host:port"
        for model, rate in rates.items():
            if model == EVERY:
                continue
            published = prices.listed(provider, model, None)
            if not isinstance(published, Rates):
                if listed is not None:
                    yield f"rates.{provider}.{model}: no table lists this model"
                if not rate.has_price:
                    yield f"rates.{provider}.{model}: has limits and no price"
            elif rate.has_price:
                yield from _far_below(f"rates.{provider}.{model}", rate, published.steps[0])


def _far_below(where: str, rate: Rate, published: Step) -> Iterator[str]:
    for kind in ("input", "output"):
        own = Decimal(0) if rate.free else getattr(rate, kind)
        listed = Decimal(per_mtok(getattr(published, kind)))
        if own < listed * _FAR_BELOW:
            yield f"{where}: {kind} {plain(own)} is far below the published {plain(listed)}"


def _of_discounts(prices: Prices) -> Iterator[str]:
    for provider, factors in prices.own.discounts.items():
        if provider not in prices.listed_models():
            yield f"discounts.{provider}: no table lists this provider, so nothing is discounted"
            continue
        for model, factor in factors.items():
            published = model == EVERY or isinstance(prices.listed(provider, model, None), Rates)
            if not published:
                yield f"discounts.{provider}.{model}: no table lists this model"
            if factor < _FAR_BELOW:
                yield f"discounts.{provider}.{model}: {factor} is far below the published prices"
            if factor > 1:
                yield f"discounts.{provider}.{model}: {factor} makes it dearer"


def changes(before: Prices, after: Prices) -> list[Change]:
    """Every figure that differs, by provider and model. A rate for every model of a provider that
    no table lists stands as `*`."""
    named = {
        (p, m) for prices in (before, after) for p in providers(prices) for m in models(prices, p)
    }
    named |= {
        (provider, EVERY)
        for prices in (before, after)
        for provider, rates in prices.own.rates.items()
        if EVERY in rates
    }
    return [
        change
        for provider, model in sorted(named)
        for change in _changed(before, after, provider, model)
    ]


def _changed(before: Prices, after: Prices, provider: str, model: str) -> Iterator[Change]:
    old, new = _figures(before, provider, model), _figures(after, provider, model)
    for what in dict.fromkeys([*old, *new]):
        if old.get(what) != new.get(what):
            yield Change(provider, model, what, old.get(what), new.get(what))


def _figures(prices: Prices, provider: str, model: str) -> dict[str, str]:
    named = meant(prices, provider, model)
    figures: dict[str, str] = {}
    for tier, rates in tiers(prices, provider, model):
        prefix = "" if tier == "standard" else f"{tier} "
        for step in rates.steps:
            over = f" above {step.above}" if step.above >= 0 else ""
            figures |= {f"{prefix}{kind}{over}": per_mtok(getattr(step, kind)) for kind in KINDS}
        figures[f"{prefix}request"] = each(rates.request)
        figures[f"{prefix}web_search"] = each(rates.web_search)
    if figures:
        limits = prices.limits(*named)
        figures["context"] = str(limits.input_tokens) if limits != UNKNOWN else "unknown"
        figures["max_output"] = str(limits.output_tokens) if limits != UNKNOWN else "unknown"
    return figures

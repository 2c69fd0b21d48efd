"""Finds a model's published prices in genai-prices and turns them into integer rates (pure).

genai-prices is asked for its data, not for sums: its look-up matches loosely and its caches grow
with every name they see (wire.md 4). Its tiers, dates and variants are followed exactly as
`calc_price` would.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    MatchLogic,
    ModelInfo,
    ModelPrice,
    Provider,
    TieredPrices,
)

from proxy.pricing.names import is_placed, is_version_of
from proxy.pricing.rates import Rates, Step, per_piece, per_token, per_unit
from proxy.pricing.tiers import dearest_geography


def find_model(snapshot: DataSnapshot, provider_id: str, model: str) -> ModelInfo | None:
    """The entry whose own rules name this model: equal, or a version of what they say it starts
    with."""
    name = model.lower()
    for seller in sellers(snapshot, provider_id):
        for entry in seller.models:
            if entry.id == name or (entry.match.is_match(name) and _is_meant(entry.match, name)):
                return entry
    return None


def sellers(snapshot: DataSnapshot, provider_id: str) -> list[Provider]:
    """The provider, and those whose models it sells at their prices; none when no table lists
    it."""
    provider = _provider(snapshot, provider_id)
    if provider is None:
        return []
    others = (_provider(snapshot, other) for other in provider.fallback_model_providers or ())
    return [provider, *(other for other in others if other is not None)]


def rates_of(entry: ModelInfo, at: datetime, context: dict[str, str], multiplier: Decimal) -> Rates:
    """Raises LookupError when the entry prices nothing that a call is metered by."""
    price = entry.get_prices(at, context or None)
    if not _is_metered(price):
        raise LookupError("not priced by what is metered")
    return _rates(price, multiplier)


def _is_metered(price: ModelPrice) -> bool:
    """By the token, the second, the character or the page."""
    pieces = ("input_audio_hours", "audio_hours", "input_mchars", "input_document_kpages")
    return price.input_mtok is not None or any(_flat(price, key) for key in pieces)


def _rates(price: ModelPrice, multiplier: Decimal) -> Rates:
    heard = _flat(price, "input_audio_hours") or _flat(price, "audio_hours")
    spoken, read = _flat(price, "input_mchars"), _flat(price, "input_document_kpages")
    starts = sorted({-1, *_starts(price)})
    steps = tuple(_step(price, above, multiplier) for above in starts)
    return Rates(
        steps,
        web_search=per_piece(_flat(price, "web_searches_kcount")),
        audio_hour=per_unit(heard),
        character=per_token(spoken),  # Both are in millions.
        page=per_piece(read),
        annotated_page=per_piece(_flat(price, "input_annotated_document_kpages") or read),
        request=per_piece(_flat(price, "requests_kcount")),
        is_by_token=price.input_mtok is not None,
    )


def _flat(price: ModelPrice, key: str) -> Decimal:
    value = getattr(price, key, None)
    return value if isinstance(value, Decimal) else Decimal(0)


def has_variant(entry: ModelInfo, context: dict[str, str], at: datetime) -> bool:
    """The entry has prices of its own for this context; without them the standard price would be
    taken."""
    return any(
        variant.when == context and (variant.constraint is None or variant.constraint.active(at))
        for variant in entry.price_variants or ()
    )


def every_rate(snapshot: DataSnapshot, provider_id: str | None) -> Iterator[Rates]:
    """Whatever a provider has ever listed for any of its models, at any tier, date or hour; with
    None, what all of them have."""
    for seller in snapshot.providers if provider_id is None else sellers(snapshot, provider_id):
        factor = dearest_geography(seller.id)
        for entry in seller.models:
            for price in _every_price(entry):
                if _is_metered(price):
                    yield _rates(price, factor)


def _every_price(entry: ModelInfo) -> Iterator[ModelPrice]:
    conditional = entry.prices if isinstance(entry.prices, list) else []
    standards = [each.prices for each in conditional]
    if isinstance(entry.prices, ModelPrice):
        standards.append(entry.prices)
    for standard in standards:
        yield standard
        for variant in entry.price_variants or ():
            given = {k: v for k, v in variant.prices.__dict__.items() if v is not None}
            yield ModelPrice(**{**standard.__dict__, **given})


_SOLD_AS = {
    "anthropic-aws": "anthropic",
    "anthropic-google": "anthropic",
    "openai-chatgpt": "openai",
}
"""The same models at their maker's prices. A ChatGPT plan bills less than its API would."""


def _provider(snapshot: DataSnapshot, provider_id: str) -> Provider | None:
    provider_id = _SOLD_AS.get(provider_id, provider_id)
    return next((one for one in snapshot.providers if one.id == provider_id), None)


def _is_meant(rule: MatchLogic, name: str) -> bool:
    """Which part of a rule matched, and did it name the whole model? Loose clauses (contains, ends
    with) do when nothing but a place, a date or a version is left over; open regexes never."""
    match rule:
        case ClauseEquals():
            return rule.is_match(name)
        case ClauseStartsWith():
            return rule.is_match(name) and is_version_of(name, rule.starts_with)
        case ClauseContains():
            return rule.is_match(name) and is_placed(name, rule.contains)
        case ClauseEndsWith():
            return rule.is_match(name) and is_placed(name, rule.ends_with)
        case ClauseRegex():
            is_whole = rule.regex.startswith("^") and rule.regex.endswith("$")
            return is_whole and rule.is_match(name)
        case ClauseOr():
            return any(_is_meant(part, name) for part in rule.or_)
        case ClauseAnd():
            return rule.is_match(name) and any(_is_meant(part, name) for part in rule.and_)


def _starts(price: ModelPrice) -> Iterable[int]:
    for value in price.__dict__.values():
        if isinstance(value, TieredPrices):
            yield from (tier.start for tier in value.tiers)


def _step(price: ModelPrice, above: int, multiplier: Decimal) -> Step:
    """A kind of token without a price of its own costs what the kind around it costs, as calc_price
    has it."""

    def rate(*keys: str) -> int:
        for key in keys:
            value = getattr(price, key, None)
            if isinstance(value, TieredPrices):
                value = next(
                    (tier.price for tier in reversed(value.tiers) if above >= tier.start),
                    value.base,
                )
            if value is not None:
                return per_token(value * multiplier)
        return 0

    return Step(
        above,
        rate("input_mtok"),
        rate("output_mtok"),
        rate("cache_read_mtok", "input_mtok"),
        rate("cache_write_5m_mtok", "cache_write_mtok", "input_mtok"),
        rate("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
        rate("input_audio_mtok", "input_mtok"),
        rate("output_audio_mtok", "output_mtok"),
        rate("cache_audio_read_mtok", "cache_read_mtok", "input_mtok"),
        rate("input_image_mtok", "input_mtok"),
        rate("output_image_mtok", "output_mtok"),
    )

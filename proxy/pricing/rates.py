"""Rates as integers: one femto-dollar is 1e-15 USD, so that every published price is whole (pure).

A price of $0.0625 per million tokens is 62.5 nano-dollars a token: not an integer. In femto-dollars
it is 62,500,000, and sums stay exact until they are rounded up, once, to nano-dollars.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import NamedTuple

from proxy.providers.usage import Usage

FEMTO_PER_NANO = 10**6
_FEMTO_PER_MTOK_DOLLAR = (
    10**9
)  # A dollar per million tokens is 1e-6 USD a token: 1e9 femto-dollars.
_FEMTO_PER_KCOUNT_DOLLAR = 10**12
_FEMTO_PER_DOLLAR = 10**15
_SECONDS_PER_HOUR = 3600


class Step(NamedTuple):
    """From more than `above` input tokens on, every token of the call is billed at these rates."""

    above: int
    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    input_audio: int
    output_audio: int
    cache_read_audio: int
    input_image: int
    output_image: int


@dataclass(frozen=True, slots=True)
class Rates:
    """One model at one tier, in femto-dollars per token. `steps` rise, the first is above -1."""

    steps: tuple[Step, ...]
    web_search: int = 0
    """Femto-dollars for one search."""
    audio_hour: int = 0
    """Billed by the second; a second of a price by the hour need not be a whole femto-dollar."""
    character: int = 0
    page: int = 0
    annotated_page: int = 0
    request: int = 0
    """Femto-dollars for being asked at all."""
    is_by_token: bool = True
    """False: tokens have no price, and what has one is its length, its text or its pages."""

    def at(self, input_tokens: int) -> Step:
        for step in reversed(self.steps):
            if input_tokens > step.above:
                return step
        return self.steps[0]

    def cover(self, usage: Usage) -> bool:
        """Has anything of what was used a price? What is billed by the second may report tokens as
        well, and the other way round."""
        tokens = usage.input_tokens + usage.output_tokens
        if not (tokens or usage.audio_seconds or usage.characters or usage.pages):
            return True
        by_piece = (
            usage.audio_seconds * self.audio_hour
            + usage.characters * self.character
            + usage.pages * self.page
        )
        return by_piece > 0 or (self.is_by_token and tokens > 0)

    def femto(self, usage: Usage) -> int:
        """The exact cost of one sampling."""
        step = self.at(usage.input_tokens)
        written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
        special_in = written + usage.cache_read_tokens
        special_in += usage.input_audio_tokens + usage.input_image_tokens
        special_out = usage.output_audio_tokens + usage.output_image_tokens
        heard_again = min(usage.cache_read_audio_tokens, usage.cache_read_tokens)
        return (
            max(0, usage.input_tokens - special_in) * step.input
            + (usage.cache_read_tokens - heard_again) * step.cache_read
            + heard_again * step.cache_read_audio
            + usage.cache_write_5m_tokens * step.cache_write_5m
            + usage.cache_write_1h_tokens * step.cache_write_1h
            + usage.input_audio_tokens * step.input_audio
            + usage.input_image_tokens * step.input_image
            + max(0, usage.output_tokens - special_out) * step.output
            + usage.output_audio_tokens * step.output_audio
            + usage.output_image_tokens * step.output_image
            - (-usage.audio_seconds * self.audio_hour // _SECONDS_PER_HOUR)
            + usage.characters * self.character
            + max(0, usage.pages - usage.annotated_pages) * self.page
            + usage.annotated_pages * self.annotated_page
            + usage.web_searches * self.web_search
            + self.request
        )

    def times(self, factor: Decimal) -> "Rates":
        """A discount on everything, rounded up: it must not undercharge."""
        if factor == 1:
            return self
        steps = (
            Step(step.above, *(_up(rate * factor) for rate in step[1:])) for step in self.steps
        )
        pieces = {name: _up(getattr(self, name) * factor) for name in _PIECES}
        return Rates(steps=tuple(steps), is_by_token=self.is_by_token, **pieces)


_PIECES = tuple(each.name for each in fields(Rates) if each.name not in ("steps", "is_by_token"))
"""What has a price by the piece."""


def dearest_of(every: Iterable[Rates]) -> Rates | None:
    """Of each kind of token the dearest rate there is, at any step; None when there are no rates."""
    all_of = list(every)
    steps = [step for rates in all_of for step in rates.steps]
    if not steps:
        return None
    return Rates(
        steps=(Step(-1, *(max(kind) for kind in list(zip(*steps, strict=True))[1:])),),
        is_by_token=any(rates.is_by_token for rates in all_of),
        **{name: max(getattr(rates, name) for rates in all_of) for name in _PIECES},
    )


def per_token(dollars_per_mtok: Decimal) -> int:
    """Rounded up: a price finer than a femto-dollar per token does not exist, and must not
    undercharge."""
    return _up(dollars_per_mtok * _FEMTO_PER_MTOK_DOLLAR)


def per_piece(dollars_per_thousand: Decimal) -> int:
    """A search, a request."""
    return _up(dollars_per_thousand * _FEMTO_PER_KCOUNT_DOLLAR)


def per_unit(dollars: Decimal) -> int:
    """A request or a search, by itself."""
    return _up(dollars * _FEMTO_PER_DOLLAR)


def nano(femto: int) -> int:
    """Femto-dollars to nano-dollars, rounded up."""
    return -(-femto // FEMTO_PER_NANO)


def _up(amount: Decimal) -> int:
    whole = int(amount)
    return whole + (whole != amount)

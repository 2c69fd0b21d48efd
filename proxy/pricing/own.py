"""What an operator states about prices, as pydantic models: own rates, discounts, and which model
stands behind a name (pure)."""

from collections.abc import Mapping as Table
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from proxy.pricing.rates import Rates, Step, per_token, per_unit
from proxy.pricing.tiers import STANDARD
from proxy.providers.call import MODEL_NAME, TOKENS_MAX

EVERY = "*"
"""Stands for every model of a provider."""


def _decimal(value: object) -> object:
    """Text and TOML's numbers, read digit by digit. A float has already lost some."""
    if isinstance(value, bool | float):
        raise ValueError('write a number such as 2.50 or "2.50"')
    if isinstance(value, int | str):
        try:
            return Decimal(value)
        except InvalidOperation:
            raise ValueError('write a number such as 2.50 or "2.50"') from None
    return value


def _name(text: str) -> str:
    if not MODEL_NAME.fullmatch(text):
        raise ValueError("a model's name has 1 to 128 of A-Z a-z 0-9 . _ : @ / -")
    return text


def _key(text: str) -> str:
    return text if text == EVERY else _name(text)


Dollars = Annotated[
    Decimal, BeforeValidator(_decimal), Field(ge=0, le=1_000_000, max_digits=20, decimal_places=12)
]
Factor = Annotated[
    Decimal, BeforeValidator(_decimal), Field(gt=0, le=100, max_digits=9, decimal_places=6)
]
Tokens = Annotated[int, Field(strict=True, ge=1, le=TOKENS_MAX)]
Name = Annotated[str, AfterValidator(_name)]
ModelKey = Annotated[str, AfterValidator(_key)]
Provider = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:\[\]-]{1,255}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rate(_Model):
    """One model's own rate, in dollars per million tokens, and its limits; or only its limits.

    A kind of token that is not given costs what all input or all output costs, or the published
    price of that kind where that is more: an own rate must not make cheap what it does not name.
    """

    free: bool = False
    input: Dollars | None = None
    output: Dollars | None = None
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None
    cache_write_1h: Dollars | None = None
    input_audio: Dollars | None = None
    output_audio: Dollars | None = None
    cache_read_audio: Dollars | None = None
    input_image: Dollars | None = None
    output_image: Dollars | None = None
    per_request: Dollars | None = None
    per_web_search: Dollars | None = None
    tiers: dict[str, Factor] = Field(default_factory=dict)
    """Service tiers this rate also holds for, each with its factor. Other tiers have no price,
    except those that only lower it."""
    context: Tokens | None = None
    max_output: Annotated[int, Field(strict=True, ge=0, le=TOKENS_MAX)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = self.model_fields_set - {"free", "context", "max_output"}
        if self.free:
            if given:
                raise ValueError(f"free = true leaves no room for {', '.join(sorted(given))}")
        elif given and (self.input is None or self.output is None):
            raise ValueError("give both input and output, or free = true, or only limits")
        elif not given and self.context is None and self.max_output is None:
            raise ValueError("give input and output, or free = true, or limits")
        return self

    @property
    def has_price(self) -> bool:
        return self.free or self.input is not None

    def rates(self, listed: Rates | None) -> Rates:
        """In integers. `listed` is what is published for the same model, if anything is."""
        if self.free or self.input is None or self.output is None:
            return Rates((Step(-1, *[0] * 10),))
        floor = listed.steps[0] if listed else Step(-1, *[0] * 10)
        read = self.input if self.cache_read is None else self.cache_read
        heard = self.input if self.input_audio is None else self.input_audio

        def of(given: Decimal | None, otherwise: Decimal, published: int) -> int:
            return max(per_token(otherwise), published) if given is None else per_token(given)

        def each(given: Decimal | None, published: int) -> int:
            return published if given is None else per_unit(given)

        step = Step(
            -1,
            per_token(self.input),
            per_token(self.output),
            of(self.cache_read, self.input, 0),
            of(self.cache_write, self.input, floor.cache_write_5m),
            of(self.cache_write_1h, self.input, floor.cache_write_1h),
            of(self.input_audio, self.input, floor.input_audio),
            of(self.output_audio, self.output, floor.output_audio),
            of(self.cache_read_audio, max(read, heard), floor.cache_read_audio),
            of(self.input_image, self.input, floor.input_image),
            of(self.output_image, self.output, floor.output_image),
        )
        return Rates(
            (step,),
            web_search=each(self.per_web_search, listed.web_search if listed else 0),
            request=each(self.per_request, listed.request if listed else 0),
        )


class Mapping(_Model):
    """The model behind a name of the operator's own: a deployment, a profile, a gateway's alias."""

    provider: Provider
    name: Name
    model: Name
    of: Provider | None = None
    """Whose model it is, where that is not `provider`."""
    host: str | None = None
    """Only where this host is asked."""
    resource: str | None = None
    """Only where a host is asked that begins with this label, such as an Azure resource."""

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        if self.host is not None and self.resource is not None:
            raise ValueError("give host or resource, not both")
        return self

    def fits(self, host: str) -> bool:
        if self.host is not None:
            return host == self.host.lower()
        return self.resource is None or host.partition(".")[0] == self.resource.lower()


UNMAPPED = ""
"""Stands for the model behind a name of the operator's own that nothing maps."""


class Named(NamedTuple):
    """A model, and whose it is: what a price is looked up by."""

    provider: str
    model: str


class OwnPrices(_Model):
    """The whole file. Provider first, then model; `*` is every model of the provider."""

    rates: dict[Provider, dict[ModelKey, Rate]] = Field(default_factory=dict)
    discounts: dict[Provider, dict[ModelKey, Factor]] = Field(default_factory=dict)
    mappings: tuple[Mapping, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        seen = set()
        for each in self.mappings:
            key = (each.provider, each.name, each.host, each.resource)
            if key in seen:
                raise ValueError(f"{each.name!r} of {each.provider} is mapped twice")
            seen.add(key)
        return self

    def rate(self, provider: str, spellings: Sequence[str]) -> Rate | None:
        """The model's own rate, or that of every model of the provider."""
        return _of(self.rates, provider, spellings)

    def names(self, provider: str, model: str) -> bool:
        """A rate is given for this very name."""
        return model in self.rates.get(provider, {}) and self.rates[provider][model].has_price

    def discount(self, provider: str, spellings: Sequence[str]) -> Decimal:
        return _of(self.discounts, provider, spellings) or Decimal(1)

    def meant(self, provider: str, name: str, host: str) -> Named | None:
        """What a name stands for; a mapping for the host asked goes before one for everywhere."""
        found = [
            each
            for each in self.mappings
            if (each.provider, each.name) == (provider, name) and each.fits(host)
        ]
        if not found:
            return None
        first = max(found, key=lambda each: (each.host is not None, each.resource is not None))
        return Named(first.of or provider, first.model)


def tier_factor(rate: Rate, tier: str) -> Decimal | None:
    """What an own rate is multiplied by at a service tier; None when it does not hold there."""
    if rate.free or tier in STANDARD:
        return Decimal(1)
    return rate.tiers.get(tier)


def _of[T](table: Table[str, Table[str, T]], provider: str, spellings: Sequence[str]) -> T | None:
    models = table.get(provider)
    if models is None:
        return None
    for name in (*spellings, EVERY):
        if name in models:
            return models[name]
    return None

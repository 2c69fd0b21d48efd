"""Price files for tests, from their text."""

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

from proxy.pricing.price_file import PriceFile, parse
from proxy.pricing.prices import Prices

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def price_file(text: str) -> PriceFile:
    return parse(dedent(text).encode(), Path("prices.toml"))


def priced(text: str) -> Prices:
    """Prices with an operator's file on top."""
    return Prices(at=NOW, file=price_file(text))

"""docs/metering.md's price file loads, and its table has every field."""

import re

from proxy.pricing.own import Mapping, Rate
from proxy.pricing.price_file import parse
from proxy.pricing.prices import Prices
from proxy.providers.usage import Usage
from tests.docs.pages import ROOT, blocks, table
from tests.pricing.files import NOW

PAGE = ROOT / "docs" / "metering.md"


def test_the_price_file_of_the_page_does_what_its_remarks_say() -> None:
    (block,) = blocks(PAGE, "toml")
    prices = Prices(at=NOW, file=parse(block.encode(), PAGE))
    assert prices.cost("llm.corp:8000", "anything", Usage(1, 1)) == 0
    assert prices.cost("openai", "gpt-4o", Usage(1000, 0)) == 2_000_000
    assert prices.cost("openai", "gpt-4o", Usage(1000, 0), "priority") == 3_400_000
    assert prices.cost("anthropic", "claude-sonnet-4-5", Usage(1000, 0)) == 2_550_000
    assert prices.own.meant("azure", "main", "acme-east.openai.azure.com") is not None
    assert prices.own.meant("azure", "main", "other.openai.azure.com") is None


def test_every_field_of_a_price_file_stands_in_the_table() -> None:
    rows = [
        row
        for row in table(PAGE.read_text("utf-8").partition("## Your own prices")[2], "field")
        if len(row) == 2
    ]
    told = {name for row in rows for name in re.findall(r"`([^`]+)`", row[0])}
    fields = {*Rate.model_fields, *(f"mappings.{name}" for name in Mapping.model_fields)}
    assert told == fields | {"rates.PROVIDER.MODEL", "discounts.PROVIDER.MODEL"}

"""Calls whose worst case and whose cost are one round sum, so that a budget can be counted out."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from proxy.pricing.charges import quote_for
from proxy.pricing.prices import Prices
from proxy.pricing.quote import Quote
from proxy.pricing.tokens import TokenCounter
from proxy.providers.call import FormatName
from proxy.providers.formats import format_named
from proxy.providers.usage import Usage

CENT = 10_000_000
"""Nano-dollars."""

_PRICES = Prices(at=datetime.now(UTC))
_COUNTER = TokenCounter()


@dataclass(frozen=True, slots=True)
class Exact:
    """A request, and the usage that a provider must report for it to cost all that was held."""

    body: dict[str, Any]
    input_tokens: int
    output_tokens: int


def as_sent(body: dict[str, Any]) -> bytes:
    """As httpx writes it down: the length of what is sent counts."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def quote(body: dict[str, Any], format_name: FormatName = "openai.chat") -> Quote:
    """What Exeat will hold for a request."""
    provider = format_name.partition(".")[0]
    call = format_named(format_name, provider).read_request(as_sent(body))
    return quote_for(_PRICES, _COUNTER, call)


def cost(body: dict[str, Any], input_tokens: int, output_tokens: int) -> int:
    """What the provider bills for it, in nano-dollars."""
    provider = "anthropic" if body["model"].startswith("claude") else "openai"
    return _PRICES.cost(provider, body["model"], Usage(input_tokens, output_tokens))


def exact(nanousd: int, model: str = "gpt-4o", **more: Any) -> Exact:
    """A request whose bound and whose cost are exactly this."""
    name: FormatName = "anthropic.messages" if model.startswith("claude") else "openai.chat"
    for padding in range(200):
        content = "x" * padding + "x"
        messages = [{"role": "user", "content": content}]
        body: dict[str, Any] = {"model": model, "messages": messages, "max_tokens": 1000, **more}
        for _ in range(2):  # The number's own length counts, too.
            rough = quote(body, name)
            output = (nanousd - rough.fixed_nanousd) // rough.per_output_nanousd
            body["max_tokens"] = output
        found = quote(body, name)
        if found.bound_nanousd == nanousd:
            assert cost(body, found.input_tokens_bound, output) == nanousd
            return Exact(body, found.input_tokens_bound, output)
    raise AssertionError(f"no request of {model} costs exactly {nanousd}")

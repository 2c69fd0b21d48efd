"""How near our estimates come to the provider's own count, and how far the bound is above it."""

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from proxy.pricing.prices import Prices, UnknownPrice
from proxy.pricing.tokens import TokenCounter, input_bound
from proxy.providers.call import BadRequest
from proxy.providers.formats import format_named
from proxy.providers.recognise import Known, NeedsShape, recognise, recognise_shape
from tests.replay.exchanges import UNRECORDED, Exchange
from tests.replay.judge import JSON, NOW

PRICES = Prices(at=NOW)
COUNTER = TokenCounter()


@dataclass(frozen=True, slots=True)
class Guess:
    """One call: what we said before it, and what its provider said after."""

    where: str
    provider: str
    model: str
    kind: str
    """"text", "tools" or "images"."""
    half: str
    """"fitted" or "held out": by a hash of the request, so that a constant that was fitted to the
    one half has the other to prove itself on."""
    estimate: int
    bound: int
    truth: int

    @property
    def error(self) -> float:
        return abs(self.estimate - self.truth) / self.truth


def guesses_of(exchanges: Iterable[Exchange]) -> list[Guess]:
    """Each different call that can be bounded and whose answer says what it used. What tools bring
    that run at the provider cannot be seen before the call, so such calls are left out."""
    found: dict[tuple[str, str, int], Guess] = {}
    for exchange in exchanges:
        guess = _guess(exchange)
        if guess is not None:
            found[guess.provider, hashlib.sha256(exchange.request).hexdigest(), guess.truth] = guess
    return list(found.values())


def _guess(exchange: Exchange) -> Guess | None:
    seen = recognise(exchange.host, exchange.port, exchange.method, exchange.path, JSON)
    if isinstance(seen, NeedsShape):
        seen = recognise_shape(exchange.host, exchange.port, exchange.path, exchange.request)
    if not isinstance(seen, Known) or exchange.request == UNRECORDED or exchange.status >= 400:
        return None
    wire = format_named(seen.format, seen.provider)
    try:
        call = wire.read_request(exchange.request, exchange.path)
        call = replace(call, host=exchange.host)
    except BadRequest:
        return None
    reader = wire.answer_reader(call, exchange.headers)
    reader.feed(exchange.answer)
    reader.close()
    usage, prompt = reader.usage, call.prompt
    if usage is None or not usage.input_tokens or not prompt.is_bounded or call.unbounded:
        return None
    models = PRICES.models_for(call)
    try:
        bound = input_bound(call, models, PRICES.limits_for(call))
    except UnknownPrice:
        return None
    digest = hashlib.sha256(exchange.request).digest()
    return Guess(
        exchange.where,
        call.provider,
        reader.model or call.model,
        "images" if prompt.images else "tools" if prompt.has_tools else "text",
        "fitted" if digest[0] % 2 else "held out",
        COUNTER.estimate(call, models[0]),
        bound,
        usage.input_tokens,
    )


def table(guesses: list[Guess]) -> list[str]:
    """Rows of a Markdown table, by provider, kind and half."""
    groups: defaultdict[tuple[str, str, str], list[Guess]] = defaultdict(list)
    for each in guesses:
        groups[each.provider, each.kind, "all"].append(each)
        groups[each.provider, each.kind, each.half].append(each)
    lines = [
        "| provider | calls with | half | calls | median error | p90 error | bound/truth | below |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (provider, kind, half), group in sorted(groups.items()):
        errors = sorted(each.error for each in group)
        ratio = statistics.median(each.bound / each.truth for each in group)
        below = sum(each.bound < each.truth for each in group)
        p90 = errors[min(len(errors) - 1, len(errors) * 9 // 10)]
        lines.append(
            f"| {provider} | {kind} | {half} | {len(group)} | {statistics.median(errors):.1%} "
            f"| {p90:.1%} | {ratio:.1f} | {below} |"
        )
    return lines

"""Holds what our readers make of an exchange against what the exchange itself says."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

import genai_prices
from genai_prices import Usage as Priced

from proxy.pricing.charges import charge_for, quote_for
from proxy.pricing.prices import Prices, UnknownPrice
from proxy.pricing.tokens import TokenCounter, input_bound
from proxy.providers.answer import AnswerReader
from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.formats import format_named
from proxy.providers.recognise import (
    Free,
    Known,
    NeedsShape,
    NotModel,
    Unsupported,
    recognise,
    recognise_shape,
)
from proxy.providers.usage import Usage
from tests.replay.exchanges import UNRECORDED, Exchange
from tests.replay.media import MEDIA, priced_of, told_of
from tests.replay.truth import Truth, truth_of

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PRICES = Prices(at=NOW)
SIZES = (0, 37, 1)
"""How the answer is cut: not at all, and into pieces of so many bytes."""


@dataclass(slots=True)
class Verdict:
    where: str
    provider: str
    wire: str
    """The format, or why there is none."""
    has_usage: bool = False
    price: str = ""
    """"agrees", or why it was not compared."""
    estimate_error: float | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.faults


def judge(exchange: Exchange) -> Verdict:
    """Reads one exchange in every cut and compares tokens, model, tool calls and cost."""
    seen = recognise(exchange.host, exchange.port, exchange.method, exchange.path, JSON)
    if isinstance(seen, NeedsShape):
        seen = recognise_shape(exchange.host, exchange.port, exchange.path, exchange.request)
    match seen:
        case Unsupported(provider=provider, reason=reason):
            return Verdict(exchange.where, provider, f"refused: {reason}")
        case Free(provider=provider, kind=kind):
            return Verdict(exchange.where, provider, f"free: {kind}")
        case NotModel() | NeedsShape():
            return Verdict(exchange.where, exchange.host, "no model call")
        case Known(provider=provider, format=name):
            verdict = Verdict(exchange.where, provider, name)
    wire = format_named(name, provider)
    try:
        call = wire.read_request(exchange.request, exchange.path, exchange.content_type)
    except BadRequest as error:
        if exchange.status < 400:
            verdict.faults.append(f"the request is refused: {error.reason} ({error.param})")
        return verdict
    truth = truth_of(exchange, name)
    verdict.has_usage = bool(truth.usage)
    readers = [_read(wire.answer_reader(call, exchange.headers), exchange, n) for n in SIZES]
    if len({_facts(reader) for reader in readers}) > 1:
        verdict.faults.append("what is read depends on how it is cut")
    _compare(verdict, call, readers[0], truth, exchange)
    return verdict


JSON = {"content-type": "application/json"}


def _read(reader: AnswerReader, exchange: Exchange, size: int) -> AnswerReader:
    data = exchange.answer
    step = size or max(1, len(data))
    passed = b"".join(reader.feed(data[at : at + step]) for at in range(0, len(data), step))
    assert passed + reader.close() == data, f"{exchange.where} does not pass unchanged"
    return reader


def _facts(reader: AnswerReader) -> tuple[Any, ...]:
    whole = (reader.usage, reader.model, reader.tool_calls, reader.output_seen, reader.error)
    return (*whole, reader.finish_reason, reader.complete, reader.unreadable)


def _compare(
    verdict: Verdict, call: ModelCall, reader: AnswerReader, truth: Truth, exchange: Exchange
) -> None:
    faults = verdict.faults
    if reader.model != truth.model:
        faults.append(f"model {reader.model}, not {truth.model}")
    tools = [(tool.id, tool.name) for tool in reader.tool_calls]
    if tools != truth.tools:
        faults.append(f"tools {tools}, not {truth.tools}")
    usage = reader.usage
    if not truth.usage:
        if usage is not None:
            faults.append(f"usage {usage}, where none is")
        return
    if call.format == "gemini.count_tokens" or call.format == "anthropic.count_tokens":
        return
    if usage is None:
        faults.append("no usage read")
        return
    if exchange.status < 400 and not reader.complete:
        faults.append("not complete")
    told = _told(call, truth)
    for what, ours in _counts(usage).items():
        theirs = told[what]
        if ours != theirs:
            faults.append(f"{what} {ours}, not {theirs}")
    _compare_cost(verdict, call, reader, usage, told, truth)
    if not call.unbounded and exchange.request != UNRECORDED:
        _compare_bound(verdict, call, reader, usage)


COUNTER = TokenCounter()


def _compare_bound(verdict: Verdict, call: ModelCall, reader: AnswerReader, usage: Usage) -> None:
    """No bound is below what was used. A deployment without a mapping has none, and is refused."""
    try:
        limits = PRICES.limits_for(call)
    except UnknownPrice:
        return
    models = PRICES.models_for(call)
    bound = input_bound(call, models, limits)
    if usage.input_tokens > bound:
        verdict.faults.append(f"input {usage.input_tokens} above its bound {bound}")
    if call.prompt.is_bounded and not call.prompt.images and usage.input_tokens:
        estimate = COUNTER.estimate(call, models[0])
        verdict.estimate_error = abs(estimate - usage.input_tokens) / usage.input_tokens
    output = limits.output_tokens if call.output_tokens_max is None else call.output_tokens_max
    if usage.output_tokens > min(output, limits.output_tokens) * call.samplings:
        verdict.faults.append(f"output {usage.output_tokens} above its bound {output}")
    try:
        held = quote_for(PRICES, COUNTER, call).bound_nanousd
    except UnknownPrice:
        return  # Refused under a budget.
    charge = charge_for(PRICES, call, None, reader, 200)
    if not charge.is_estimated and charge.nanousd > held:
        verdict.faults.append(f"{charge.nanousd} nano-dollars, above the {held} held")


def _counts(usage: Usage) -> dict[str, int]:
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cache read": usage.cache_read_tokens,
        "cache write": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
    }


def _told(call: ModelCall, truth: Truth) -> dict[str, int]:
    """The provider's own usage in our four figures, by the words of its own documentation."""
    usage = truth.usage

    def count(*path: str) -> int:
        value: Any = usage
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value if isinstance(value, int) else 0

    match call.format.split(".")[0]:
        case _ if call.format in MEDIA:
            return told_of(usage)
        case "openai" if call.format == "openai.responses":
            return {
                "input": count("input_tokens"),
                "output": count("output_tokens"),
                "cache read": count("input_tokens_details", "cached_tokens"),
                "cache write": count("input_tokens_details", "cache_write_tokens"),
            }
        case "openai":
            beside = call.provider in ("x-ai", "perplexity")
            thought = count("completion_tokens_details", "reasoning_tokens") if beside else 0
            parts = truth.breakdown
            return {
                "input": sum(p["usage"]["prompt_tokens"] for p in parts)
                or count("prompt_tokens")
                or count("total_tokens"),
                "output": sum(p["usage"]["completion_tokens"] for p in parts)
                or count("completion_tokens") + thought,
                "cache read": count("prompt_tokens_details", "cached_tokens")
                or count("prompt_cache_hit_tokens")
                or count("cached_tokens"),
                "cache write": count("prompt_tokens_details", "cache_write_tokens"),
            }
        case "gemini":
            return {
                "input": count("promptTokenCount") + count("toolUsePromptTokenCount"),
                "output": count("candidatesTokenCount") + count("thoughtsTokenCount"),
                "cache read": count("cachedContentTokenCount"),
                "cache write": 0,
            }
        case "cohere":
            return {
                "input": count("input_tokens"),
                "output": count("output_tokens"),
                "cache read": 0,
                "cache write": 0,
            }
        case "ollama":
            return {
                "input": count("prompt_eval_count"),
                "output": count("eval_count"),
                "cache read": 0,
                "cache write": 0,
            }
        case _ if "inputTokens" in usage:
            read, written = count("cacheReadInputTokens"), count("cacheWriteInputTokens")
            return {
                "input": count("inputTokens") + read + written,
                "output": count("outputTokens"),
                "cache read": read,
                "cache write": written,
            }
        case _:
            samplings = usage.get("iterations") or [usage]

            def total(name: str) -> int:
                return sum(sampling.get(name) or 0 for sampling in samplings)

            read, written = total("cache_read_input_tokens"), total("cache_creation_input_tokens")
            return {
                "input": total("input_tokens") + read + written,
                "output": total("output_tokens"),
                "cache read": read,
                "cache write": written,
            }


_FLAVORS = {
    "openai.chat": "chat",
    "openai.completions": "chat",
    "openai.responses": "responses",
    "openai.embeddings": "embeddings",
    "anthropic.messages": "anthropic",
}


def _compare_cost(
    verdict: Verdict,
    call: ModelCall,
    reader: AnswerReader,
    usage: Usage,
    told: dict[str, int],
    truth: Truth,
) -> None:
    """Against genai-prices' own extractor where it has one, else against its price of the four
    figures. Several samplings, and prices the provider states, are compared by their own rule."""
    answered = reader.model
    is_known = answered is not None and PRICES.is_known(call.provider, answered)
    model = answered if answered and is_known else call.model
    try:
        ours = PRICES.cost(call.provider, model, usage, reader.service_tier)
    except UnknownPrice as error:
        verdict.price = f"no price: {error}"
        return
    stated = truth.usage.get("cost")
    if usage.stated_nanousd is not None:
        fee = Decimal(str(stated))
        if truth.usage.get("is_byok"):
            fee += Decimal(str(truth.usage["cost_details"]["upstream_inference_cost"] or 0))
        theirs = fee
    elif usage.parts:
        verdict.price = "several samplings"
        return
    else:
        theirs = _theirs(call, model, told, truth)
        if theirs is None:
            verdict.price = "genai-prices cannot say"
            return
    nano = int((theirs * 10**9).to_integral_value(rounding=ROUND_CEILING))
    if ours != nano:
        verdict.faults.append(f"cost {ours}, not {nano} nano-dollars for {model} {truth.usage}")
    else:
        verdict.price = "agrees"


_SELLERS = {"anthropic-aws": "anthropic", "anthropic-google": "anthropic"}


def _theirs(call: ModelCall, model: str, told: dict[str, int], truth: Truth) -> Decimal | None:
    provider = _SELLERS.get(call.provider, call.provider)
    if call.format in MEDIA:
        priced = priced_of(truth.usage, is_annotated=call.annotated_pages_max > 0)
        return genai_prices.calc_price(
            priced, model, provider_id=provider, genai_request_timestamp=NOW
        ).total_price
    tier = truth.usage.get("service_tier") or call.service_tier
    context = {"service_tier": tier} if tier in ("flex", "priority") else {}
    answer = {"model": model, "modelVersion": model}
    key = "usageMetadata" if call.format.startswith("gemini.") else "usage"
    is_native = call.format == "bedrock.invoke" and "input_tokens" in truth.usage
    flavor = "anthropic" if is_native else _FLAVORS.get(call.format, "default")
    if provider == "anthropic":
        flavor = "default"
    try:
        priced = genai_prices.extract_usage(
            answer | {key: truth.usage}, provider_id=provider, api_flavor=flavor
        ).usage
        if told["cache read"]:  # It does not know every spelling of a cache hit.
            priced.cache_read_tokens = told["cache read"]
    except (LookupError, ValueError, AttributeError):
        priced = Priced(
            input_tokens=told["input"],
            output_tokens=told["output"],
            cache_read_tokens=told["cache read"],
            cache_write_tokens=told["cache write"],
        )
    searches = (truth.usage.get("server_tool_use") or {}).get("web_search_requests")
    if searches:
        priced.web_searches = searches
    try:
        return genai_prices.calc_price(
            priced,
            model,
            provider_id=provider,
            genai_request_timestamp=NOW,
            price_context=context,
        ).total_price
    except (LookupError, ValueError):
        return None


def folder_named() -> str | None:
    """Where more recordings are: `EXEAT_RECORDINGS=/folder pytest tests/replay`."""
    return os.environ.get("EXEAT_RECORDINGS")

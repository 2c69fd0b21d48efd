"""Holds what our readers make of an exchange against what the exchange itself says."""

import os
from datetime import UTC, datetime
from typing import Any

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
from tests.replay.figures import Asked, CannotSayError, figures_of, nanousd_of
from tests.replay.truth import Truth, truth_of
from tests.replay.verdict import Verdict

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PRICES = Prices(at=NOW)
SIZES = (0, 37, 1)
"""How the answer is cut: not at all, and into pieces of so many bytes."""


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
    if reader.finish_reason != truth.finish:
        faults.append(f"ended by {reader.finish_reason}, not {truth.finish}")
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
    is_annotated = call.annotated_pages_max > 0
    asked = Asked(call.format, call.provider, call.service_tier, is_annotated=is_annotated)
    told = figures_of(asked, truth)
    for what, ours in _counts(usage).items():
        theirs = told[what]
        if ours != theirs:
            faults.append(f"{what} {ours}, not {theirs}")
    _compare_cost(verdict, call, reader, usage, asked, truth)
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


def _compare_cost(
    verdict: Verdict,
    call: ModelCall,
    reader: AnswerReader,
    usage: Usage,
    asked: Asked,
    truth: Truth,
) -> None:
    """Against genai-prices."""
    answered = reader.model
    is_known = answered is not None and PRICES.is_known(call.provider, answered)
    model = answered if answered and is_known else call.model
    try:
        ours = PRICES.cost(call.provider, model, usage, reader.service_tier)
        theirs = nanousd_of(asked, model, truth, NOW)
    except UnknownPrice as error:
        verdict.price = f"no price: {error}"
        return
    except CannotSayError as error:
        verdict.price = str(error)
        return
    if ours != theirs:
        verdict.faults.append(f"cost {ours}, not {theirs} nano-dollars for {model} {truth.usage}")
    else:
        verdict.price = "agrees"


def folder_named() -> str | None:
    """Where more recordings are: `EXEAT_RECORDINGS=/folder pytest tests/replay`."""
    return os.environ.get("EXEAT_RECORDINGS")

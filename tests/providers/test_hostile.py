"""Whatever a provider sends, and whatever a caller sends: no reader raises, and none of them holds more
than it was given times a constant. The speed of the same is benchmarks/hostile.py."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # It ships no types.
import pytest
import zstandard

from proxy.pricing.charges import charge_for, quote_for
from proxy.pricing.prices import Prices, UnknownPrice
from proxy.pricing.tokens import TokenCounter
from proxy.providers.answer import NAME_KEPT_MAX, TOOLS_KEPT_MAX, AnswerReader
from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.decoding import ContentDecoder, decode_body
from proxy.providers.format import Format
from proxy.providers.formats import format_named
from proxy.providers.framing import framing_of
from proxy.providers.recognise import Known, NeedsShape, recognise, recognise_shape
from tests.providers.hostile import mutants
from tests.replay.exchanges import Exchange, exchanges_in

OWN = Path(__file__).parent.parent / "replay" / "exchanges"
EXCHANGES = list(exchanges_in(OWN))
PRICES = Prices(at=datetime(2026, 11, 20, tzinfo=UTC))
COUNTER = TokenCounter()
MUTANTS = 12
JSON = {"content-type": "application/json"}


def _known(exchange: Exchange) -> Known | None:
    seen = recognise(exchange.host, exchange.port, exchange.method, exchange.path, JSON)
    if isinstance(seen, NeedsShape):
        seen = recognise_shape(exchange.host, exchange.port, exchange.path, exchange.request)
    return seen if isinstance(seen, Known) else None


def _format(exchange: Exchange) -> tuple[Format, ModelCall] | None:
    seen = _known(exchange)
    if seen is None:
        return None
    wire = format_named(seen.format, seen.provider)
    return wire, wire.read_request(exchange.request, exchange.path, exchange.content_type)


METERED = [exchange for exchange in EXCHANGES if _known(exchange) is not None]
each_exchange = pytest.mark.parametrize("exchange", METERED, ids=lambda exchange: exchange.where)


def _feed(reader: AnswerReader, data: bytes, step: int) -> bytes:
    passed = [reader.feed(data[at : at + step]) for at in range(0, len(data), step)]
    return b"".join([*passed, reader.close()])


def _check(reader: AnswerReader, call: ModelCall) -> None:
    """What was made of it is bounded and of the right kinds, and can be charged."""
    for text in (reader.model, reader.finish_reason, reader.response_id, reader.error):
        assert text is None or isinstance(text, str)
    assert len(reader.tool_calls) <= TOOLS_KEPT_MAX
    for tool in reader.tool_calls:
        assert len(tool.id) <= NAME_KEPT_MAX
        assert len(tool.name) <= NAME_KEPT_MAX
    assert reader.output_seen >= 0
    usage = reader.usage
    if usage is not None:
        assert min(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) >= 0
    try:
        quote = quote_for(PRICES, COUNTER, call)
    except UnknownPrice:
        quote = None
    charge = charge_for(PRICES, call, quote, reader, 200)
    assert charge.nanousd >= 0
    assert charge.tokens >= 0


@each_exchange
def test_no_answer_makes_its_reader_raise_and_every_answer_passes(exchange: Exchange) -> None:
    found = _format(exchange)
    assert found is not None
    wire, call = found
    for number, data in enumerate(mutants(exchange.answer, exchange.where, MUTANTS)):
        step = (1 << 20, 977, 61)[number % 3]
        reader = wire.answer_reader(call, exchange.headers)
        assert _feed(reader, data, step) == data
        _check(reader, call)
        hiding = wire.answer_reader(call, exchange.headers, hide_usage=True)
        _feed(hiding, data, step)
        _check(hiding, call)


@each_exchange
def test_no_request_makes_its_reader_raise_but_a_refusal(exchange: Exchange) -> None:
    found = _format(exchange)
    assert found is not None
    wire, _ = found
    for data in mutants(exchange.request, exchange.where, MUTANTS):
        recognise_shape(exchange.host, exchange.port, exchange.path, data)
        try:
            call = wire.read_request(data, exchange.path, exchange.content_type)
            wire.amend(data, call, output_tokens=7, ask_usage=True)
        except BadRequest:
            continue
        try:
            quote = quote_for(PRICES, COUNTER, call)
        except UnknownPrice:
            continue
        assert quote.bound_nanousd >= 0


@each_exchange
def test_no_path_makes_recognising_or_reading_raise_but_a_refusal(exchange: Exchange) -> None:
    for data in mutants(exchange.path.encode(), exchange.where, MUTANTS):
        path = data.decode("latin-1")
        seen = recognise(exchange.host, exchange.port, "POST", path, JSON)
        if isinstance(seen, Known):
            try:
                format_named(seen.format, seen.provider).read_request(
                    exchange.request, path, exchange.content_type
                )
            except BadRequest:
                continue


KINDS = ("text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream", "")


@pytest.mark.parametrize("kind", KINDS)
def test_no_bytes_make_a_framing_raise_or_lose_what_it_holds_back(kind: str) -> None:
    for exchange in METERED:
        for data in mutants(exchange.answer, f"{kind} {exchange.where}", 6):
            framing = framing_of(kind, b"[", keep_raw=True)
            assert framing is not None
            raw = b""
            for at in range(0, len(data), 97):
                raw += b"".join(event.raw for event in framing.feed(data[at : at + 97]))
            last = framing.finish()
            raw += (last.raw if last else b"") + framing.rest()
            assert kind != "text/event-stream" or raw == data or framing.has_overflowed


PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "gzip, br": lambda data: brotli.compress(gzip.compress(data)),
}


@pytest.mark.parametrize("coding", PACKED)
def test_no_compressed_bytes_make_a_decoder_raise_but_a_refusal(coding: str) -> None:
    for exchange in METERED:
        for data in mutants(PACKED[coding](exchange.answer), f"{coding} {exchange.where}", 10):
            decoder = ContentDecoder(coding)
            for at in range(0, len(data), 41):
                decoder.feed(data[at : at + 41])
            try:
                decode_body(data, coding, 1 << 20)
            except BadRequest:
                continue


@pytest.mark.parametrize("coding", PACKED)
def test_a_bomb_is_given_up_before_it_is_large(coding: str) -> None:
    size = 64 << 20
    bomb = PACKED[coding](bytes(size))
    tracemalloc.start()
    try:
        with pytest.raises(BadRequest):
            decode_body(bomb, coding, 1 << 20)
        decoder = ContentDecoder(coding, 1 << 20)
        given = sum(len(decoder.feed(bomb[at : at + 977])) for at in range(0, len(bomb), 977))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert decoder.has_failed
    assert given <= 1 << 20
    assert peak < size / 2


def _event(number: int) -> bytes:
    """One that names everything anew, for readers that remember names."""
    tool = {"index": number, "id": f"c{number}", "function": {"name": f"n{number}"}}
    event = {
        "id": f"i{number}",
        "model": f"m{number}",
        "choices": [{"index": number, "delta": {"tool_calls": [tool]}}],
        "candidates": [{"finishReason": f"F{number}"}],
        "usageMetadata": {"promptTokensDetails": [{"modality": f"M{number}", "tokenCount": 1}]},
        "contentBlockIndex": number,
        "type": "content_block_start",
        "content_block": {"type": "tool_use", "id": f"t{number}", "name": f"n{number}"},
        "message": {"tool_calls": [tool]},
    }
    return b"data: " + json.dumps(event).encode() + b"\n\n"


FORMATS = {found.format: each for each in METERED if (found := _known(each)) is not None}


@pytest.mark.parametrize("exchange", FORMATS.values(), ids=FORMATS)
def test_what_a_reader_remembers_does_not_grow_with_the_stream(exchange: Exchange) -> None:
    found = _format(exchange)
    assert found is not None
    wire, call = found
    data = b"".join(map(_event, range(4000)))
    headers = {"content-type": "text/event-stream"}
    reader = wire.answer_reader(call, headers)
    _feed(reader, data, 65536)
    once = wire.answer_reader(call, headers)
    tracemalloc.start()
    try:
        _feed(once, data, 65536)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1 << 20

"""A stream that is ended early reads as one that reached its output limit, wherever it is cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.providers.answer import AnswerReader
from proxy.providers.formats import format_named
from proxy.providers.recognise import Known, NeedsShape, recognise, recognise_shape
from tests.replay.exchanges import Exchange, exchanges_in

OWN = Path(__file__).parent.parent / "replay" / "exchanges"
JSON = {"content-type": "application/json"}
LENGTHS = {"length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "incomplete"}
"""How each provider says that the limit was reached."""


def reader_of(exchange: Exchange) -> AnswerReader | None:
    seen = recognise(exchange.host, exchange.port, exchange.method, exchange.path, JSON)
    if isinstance(seen, NeedsShape):
        seen = recognise_shape(exchange.host, exchange.port, exchange.path, exchange.request)
    if not isinstance(seen, Known) or exchange.status >= 400:
        return None
    wire = format_named(seen.format, seen.provider)
    call = wire.read_request(exchange.request, exchange.path, exchange.content_type)
    return wire.answer_reader(call, exchange.headers)


def streams() -> Iterator[Exchange]:
    for exchange in exchanges_in(OWN):
        reader = reader_of(exchange)
        if reader is not None:
            reader.feed(exchange.answer[: len(exchange.answer) // 2])
            if reader.can_end_early:
                yield exchange


STREAMS = list(streams())


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.where)
def test_what_the_client_has_and_the_words_make_an_answer_at_its_limit(
    exchange: Exchange, size: int
) -> None:
    data = exchange.answer
    reader = reader_of(exchange)
    assert reader is not None
    ends = 0
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
        ending = reader.end_early() if reader.can_end_early else None
        if ending is None:
            continue
        ends += 1
        received = data[: min(at + size, len(data)) - ending.taken_back] + ending.words
        client = reader_of(exchange)
        assert client is not None
        assert client.feed(received) == received
        client.close()
        assert not client.unreadable
        assert client.error is None
        assert client.finish_reason in LENGTHS
    assert ends or size == 1000, "between events, if not before them all"


def test_every_format_that_streams_has_words() -> None:
    seen = set()
    for exchange in STREAMS:
        found = recognise(exchange.host, exchange.port, exchange.method, exchange.path, JSON)
        seen.add(found.format if isinstance(found, Known) else "by shape")
    assert seen >= {
        "openai.chat",
        "openai.responses",
        "anthropic.messages",
        "gemini.generate",
        "gemini.interactions",
        "bedrock.converse",
        "bedrock.invoke",
        "cohere.chat",
        "ollama.chat",
    }


def test_an_answer_that_is_no_stream_or_is_over_cannot_be_ended() -> None:
    exchange = next(each for each in STREAMS if "/chat/completions" in each.path)
    reader = reader_of(exchange)
    assert reader is not None
    assert not reader.can_end_early, "nothing was said yet"
    reader.feed(exchange.answer)
    assert not reader.can_end_early, "it has ended by itself"


def test_a_completion_ends_as_text() -> None:
    wire = format_named("openai.completions", "openai")
    call = wire.read_request(b'{"model":"babbage-002","prompt":"hi","stream":true}')
    reader = wire.answer_reader(call, {"content-type": "text/event-stream"})
    reader.feed(
        b'data: {"id":"c","object":"text_completion","created":1,"model":"babbage-002","choices":'
        b'[{"index":0,"text":"a","finish_reason":null},{"index":1,"text":"b","finish_reason":"stop"}]}'
        b"\n\n"
    )
    ending = reader.end_early()
    assert ending is not None
    assert ending.words == (
        b'data: {"id":"c","object":"text_completion","created":1,"model":"babbage-002","choices":'
        b'[{"index":0,"text":"","logprobs":null,"finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
    )

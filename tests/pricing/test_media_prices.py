"""What is billed by the second, the character, the page and the batch: prices, and bounds that hold."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.pricing.charges import charge_for, quote_for
from proxy.pricing.prices import Prices, UnknownModel, UnknownTier
from proxy.pricing.tokens import TokenCounter
from proxy.providers.call import FormatName, ModelCall
from proxy.providers.formats import format_named
from proxy.providers.usage import Usage, UsagePart, total_of
from tests.pricing.calls import openai
from tests.providers.billable import SAMPLES
from tests.providers.bodies import BOUNDARY, form, messages, wav

PRICES = Prices(at=datetime(2026, 11, 20, tzinfo=UTC))
COUNTER = TokenCounter()
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def asked(name: FormatName, provider: str, path: str = "", **members: Any) -> ModelCall:
    body = json.dumps(members).encode()
    return format_named(name, provider).read_request(body, path)


def heard(model: str, provider: str, seconds: int) -> ModelCall:
    body = form(model=model, file=("a.wav", wav(seconds * 32_000)))
    return format_named("openai.transcription", provider).read_request(body, "", FORM)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "nano"),
    [
        ("openai", "whisper-1", Usage(0, 0, audio_seconds=60), 6_000_000),
        ("openai", "gpt-transcribe", Usage(0, 0, audio_seconds=3_600), 270_000_000),
        ("groq", "whisper-large-v3-turbo", Usage(0, 0, audio_seconds=3_600), 40_000_000),
        ("mistral", "voxtral-mini-2602", Usage(4, 27, audio_seconds=3_600), 180_000_000),
        ("openai", "tts-1", Usage(0, 0, characters=4_096), 61_440_000),
        ("openai", "tts-1-hd", Usage(9, 0, characters=1), 30_000),
        ("mistral", "mistral-ocr-2512", Usage(0, 0, pages=3), 6_000_000),
        ("mistral", "mistral-ocr-2512", Usage(0, 0, pages=3, annotated_pages=3), 9_000_000),
        ("openai", "gpt-4o-transcribe", Usage(34, 5, input_audio_tokens=30), 240_000),
        (
            "openai",
            "gpt-image-1.5",
            Usage(10, 100, input_image_tokens=6, output_image_tokens=70),
            4 * 5_000 + 6 * 8_000 + 30 * 10_000 + 70 * 32_000,
        ),
    ],
)
def test_each_unit_has_its_published_price(
    provider: str, model: str, usage: Usage, nano: int
) -> None:
    """A price per hour may be no whole number of femto-dollars a second: it is rounded up."""
    assert PRICES.cost(provider, model, usage) == nano


@pytest.mark.parametrize(
    ("provider", "model", "usage"),
    [
        ("openai", "whisper-1", Usage(50, 5)),
        ("openai", "tts-1", Usage(0, 0, audio_seconds=5)),
        ("openai", "gpt-4o-transcribe", Usage(0, 0, audio_seconds=5)),
        ("mistral", "mistral-ocr-2512", Usage(50, 0)),
    ],
)
def test_what_was_used_and_has_no_price_is_not_free(
    provider: str, model: str, usage: Usage
) -> None:
    with pytest.raises(UnknownModel):
        PRICES.cost(provider, model, usage)


def test_one_sampling_of_several_without_a_price_is_not_free_either() -> None:
    heard_too = UsagePart("whisper-1", Usage(50, 5))
    whole = total_of((UsagePart(None, Usage(10, 10)), heard_too), Usage(60, 15))
    with pytest.raises(UnknownModel):
        PRICES.cost("openai", "gpt-realtime", whole)
    seconds = UsagePart("whisper-1", Usage(0, 0, audio_seconds=60))
    whole = total_of((UsagePart(None, Usage(10, 10)), seconds), Usage(10, 10))
    cost = PRICES.cost("openai", "gpt-realtime", Usage(10, 10))
    assert PRICES.cost("openai", "gpt-realtime", whole) == cost + 6_000_000


@pytest.mark.parametrize("model", ["whisper-1", "tts-1", "gpt-transcribe"])
def test_a_chat_with_a_model_that_is_not_priced_by_the_token_has_no_quote(model: str) -> None:
    with pytest.raises(UnknownModel):
        PRICES.quote(openai(model), 10, 10)


def test_a_whole_answer_without_usage_is_charged_its_bound() -> None:
    """Speech, and transcripts that are plain text."""
    speech = asked("openai.speech", "openai", model="tts-1", input="x" * 1000, voice="alloy")
    whisper = heard("whisper-1", "openai", seconds=30)
    for call, nano in ((speech, 15_000_000), (whisper, 241 * 100_000)):
        quote = quote_for(PRICES, COUNTER, call)
        reader = format_named(call.format, "openai").answer_reader(call, {})
        reader.feed(b"\xff\xf3 sound, or text\n")
        reader.close()
        charge = charge_for(PRICES, call, quote, reader, 200)
        assert (charge.nanousd, charge.is_estimated) == (quote.bound_nanousd, True)
        assert quote.bound_nanousd == nano


def test_azure_s_deployments_have_no_price_before_a_mapping_says_what_they_are() -> None:
    path = "/openai/deployments/ours/audio/speech"
    call = asked("openai.speech", "azure", path, input="x")
    with pytest.raises(UnknownModel):
        quote_for(PRICES, COUNTER, call)


def test_what_is_heard_by_the_token_is_bounded_by_the_model_s_context() -> None:
    call = heard("gpt-4o-transcribe", "openai", seconds=1)
    quote = quote_for(PRICES, COUNTER, call)
    assert (quote.input_tokens_bound, quote.output_tokens_bound) == (16_000, 2_000)
    assert quote.bound_nanousd == 16_000 * 6_000 + 2_000 * 10_000


def batch(*params: dict[str, Any]) -> ModelCall:
    requests = [{"custom_id": str(at), "params": each} for at, each in enumerate(params)]
    return asked("anthropic.batch", "anthropic", requests=requests)


def message(**members: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(messages(**members))
    return read


class TestBatches:
    def test_the_bound_is_the_sum_of_the_requests_at_half_the_price(self) -> None:
        params = [message(max_tokens=most) for most in (100, 200)]
        alone = [
            quote_for(PRICES, COUNTER, asked("anthropic.messages", "anthropic", **each))
            for each in params
        ]
        quote = quote_for(PRICES, COUNTER, batch(*params))
        whole = sum(each.bound_nanousd for each in alone)
        assert 2 * quote.bound_nanousd == whole
        assert quote.tokens_bound == sum(each.tokens_bound for each in alone)
        assert quote.estimate_nanousd <= quote.bound_nanousd

    def test_more_output_than_an_answer_can_have_is_held_in_full(self) -> None:
        quote = quote_for(PRICES, COUNTER, batch(message(max_tokens=300_000)))
        assert quote.output_tokens_bound == 300_000

    def test_accepted_it_is_charged_its_bound_and_refused_nothing(self) -> None:
        call = batch(message())
        quote = quote_for(PRICES, COUNTER, call)
        reader = format_named("anthropic.batch", "anthropic").answer_reader(call, {})
        reader.feed(b'{"id": "msgbatch_1", "processing_status": "in_progress"}')
        reader.close()
        charge = charge_for(PRICES, call, quote, reader, 200)
        assert (charge.nanousd, charge.tokens) == (quote.bound_nanousd, quote.tokens_bound)
        assert charge.is_estimated
        assert charge_for(PRICES, call, quote, reader, 400).nanousd == 0

    def test_many_requests_are_quoted_in_a_thread(self) -> None:
        counter = TokenCounter()
        assert not counter.is_large(batch(message()))
        assert counter.is_large(batch(*[message()] * 33))

    def test_a_seller_without_a_batch_price_has_no_quote(self) -> None:
        body = json.dumps({"requests": [{"params": message(model="kimi-k2")}]}).encode()
        call = format_named("anthropic.batch", "moonshotai").read_request(body)
        with pytest.raises((UnknownTier, UnknownModel)):
            quote_for(PRICES, COUNTER, call)

    def test_gemini_s_are_half_the_price_too(self) -> None:
        model = "/v1beta/models/gemini-2.5-flash"
        content_type, body = SAMPLES["gemini.batch"]
        call = format_named("gemini.batch", "google").read_request(
            body, f"{model}:batchGenerateContent", content_type
        )
        alone = replace(call.items[0], service_tier=None)
        quote = quote_for(PRICES, COUNTER, call)
        assert quote.bound_nanousd <= quote_for(PRICES, COUNTER, alone).bound_nanousd // 2 + 1


MEDIA = [
    ("openai", asked("openai.images", "openai", model="gpt-image-1-mini", prompt="x", n=3)),
    ("openai", asked("openai.speech", "openai", model="tts-1-hd", input="Grüße", voice="v")),
    ("openai", heard("whisper-1", "openai", seconds=20)),
    ("openai", heard("gpt-4o-transcribe", "openai", seconds=20)),
    ("groq", heard("whisper-large-v3", "groq", seconds=1)),
    ("mistral", heard("voxtral-mini-2602", "mistral", seconds=20)),
    (
        "mistral",
        asked(
            "mistral.ocr",
            "mistral",
            model="mistral-ocr-2512",
            document={"type": "document_url", "document_url": "https://x.example"},
            pages=[0, 1, 2],
            bbox_annotation_format={"type": "json_schema"},
        ),
    ),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MEDIA), st.data())
def test_no_bound_of_media_is_below_a_cost_it_covers(
    one: tuple[str, ModelCall], data: st.DataObject
) -> None:
    provider, call = one
    assert call.unbounded == ()
    quote = quote_for(PRICES, COUNTER, call)
    sent = data.draw(st.integers(0, quote.input_tokens_bound))
    made = data.draw(st.integers(0, quote.output_tokens_bound * call.samplings))
    pages = data.draw(st.integers(0, call.pages_max))
    usage = Usage(
        sent,
        made,
        input_audio_tokens=data.draw(st.integers(0, sent)) if not call.prompt.is_bounded else 0,
        output_image_tokens=data.draw(st.integers(0, made)),
        audio_seconds=data.draw(st.integers(0, call.audio_seconds_max)),
        characters=data.draw(st.integers(0, call.characters)),
        pages=pages,
        annotated_pages=data.draw(st.integers(0, pages)) if call.annotated_pages_max else 0,
    )
    try:
        cost = PRICES.cost(provider, call.model, usage)
    except UnknownModel:  # It was not billed in the unit that has a price: the hold is the charge.
        return
    assert cost <= quote.bound_nanousd
    assert quote.estimate_nanousd <= quote.bound_nanousd

"""Speech and what is heard: characters, seconds, tokens."""

import json
from typing import Any

import pytest

from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.formats import format_named
from proxy.providers.usage import Usage
from tests.providers.bodies import BOUNDARY, form, sse, wav

FORM = f"multipart/form-data; boundary={BOUNDARY}"
SOUND = ("a.mp3", b"ID3" + b"\0" * 50_000)
PLAIN = ("a.wav", wav(200_000))


def spoken(**members: Any) -> ModelCall:
    body = json.dumps({"model": "tts-1", "input": "Hello.", "voice": "alloy"} | members).encode()
    return format_named("openai.speech", "openai").read_request(body)


def heard(provider: str = "openai", path: str = "", **fields: Any) -> ModelCall:
    body = form(**{"model": "whisper-1", "file": PLAIN} | fields)
    return format_named("openai.transcription", provider).read_request(body, path, FORM)


class TestSpeech:
    def test_characters_are_counted_as_bytes_which_are_no_fewer(self) -> None:
        assert spoken(input="Grüße 🐦").characters == len("Grüße 🐦".encode())

    @pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "tts-1-1106"])
    def test_what_is_billed_by_the_character_has_a_bound(self, model: str) -> None:
        assert spoken(model=model).unbounded == ()

    @pytest.mark.parametrize("model", ["gpt-4o-mini-tts", "tts-2", "voxtral-tts"])
    def test_what_is_billed_by_the_token_has_none(self, model: str) -> None:
        assert spoken(model=model).unbounded == ("audio_output",)

    @pytest.mark.parametrize("members", [{"input": ["x"]}, {"input": None}, {"Input": "x"}])
    def test_odd_input_is_refused(self, members: dict[str, Any]) -> None:
        with pytest.raises(BadRequest):
            spoken(**members)

    def test_sound_says_nothing_and_events_say_tokens(self) -> None:
        wire = format_named("openai.speech", "openai")
        used = {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}
        data = sse({"type": "speech.audio.delta"}, {"type": "speech.audio.done", "usage": used})
        told = []
        for members in ({}, {"stream_format": "sse"}):
            reader = wire.answer_reader(spoken(**members), {"content-type": "text/event-stream"})
            assert reader.feed(data) + reader.close() == data
            told.append((reader.usage, reader.complete))
        assert told == [(None, False), (Usage(14, 101, output_audio_tokens=101), True)]


class TestHeard:
    def test_a_wav_file_bounds_the_seconds(self) -> None:
        call = heard()
        assert (call.unbounded, call.audio_seconds_max) == ((), 51)

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"file": SOUND}, "audio_length"),
            ({"file": [PLAIN, PLAIN]}, "audio_length"),
            ({"file": "not a file"}, "audio_length"),
            ({"url": "https://x.example/a.wav"}, "audio_elsewhere"),
            ({"model": "whisper-large-v3", "file_id": "f_1"}, "audio_elsewhere"),
            ({"model": "gpt-4o-transcribe-diarize", "file": SOUND}, "audio_length"),
            ({"model": "gpt-4o-transcribe", "chunking_strategy": "auto"}, "chunking_strategy"),
        ],
    )
    def test_what_cannot_be_measured_has_no_bound(
        self, fields: dict[str, Any], reason: str
    ) -> None:
        assert heard(**fields).unbounded == (reason,)

    @pytest.mark.parametrize("model", ["gpt-4o-transcribe", "gpt-4o-mini-transcribe-2025-12-15"])
    def test_by_the_token_the_context_bounds_any_file(self, model: str) -> None:
        call = heard(model=model, file=SOUND)
        assert (call.unbounded, call.prompt.is_bounded) == ((), False)

    def test_a_nested_chunking_strategy_is_met(self) -> None:
        data = form(model="gpt-4o-transcribe", file=PLAIN, x="y")
        data = data.replace(b'name="x"', b'name="chunking_strategy[type]"')
        call = format_named("openai.transcription", "openai").read_request(data, "", FORM)
        assert call.unbounded == ("chunking_strategy",)

    def test_azure_s_deployment_is_an_alias_of_a_model_unknown(self) -> None:
        path = "/openai/deployments/ours/audio/transcriptions"
        call = heard("azure", path, model="gpt-4o-transcribe", file=SOUND)
        assert (call.model, call.unbounded) == ("ours", ("audio_length",))

    @pytest.mark.parametrize(
        ("provider", "body", "usage"),
        [
            (
                "openai",
                {"text": "x", "usage": {"type": "duration", "seconds": 8.2}},
                Usage(0, 0, audio_seconds=9),
            ),
            ("openai", {"task": "transcribe", "duration": 3.0}, Usage(0, 0, audio_seconds=3)),
            ("groq", {"text": "x", "duration": 3.0}, Usage(0, 0, audio_seconds=10)),
            (
                "openai",
                {
                    "usage": {
                        "type": "tokens",
                        "input_tokens": 30,
                        "input_token_details": {"text_tokens": 2},
                        "output_tokens": 5,
                    }
                },
                Usage(30, 5, input_audio_tokens=28),
            ),
            (
                "mistral",
                {
                    "model": "voxtral-mini-2602",
                    "usage": {
                        "prompt_tokens": 4,
                        "completion_tokens": 27,
                        "total_tokens": 200,
                        "prompt_audio_seconds": 12,
                    },
                },
                Usage(4, 27, audio_seconds=12),
            ),
            ("openai", {"text": "no more"}, None),
            ("openai", {"duration": True}, None),
            ("openai", {"duration": -1}, None),
            ("openai", {"duration": 1e300}, None),
        ],
    )
    def test_usage_is_seconds_or_tokens_as_the_provider_says(
        self, provider: str, body: dict[str, Any], usage: Usage | None
    ) -> None:
        wire = format_named("openai.transcription", provider)
        reader = wire.answer_reader(heard(provider), {"content-type": "application/json"})
        reader.feed(json.dumps(body).encode())
        reader.close()
        assert reader.usage == usage

    def test_mistral_s_stream_ends_with_usage_too(self) -> None:
        wire = format_named("openai.transcription", "mistral")
        used = {"prompt_tokens": 1, "completion_tokens": 2, "prompt_audio_seconds": 3}
        reader = wire.answer_reader(heard(stream="true"), {"content-type": "text/event-stream"})
        reader.feed(sse({"type": "transcription.text.delta", "text": "Hm"}))
        assert (reader.output_seen, reader.complete) == (2, False)
        reader.feed(sse({"type": "transcription.done", "model": "v", "usage": used}))
        assert (reader.usage, reader.complete) == (Usage(1, 2, audio_seconds=3), True)

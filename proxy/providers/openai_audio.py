"""OpenAI audio: speech, transcriptions and translations, at OpenAI and those who speak alike (pure).

Speech is billed by the character, or by tokens that no field bounds; what is heard by the second, or
by tokens that the model's context bounds. The length of a file is known only where its bytes bound it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from hashlib import sha256
from typing import Any

from proxy.providers.answer import (
    Answer,
    as_count,
    as_object,
    as_text,
    parse_object,
    text_bytes,
)
from proxy.providers.body import flag, read_body, refuse_lookalikes
from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.dialects import dialect_of
from proxy.providers.form import Form, read_fields
from proxy.providers.openai import chat_usage, tier_of
from proxy.providers.openai_chat import model_in
from proxy.providers.plain import PlainFormat
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event
from proxy.providers.usage import Usage
from proxy.providers.wav import SECONDS_MIN, length_of

_SPOKEN_BY_CHARACTER = re.compile(r"tts-1(-hd)?(-\d{4})?")
_TOKENS_PER_CHARACTER = 32
"""Of speech: a token is a twentieth of a second, so this is a character in 1.6 seconds, as slow as
`speed` goes. Credible, and no bound."""

_HEARD_BY_TOKEN = re.compile(r"gpt-4o(-mini)?-transcribe(-\d{4}-\d\d-\d\d)?")
_SPEECH_READ = frozenset({"model", "input", "instructions", "stream_format"})
_HEARD_READ = frozenset(
    {"model", "file", "url", "file_url", "file_id", "prompt", "stream", "chunking_strategy"}
)
_SECONDS_MAX = 10**7


class OpenAISpeech(PlainFormat):
    name: FormatName = "openai.speech"

    def __init__(self, provider: str = "openai") -> None:
        super().__init__(provider)
        self._dialect = dialect_of(provider)

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        refuse_lookalikes(members, _SPEECH_READ)
        model = model_in(members, path, self._dialect)
        text = members.get("input")
        if not isinstance(text, str):
            raise BadRequest("input must be a string", "input")
        gatherer = PromptGatherer()
        gatherer.add(text)
        gatherer.add_members(body, frozenset({"input"}))
        characters = text_bytes(text)  # However a character is counted, it is no more.
        by_character = _SPOKEN_BY_CHARACTER.fullmatch(model) is not None
        return replace(
            self.call(model, gatherer, unbounded=() if by_character else ("audio_output",)),
            streaming=members.get("stream_format") == "sse",
            output_tokens_max=0 if by_character else characters * _TOKENS_PER_CHARACTER,
            characters=characters,
            may_reason=True,  # Sound does not pass as text, so nothing seen bounds it.
            model_is_alias=self._dialect.model_is_alias,
        )

    def answer(self, call: ModelCall) -> Answer:
        return SpeechAnswer(is_events=call.streaming)


class OpenAITranscription(PlainFormat):
    """Translations too: the same form, and the same answer."""

    name: FormatName = "openai.transcription"

    def __init__(self, provider: str = "openai") -> None:
        super().__init__(provider)
        self._dialect = dialect_of(provider)

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        form, _ = read_fields(
            data, content_type, files=frozenset({"file"}), flags=frozenset({"stream"})
        )
        members = form.members
        refuse_lookalikes(members, _HEARD_READ)
        model = model_in(members, path, self._dialect)
        gatherer = PromptGatherer()
        gatherer.is_bounded = False  # By the model's context, if it is billed by the token.
        for name in sorted(members.keys() - {"model", "stream"}):
            gatherer.add(members[name])
        for file in form.files:
            gatherer.add_media(sha256(file.data).hexdigest(), is_image=False)
        length = length_of(form.files[0].data) if len(form.files) == 1 else None
        return replace(
            self.call(model, gatherer, unbounded=_reasons(form, model)),
            streaming=flag(members, "stream"),
            output_tokens_max=None,
            audio_seconds_max=length.seconds if length else 0,
            model_is_alias=self._dialect.model_is_alias,
        )

    def answer(self, call: ModelCall) -> Answer:
        return TranscriptionAnswer(self.provider)


def _reasons(form: Form, model: str) -> Iterator[str]:
    if _HEARD_BY_TOKEN.fullmatch(model):
        if form.members.get("chunking_strategy") is not None:
            yield "chunking_strategy"  # Each chunk may fill a context of its own.
    elif any(form.members.get(name) for name in ("url", "file_url", "file_id")):
        yield "audio_elsewhere"
    elif len(form.files) != 1 or not length_of(form.files[0].data).is_bound:
        yield "audio_length"


class SpeechAnswer(Answer):
    """Sound alone says nothing; as events it ends with what it used."""

    def __init__(self, *, is_events: bool) -> None:
        super().__init__()
        self._is_events = is_events

    def read_json(self, body: dict[str, Any]) -> None:
        if body.get("error") is not None:
            self.read_error(body["error"])

    def read_event(self, event: Event) -> bool:
        message = parse_object(event.data) if self._is_events else None
        if message is not None and message.get("type") == "speech.audio.done":
            self.is_complete = True
            self.usage = _tokens_used(as_object(message.get("usage")), is_spoken=True)
        return False


class TranscriptionAnswer(Answer):
    """Tokens or seconds, as `usage` says; without it, the length that a verbose answer states.
    Plain text and subtitles say neither."""

    def __init__(self, provider: str) -> None:
        super().__init__()
        self._provider = provider

    def read_json(self, body: dict[str, Any]) -> None:
        self.is_complete = True
        self._read(body)

    def read_event(self, event: Event) -> bool:
        message = parse_object(event.data) or {}
        kind = as_text(message.get("type")) or ""
        if kind in ("transcript.text.done", "transcription.done"):
            self.is_complete = True
            self._read(message)
        elif message.get("error") is not None:
            self.read_error(message["error"])
        elif kind.endswith(".delta"):
            self.output_seen += text_bytes(message.get("delta"), message.get("text"))
        return False

    def _read(self, message: dict[str, Any]) -> None:
        if message.get("error") is not None:
            self.read_error(message["error"])
        self.model = as_text(message.get("model")) or self.model
        usage = as_object(message.get("usage"))
        seconds = _seconds(usage.get("seconds", message.get("duration")))
        if usage.get("type") == "tokens":
            self.usage = _tokens_used(usage, is_spoken=False)
        elif "prompt_tokens" in usage:
            self.usage = chat_usage(usage, tier_of(usage), self._provider)
        elif seconds is not None:
            least = SECONDS_MIN if self._provider == "groq" else 0
            self.usage = Usage(0, 0, audio_seconds=max(seconds, least))


def _tokens_used(usage: dict[str, Any], *, is_spoken: bool) -> Usage | None:
    """What comes out is spoken, or what goes in was."""
    sent, made = as_count(usage.get("input_tokens")), as_count(usage.get("output_tokens"))
    if sent is None or made is None:
        return None
    text = as_count(as_object(usage.get("input_token_details")).get("text_tokens")) or 0
    return Usage(
        sent,
        made,
        input_audio_tokens=0 if is_spoken else sent - min(text, sent),
        output_audio_tokens=made if is_spoken else 0,
    )


def _seconds(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value < _SECONDS_MAX:
        return None
    return int(Decimal(repr(value)).to_integral_value(rounding=ROUND_CEILING))

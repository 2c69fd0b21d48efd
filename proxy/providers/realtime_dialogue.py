"""OpenAI's realtime sessions: each response is a call, asked for or begun by speech (wire.md 1.2;
pure)."""

import json
from typing import Any
from urllib.parse import parse_qs

from proxy.providers.answer import (
    Answer,
    as_count,
    as_list,
    as_object,
    as_text,
    parse_object,
    text_bytes,
)
from proxy.providers.body import read_body, whole_number
from proxy.providers.call import MODEL_NAME, BadRequest
from proxy.providers.dialects import dialect_of
from proxy.providers.dialogue import ALONE, Dialogue, DialogueName, Ended, Heard, Turn
from proxy.providers.format import kind_of
from proxy.providers.sse import Event
from proxy.providers.usage import Usage, UsagePart, total_of

_QUIET = frozenset(
    [
        "conversation.item.create",
        "conversation.item.delete",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "input_audio_buffer.clear",
        "output_audio_buffer.clear",
        "response.cancel",
    ]
)
"""Messages that make nobody work."""

_HEARD = frozenset({"input_audio_buffer.append", "input_audio_buffer.commit"})
"""Sound: while turn detection is on, and it is unless switched off, the provider may answer it."""

_BEGUN = frozenset({"input_audio_buffer.speech_started", "input_audio_buffer.committed"})
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"


class RealtimeDialogue(Dialogue):
    """Two kinds of turn may be open: those that were asked for, and one for what speech may begin."""

    name: DialogueName = "openai.realtime"

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider, path)
        query = parse_qs(path.partition("?")[2])
        named = [*query.get("model", ()), *query.get("deployment", ())]
        self._model = named[0] if named and MODEL_NAME.fullmatch(named[0]) else ""
        self._transcribes_only = query.get("intent") == ["transcription"]
        self._transcriber: str | None = None
        self._asked: list[str] = []
        self._bound: dict[str, str] = {}
        """The provider's response id to its lane."""
        self._has_spoken = False
        self._answers_speech = True

    def sent(self, data: bytes) -> Turn | None:
        members = read_body(data).members
        kind = kind_of(members)
        if kind in _QUIET:
            return None
        if kind == "response.create":
            asked = as_object(members.get("response"))
            lane = f"asked#{self._turns}"
            self._asked.append(lane)
            bound = asked.get("max_output_tokens", asked.get("max_response_output_tokens"))
            limit = None if bound == "inf" else whole_number({"bound": bound}, "bound")
            return self._open(lane, limit, _hosted(asked))
        if kind == "session.update":
            reasons = self._read_session(as_object(members.get("session")))
            return self._open(ALONE, None, reasons) if reasons else None
        if kind in _HEARD:
            reasons = ("transcription_session",) if self._transcribes_only else ()
            return None if ALONE in self._answers else self._open(ALONE, None, reasons)
        return self._open(ALONE, None, (f"message:{kind}",))

    def received(self, data: bytes) -> Heard:
        heard = Heard()
        message = parse_object(data)
        if message is None:
            return heard
        kind = kind_of(message)
        match kind:
            case "session.created" | "session.updated":
                session = as_object(message.get("session"))
                self._read_session(session)
                self._answers_speech = _answers_speech(session)
                named = as_text(session.get("model")) or ""
                self._model = self._model or (named if MODEL_NAME.fullmatch(named) else "")
            case "response.created":
                heard.begun = self._bind(as_object(message.get("response")))
                heard.lane = self._lane_of(as_object(message.get("response")).get("id"))
            case "response.done":
                self._end(message, data, heard)
                return heard
            case _ if kind in _BEGUN:
                self._has_spoken = True
            case _ if kind == _TRANSCRIBED and message.get("usage") is not None:
                if not self._answers:
                    heard.begun = self._open(ALONE, None, ())
                self._oldest().transcribed(message["usage"], self._transcriber)
        lane = self._lane_of(message.get("response_id"))
        if lane is not None:
            heard.lane = lane
            self._answers[lane].read_event(Event("", data, b""))
        return heard

    def forget(self, lane: str) -> None:
        super().forget(lane)
        if lane in self._asked:
            self._asked.remove(lane)

    def idle(self) -> tuple[str, ...]:
        """Sound was sent, and nothing that was said in it is answered. It may have been
        transcribed."""
        answer = self._answers.get(ALONE)
        is_worked_on = ALONE in self._bound.values() or (self._has_spoken and self._answers_speech)
        if answer is None or is_worked_on:
            return ()
        answer.is_complete = answer.usage is not None
        return () if answer.is_complete else (ALONE,)

    def refusal(self, status: int, error: dict[str, Any]) -> bytes:
        return json.dumps({"type": "error", "event_id": "event_exeat", "error": error}).encode()

    def _bind(self, response: dict[str, Any]) -> Turn | None:
        """Which turn is this? Answers come in the order in which they were asked for."""
        id_ = as_text(response.get("id")) or ""
        if self._asked:
            self._bound[id_] = self._asked.pop(0)
        elif ALONE in self._answers:
            self._bound[id_] = ALONE
        else:
            self._bound[id_] = ALONE
            return self._open(ALONE, None, ())
        return None

    def _end(self, message: dict[str, Any], data: bytes, heard: Heard) -> None:
        id_ = as_text(as_object(message.get("response")).get("id")) or ""
        lane = self._bound.pop(id_, None)
        if lane is None or lane not in self._answers:
            return
        heard.lane = lane
        self._answers[lane].read_event(Event("", data, b""))
        self._has_spoken = self._has_spoken and lane != ALONE
        self.forget(lane)
        heard.ended.append(Ended(lane))

    def _lane_of(self, response_id: Any) -> str | None:
        return self._bound.get(as_text(response_id) or "")

    def _oldest(self) -> "RealtimeAnswer":
        answer = self._answers.get(ALONE) or next(iter(self._answers.values()))
        assert isinstance(answer, RealtimeAnswer)
        return answer

    def _read_session(self, session: dict[str, Any]) -> tuple[str, ...]:
        """What a session's settings change; returns why a turn in it has no bound."""
        heard = as_object(as_object(session.get("audio")).get("input"))
        transcription = heard.get("transcription") or session.get("input_audio_transcription")
        named = as_text(as_object(transcription).get("model"))
        self._transcriber = named or self._transcriber
        self._transcribes_only |= session.get("type") == "transcription"
        detection = as_object(heard.get("turn_detection") or session.get("turn_detection"))
        reasons = _hosted(session)
        if detection.get("idle_timeout_ms") is not None:
            reasons += ("idle_timeout",)  # It then answers silence, again and again.
        return reasons

    def _open(self, lane: str, output_tokens_max: int | None, reasons: tuple[str, ...]) -> Turn:
        if not self._model:
            raise BadRequest("no message has named the model yet", "model")
        call = self._session_call(
            "openai.realtime",
            self._model,
            output_tokens_max=output_tokens_max,
            unbounded=reasons,
            model_is_alias=dialect_of(self.provider).model_is_alias,
        )
        return self._begin(lane, call, RealtimeAnswer())


class RealtimeAnswer(Answer):
    """One response, and what was transcribed for it by another model."""

    def __init__(self) -> None:
        super().__init__()
        self._transcripts: list[UsagePart] = []
        self._own: Usage | None = None

    def read_json(self, body: dict[str, Any]) -> None:
        """Sockets have no answer in one piece."""

    def read_event(self, event: Event) -> bool:
        message = parse_object(event.data) or {}
        if message.get("type") == "response.done":
            response = as_object(message.get("response"))
            self._read_response(response, response.get("usage") or message.get("usage"))
        else:
            self.output_seen += text_bytes(message.get("delta"))
        return False

    def transcribed(self, reported: Any, model: str | None) -> None:
        """Billed on its own, by tokens or by the second."""
        usage = as_object(reported)
        seconds = usage.get("seconds")
        if usage.get("type") == "duration" and isinstance(seconds, int | float):
            told: Usage | None = Usage(0, 0, audio_seconds=-int(-seconds // 1))
        else:
            told = realtime_usage(usage)
        if told is not None:
            self._transcripts.append(UsagePart(model, told))
            self._settle()

    def _read_response(self, response: dict[str, Any], reported: Any) -> None:
        """`reported` is the usage, which x.ai puts beside the response and OpenAI into it."""
        self.response_id = as_text(response.get("id")) or self.response_id
        self.finish_reason = as_text(response.get("status")) or self.finish_reason
        failed = as_object(as_object(response.get("status_details")).get("error"))
        if failed:
            self.read_error(failed)
        for item in map(as_object, as_list(response.get("output"))):
            if item.get("type") == "function_call":
                self.add_tool(item.get("call_id"), item.get("name"))
        self._own = realtime_usage(as_object(reported))
        self.is_complete = True
        self._settle()

    def _settle(self) -> None:
        own = () if self._own is None else (UsagePart(None, self._own),)
        parts = (*own, *self._transcripts)
        self.usage = total_of(parts, Usage(0, 0)) if self._transcripts else self._own


def realtime_usage(reported: dict[str, Any]) -> Usage | None:
    """Of one response. What was cached is inside the input, of every kind."""
    total = as_count(reported.get("input_tokens"))
    if total is None:
        return None
    inside = as_object(reported.get("input_token_details"))
    cached = as_object(inside.get("cached_tokens_details"))
    outside = as_object(reported.get("output_token_details"))
    output = as_count(reported.get("output_tokens")) or 0

    def count(of: dict[str, Any], kind: str, most: int) -> int:
        return min(as_count(of.get(f"{kind}_tokens")) or 0, most)

    read = count(inside, "cached", total)
    heard_again = count(cached, "audio", read)
    seen_again = count(cached, "image", read - heard_again)
    fresh = total - read
    heard = min(max(0, count(inside, "audio", total) - heard_again), fresh)
    seen = min(max(0, count(inside, "image", total) - seen_again), fresh - heard)
    return Usage(
        input_tokens=total,
        output_tokens=output,
        cache_read_tokens=read,
        cache_read_audio_tokens=heard_again,
        input_audio_tokens=heard,
        input_image_tokens=seen,
        output_audio_tokens=count(outside, "audio", output),
        reasoning_tokens=count(outside, "reasoning", output),
    )


def _answers_speech(session: dict[str, Any]) -> bool:
    """Unless the provider itself says that it does not."""
    heard = as_object(as_object(session.get("audio")).get("input"))
    for settings in (heard, session):
        if "turn_detection" in settings:
            detection = settings["turn_detection"]
            return (
                detection is not None and as_object(detection).get("create_response") is not False
            )
    return True


def _hosted(settings: dict[str, Any]) -> tuple[str, ...]:
    """Tools that run at the provider."""
    kinds = {kind_of(as_object(tool)) for tool in as_list(settings.get("tools"))}
    return tuple(sorted(f"hosted_tool:{kind}" for kind in kinds - {"function"}))

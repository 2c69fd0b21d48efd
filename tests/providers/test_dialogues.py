"""Conversations on a WebSocket, message by message: which make the provider work, and what it said
that cost."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.providers.call import BadRequest
from proxy.providers.dialogue import ALONE, Dialogue, DialogueName, Ended
from proxy.providers.dialogues import dialogue_named, socket_of
from proxy.providers.usage import Usage

REALTIME = "/v1/realtime?model=gpt-realtime"
NAMES: tuple[tuple[DialogueName, str], ...] = (
    ("openai.responses", "openai"),
    ("openai.realtime", "openai"),
    ("gemini.live", "google"),
)


def words(message: Any) -> bytes:
    return json.dumps(message).encode()


def talk(name: DialogueName, provider: str = "openai", path: str = REALTIME) -> Dialogue:
    return dialogue_named(name, provider, path)


@pytest.mark.parametrize(
    ("provider", "path", "name"),
    [
        ("openai", "/v1/responses", "openai.responses"),
        ("openai", "/v1/realtime", "openai.realtime"),
        ("openai", "/v1/realtime/translations", None),
        ("openai", "/v1/live/sessions", None),
        ("openai-chatgpt", "/backend-api/codex/responses", "openai.responses"),
        ("azure", "/openai/realtime", "openai.realtime"),
        ("azure", "/openai/v1/realtime", "openai.realtime"),
        ("x-ai", "/v1/realtime", "openai.realtime"),
        (
            "google",
            "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
            "gemini.live",
        ),
        (
            "google",
            "/ws/google.ai.generativelanguage.v1alpha.GenerativeService"
            ".BidiGenerateContentConstrained",
            "gemini.live",
        ),
        (
            "google",
            "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
            "gemini.live",
        ),
        ("anthropic", "/v1/messages", None),
    ],
)
def test_a_socket_is_known_by_its_providers_path(
    provider: str, path: str, name: DialogueName | None
) -> None:
    assert socket_of(provider, path) == name


class TestResponses:
    CREATE = {"type": "response.create", "model": "gpt-5", "input": "hi", "max_output_tokens": 9}

    def test_a_create_is_a_call_with_its_own_bound(self) -> None:
        turn = talk("openai.responses").sent(words(self.CREATE))
        assert turn is not None
        assert (turn.call.model, turn.call.output_tokens_max) == ("gpt-5", 9)
        assert turn.call.streaming
        assert turn.call.unbounded == ()

    def test_a_stored_answer_is_bounded_by_the_window_alone(self) -> None:
        turn = talk("openai.responses").sent(words({**self.CREATE, "previous_response_id": "r"}))
        assert turn is not None
        assert not turn.call.prompt.is_bounded

    def test_steering_has_no_bound_and_nothing_comes_before_a_create(self) -> None:
        one = talk("openai.responses")
        with pytest.raises(BadRequest):
            one.sent(words({"type": "response.steer"}))
        one.sent(words(self.CREATE))
        turn = one.sent(words({"type": "response.steer", "input": "faster"}))
        assert turn is not None
        assert turn.call.unbounded == ("message:response.steer",)

    def test_an_answer_that_follows_by_itself_is_noticed(self) -> None:
        one = talk("openai.responses")
        one.sent(words(self.CREATE))
        response = {"id": "r", "model": "gpt-5", "usage": {"input_tokens": 1, "output_tokens": 2}}
        assert one.received(words({"type": "response.completed", "response": response})).ended
        heard = one.received(words({"type": "response.created", "response": {"id": "s"}}))
        assert heard.begun is not None
        assert heard.begun.call.unbounded == ("successor",)

    def test_a_refused_turn_is_forgotten(self) -> None:
        one = talk("openai.responses")
        first = one.sent(words(self.CREATE))
        assert first is not None
        one.forget(first.lane)
        second = one.sent(words(self.CREATE))
        assert second is not None
        heard = one.received(words({"type": "error", "status": 400, "error": {"code": "x"}}))
        assert heard.ended == [Ended(second.lane, 400)]

    @pytest.mark.parametrize(
        ("code", "status", "kind"),
        [
            ("insufficient_quota", 429, "usage_limit_reached"),
            ("model_not_allowed", 400, "invalid_request_error"),
        ],
    )
    def test_a_refusal_is_an_error_that_clients_do_not_try_again(
        self, code: str, status: int, kind: str
    ) -> None:
        word = talk("openai.responses").refusal(403, {"code": code, "message": "no"})
        assert word is not None
        told = json.loads(word)
        assert (told["type"], told["status"]) == ("error", status)
        assert (told["error"]["type"], told["error"]["message"]) == (kind, "no")


class TestRealtime:
    CREATED = {"type": "response.created", "response": {"id": "r1"}}

    def done(self, id_: str = "r1", **usage: Any) -> bytes:
        response = {"id": id_, "status": "completed", "output": [], "usage": usage}
        return words({"type": "response.done", "response": response})

    def test_a_response_is_asked_for_with_a_bound_of_its_own_or_the_models(self) -> None:
        one = talk("openai.realtime")
        bounds = []
        for limit in (5, "inf", None):
            asked = {"max_output_tokens": limit} if limit else {}
            turn = one.sent(words({"type": "response.create", "response": asked}))
            assert turn is not None
            bounds.append(turn.call.output_tokens_max)
        assert bounds == [5, None, None]

    def test_sound_opens_one_turn_however_much_of_it_there_is(self) -> None:
        one = talk("openai.realtime")
        sound = words({"type": "input_audio_buffer.append", "audio": "AAAA"})
        assert one.sent(sound) is not None
        assert one.sent(sound) is None
        assert one.idle() == (ALONE,)
        one.received(words({"type": "input_audio_buffer.speech_started"}))
        assert one.idle() == (), "an answer may be under way"

    def test_with_turn_detection_off_speech_is_not_answered(self) -> None:
        one = talk("openai.realtime")
        settings = {"audio": {"input": {"turn_detection": None}}}
        one.received(words({"type": "session.updated", "session": settings}))
        one.sent(words({"type": "input_audio_buffer.append", "audio": "AAAA"}))
        one.received(words({"type": "input_audio_buffer.committed"}))
        assert one.idle() == (ALONE,)

    def test_a_transcript_is_billed_with_its_turn_at_its_own_model(self) -> None:
        one = talk("openai.realtime")
        settings = {"audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}}
        one.received(words({"type": "session.updated", "session": settings}))
        turn = one.sent(words({"type": "input_audio_buffer.append", "audio": "AAAA"}))
        assert turn is not None
        one.received(words(self.CREATED))
        one.received(
            words(
                {
                    "type": "conversation.item.input_audio_transcription.completed",
                    "usage": {"type": "tokens", "input_tokens": 26, "output_tokens": 9},
                }
            )
        )
        heard = one.received(self.done(input_tokens=95, output_tokens=24))
        assert heard.ended == [Ended(ALONE)]
        usage = turn.reader.usage
        assert usage is not None
        assert (usage.input_tokens, usage.output_tokens) == (121, 33)
        assert [part.model for part in usage.parts] == [None, "gpt-4o-mini-transcribe"]

    def test_a_transcript_without_an_answer_is_still_billed(self) -> None:
        one = talk("openai.realtime")
        settings = {"audio": {"input": {"turn_detection": {"create_response": False}}}}
        one.received(words({"type": "session.updated", "session": settings}))
        turn = one.sent(words({"type": "input_audio_buffer.append", "audio": "AAAA"}))
        assert turn is not None
        one.received(
            words(
                {
                    "type": "conversation.item.input_audio_transcription.completed",
                    "usage": {"type": "duration", "seconds": 2.4},
                }
            )
        )
        assert one.idle() == ()
        assert turn.reader.complete
        assert turn.reader.usage is not None
        assert turn.reader.usage.audio_seconds == 3

    def test_what_was_cached_is_inside_the_input_of_its_kind(self) -> None:
        one = talk("openai.realtime")
        turn = one.sent(words({"type": "response.create"}))
        assert turn is not None
        one.received(words(self.CREATED))
        one.received(
            self.done(
                input_tokens=100,
                output_tokens=50,
                input_token_details={
                    "text_tokens": 40,
                    "audio_tokens": 60,
                    "cached_tokens": 30,
                    "cached_tokens_details": {"audio_tokens": 20},
                },
                output_token_details={"audio_tokens": 40},
            )
        )
        assert turn.reader.usage == Usage(
            100,
            50,
            cache_read_tokens=30,
            cache_read_audio_tokens=20,
            input_audio_tokens=40,
            output_audio_tokens=40,
        )

    def test_a_session_without_a_model_waits_until_one_is_named(self) -> None:
        one = talk("openai.realtime", path="/v1/realtime?call_id=rtc_1")
        with pytest.raises(BadRequest):
            one.sent(words({"type": "response.create"}))
        one.received(words({"type": "session.created", "session": {"model": "gpt-realtime"}}))
        turn = one.sent(words({"type": "response.create"}))
        assert turn is not None
        assert turn.call.model == "gpt-realtime"


class TestLive:
    SETUP = {"setup": {"model": "models/gemini-live", "generationConfig": {"maxOutputTokens": 7}}}
    TURN = {"client_content": {"turns": [], "turnComplete": True}}

    def ready(self, **more: Any) -> Dialogue:
        one = talk("gemini.live", "google")
        assert one.sent(words({"setup": {**self.SETUP["setup"], **more}})) is None
        return one

    def test_a_turn_has_the_setups_model_and_bound(self) -> None:
        turn = self.ready().sent(words(self.TURN))
        assert turn is not None
        assert (turn.call.model, turn.call.output_tokens_max) == ("gemini-live", 7)

    def test_tools_that_google_runs_have_no_bound(self) -> None:
        turn = self.ready(tools=[{"googleSearch": {}}]).sent(words(self.TURN))
        assert turn is not None
        assert turn.call.unbounded == ("hosted_tool:googleSearch",)

    def test_a_tools_answer_goes_on_with_the_turn_and_every_report_counts(self) -> None:
        one = self.ready()
        turn = one.sent(words(self.TURN))
        assert turn is not None
        call = {"toolCall": {"functionCalls": [{"id": "1", "name": "look"}]}}
        usage = {"promptTokenCount": 10, "responseTokenCount": 2}
        assert not one.received(words({**call, "usageMetadata": usage})).ended
        assert one.sent(words({"tool_response": {"functionResponses": []}})) is None
        heard = one.received(
            words({"serverContent": {"turnComplete": True}, "usageMetadata": usage})
        )
        assert heard.ended == [Ended(ALONE)]
        assert turn.reader.usage is not None
        assert (turn.reader.usage.input_tokens, turn.reader.usage.output_tokens) == (20, 4)
        assert [tool.name for tool in turn.reader.tool_calls] == ["look"]

    def test_usage_may_come_after_the_turn_is_over(self) -> None:
        one = self.ready()
        one.sent(words(self.TURN))
        assert not one.received(words({"serverContent": {"turnComplete": True}})).ended
        assert one.received(words({"usageMetadata": {"promptTokenCount": 3}})).ended

    def test_before_a_setup_nothing_is_known(self) -> None:
        with pytest.raises(BadRequest):
            talk("gemini.live", "google").sent(words(self.TURN))


MEMBERS = [
    "type",
    "response",
    "usage",
    "serverContent",
    "modelTurn",
    "session",
    "audio",
    "usageMetadata",
    "toolCall",
    "output",
    "tools",
    "input_tokens",
    "id",
    "setup",
    "promptTokenCount",
    "seconds",
    "delta",
    "stream_id",
    "status",
    "turnComplete",
]
KINDS = [
    "response.created",
    "response.done",
    "response.completed",
    "error",
    "session.updated",
    "conversation.item.input_audio_transcription.completed",
    "input_audio_buffer.committed",
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(MEMBERS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("name", "provider"), NAMES)
@given(st.lists(st.tuples(st.sampled_from(KINDS), ANY_JSON), max_size=5))
def test_nothing_that_a_provider_sends_raises(
    name: DialogueName, provider: str, said: list[tuple[str, Any]]
) -> None:
    one = talk(name, provider)
    for first in ({"type": "response.create", "model": "m", "input": "x"}, TestLive.SETUP):
        with contextlib.suppress(BadRequest):
            one.sent(words(first))
            one.sent(words(TestLive.TURN))
    for kind, message in said:
        whole = {**message, "type": kind} if isinstance(message, dict) else message
        one.received(words(whole))
        one.received(words(whole)[:-1])
    one.idle()


@pytest.mark.parametrize(("name", "provider"), NAMES)
@given(ANY_JSON)
def test_what_a_client_sends_is_read_or_refused(
    name: DialogueName, provider: str, message: Any
) -> None:
    one = talk(name, provider)
    with contextlib.suppress(BadRequest):
        one.sent(words(message))

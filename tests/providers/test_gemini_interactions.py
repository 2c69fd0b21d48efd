"""Gemini interactions: what is asked, what bounds it, what it used."""

import json
from typing import Any

import pytest

from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.formats import format_named
from proxy.providers.usage import Usage

WIRE = format_named("gemini.interactions", "google")


def body(**members: Any) -> bytes:
    return json.dumps({"model": "gemini-2.5-flash", "input": "Say hi."} | members).encode()


def asked(**members: Any) -> ModelCall:
    return WIRE.read_request(body(**members), "/v1beta/interactions")


@pytest.mark.parametrize(
    ("members", "bound"),
    [
        ({}, None),
        ({"generation_config": {"max_output_tokens": 50}}, 50 + 32_768),
        ({"model": "gemini-2.0-flash", "generation_config": {"max_output_tokens": 50}}, 50),
    ],
)
def test_thoughts_come_on_top_of_the_bound(members: dict[str, Any], bound: int | None) -> None:
    assert asked(**members).output_tokens_max == bound


@pytest.mark.parametrize(
    ("members", "reasons"),
    [
        ({"tools": [{"type": "function", "name": "f"}]}, ()),
        ({"tools": [{"type": "google_search"}]}, ("hosted_tool:google_search",)),
        ({"background": True}, ("background",)),
        ({"model": None, "agent": "deep-research"}, ("agent",)),
        ({"environment": {"sources": []}}, ("environment",)),
        ({"response_modalities": ["text", "VIDEO"]}, ("video",)),
        ({"response_format": {"type": "video"}}, ("video",)),
        ({"response_format": [{"type": "text"}]}, ()),
        ({"generation_config": {"video_config": {}}}, ("video",)),
        ({"model": "gemini-omni-1.1-flash"}, ("video",)),
    ],
)
def test_work_of_google_s_own_and_video_have_no_bound(
    members: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    assert asked(**members).unbounded == reasons


@pytest.mark.parametrize(
    "members",
    [
        {"previous_interaction_id": "v1_x"},
        {"cached_content": "cachedContents/x"},
        {"continuation_token": "t"},
        {"input": [{"type": "audio", "data": "AA"}]},
        {"input": [{"type": "user_input", "content": [{"type": "document", "uri": "gs://x"}]}]},
    ],
)
def test_what_the_body_does_not_hold_is_bounded_by_the_context(members: dict[str, Any]) -> None:
    assert not asked(**members).prompt.is_bounded


def test_an_image_is_no_text_wherever_it_stands() -> None:
    image = {"type": "image", "data": "A" * 5_000, "mime_type": "image/png"}
    steps = [{"type": "user_input", "content": [{"type": "text", "text": "hi"}, image]}]
    for given in ([image], steps, [{"type": "function_result", "result": [image]}]):
        prompt = asked(input=given).prompt
        assert (prompt.images, prompt.image_bytes, prompt.text_bytes < 300) == (1, 5_000, True)


def test_every_other_member_counts() -> None:
    more = asked(response_format={"type": "text", "schema": {"x": "y" * 500}})
    assert more.prompt.text_bytes > asked().prompt.text_bytes + 500


@pytest.mark.parametrize(
    "members",
    [
        {"generationConfig": {}},
        {"previousInteractionId": "v1_x"},
        {"Background": True},
        {"generation_config": {"maxOutputTokens": 5}},
        {"generation_config": []},
        {"generation_config": {"max_output_tokens": "5"}},
        {"model": None},
        {"stream": "true"},
    ],
)
def test_other_spellings_and_odd_values_are_refused(members: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        asked(**members)


def test_a_bound_is_lowered_where_nothing_is_thought() -> None:
    data = body(model="gemini-2.0-flash", generation_config={"seed": 1, "max_output_tokens": 90})
    call = WIRE.read_request(data)
    lowered = json.loads(WIRE.amend(data, call, output_tokens=9, ask_usage=False))
    assert lowered["generation_config"] == {"seed": 1, "max_output_tokens": 9}
    assert WIRE.amend(body(), asked(), output_tokens=9, ask_usage=False) == body()


def told(**members: Any) -> Any:
    reader = WIRE.answer_reader(asked(), {"content-type": "application/json"})
    reader.feed(json.dumps({"status": "completed"} | members).encode())
    reader.close()
    return reader


def test_modalities_and_searches_are_read() -> None:
    usage = {
        "total_input_tokens": 100,
        "total_cached_tokens": 10,
        "total_output_tokens": 30,
        "total_thought_tokens": 7,
        "total_tool_use_tokens": 5,
        "input_tokens_by_modality": [{"modality": "audio", "tokens": 40}],
        "output_tokens_by_modality": [{"modality": "image", "tokens": 20}],
        "grounding_tool_count": [{"type": "google_search", "count": 2}],
    }
    assert told(usage=usage).usage == Usage(
        105,
        37,
        cache_read_tokens=10,
        reasoning_tokens=7,
        input_audio_tokens=40,
        output_image_tokens=20,
        web_searches=2,
    )


def test_what_goes_on_in_the_background_has_not_ended() -> None:
    reader = told(status="in_progress", usage={"total_input_tokens": 1})
    assert (reader.usage, reader.complete) == (Usage(1, 0), False)


def test_an_error_in_a_stream_is_told() -> None:
    reader = WIRE.answer_reader(asked(), {"content-type": "text/event-stream"})
    reader.feed(b'data: {"event_type":"error","error":{"code":"unavailable","message":"x"}}\n\n')
    reader.close()
    assert (reader.error, reader.complete) == ("unavailable", False)

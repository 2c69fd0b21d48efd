"""Batches: every request is read as the call it is."""

import json
from typing import Any

import pytest

from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.formats import format_named
from tests.providers.bodies import gemini, messages

PATH = "/v1beta/models/gemini-2.5-flash:batchGenerateContent"


def anthropic(*params: Any, **members: Any) -> ModelCall:
    requests = [{"custom_id": str(at), "params": each} for at, each in enumerate(params)]
    body = json.dumps({"requests": requests} | members).encode()
    return format_named("anthropic.batch", "anthropic").read_request(body)


def message(**members: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(messages(**members))
    return read


def google(*requests: Any, batch: Any = None) -> ModelCall:
    inlined = [{"request": each} for each in requests]
    batch = batch or {"input_config": {"requests": {"requests": inlined}}}
    body = json.dumps({"batch": batch}).encode()
    return format_named("gemini.batch", "google").read_request(body, PATH)


def test_each_request_is_a_call_at_the_batch_price() -> None:
    call = anthropic(message(max_tokens=10), message(max_tokens=20, system="Be brief."))
    assert [item.output_tokens_max for item in call.items] == [10, 20]
    assert {item.service_tier for item in call.items} == {"batch"}
    assert {item.format for item in call.items} == {"anthropic.messages"}
    assert (call.format, call.model, call.can_be_lowered) == (
        "anthropic.batch",
        "claude-sonnet-4-5",
        False,
    )
    assert call.prompt.text_bytes == sum(item.prompt.text_bytes for item in call.items)


def test_a_tier_or_a_place_asked_for_is_kept() -> None:
    call = anthropic(message(speed="fast"), message(inference_geo="us"))
    assert [item.service_tier for item in call.items] == ["fast", "batch@us"]


def test_what_has_no_bound_in_one_request_has_none_in_the_batch() -> None:
    tool = {"type": "web_search_20250305", "name": "web_search"}
    call = anthropic(message(), message(tools=[tool]))
    assert call.unbounded == ("hosted_tool:web_search_20250305",)


def test_several_models_are_all_named_and_have_no_bound_together() -> None:
    call = anthropic(message(model="claude-haiku-4-5"), message(model="claude-opus-4-5"))
    assert call.models == ("claude-haiku-4-5", "claude-opus-4-5")
    assert call.unbounded == ("mixed_models",)


def test_the_digest_is_that_of_the_requests_in_their_order() -> None:
    one, two = message(), message(messages=[{"role": "user", "content": "Other."}])
    assert anthropic(one, two).digest == anthropic(one, two).digest != anthropic(two, one).digest


def test_half_a_surrogate_pair_is_read() -> None:
    content = "\ud83d"
    call = anthropic(message(messages=[{"role": "user", "content": content}]))
    assert call.items[0].prompt.texts == (content,)


@pytest.mark.parametrize(
    "requests",
    [
        [],
        None,
        "x",
        [{}],
        [{"params": []}],
        [{"params": {"model": "m", "messages": []}}],
        [{"Params": message(), "params": message()}],
        [{"params": message(Max_Tokens=5)}],
    ],
)
def test_odd_batches_are_refused(requests: Any) -> None:
    body = json.dumps({"requests": requests}).encode()
    with pytest.raises(BadRequest):
        format_named("anthropic.batch", "anthropic").read_request(body)


def test_gemini_s_requests_are_of_the_path_s_model() -> None:
    call = google(json.loads(gemini(generationConfig={"maxOutputTokens": 9})), json.loads(gemini()))
    assert [item.model for item in call.items] == ["gemini-2.5-flash"] * 2
    assert [item.service_tier for item in call.items] == ["batch"] * 2
    assert (call.format, call.unbounded) == ("gemini.batch", ())
    with pytest.raises(BadRequest):
        google({"model": "models/gemini-2.5-pro", "contents": []})


def test_gemini_s_requests_in_a_file_have_no_bound() -> None:
    call = google(batch={"inputConfig": {"fileName": "files/x"}})
    assert (call.model, call.unbounded, call.items) == ("gemini-2.5-flash", ("batch_file",), ())


@pytest.mark.parametrize(
    "batch",
    [
        [],
        {"inputConfig": {}, "input_config": {"fileName": "files/x"}},
        {"inputConfig": {"requests": {"requests": []}}},
        {"inputConfig": {"requests": {"requests": [{}]}}},
    ],
)
def test_odd_batches_of_gemini_s_are_refused(batch: Any) -> None:
    with pytest.raises(BadRequest):
        google(batch=batch) if batch else format_named("gemini.batch", "google").read_request(
            b'{"batch": []}', PATH
        )

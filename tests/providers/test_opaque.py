"""Calls that do not say what they cost: read for their model, and without a bound."""

import json
from typing import Any

import pytest

from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.formats import format_named
from tests.providers.bodies import BOUNDARY, form

FORM = f"multipart/form-data; boundary={BOUNDARY}"


def read(name: FormatName, body: Any, path: str = "", provider: str = "openai") -> ModelCall:
    return format_named(name, provider).read_request(json.dumps(body).encode(), path)


MODELS = "/v1beta/models"


@pytest.mark.parametrize(
    ("call", "model", "reason"),
    [
        (read("openai.video", {"model": "sora-2-pro"}, "/v1/videos"), "sora-2-pro", "video"),
        (read("openai.video", {"prompt": "x"}, "/v1/videos"), "sora-2", "video"),
        (read("openai.video", {"prompt": "x"}, "/v1/videos/v_1/remix"), "unstated", "video"),
        (read("openai.batch", {"input_file_id": "f"}, "/v1/batches"), "unstated", "batch_file"),
        (read("openai.batch", {"model": "m"}, "/v1/batch/jobs", "mistral"), "m", "batch_file"),
        (read("gemini.predict", {}, f"{MODELS}/veo-3:predictLongRunning"), "veo-3", "video"),
        (read("gemini.predict", {}, f"{MODELS}/imagen-4:predict"), "imagen-4", "images"),
        (
            read("gemini.predict", {}, f"{MODELS}/e-1:asyncBatchEmbedContent"),
            "e-1",
            "batch_file",
        ),
    ],
)
def test_the_model_is_named_and_the_reason_why_there_is_no_bound(
    call: ModelCall, model: str, reason: str
) -> None:
    assert (call.model, call.unbounded, call.billable) == (model, (reason,), True)
    assert not call.prompt.is_bounded


def test_a_video_may_come_as_a_form() -> None:
    body = form(model="sora-2-pro", prompt="x", input_reference=("a.png", b"\xff"))
    call = format_named("openai.video", "openai").read_request(body, "/v1/videos", FORM)
    assert (call.model, call.unbounded) == ("sora-2-pro", ("video",))


def test_other_bodies_are_other_calls() -> None:
    one, two = (read("openai.batch", {"input_file_id": name}) for name in ("a", "b"))
    assert one.digest != two.digest


@pytest.mark.parametrize("body", [[], {"model": 1}, {"Model": "m"}, {"model": "a b"}])
def test_odd_bodies_are_refused(body: Any) -> None:
    for name in ("openai.video", "openai.batch"):
        with pytest.raises(BadRequest):
            read(name, body)  # type: ignore[arg-type]


def test_the_answer_says_no_usage() -> None:
    wire = format_named("openai.batch", "openai")
    reader = wire.answer_reader(read("openai.batch", {}), {"content-type": "application/json"})
    reader.feed(b'{"id": "batch_1", "usage": {"input_tokens": 5}}')
    reader.close()
    assert (reader.usage, reader.response_id, reader.complete) == (None, "batch_1", True)

"""Images: what is drawn at most, and what was."""

import json
from typing import Any

import pytest

from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.formats import format_named
from proxy.providers.usage import Usage
from tests.providers.bodies import BOUNDARY, form, sse

FORM = f"multipart/form-data; boundary={BOUNDARY}"


def drawn(provider: str = "openai", path: str = "", **members: Any) -> ModelCall:
    body = json.dumps({"model": "gpt-image-1-mini", "prompt": "An owl."} | members).encode()
    return format_named("openai.images", provider).read_request(body, path, "application/json")


def edited(**fields: Any) -> ModelCall:
    body = form(**{"model": "gpt-image-1-mini", "prompt": "Bluer."} | fields)
    return format_named("openai.images", "openai").read_request(body, "", FORM)


@pytest.mark.parametrize(
    ("members", "tokens"),
    [
        ({"model": "gpt-image-1", "quality": "low"}, 408),
        ({"model": "gpt-image-1", "quality": "medium"}, 1584),
        ({"model": "gpt-image-1", "quality": "auto"}, 6240),
        ({"model": "gpt-image-1-2025-04-23"}, 6240),
        ({"quality": "high"}, 6500),
        ({"quality": "new-one"}, 6500),
        ({"quality": "low", "stream": True, "partial_images": 3}, 1050),
    ],
)
def test_the_largest_size_at_a_quality_bounds_an_image(
    members: dict[str, Any], tokens: int
) -> None:
    call = drawn(**members)
    assert (call.output_tokens_max, call.unbounded) == (tokens, ())


@pytest.mark.parametrize(
    ("members", "reasons"),
    [
        ({"model": "gpt-image-2"}, ("image_tokens",)),
        ({"model": "gpt-image-2.5-sunburst"}, ("image_tokens",)),
        ({"model": "gpt-image-1.5"}, ("image_tokens",)),
        ({"model": "gpt-image-1-minimal"}, ("image_tokens",)),
        ({"svg": {"model": "gpt-5"}}, ("svg",)),
        ({"frame_count": 9}, ("frame_count",)),
    ],
)
def test_where_no_most_is_published_there_is_no_bound(
    members: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    assert drawn(**members).unbounded == reasons


def test_images_multiply_and_cannot_be_lowered() -> None:
    call = drawn(n=4)
    assert (call.samplings, call.can_be_lowered) == (4, False)


def test_a_form_and_json_say_the_same() -> None:
    from_form = edited(n="3", quality="low", stream="true", partial_images="1")
    from_json = drawn(n=3, quality="low", stream=True, partial_images=1)
    for name in ("samplings", "output_tokens_max", "streaming", "model", "unbounded"):
        assert getattr(from_form, name) == getattr(from_json, name)


def test_every_picture_sent_is_an_image_however_it_is_sent() -> None:
    picture = ("a.png", b"\x89PNG" * 1000)
    assert edited(image=[picture, picture], mask=picture).prompt.images == 3
    assert edited(image=picture).prompt.text_bytes < 100
    links = [{"image_url": "https://x.example/a.png"}, {"file_id": "file_1"}]
    assert drawn(images=links, mask={"file_id": "file_2"}).prompt.images == 3


def test_azure_s_deployment_is_an_alias() -> None:
    call = drawn("azure", "/openai/deployments/ours/images/generations")
    assert (call.model, call.model_is_alias, call.unbounded) == ("ours", True, ("image_tokens",))


def test_another_picture_is_another_call() -> None:
    assert edited(image=("a", b"1")).digest != edited(image=("a", b"2")).digest


@pytest.mark.parametrize(
    "fields",
    [
        {"model": None},
        {"n": 11},
        {"n": 0},
        {"n": "2"},
        {"partial_images": 4},
        {"stream": "true"},
        {"N": 2},
        {"quality": ["low"]},
    ],
)
def test_odd_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        drawn(**fields)


@pytest.mark.parametrize("fields", [{"n": ["2"]}, {"n": ("f", b"2")}, {"Model": "x"}])
def test_odd_forms_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        edited(**fields)


def usage(**members: Any) -> dict[str, Any]:
    return {"input_tokens": 10, "output_tokens": 100} | members


def answered(*, n: int = 1, **body: Any) -> Usage | None:
    wire = format_named("openai.images", "openai")
    reader = wire.answer_reader(drawn(n=n), {"content-type": "application/json"})
    reader.feed(json.dumps(body).encode())
    reader.close()
    return reader.usage


def test_what_is_not_said_to_be_text_is_billed_as_an_image() -> None:
    assert answered(usage=usage()) == Usage(10, 100, input_image_tokens=10, output_image_tokens=100)
    told = usage(
        input_tokens_details={"text_tokens": 4, "image_tokens": 6},
        output_tokens_details={"text_tokens": 30, "image_tokens": 70},
    )
    assert answered(usage=told) == Usage(10, 100, input_image_tokens=6, output_image_tokens=70)


def test_the_author_of_an_svg_is_billed_at_its_own_model() -> None:
    told = answered(usage=usage(), svg_usage=usage(model="gpt-5"))
    assert told is not None
    assert [part.model for part in told.parts] == [None, "gpt-5"]
    assert (told.input_tokens, told.output_tokens) == (20, 200)


def test_a_stream_is_complete_when_every_image_is() -> None:
    wire = format_named("openai.images", "openai")
    done = {"type": "image_edit.completed", "usage": usage()}
    for count, complete in ((1, False), (2, True)):
        reader = wire.answer_reader(drawn(n=2, stream=True), {"content-type": "text/event-stream"})
        reader.feed(sse(*[done] * count))
        reader.close()
        assert reader.complete is complete
        assert reader.usage is not None
        assert reader.usage.output_tokens == 100 * count

"""Mistral's document reader: pages."""

import json
from typing import Any

import pytest

from proxy.providers.call import BadRequest, ModelCall
from proxy.providers.formats import format_named
from proxy.providers.usage import Usage

WIRE = format_named("mistral.ocr", "mistral")
LINK = {"type": "document_url", "document_url": "https://x.example/a.pdf"}


def asked(**members: Any) -> ModelCall:
    return WIRE.read_request(json.dumps({"document": LINK} | members).encode())


@pytest.mark.parametrize(
    ("members", "pages"),
    [
        ({"pages": [0, 1, 7]}, 3),
        ({"document": {"type": "image_url", "image_url": "data:image/png;base64,AA"}}, 1),
    ],
)
def test_pages_that_are_listed_and_one_image_are_bounds(
    members: dict[str, Any], pages: int
) -> None:
    call = asked(**members)
    assert (call.pages_max, call.annotated_pages_max, call.unbounded) == (pages, 0, ())


@pytest.mark.parametrize("pages", [None, [], "0-4", [True], ["0-999"], 3])
def test_otherwise_the_document_says_and_there_is_no_bound(pages: Any) -> None:
    assert asked(pages=pages).unbounded == ("pages",)


def test_annotated_pages_are_told_apart() -> None:
    call = asked(pages=[0, 1], document_annotation_format={"type": "json_schema"})
    assert (call.pages_max, call.annotated_pages_max) == (2, 2)


def test_the_model_has_a_default_and_the_document_makes_the_digest() -> None:
    assert asked().model == "mistral-ocr-latest"
    assert asked().digest != asked(document=LINK | {"document_url": "https://y.example"}).digest


@pytest.mark.parametrize("members", [{"document": []}, {"Pages": [0]}, {"model": 5}])
def test_odd_bodies_are_refused(members: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        asked(**members)


@pytest.mark.parametrize(
    ("members", "usage"),
    [
        ({}, Usage(0, 0, pages=4)),
        ({"bbox_annotation_format": {}}, Usage(0, 0, pages=4, annotated_pages=4)),
    ],
)
def test_usage_is_pages(members: dict[str, Any], usage: Usage) -> None:
    call = asked(pages=[0, 1, 2, 3], **members)
    reader = WIRE.answer_reader(call, {"content-type": "application/json"})
    reader.feed(b'{"model": "m", "usage_info": {"pages_processed": 4}}')
    reader.close()
    assert (reader.usage, reader.model) == (usage, "m")

"""Mistral's document reader: `POST /v1/ocr`, billed by the page (pure)."""

from dataclasses import replace
from typing import Any

from proxy.providers.answer import Answer, as_count, as_object, as_text
from proxy.providers.body import Json, model_of, optional_object, read_body, refuse_lookalikes
from proxy.providers.call import FormatName, ModelCall
from proxy.providers.format import kind_of
from proxy.providers.plain import PlainFormat
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event
from proxy.providers.usage import Usage

_ANNOTATIONS = ("bbox_annotation_format", "document_annotation_format")
_READ = frozenset({*_ANNOTATIONS, "model", "document", "pages"})
_DEFAULT_MODEL = "mistral-ocr-latest"
_PAGES_CREDIBLE = 1_000
"""What Mistral says a document should not be longer than. No bound."""


class MistralOcr(PlainFormat):
    name: FormatName = "mistral.ocr"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        refuse_lookalikes(members, _READ)
        model = _DEFAULT_MODEL if members.get("model") is None else model_of(members)
        gatherer = PromptGatherer()
        gatherer.add(body.source("document"))  # For the digest: what is in it costs by the page.
        pages = _pages(members)
        most = _PAGES_CREDIBLE if pages is None else pages
        is_annotated = any(members.get(name) is not None for name in _ANNOTATIONS)
        call = self.call(model, gatherer, unbounded=("pages",) if pages is None else ())
        empty = PromptGatherer()
        return replace(
            call,
            prompt=empty.prompt(),
            pages_max=most,
            annotated_pages_max=most if is_annotated else 0,
        )

    def answer(self, call: ModelCall) -> Answer:
        return OcrAnswer(is_annotated=call.annotated_pages_max > 0)


def _pages(members: Json) -> int | None:
    """How many can be read at most; None where the document says."""
    if kind_of(optional_object(members, "document")) == "image_url":
        return 1
    pages = members.get("pages")
    if not isinstance(pages, list) or not pages:
        return None
    return len(pages) if all(type(page) is int for page in pages) else None


class OcrAnswer(Answer):
    def __init__(self, *, is_annotated: bool) -> None:
        super().__init__()
        self._is_annotated = is_annotated

    def read_json(self, body: dict[str, Any]) -> None:
        self.is_complete = True
        self.model = as_text(body.get("model"))
        if body.get("error") is not None:
            self.read_error(body["error"])
        pages = as_count(as_object(body.get("usage_info")).get("pages_processed"))
        if pages is not None:
            annotated = pages if self._is_annotated else 0
            self.usage = Usage(0, 0, pages=pages, annotated_pages=annotated)

    def read_event(self, event: Event) -> bool:
        return False

"""OpenAI images: generations, edits and variations, as JSON or as a form (pure).

What is drawn is billed as output tokens that no field bounds: only where OpenAI publishes how many
an image takes at most is there a bound.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

from proxy.providers.answer import Answer, as_count, as_object, as_text, parse_object
from proxy.providers.body import Json, flag, optional_text, refuse_lookalikes, whole_number
from proxy.providers.call import FormatName, ModelCall
from proxy.providers.dialects import dialect_of
from proxy.providers.form import Form, read_fields
from proxy.providers.openai_chat import model_in
from proxy.providers.plain import PlainFormat
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event
from proxy.providers.usage import Usage, UsagePart, total_of

_FILES = frozenset({"image", "mask", "markup"})
_IMAGES = (*sorted(_FILES), "images")
_NUMBERS = frozenset({"n", "partial_images", "frame_count"})
_READ = frozenset({*_IMAGES, *_NUMBERS, "model", "prompt", "quality", "stream", "svg"})

_IMAGES_MAX = 10
_PARTIALS_MAX = 3
_PARTIAL_TOKENS = 100

_TOKENS = (
    (re.compile(r"gpt-image-1(-\d{4}-\d\d-\d\d)?"), {"low": 408, "medium": 1584}, 6240),
    (re.compile(r"gpt-image-1-mini(-\d{4}-\d\d-\d\d)?"), {"low": 750, "medium": 1875}, 6500),
)
"""What the largest size takes at a quality, and at any other: OpenAI's table of tokens, and for the
mini what its prices per image come to, which is more. Later models take any size, or write text as
well, and publish no most."""

_TOKENS_CREDIBLE = 32_768
"""More than twice what any image is known to have taken. No bound."""


class OpenAIImages(PlainFormat):
    name: FormatName = "openai.images"

    def __init__(self, provider: str = "openai") -> None:
        super().__init__(provider)
        self._dialect = dialect_of(provider)

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        form, body = read_fields(
            data, content_type, files=_FILES, numbers=_NUMBERS, flags=frozenset({"stream"})
        )
        members = form.members
        refuse_lookalikes(members, _READ)
        model = model_in(members, path, self._dialect)
        gatherer = PromptGatherer()
        for name in sorted(members.keys() - set(_IMAGES) - {"model"}) if body is None else ():
            gatherer.add(members[name])
        if body is not None:
            gatherer.add(members.get("prompt") or "")
            gatherer.add_members(body, frozenset({*_IMAGES, "prompt"}))
        for image in _images(form):
            gatherer.add_media(image, is_image=True)
        quality = optional_text(members, "quality")
        tokens = _tokens(model, quality or "")
        partials = whole_number(members, "partial_images", most=_PARTIALS_MAX) or 0
        return replace(
            self.call(model, gatherer, unbounded=_reasons(members, is_known=tokens is not None)),
            streaming=flag(members, "stream"),
            output_tokens_max=(tokens or _TOKENS_CREDIBLE) + partials * _PARTIAL_TOKENS,
            samplings=whole_number(members, "n", least=1, most=_IMAGES_MAX) or 1,
            may_reason=True,  # What is drawn does not pass as text, so nothing seen bounds it.
            model_is_alias=self._dialect.model_is_alias,
        )

    def answer(self, call: ModelCall) -> Answer:
        return ImagesAnswer(call.samplings)


def _tokens(model: str, quality: str) -> int | None:
    for name, by_quality, most in _TOKENS:
        if name.fullmatch(model):
            return by_quality.get(quality, most)
    return None


def _images(form: Form) -> Iterator[str]:
    """A digest of each image: it is seen as an image, whatever its bytes are."""
    for file in form.files:
        yield sha256(file.data).hexdigest()
    for name in _IMAGES:
        given = form.members.get(name)
        for image in given if isinstance(given, list) else [given]:
            if image is not None:
                yield sha256(repr(image).encode("utf-8", "surrogatepass")).hexdigest()


def _reasons(members: Json, *, is_known: bool) -> Iterator[str]:
    if not is_known:
        yield "image_tokens"
    for name in ("svg", "frame_count"):
        if members.get(name) is not None:
            yield name


class ImagesAnswer(Answer):
    """A stream says what each image used when it is done; the whole answer says it once."""

    def __init__(self, images: int) -> None:
        super().__init__()
        self._left = images

    def read_json(self, body: dict[str, Any]) -> None:
        self.is_complete = True
        self._read(body)

    def read_event(self, event: Event) -> bool:
        message = parse_object(event.data) or {}
        kind = as_text(message.get("type")) or ""
        if kind.endswith(".completed"):
            self._left -= 1
            self.is_complete = self._left <= 0
        if kind.endswith(".completed") or message.get("error") is not None:
            self._read(message)
        return False

    def _read(self, message: dict[str, Any]) -> None:
        if message.get("error") is not None:
            self.read_error(message["error"])
        self.model = as_text(message.get("model")) or self.model
        usage = images_usage(message)
        if usage is not None and self.usage is not None:
            usage = total_of((UsagePart(None, self.usage), UsagePart(None, usage)), usage)
            usage = replace(usage, parts=())
        self.usage = usage or self.usage


def images_usage(message: dict[str, Any]) -> Usage | None:
    """Whatever is not said to be text is an image, which costs more."""
    usage = as_object(message.get("usage"))
    sent, made = as_count(usage.get("input_tokens")), as_count(usage.get("output_tokens"))
    if sent is None or made is None:
        return None
    drawn = Usage(
        sent,
        made,
        input_image_tokens=_but_text(sent, usage.get("input_tokens_details")),
        output_image_tokens=_but_text(made, usage.get("output_tokens_details")),
    )
    written = as_object(message.get("svg_usage"))
    sent, made = as_count(written.get("input_tokens")), as_count(written.get("output_tokens"))
    if sent is None or made is None:
        return drawn
    author = UsagePart(as_text(written.get("model")), Usage(sent, made))
    return total_of((UsagePart(None, drawn), author), drawn)


def _but_text(tokens: int, details: Any) -> int:
    return tokens - min(tokens, as_count(as_object(details).get("text_tokens")) or 0)

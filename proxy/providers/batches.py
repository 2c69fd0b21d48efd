"""Batches that carry their requests: Anthropic's message batches and Gemini's batchGenerateContent
(pure).

Each request is read as the call it is, at the batch's price. What they used is told much later, in
another answer, so an accepted batch is charged its bound.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from proxy.providers.answer import Answer
from proxy.providers.anthropic_messages import AnthropicMessages
from proxy.providers.body import Json, read_body, refuse_lookalikes
from proxy.providers.call import BadRequest, FormatName, ModelCall, Prompt
from proxy.providers.format import objects_of
from proxy.providers.gemini import GeminiGenerate, either, model_in_path
from proxy.providers.opaque import OpaqueFormat
from proxy.providers.plain import PlainFormat, SilentAnswer

REQUESTS_MAX = 10_000
"""Anthropic takes ten times as many; to read these takes a second, and a decision may take five."""


class AnthropicBatch(PlainFormat):
    name: FormatName = "anthropic.batch"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        members = read_body(data).members
        refuse_lookalikes(members, frozenset({"requests"}))
        wire = AnthropicMessages(self.provider)
        items = []
        for request in _some(objects_of(members, "requests")):
            refuse_lookalikes(request, frozenset({"params"}))
            items.append(wire.read_request(_written(request.get("params"), "params")))
        return _together(self, items)

    def answer(self, call: ModelCall) -> Answer:
        return SilentAnswer()


class GeminiBatch(OpaqueFormat):
    """With its requests in the body; a file of them is opaque."""

    name: FormatName = "gemini.batch"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        model, _ = model_in_path(path)
        batch = either(read_body(data).members, "batch")
        held = either(either(batch, "inputConfig"), "requests")
        if not held:
            return self.opaque(data, model, "batch_file")
        wire = GeminiGenerate(self.provider)
        as_one = path.partition("?")[0].rpartition(":")[0] + ":generateContent"
        items = []
        for inlined in _some(objects_of(held, "requests")):
            request = inlined.get("request")
            named = request.get("model") if isinstance(request, dict) else None
            if named not in (None, model, f"models/{model}"):
                raise BadRequest("a request of the batch names another model than the path")
            items.append(wire.read_request(_written(request, "request"), as_one))
        return _together(self, items)


def _some(requests: list[Json]) -> list[Json]:
    if not 0 < len(requests) <= REQUESTS_MAX:
        raise BadRequest(f"a batch holds from 1 to {REQUESTS_MAX} requests", "requests")
    return requests


def _written(request: Any, name: str) -> bytes:
    """One request as a body of its own. Read once already, it means the same however it is
    written."""
    if not isinstance(request, dict):
        raise BadRequest(f"{name} must be an object", name)
    try:
        return json.dumps(request, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # Half of a surrogate pair.
        return json.dumps(request).encode()
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None


def _together(wire: PlainFormat, items: Iterable[ModelCall]) -> ModelCall:
    priced = tuple(
        replace(item, streaming=False, service_tier=_batch_tier(item.service_tier))
        for item in items
    )
    first = priced[0]
    reasons = dict.fromkeys(reason for item in priced for reason in item.unbounded)
    if len({item.model for item in priced}) > 1:
        reasons["mixed_models"] = None  # A budget for one model would not know its share.
    digest = sha256("\0".join(item.digest for item in priced).encode()).hexdigest()
    return replace(
        first,
        format=wire.name,
        output_tokens_max=None,
        samplings=1,
        prompt=_prompts([item.prompt for item in priced]),
        unbounded=tuple(reasons),
        may_reason=True,
        digest=digest,
        can_be_lowered=False,
        items=priced,
    )


def _prompts(prompts: list[Prompt]) -> Prompt:
    return Prompt(
        texts=tuple(text for prompt in prompts for text in (*prompt.texts, prompt.tools_text)),
        tools_text="",
        text_bytes=sum(prompt.text_bytes for prompt in prompts),
        message_count=sum(prompt.message_count for prompt in prompts),
        has_tools=any(prompt.has_tools for prompt in prompts),
        builtin_tools=sum(prompt.builtin_tools for prompt in prompts),
        images=sum(prompt.images for prompt in prompts),
        image_bytes=sum(prompt.image_bytes for prompt in prompts),
        is_bounded=all(prompt.is_bounded for prompt in prompts),
    )


def _batch_tier(tier: str | None) -> str:
    """A tier that was asked for by name may be the dearer, and is kept."""
    name, at, geography = (tier or "standard").partition("@")
    return f"batch{at}{geography}" if name == "standard" else f"{name}{at}{geography}"

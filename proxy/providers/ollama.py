"""Ollama's own API: chat, generate and embed, JSON and lines of JSON (wire.md 1.6; pure)."""

from typing import Any

from proxy.providers.amend import amend_members
from proxy.providers.answer import (
    Answer,
    as_count,
    as_list,
    as_object,
    as_text,
    parse_object,
    said,
    text_bytes,
)
from proxy.providers.body import (
    Json,
    model_of,
    optional_object,
    read_body,
    refuse_lookalikes,
    whole_number,
)
from proxy.providers.call import TOKENS_MAX, BadRequest, FormatName, ModelCall
from proxy.providers.format import list_of, objects_of, sources
from proxy.providers.plain import PlainFormat
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event
from proxy.providers.usage import Usage

_SHAPED = ("tools", "format")
_COUNTED = frozenset({"messages", "prompt", "system", "suffix", "images", "input", *_SHAPED})
_READ = frozenset({*_COUNTED, "model", "stream", "options", "context", "think"})


class OllamaChat(PlainFormat):
    """`/api/chat` and `/api/generate`, which differ only in where the prompt stands."""

    name: FormatName = "ollama.chat"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        refuse_lookalikes(members, _READ)
        model = model_of(members)
        gatherer = PromptGatherer()
        for name in ("system", "prompt", "suffix"):
            if members.get(name) is not None:
                gatherer.add(members[name])
        for message in objects_of(members, "messages"):
            gatherer.add({name: value for name, value in message.items() if name != "images"})
            _gather_images(message, gatherer)
        _gather_images(members, gatherer)
        if members.get("context") is not None:
            gatherer.is_bounded = False
        gatherer.add_members(body, _COUNTED)
        return ModelCall(
            provider=self.provider,
            format=self.name,
            model=model,
            streaming=members.get("stream") is not False,  # Ollama streams unless told not to.
            billable=True,
            output_tokens_max=_bound(optional_object(members, "options")),
            samplings=1,
            prompt=gatherer.prompt(
                tools_text=sources(body, _SHAPED), has_tools=bool(members.get("tools"))
            ),
            service_tier=None,
            cache_lifetime=None,
            unbounded=(),
            may_reason=members.get("think") is not False,
            usage_requested=True,
            digest=gatherer.digest(model),
        )

    def answer(self, call: ModelCall) -> Answer:
        return OllamaAnswer()

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        if output_tokens is None:
            return data
        body = read_body(data)
        options = optional_object(body.members, "options")
        known = _bound(options)
        held = output_tokens if known is None else min(known, output_tokens)
        return amend_members(body, {"options": {**options, "num_predict": held}})


class OllamaEmbed(PlainFormat):
    name: FormatName = "ollama.embed"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        refuse_lookalikes(body.members, _READ)
        model = model_of(body.members)
        gatherer = PromptGatherer()
        for name in ("input", "prompt"):
            value = body.members.get(name)
            for text in value if isinstance(value, list) else [value]:
                if text is not None:
                    gatherer.add(text)
        return self.call(model, gatherer)

    def answer(self, call: ModelCall) -> Answer:
        return OllamaAnswer()


def _gather_images(members: Json, gatherer: PromptGatherer) -> None:
    for image in list_of(members, "images"):
        gatherer.add_media(image if isinstance(image, str) else "", is_image=True)


def _bound(options: Json) -> int | None:
    """-1 is without end, -2 to the end of the context."""
    value = options.get("num_predict")
    if isinstance(value, int) and not isinstance(value, bool) and value < 0:
        if value < -TOKENS_MAX:
            raise BadRequest("num_predict is out of range", "options")
        return None
    return whole_number(options, "num_predict")


class OllamaAnswer(Answer):
    """Each line has the shape of the whole; the one that is done counts."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, Any] = {}

    def read_json(self, body: dict[str, Any]) -> None:
        self._read(body)
        self.is_complete = True

    def read_event(self, event: Event) -> bool:
        chunk = parse_object(event.data)
        if chunk is not None:
            self._read(chunk)
        return False

    def last_words(self) -> tuple[Event, ...]:
        """A line like the one before it, without words, that is done."""
        if not self._last or self.is_complete:
            return ()
        silent = {"message": {"role": "assistant", "content": ""}, "response": ""}
        word = {
            name: silent.get(name, value)
            for name, value in self._last.items()
            if name in ("model", "created_at", *silent)
        }
        return (said("", word | {"done": True, "done_reason": "length"}),)

    def _read(self, chunk: dict[str, Any]) -> None:
        self._last = chunk
        if chunk.get("error") is not None:
            self.error = "error"
        self.model = as_text(chunk.get("model")) or self.model
        self.finish_reason = as_text(chunk.get("done_reason")) or self.finish_reason
        message = as_object(chunk.get("message"))
        self.output_seen += text_bytes(
            chunk.get("response"),
            chunk.get("thinking"),
            message.get("content"),
            message.get("thinking"),
        )
        for call in map(as_object, as_list(message.get("tool_calls"))):
            asked = as_object(call.get("function"))
            self.output_seen += text_bytes(asked.get("name"), repr(asked.get("arguments")))
            self.add_tool(call.get("id"), asked.get("name"))
        if chunk.get("done") is True:
            self.is_complete = True
        counted, made = as_count(chunk.get("prompt_eval_count")), as_count(chunk.get("eval_count"))
        if counted is not None or made is not None:
            # The prompt is not counted when it was in the cache: then it cost nothing to read.
            self.usage = Usage(counted or 0, made or 0)

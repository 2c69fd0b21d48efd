"""OpenAI embeddings: `POST /v1/embeddings`. Input only (pure)."""

from dataclasses import replace
from typing import Any

from proxy.providers.answer import Answer, as_text
from proxy.providers.body import read_body, refuse_lookalikes
from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.dialects import dialect_of
from proxy.providers.openai import chat_usage
from proxy.providers.openai_chat import model_in
from proxy.providers.plain import PlainFormat
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event

_READ = frozenset({"model", "input"})


class OpenAIEmbeddings(PlainFormat):
    name: FormatName = "openai.embeddings"

    def __init__(self, provider: str = "openai") -> None:
        super().__init__(provider)
        self._dialect = dialect_of(provider)

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        refuse_lookalikes(members, _READ)
        model = model_in(members, path, self._dialect)
        gatherer = PromptGatherer()
        for text in _inputs(members.get("input")):
            gatherer.add(text)
        call = self.call(model, gatherer)
        return replace(call, model_is_alias=self._dialect.model_is_alias)

    def answer(self, call: ModelCall) -> Answer:
        return EmbeddingsAnswer(self.provider)


def _inputs(value: Any) -> list[Any]:
    """A text, texts, one list of token ids, or several. Token ids are each one token; their digits
    and commas are at least as many bytes, so the byte bound holds for them too."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not value:
        raise BadRequest("input must be a string or a non-empty array", "input")
    return [value] if isinstance(value[0], int) else value


class EmbeddingsAnswer(Answer):
    def __init__(self, provider: str) -> None:
        super().__init__()
        self._provider = provider

    def read_json(self, body: dict[str, Any]) -> None:
        self.is_complete = True
        self.model = as_text(body.get("model"))
        if body.get("error") is not None:
            self.read_error(body["error"])
        if body.get("usage") is not None:
            self.usage = chat_usage(body["usage"], None, self._provider)

    def read_event(self, event: Event) -> bool:
        return False

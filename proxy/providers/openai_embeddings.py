"""OpenAI embeddings: `POST /v1/embeddings`. Input only (pure)."""

from collections.abc import Mapping
from typing import Any

from proxy.providers.answer import Answer, AnswerReader, as_text
from proxy.providers.body import read_body, refuse_lookalikes
from proxy.providers.call import BadRequest, FormatName, ModelCall
from proxy.providers.dialects import dialect_of
from proxy.providers.openai import chat_usage
from proxy.providers.openai_chat import model_in
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event

_READ = frozenset({"model", "input"})


class OpenAIEmbeddings:
    name: FormatName = "openai.embeddings"

    def __init__(self, provider: str = "openai") -> None:
        self.provider = provider
        self._dialect = dialect_of(provider)

    def read_request(self, data: bytes, path: str = "") -> ModelCall:
        body = read_body(data)
        members = body.members
        refuse_lookalikes(members, _READ)
        model = model_in(members, path, self._dialect)
        gatherer = PromptGatherer()
        for text in _inputs(members.get("input")):
            gatherer.add(text)
        return ModelCall(
            provider=self.provider,
            format=self.name,
            model=model,
            streaming=False,
            billable=True,
            output_tokens_max=0,
            samplings=1,
            prompt=gatherer.prompt(),
            service_tier=None,
            cache_lifetime=None,
            unbounded=(),
            may_reason=False,
            usage_requested=True,
            digest=gatherer.digest(model),
            model_is_alias=self._dialect.model_is_alias,
        )

    def answer_reader(
        self,
        call: ModelCall,
        headers: Mapping[str, str],
        *,
        hide_usage: bool = False,
    ) -> AnswerReader:
        return AnswerReader(EmbeddingsAnswer(self.provider), headers)

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """There is no output to bound, and usage is always there."""
        return data


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

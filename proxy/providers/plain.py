"""What formats share whose answer says its usage unasked; those with no output that could be lowered
(counting, embedding, ranking, media, batches) need no more (pure)."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.providers.answer import Answer, AnswerReader, as_text
from proxy.providers.call import FormatName, ModelCall
from proxy.providers.prompt import PromptGatherer
from proxy.providers.sse import Event


class PlainFormat(ABC):
    """The rest of a `Format`: one that derives from it says what a body and an answer mean."""

    name: FormatName

    def __init__(self, provider: str) -> None:
        self.provider = provider

    @abstractmethod
    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        """Raises BadRequest."""

    @abstractmethod
    def answer(self, call: ModelCall) -> Answer:
        """A reader of one answer, with nothing in it yet."""

    def answer_reader(
        self, call: ModelCall, headers: Mapping[str, str], *, hide_usage: bool = False
    ) -> AnswerReader:
        return AnswerReader(self.answer(call), headers)

    def amend(
        self, data: bytes, call: ModelCall, *, output_tokens: int | None, ask_usage: bool
    ) -> bytes:
        """There is no output to bound, and usage is not asked for."""
        return data

    def call(
        self, model: str, gatherer: PromptGatherer, *, unbounded: Iterable[str] = ()
    ) -> ModelCall:
        """A call that has only input. What else it has its format puts in with `replace`."""
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
            unbounded=tuple(unbounded),
            may_reason=False,
            usage_requested=True,
            digest=gatherer.digest(model),
            can_be_lowered=False,
        )


class SilentAnswer(Answer):
    """One that says no usage: nothing is billed, or it is billed later."""

    def read_json(self, body: dict[str, Any]) -> None:
        self.is_complete = True
        self.response_id = as_text(body.get("id"))
        self.model = as_text(body.get("model"))
        if body.get("error") is not None:
            self.read_error(body["error"])

    def read_event(self, event: Event) -> bool:
        return False

"""One WebSocket conversation with a model, read from both sides (pure, sans-io).

A socket carries many calls. A message of the client's that makes the provider work begins a turn,
which is decided and held for like any other call before that message goes up; what the provider
sends back says what the turn used.
"""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Literal

from proxy.providers.answer import Answer, AnswerReader
from proxy.providers.call import FormatName, ModelCall, Prompt

DialogueName = Literal["openai.responses", "openai.realtime", "gemini.live"]

ALONE = "alone"
"""The one lane of a conversation in which a turn must end before the next begins."""

_UNSEEN = Prompt(
    texts=(), tools_text="", text_bytes=0, message_count=0, has_tools=False, is_bounded=False
)
"""The prompt is the session so far, which the provider keeps."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One call on a socket: what it asks, and who reads its answer."""

    lane: str
    """Its name among those that are open."""
    call: ModelCall
    reader: AnswerReader


@dataclass(frozen=True, slots=True)
class Ended:
    """A turn is over. `http_status` is the provider's own, where it gave one for an error."""

    lane: str
    http_status: int = 0


@dataclass(slots=True)
class Heard:
    """What a message from the provider told us."""

    lane: str | None = None
    """The turn that it belongs to; None where it belongs to none, or to one that we cannot tell."""
    begun: Turn | None = None
    """Work that nobody asked for by a message of his own: it is held for late, or the socket ends."""
    ended: list[Ended] = field(default_factory=list)


class Dialogue(ABC):
    """One socket. Instances keep what was said about the session; they are never shared."""

    name: DialogueName

    def __init__(self, provider: str, path: str) -> None:
        self.provider = provider
        self._path = path
        self._answers: dict[str, Answer] = {}
        self._turns = 0

    @abstractmethod
    def sent(self, data: bytes) -> Turn | None:
        """The client's message is about to go up. Raises BadRequest for what cannot be read in one
        way only."""

    @abstractmethod
    def received(self, data: bytes) -> Heard:
        """The provider's message is about to go down. Never raises: it is whatever came."""

    def forget(self, lane: str) -> None:
        """The turn was refused, so its message does not go up."""
        self._answers.pop(lane, None)

    def idle(self) -> tuple[str, ...]:
        """The socket closes: open turns on which the provider cannot have worked."""
        return ()

    @abstractmethod
    def refusal(self, status: int, error: dict[str, Any]) -> bytes | None:
        """The message that tells the client no, in this protocol; None when it has none. `error` is
        what an HTTP answer of `status` would hold."""

    def _begin(self, lane: str, call: ModelCall, answer: Answer) -> Turn:
        self._turns += 1
        self._answers[lane] = answer
        return Turn(lane, call, AnswerReader(answer, {}))

    def _session_call(
        self,
        form: FormatName,
        model: str,
        *,
        output_tokens_max: int | None = None,
        unbounded: tuple[str, ...] = (),
        model_is_alias: bool = False,
    ) -> ModelCall:
        """A turn of a session that the provider keeps: only the context window bounds its input."""
        said = f"{model}\0{self._path}\0{self._turns}"
        return ModelCall(
            provider=self.provider,
            format=form,
            model=model,
            streaming=True,
            billable=True,
            output_tokens_max=output_tokens_max,
            samplings=1,
            prompt=_UNSEEN,
            service_tier=None,
            cache_lifetime=None,
            unbounded=unbounded,
            may_reason=True,
            usage_requested=True,
            digest=hashlib.sha256(said.encode()).hexdigest(),
            model_is_alias=model_is_alias,
            can_be_lowered=False,
        )

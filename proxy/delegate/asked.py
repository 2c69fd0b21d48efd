"""What is delegated: a chat in OpenAI's words, and how far it may be answered (pure)."""

import json
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from proxy.money import NANO

CHAT_PATH = "/v1/chat/completions"
DELEGATE_PATH = "/v1/delegate"
MODELS_PATH = "/v1/models"

PATHS = frozenset({CHAT_PATH, DELEGATE_PATH, MODELS_PATH})
"""At exeat.internal. Their clients read errors as OpenAI's do."""

_OURS = {"model", "max_cost_usd", "context_tokens", "lower_output"}
"""What no provider is sent as it came."""

ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@/-]{1,128}$")]


class ChatAsked(BaseModel):
    """OpenAI's chat completion, with an alias or `provider/model` for a model. What else it has goes to
    whoever answers."""

    model_config = ConfigDict(extra="allow", frozen=True)

    model: ModelName | Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=16)]
    """One, or several that would do."""
    messages: list[dict[str, Any]] = Field(repr=False)
    stream: bool = False
    max_cost_usd: Annotated[Decimal, Field(ge=0, le=1_000_000)] | None = None
    """The most that one answer may cost."""
    context_tokens: Annotated[int, Field(ge=0)] = 0
    """The least that its model must be able to read."""
    lower_output: bool = True
    """May the bound on its output be lowered, so that it fits?"""

    @property
    def names(self) -> tuple[str, ...]:
        """The models, as asked for."""
        return (self.model,) if isinstance(self.model, str) else self.model

    @property
    def cap_nanousd(self) -> int | None:
        """The cap on its cost, cut off at whole nano-dollars."""
        return None if self.max_cost_usd is None else int(self.max_cost_usd * NANO)

    def sent(self, model: str) -> bytes:
        """The body as a provider is sent it, asking this model."""
        rest = self.model_dump(exclude=_OURS, exclude_unset=True)
        return json.dumps({"model": model, **rest}, ensure_ascii=False).encode()

"""What one model call asks for, read from its body, in the words every provider shares (pure)."""

import re
from dataclasses import dataclass, field
from typing import Literal

FormatName = Literal[
    "openai.chat",
    "openai.responses",
    "openai.embeddings",
    "openai.completions",
    "openai.images",
    "openai.speech",
    "openai.transcription",
    "openai.video",
    "openai.batch",
    "openai.realtime",
    "anthropic.messages",
    "anthropic.count_tokens",
    "anthropic.batch",
    "gemini.generate",
    "gemini.count_tokens",
    "gemini.embed",
    "gemini.batch",
    "gemini.interactions",
    "gemini.predict",
    "mistral.ocr",
    "gemini.live",
    "bedrock.converse",
    "bedrock.invoke",
    "cohere.chat",
    "cohere.embed",
    "cohere.rerank",
    "ollama.chat",
    "ollama.embed",
]

CacheLifetime = Literal["5m", "1h"]

TOKENS_MAX = 2**31 - 1
"""The largest token count a body may name; above an int32 no provider accepts it (scenario R6)."""

MODEL_NAME = re.compile(r"[A-Za-z0-9._:@/-]{1,128}")
"""Checked before any look-up: price tables and labels must not grow with what callers invent."""


HOSTED = "hosted_tool:"
"""Before the name of a tool that runs at the provider, where it is why a call has no bound."""

_RUNS_TOOLS = frozenset(
    {
        "compound_custom",
        "data_sources",
        "enable_search",
        "mcp_servers",
        "plugins",
        "search_options",
        "search_parameters",
        "search_settings",
        "web_search",
    }
)
"""Members and features of requests that have the provider use tools, though no tool is named."""


class BadRequest(ValueError):  # noqa: N818 - the word the caller sees
    """The body cannot be read in one way only, so it is refused with 400 in the caller's shape.

    `param` names the field at fault, or is None for the body as a whole. The text never quotes the
    body.
    """

    def __init__(self, reason: str, param: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.param = param


@dataclass(frozen=True, slots=True)
class Prompt:
    """What counting needs. `texts` holds the prompt itself: never log it, never store it."""

    texts: tuple[str, ...] = field(repr=False)
    """One text per message, system and instructions included, in order."""
    tools_text: str = field(repr=False)
    """Tool definitions and output schemas as their JSON stood in the body; empty when there are
    none."""
    text_bytes: int
    """UTF-8 bytes of everything that can reach the model as text: strings, keys, numbers, tool
    JSON."""
    message_count: int
    has_tools: bool
    must_use_tools: bool = False
    """The model has to answer with a tool; said where that changes the hidden prompt."""
    builtin_tools: int = 0
    """Tools the provider describes itself (bash_*, memory_*): each brings a hidden prompt."""
    images: int = 0
    image_bytes: int = 0
    """Bytes of inline (base64) images, already left out of `text_bytes`."""
    image_sizes: tuple[tuple[int, int], ...] = ()
    """Width and height of those inline images that say; the others are only in `images`."""
    tool_calls: int = 0
    """Calls of tools that stand in the conversation, made by the model before."""
    results_last: int = 0
    """So many of the last texts are what tools answered."""
    sealed_bytes: int = 0
    """Of what the model thought before, handed back encrypted; also inside `text_bytes`."""
    is_bounded: bool = True
    """False when the body is not the whole prompt (stored conversation, file id, document, audio):
    then only the model's context window bounds the input."""

    @property
    def may_lead_to_tools(self) -> bool:
        """Whether the answer may ask for tools: some were given, or a stored prompt may give its own."""
        return self.has_tools or not self.is_bounded

    @property
    def last_said(self) -> tuple[str, ...]:
        """The last message; where that is what tools answered, with what asked them: many tools answer
        alike."""
        return self.texts[-1 - self.results_last :] if self.texts else ()


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call to a model, as its body states it."""

    provider: str
    """The genai-prices provider id; the authority (host:port) of a host that no table lists."""
    format: FormatName
    model: str
    streaming: bool
    billable: bool
    """False for calls the provider does not charge for (counting tokens)."""
    output_tokens_max: int | None
    """Per sampling: the largest reading of every field that bounds output. None when nothing does.
    Not yet clamped to what the model can emit; `pricing.prices` does that."""
    samplings: int
    """How many outputs one prompt buys (`n`, `best_of`)."""
    prompt: Prompt
    service_tier: str | None
    """The dearest tier the body may select, with "@geo" appended where the geography has a
    price."""
    cache_lifetime: CacheLifetime | None
    """The longest prompt-cache lifetime the body asks for; None when it asks for none."""
    unbounded: tuple[str, ...]
    """Why no worst case can be stated for this call (server-side tools, background work …), as
    machine reasons. Not empty: refuse while a budget of dollars or tokens applies."""
    may_reason: bool
    """Output may be billed that is never shown, so output seen is no bound on output billed."""
    usage_requested: bool
    """The caller asked to see usage in its stream, or the provider always shows it."""
    digest: str
    """sha256 over model and messages, but not `stream` or bounds: a retry in another form has the
    same."""
    fallback_models: tuple[str, ...] = ()
    """Models that may answer in its place: the bound is that of the dearest."""
    model_is_alias: bool = False
    """The name is the operator's own (an Azure deployment, a Bedrock profile), even where it looks
    like a model's: only a mapping says what it stands for."""
    host: str = ""
    """The host that is asked: one name can stand for another model elsewhere."""
    can_be_lowered: bool = True
    """`amend` can bring the output's bound down. False where no field of the body bounds all that
    is billed."""
    audio_seconds_max: int = 0
    """Audio that may be billed by its length."""
    characters: int = 0
    """Text that may be billed by its length."""
    pages_max: int = 0
    annotated_pages_max: int = 0
    """Pages that may be billed by the piece."""
    items: "tuple[ModelCall, ...]" = field(default=(), repr=False)
    """The calls that a batch carries. Then they are what is billed; the rest sums them up."""

    @property
    def hosted_tools(self) -> tuple[str, ...]:
        """Tools that run at the provider, by the names that its request gives them."""
        named = [
            reason.removeprefix(HOSTED)
            for call in (self, *self.items)
            for reason in call.unbounded
            if reason.startswith(HOSTED) or reason in _RUNS_TOOLS
        ]
        return tuple(dict.fromkeys(named))

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that this call may have answer."""
        named = [self.model, *self.fallback_models]
        for item in self.items:
            named += item.models
        return tuple(dict.fromkeys(named))

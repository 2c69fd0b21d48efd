"""Counts a prompt before it is sent: an estimate for people and a bound for the hold, never mixed
(pure).

The bound needs no tokenizer: byte-level BPE makes at most one token of a byte, so bytes plus
measured allowances for what providers add bound every model. The estimate tokenizes, and remembers
per message, so that a conversation that grows costs only its newest message.
"""

from collections.abc import Sequence
from typing import NamedTuple

from proxy.pricing.encoding import encoding
from proxy.pricing.families import Family, ToolTokens, bounding_rule, family_of
from proxy.pricing.images import Rule, bound_of
from proxy.pricing.limits import Limits
from proxy.pricing.outline import outline
from proxy.pricing.own import Named
from proxy.providers.answer import AnswerReader
from proxy.providers.call import ModelCall, Prompt

LARGE_CHARACTERS = 16 * 1024
"""New text above this is counted in a thread: 0.4 ms of English, 8 ms of the worst input
measured."""

MANY_ITEMS = 32

MEASURED_CHARACTERS_MAX = 1024 * 1024
"""Of one text; the rest is taken to be like it. Only the estimate is affected."""

PIECE_CHARACTERS = 8 * 1024
"""tiktoken gets no more at a time: 300 kB of spaces and one letter make it panic (wire.md 3.4), and
long runs of one letter cost more than their share."""

MESSAGE_BYTES = 16
BUILTIN_TOOL_TOKENS = 2048
"""Allowances on top of the bytes (wire.md 3.1): Claude's memory tool alone brings 1,581 tokens."""

CANCEL_TOKENS = 256
"""What a provider may have generated, past what we saw, before it noticed that nobody reads."""
CANCEL_TOKENS_PER_TOOL = 16

_MEMO_HALF = 32 * 1024
_OUTLINES_MAX = 4096


_JSON_SCHEMA = '"json_schema"'
"""How both OpenAI's and Anthropic's bodies ask for an answer that follows a schema."""


class _Outlined(NamedTuple):
    """Tokens of a call's tools, as words and as JSON, and how many there are."""

    words: int
    json: int
    tools: int
    properties: int


class TokenCounter:
    """Safe to use from several threads at once: its memo holds only counts, and losing one costs a
    recount."""

    def __init__(self) -> None:
        self._young: dict[tuple[int, int], int] = {}
        self._old: dict[tuple[int, int], int] = {}
        self._outlines: dict[tuple[int, int], _Outlined] = {}

    def load(self) -> None:
        """Unpacks the rank table (a third of a second): call it at start, in a thread."""
        encoding("o200k_base")

    def is_large(self, call: ModelCall) -> bool:
        """True when `estimate` has so much new text to count that it belongs in a thread, or so many
        calls to be quoted."""
        if len(call.items) > MANY_ITEMS:
            return True
        fresh = 0
        for text in call.prompt.texts:
            if self._remembered(text) is None:
                fresh += len(text)
        tools = call.prompt.tools_text
        if (hash(tools), len(tools)) not in self._outlines:
            fresh += len(tools)
        return fresh > LARGE_CHARACTERS

    def estimate(self, call: ModelCall, named: Named) -> int:
        """Input tokens, most likely, of the model that the call means. Never above the bound's own
        parts by design, but not a bound."""
        family = family_of(*named, host=call.host)
        prompt = call.prompt
        tokens = sum(map(self.count, prompt.texts)) * family.text_milli // 1000
        if call.output_tokens_max != 0:  # What is only embedded or ranked is not framed as a chat.
            tokens += prompt.message_count * family.message_tokens + family.prompt_tokens
        if prompt.tools_text:
            tokens += self._tools_tokens(prompt, family.tools)
        tokens += prompt.tool_calls * family.tools.per_call
        if call.may_reason and call.format == "anthropic.messages":
            tokens += family.reasoning_tokens
        if family.sealed_bytes_per_token:
            tokens += prompt.sealed_bytes // family.sealed_bytes_per_token
        return tokens + _images_estimate(prompt, family)

    def _tools_tokens(self, prompt: Prompt, costs: ToolTokens) -> int:
        found = self._outlined(prompt.tools_text)
        tokens = prompt.builtin_tools * costs.per_builtin
        if prompt.has_tools:
            tokens += (
                costs.base_forced if prompt.must_use_tools and costs.base_forced else costs.base
            )
        if _JSON_SCHEMA in prompt.tools_text:
            tokens += costs.per_schema
        if found.tools or found.properties:
            words = costs.reads == "words" or (
                costs.reads == "schemas" and not _is_json_schema(prompt.tools_text)
            )
            tokens += found.words if words else found.json * costs.milli // 1000
            tokens += found.tools * costs.per_tool + found.properties * costs.per_property
        return max(0, tokens)

    def _outlined(self, tools_text: str) -> _Outlined:
        """Remembered, as texts are: an agent sends the same tools with every call."""
        key = (hash(tools_text), len(tools_text))
        found = self._outlines.get(key)
        if found is None:
            parts = outline(tools_text)
            words, compact = _tokens(parts.words), _tokens(parts.compact)
            found = _Outlined(words, compact, parts.tools, parts.properties)
            if len(self._outlines) >= _OUTLINES_MAX:
                self._outlines.clear()
            self._outlines[key] = found
        return found

    def count(self, text: str) -> int:
        """o200k_base tokens of one text, remembered."""
        if not text:
            return 0
        tokens = self._remembered(text)
        if tokens is None:
            tokens = _tokens(text)
            self._remember(text, tokens)
        return tokens

    def _remembered(self, text: str) -> int | None:
        key = (hash(text), len(text))
        tokens = self._young.get(key)
        if tokens is None and (tokens := self._old.get(key)) is not None:
            self._remember(text, tokens)
        return tokens

    def _remember(self, text: str, tokens: int) -> None:
        if len(self._young) >= _MEMO_HALF:
            self._old, self._young = self._young, {}
        self._young[hash(text), len(text)] = tokens


def input_bound(call: ModelCall, models: Sequence[Named], limits: Limits) -> int:
    """More input tokens than this cannot be billed for one sampling of this call, whichever of
    `models` answers."""
    prompt = call.prompt
    # Completions may hold several prompts, each with a window of its own.
    windows = max(1, prompt.message_count) if call.format == "openai.completions" else 1
    if not prompt.is_bounded:
        return limits.input_tokens * windows
    tokens = prompt.text_bytes + prompt.message_count * MESSAGE_BYTES
    tokens += prompt.builtin_tools * BUILTIN_TOOL_TOKENS
    tokens += max(_added_bound(call, named) for named in models)
    return min(tokens, limits.input_tokens * windows)


def output_upper_bound(call: ModelCall, reader: AnswerReader, output_tokens_bound: int) -> int:
    """Output tokens that can have been billed when an answer ended without usage, all samplings
    together.

    `output_tokens_bound` is the quote's, per sampling. What was seen bounds what was made, with a
    margin; but not when the model may think unseen, when we could not read, or when the answer is
    not a stream.
    """
    whole = output_tokens_bound * call.samplings
    if call.may_reason or reader.unreadable or not call.streaming:
        return whole
    margin = CANCEL_TOKENS * call.samplings + CANCEL_TOKENS_PER_TOOL * len(reader.tool_calls)
    return min(whole, reader.output_seen + margin)


def _added_bound(call: ModelCall, named: Named) -> int:
    family = family_of(*named)
    has_tools = call.prompt.has_tools
    hidden = family.hidden_tokens_with_tools if has_tools else family.hidden_tokens
    return hidden + _images_bound(call.prompt, family, bounding_rule(*named))


def _images_bound(prompt: Prompt, family: Family, rule: Rule | None) -> int:
    most = family.image_tokens_max
    sizes = prompt.image_sizes if rule else ()
    formula = (prompt.images - len(sizes)) * most
    if rule:
        formula += sum(bound_of(rule, size, most) for size in sizes)
    return max(formula, prompt.image_bytes) if family.bills_image_bytes else formula


def _images_estimate(prompt: Prompt, family: Family) -> int:
    rule = family.image_rule
    sizes = prompt.image_sizes if rule else ()
    known = sum(rule.tokens(size) for size in sizes) if rule else 0
    return known + (prompt.images - len(sizes)) * family.image_tokens


def _is_json_schema(tools_text: str) -> bool:
    """Gemini takes a tool's parameters as a schema of its own or as a JSON schema."""
    return "parameters_json_schema" in tools_text or "parametersJsonSchema" in tools_text


def _tokens(text: str) -> int:
    """In pieces, so that no input is slow or fatal. A cut may split a token, which only adds to the
    count."""
    if not text:
        return 0
    measured = text[:MEASURED_CHARACTERS_MAX]
    tokens = sum(
        _piece_tokens(measured[start : start + PIECE_CHARACTERS])
        for start in range(0, len(measured), PIECE_CHARACTERS)
    )
    return tokens * len(text) // len(measured)


def _piece_tokens(piece: str) -> int:
    try:
        return len(encoding("o200k_base").encode(piece, disallowed_special=()))
    except ValueError:
        return _bytes(piece)
    except BaseException as error:
        # A panic in tiktoken's Rust is no Exception; any other of that kind is not ours to stop.
        if type(error).__name__ != "PanicException":
            raise
        return _bytes(piece)


def _bytes(piece: str) -> int:
    return len(piece.encode("utf-8", "surrogatepass"))

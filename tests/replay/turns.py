"""What a recorded socket itself says of its turns: usage, tool calls, how each ended, and what it
cost by genai-prices. Read in the plainest way, so that it shares nothing with the dialogues it
checks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

import genai_prices
from genai_prices import Usage as Priced

from tests.replay.exchanges import Frames
from tests.replay.figures import CannotSayError

Json = dict[str, Any]
type Counts = dict[str, int]
"""Of one sampling, by genai-prices' names; what is cached or sound is inside the whole."""


@dataclass(slots=True)
class Told:
    """One turn, as far as the provider speaks of it."""

    samplings: list[tuple[str, Counts]] = field(default_factory=list)
    """Each with the model that did it."""
    answered: str | None = None
    """The model, where the answer names one."""
    tools: list[list[str]] = field(default_factory=list)
    """Id and name."""
    finish: str | None = None

    def total(self, name: str) -> int:
        return sum(counts.get(name, 0) for _, counts in self.samplings)

    def nanousd(self, provider: str, at: datetime) -> int:
        """Raises CannotSayError."""
        dollars = sum((_dollars(provider, *each, at) for each in self.samplings), Decimal())
        return int((dollars * 10**9).to_integral_value(ROUND_CEILING))


def _dollars(provider: str, model: str, counts: Counts, at: datetime) -> Decimal:
    try:
        found = genai_prices.calc_price(
            Priced(**counts), model, provider_id=provider, genai_request_timestamp=at
        )
    except (LookupError, ValueError):
        raise CannotSayError(f"genai-prices cannot say for {model}") from None
    rates = found.model_price
    if not counts.get("audio_seconds") and rates.input_mtok is None:
        raise CannotSayError(f"{model} is not priced by the token")
    return found.total_price


def turns_of(frames: Frames) -> list[Told]:
    """The turns of one connection, in the order in which they ended."""
    received = [frame["data"] for frame in frames if frame["direction"] == "received"]
    if any("setup" in frame["data"] for frame in frames if frame["direction"] == "sent"):
        return _live(received, model_of(frames))
    if any(message.get("type") in _RESPONSES for message in received):
        return [_response(m["response"]) for m in received if m["type"] in _RESPONSES]
    return _realtime(received, model_of(frames))


_RESPONSES = ("response.completed", "response.incomplete", "response.failed")


def model_of(frames: Frames) -> str:
    """As the client or the session names it, whoever says it first."""
    for frame in frames:
        data = frame["data"]
        settings = data.get("setup") or data.get("session") or data
        if settings.get("model"):
            return str(settings["model"]).rpartition("models/")[2]
    return ""


def _response(response: Json) -> Told:
    usage = response["usage"]
    inside = usage.get("input_tokens_details") or {}
    counts = {
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "cache_read_tokens": inside.get("cached_tokens") or 0,
    }
    model = response["model"]
    return Told([(model, counts)], model, _functions(response), response["status"])


def _functions(response: Json) -> list[list[str]]:
    items = response.get("output") or []
    return [[i["call_id"], i["name"]] for i in items if i["type"] == "function_call"]


def _realtime(received: Iterable[Json], model: str) -> list[Told]:
    """A transcript is billed beside the answer to what it is a transcript of: the next that ends."""
    turns: list[Told] = []
    heard: list[tuple[str, Counts]] = []
    transcriber = ""
    for message in received:
        session = message.get("session") or {}
        listens = (session.get("audio") or {}).get("input") or {}
        named = listens.get("transcription") or session.get("input_audio_transcription") or {}
        transcriber = named.get("model") or transcriber
        kind = message.get("type")
        if kind == "conversation.item.input_audio_transcription.completed" and message.get("usage"):
            heard.append((transcriber, _counts(message["usage"])))
        elif kind == "response.done":
            response = message["response"]
            own = (model, _counts(response["usage"] or message["usage"]))
            turns.append(Told([own, *heard], None, _functions(response), response["status"]))
            heard = []
    return [*turns, Told(heard)] if heard else turns


def _counts(usage: Json) -> Counts:
    if usage.get("type") == "duration":
        return {"audio_seconds": usage["seconds"]}
    inside, outside = (
        usage.get("input_token_details") or {},
        usage.get("output_token_details") or {},
    )
    cached = inside.get("cached_tokens_details") or {}
    return {
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "cache_read_tokens": inside.get("cached_tokens") or 0,
        "input_audio_tokens": inside.get("audio_tokens") or 0,
        "cache_audio_read_tokens": cached.get("audio_tokens") or 0,
        "output_audio_tokens": outside.get("audio_tokens") or 0,
    }


def _live(received: Iterable[Json], model: str) -> list[Told]:
    turns: list[Told] = []
    turn = Told()
    for message in received:
        content = message.get("serverContent") or {}
        for asked in (message.get("toolCall") or {}).get("functionCalls") or []:
            turn.tools.append([asked.get("id") or "", asked["name"]])
        if "usageMetadata" in message:
            turn.samplings.append((model, _live_counts(message["usageMetadata"])))
        if content.get("turnComplete"):
            turn.finish = "interrupted" if content.get("interrupted") else "turn_complete"
        if turn.finish and turn.samplings:
            turns.append(turn)
            turn = Told()
    return turns


def _live_counts(usage: Json) -> Counts:
    def made(name: str) -> Any:
        return usage.get(f"response{name}") or usage.get(f"candidates{name}")

    def sound(details: Any) -> int:
        return sum(e.get("tokenCount") or 0 for e in details or [] if e["modality"] == "AUDIO")

    prompt = usage["promptTokenCount"] + (usage.get("toolUsePromptTokenCount") or 0)
    return {
        "input_tokens": prompt,
        "output_tokens": (made("TokenCount") or 0) + (usage.get("thoughtsTokenCount") or 0),
        "cache_read_tokens": usage.get("cachedContentTokenCount") or 0,
        "input_audio_tokens": sound(usage.get("promptTokensDetails")),
        "output_audio_tokens": sound(made("TokensDetails")),
    }

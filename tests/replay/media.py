"""What answers about media say of themselves, in our four figures and as genai-prices prices it."""

from typing import Any

from genai_prices import Usage as Priced

Json = dict[str, Any]

MEDIA = frozenset(
    ["openai.images", "openai.speech", "openai.transcription", "gemini.interactions", "mistral.ocr"]
)


def told_of(usage: Json) -> dict[str, int]:
    """By the words of each provider's own documentation."""
    sent = usage.get("input_tokens") or usage.get("total_input_tokens") or 0
    made = usage.get("output_tokens") or usage.get("total_output_tokens") or 0
    return {
        "input": sent + (usage.get("total_tool_use_tokens") or 0),
        "output": made + (usage.get("total_thought_tokens") or 0),
        "cache read": usage.get("total_cached_tokens") or 0,
        "cache write": 0,
    }


def priced_of(usage: Json, *, is_annotated: bool) -> Priced:
    """In the units that genai-prices knows."""
    if "pages_processed" in usage:
        pages = {"input_document_pages": usage["pages_processed"]}
        if is_annotated:
            pages["input_annotated_document_pages"] = usage["pages_processed"]
        return Priced(**pages)
    if "seconds" in usage:
        return Priced(audio_seconds=usage["seconds"])
    told = told_of(usage)
    tokens = {"input_tokens": told["input"], "output_tokens": told["output"]}
    sent = usage.get("input_tokens_details") or usage.get("input_token_details") or {}
    for kind in ("image", "audio"):
        if sent.get(f"{kind}_tokens"):
            tokens[f"input_{kind}_tokens"] = sent[f"{kind}_tokens"]
    return Priced(**tokens, cache_read_tokens=told["cache read"])


def interactions(events: list[Json]) -> tuple[Json, str | None, list[tuple[str, str]]]:
    """Usage, model and tool calls."""
    usage: Json = {}
    model: str | None = None
    tools: list[tuple[str, str]] = []
    for event in events:
        whole = event.get("interaction") or event
        usage, model = whole.get("usage") or usage, whole.get("model") or model
        steps = [*(whole.get("steps") or []), event.get("step") or {}]
        tools += [(s["id"], s["name"]) for s in steps if s.get("type") == "function_call"]
    return usage, model, tools

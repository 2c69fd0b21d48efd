"""Every WebSocket conversation that we read, by name. A new one is a file and a line here (pure)."""

import re

from proxy.providers.dialogue import Dialogue, DialogueName
from proxy.providers.live_dialogue import LiveDialogue
from proxy.providers.realtime_dialogue import RealtimeDialogue
from proxy.providers.responses_dialogue import ResponsesDialogue

_DIALOGUES: dict[DialogueName, type[Dialogue]] = {
    "openai.responses": ResponsesDialogue,
    "openai.realtime": RealtimeDialogue,
    "gemini.live": LiveDialogue,
}

_SOCKETS: dict[str, tuple[tuple[str, DialogueName], ...]] = {
    "openai": (("/v1/responses", "openai.responses"), ("/v1/realtime", "openai.realtime")),
    "openai-chatgpt": (("/backend-api/codex/responses", "openai.responses"),),
    "azure": (
        ("/openai/(v1/)?responses", "openai.responses"),
        ("/openai/(v1/)?realtime", "openai.realtime"),
    ),
    "x-ai": (("/v1/responses", "openai.responses"), ("/v1/realtime", "openai.realtime")),
    "google": (
        (
            r"//?ws/google\.ai\.generativelanguage\.v\w+\.GenerativeService"
            r"\.BidiGenerateContent(Constrained)?",
            "gemini.live",
        ),
        (
            r"//?ws/google\.cloud\.aiplatform\.v\w+\.LlmBidiService/BidiGenerateContent",
            "gemini.live",
        ),
    ),
}
"""Provider to the whole paths of its sockets (wire.md 1.1). Google's Python SDK joins two slashes."""


def socket_of(provider: str, path: str) -> DialogueName | None:
    """Which conversation a WebSocket of a provider's carries; None for one that we cannot read."""
    rules = _SOCKETS.get(provider, ())
    return next((name for rule, name in rules if re.fullmatch(rule, path, re.ASCII)), None)


def dialogue_named(name: DialogueName, provider: str, path: str) -> Dialogue:
    """A reader of one socket; `path` with its query, which may name the model."""
    return _DIALOGUES[name](provider, path)

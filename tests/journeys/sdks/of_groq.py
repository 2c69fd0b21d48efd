"""Groq's SDK."""

from collections.abc import Callable
from typing import Any

from groq import Groq

from tests.journeys.sdks.act import (
    HELLO,
    KEY,
    SCHEMA,
    TOOL,
    WISH,
    Acts,
    Door,
    Refused,
    Sdk,
    Told,
)
from tests.journeys.sdks.of_openai import of_chat, of_chunks

MODEL = "llama-3.3-70b-versatile"
TOOLS: list[Any] = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}]


def asked(text: str, **more: Any) -> dict[str, Any]:
    """A chat's arguments."""
    messages: list[Any] = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, "max_tokens": 50, **more}


def _by(act: Callable[[Any], Told]) -> Callable[[Door], Told]:
    def run(door: Door) -> Told:
        headers = dict(door.headers)
        with Groq(api_key=KEY, base_url=door.base, default_headers=headers) as client:
            return act(client.chat.completions)

    return run


ACTS: Acts = {
    "answers": _by(lambda it: of_chat(it.create(**asked(HELLO)))),
    "streams": _by(lambda it: of_chunks(list(it.create(**asked(HELLO, stream=True))))),
    "asks for a tool": _by(lambda it: of_chat(it.create(**asked(WISH, tools=TOOLS)))),
    "streams a tool call": _by(
        lambda it: of_chunks(list(it.create(**asked(WISH, tools=TOOLS, stream=True))))
    ),
}
SDKS = [
    Sdk(
        "groq",
        provider="groq",
        route="groq",
        host="api.groq.com",
        model=MODEL,
        acts=ACTS,
        budget=Refused("RateLimitError", 429),
        policy=Refused("PermissionDeniedError", 403),
    )
]

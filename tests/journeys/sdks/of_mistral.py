"""Mistral's SDK."""

from collections.abc import Callable
from typing import Any

import httpx2
from mistralai.client import Mistral

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

MODEL = "mistral-large-latest"
TOOLS: list[Any] = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}]


def asked(text: str, **more: Any) -> dict[str, Any]:
    """A chat's arguments."""
    messages: list[Any] = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, "max_tokens": 50, **more}


def _streamed(chat: Any, **arguments: Any) -> Told:
    with chat.stream(**arguments) as events:
        return of_chunks([event.data for event in events])


def _by(act: Callable[[Any], Told]) -> Callable[[Door], Told]:
    def run(door: Door) -> Told:
        with (
            httpx2.Client(headers=dict(door.headers)) as http,
            Mistral(api_key=KEY, server_url=door.base, client=http) as client,
        ):
            return act(client.chat)

    return run


ACTS: Acts = {
    "answers": _by(lambda it: of_chat(it.complete(**asked(HELLO)))),
    "streams": _by(lambda it: _streamed(it, **asked(HELLO))),
    "asks for a tool": _by(lambda it: of_chat(it.complete(**asked(WISH, tools=TOOLS)))),
    "streams a tool call": _by(lambda it: _streamed(it, **asked(WISH, tools=TOOLS))),
}
SDKS = [
    Sdk(
        "mistralai",
        provider="mistral",
        route="mistral",
        host="api.mistral.ai",
        model=MODEL,
        acts=ACTS,
        budget=Refused("SDKError", 402),
        policy=Refused("SDKError", 403),
    )
]

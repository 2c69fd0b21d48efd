"""Cohere's SDK, with the second version of its API."""

from collections.abc import Callable, Sequence
from typing import Any

import cohere
import httpx

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
    plain,
)

MODEL = "command-a-03-2025"
TOOLS: list[Any] = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}]


def asked(text: str, **more: Any) -> dict[str, Any]:
    """A chat's arguments."""
    messages: list[Any] = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, "max_tokens": 50, **more}


def of_chat(said: Any) -> Told:
    """The one answer."""
    names = [call.function.name for call in said.message.tool_calls or []]
    used = said.usage.billed_units
    return Told(plain(said), int(used.input_tokens), int(used.output_tokens), names)


def of_events(events: Sequence[Any]) -> Told:
    """A stream."""
    starts = [event for event in events if event.type == "tool-call-start"]
    names = [event.delta.message.tool_calls.function.name for event in starts]
    used = events[-1].delta.usage.billed_units
    return Told(plain(list(events)), int(used.input_tokens), int(used.output_tokens), names)


def _by(act: Callable[[cohere.ClientV2], Told]) -> Callable[[Door], Told]:
    def run(door: Door) -> Told:
        with httpx.Client(headers=dict(door.headers), follow_redirects=True) as http:
            return act(cohere.ClientV2(KEY, base_url=door.base, httpx_client=http))

    return run


ACTS: Acts = {
    "answers": _by(lambda it: of_chat(it.chat(**asked(HELLO)))),
    "streams": _by(lambda it: of_events(list(it.chat_stream(**asked(HELLO))))),
    "asks for a tool": _by(lambda it: of_chat(it.chat(**asked(WISH, tools=TOOLS)))),
    "streams a tool call": _by(
        lambda it: of_events(list(it.chat_stream(**asked(WISH, tools=TOOLS))))
    ),
}
SDKS = [
    Sdk(
        "cohere",
        provider="cohere",
        route="cohere",
        host="api.cohere.com",
        model=MODEL,
        acts=ACTS,
        budget=Refused("ApiError", 402),
        policy=Refused("ForbiddenError", 403),
    )
]

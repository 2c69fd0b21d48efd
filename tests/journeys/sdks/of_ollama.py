"""Ollama's SDK, at Ollama's cloud."""

from collections.abc import Callable, Sequence
from typing import Any

from ollama import Client

from tests.journeys.sdks.act import (
    HELLO,
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

MODEL = "llama3.3"
TOOLS: list[Any] = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}]


def asked(text: str, **more: Any) -> dict[str, Any]:
    """A chat's arguments."""
    messages: list[Any] = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, "options": {"num_predict": 50}, **more}


def of_lines(lines: Sequence[Any]) -> Told:
    """A stream, or the one answer."""
    calls = [call for line in lines for call in line.message.tool_calls or []]
    names = [call.function.name for call in calls]
    return Told(plain(list(lines)), lines[-1].prompt_eval_count, lines[-1].eval_count, names)


def _by(act: Callable[[Client], Told]) -> Callable[[Door], Told]:
    def run(door: Door) -> Told:
        client = Client(host=door.base or "https://ollama.com", headers=dict(door.headers))
        with client._client:  # It has no way of its own to be closed.
            return act(client)

    return run


ACTS: Acts = {
    "answers": _by(lambda it: of_lines([it.chat(**asked(HELLO))])),
    "streams": _by(lambda it: of_lines(list(it.chat(**asked(HELLO, stream=True))))),
    "asks for a tool": _by(lambda it: of_lines([it.chat(**asked(WISH, tools=TOOLS))])),
    "streams a tool call": _by(
        lambda it: of_lines(list(it.chat(**asked(WISH, tools=TOOLS, stream=True))))
    ),
}
SDKS = [
    Sdk(
        "ollama",
        provider="ollama",
        route="ollama",
        host="ollama.com",
        model=MODEL,
        acts=ACTS,
        budget=Refused("ResponseError", 402),
        policy=Refused("ResponseError", 403),
    )
]

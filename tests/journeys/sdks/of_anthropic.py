"""The Anthropic SDK, in both of its kinds."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from anthropic import Anthropic, AsyncAnthropic

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
    gathered,
    in_a_loop,
    plain,
)

MODEL = "claude-sonnet-4-6"
TOOLS: list[Any] = [{"name": TOOL, "input_schema": SCHEMA}]


def asked(text: str, **more: Any) -> dict[str, Any]:
    """A message's arguments."""
    messages: list[Any] = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, "max_tokens": 50, **more}


def of_message(said: Any, data: Any = None) -> Told:
    """A message, by itself or gathered from its stream."""
    names = [block.name for block in said.content if block.type == "tool_use"]
    data = plain(said if data is None else data)
    return Told(data, said.usage.input_tokens, said.usage.output_tokens, names)


def of_events(events: Sequence[Any]) -> Told:
    """A message's stream as it came."""
    started = next(event.message for event in events if event.type == "message_start")
    ended = next(event.usage for event in events if event.type == "message_delta")
    blocks = [event.content_block for event in events if event.type == "content_block_start"]
    names = [block.name for block in blocks if block.type == "tool_use"]
    return Told(plain(list(events)), started.usage.input_tokens, ended.output_tokens, names)


def _helped(client: Anthropic) -> Told:
    with client.messages.stream(**asked(HELLO)) as spoken:
        text = "".join(spoken.text_stream)
        said = spoken.get_final_message()
        return of_message(said, [text, said])


def _by(act: Callable[[Anthropic], Told]) -> Callable[[Door], Told]:
    def run(door: Door) -> Told:
        headers = dict(door.headers)
        with Anthropic(api_key=KEY, base_url=door.base, default_headers=headers) as client:
            return act(client)

    return run


def _by_async(act: Callable[[AsyncAnthropic], Awaitable[Told]]) -> Callable[[Door], Told]:
    async def run(door: Door) -> Told:
        headers = dict(door.headers)
        async with AsyncAnthropic(
            api_key=KEY, base_url=door.base, default_headers=headers
        ) as client:
            return await act(client)

    return in_a_loop(run)


async def _answers(client: AsyncAnthropic) -> Told:
    return of_message(await client.messages.create(**asked(HELLO)))


async def _streams(client: AsyncAnthropic) -> Told:
    return of_events(await gathered(await client.messages.create(**asked(HELLO, stream=True))))


async def _asks(client: AsyncAnthropic) -> Told:
    return of_message(await client.messages.create(**asked(WISH, tools=TOOLS)))


async def _streams_a_call(client: AsyncAnthropic) -> Told:
    stream = await client.messages.create(**asked(WISH, tools=TOOLS, stream=True))
    return of_events(await gathered(stream))


def _counted(client: Anthropic) -> Told:
    messages: list[Any] = [{"role": "user", "content": HELLO}]
    return Told(plain(client.messages.count_tokens(model=MODEL, messages=messages)))


ACTS: Acts = {
    "answers": _by(lambda it: of_message(it.messages.create(**asked(HELLO)))),
    "streams": _by(lambda it: of_events(list(it.messages.create(**asked(HELLO, stream=True))))),
    "asks for a tool": _by(lambda it: of_message(it.messages.create(**asked(WISH, tools=TOOLS)))),
    "streams a tool call": _by(
        lambda it: of_events(list(it.messages.create(**asked(WISH, tools=TOOLS, stream=True))))
    ),
    "streams by its helper": _by(_helped),
    "counts tokens": _by(_counted),
}
AWAITED: Acts = {
    "answers": _by_async(_answers),
    "streams": _by_async(_streams),
    "asks for a tool": _by_async(_asks),
    "streams a tool call": _by_async(_streams_a_call),
}
_PLACE: dict[str, str] = {
    "provider": "anthropic",
    "route": "anthropic",
    "host": "api.anthropic.com",
    "model": MODEL,
}
_NO: dict[str, Refused] = {
    "budget": Refused("PaymentRequiredError", 402),
    "policy": Refused("PermissionDeniedError", 403),
}
SDKS = [
    Sdk("anthropic", **_PLACE, acts=ACTS, **_NO, free=frozenset({"counts tokens"})),
    Sdk("anthropic, awaited", **_PLACE, acts=AWAITED, **_NO),
]

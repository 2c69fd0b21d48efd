"""The OpenAI SDK, in both of its kinds."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from openai import AsyncOpenAI, OpenAI

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

MODEL, EMBEDDING = "gpt-4o-mini", "text-embedding-3-small"
FUNCTION: dict[str, Any] = {"name": TOOL, "parameters": SCHEMA}
TOOLS: list[Any] = [{"type": "function", "function": FUNCTION}]
FLAT: list[Any] = [{"type": "function", "strict": False, **FUNCTION}]
SHOWN: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def asked(text: str, **more: Any) -> dict[str, Any]:
    """A chat's arguments."""
    messages: list[Any] = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, "max_tokens": 50, **more}


def response(text: str, **more: Any) -> dict[str, Any]:
    """The same of the Responses API."""
    return {"model": MODEL, "input": text, "max_output_tokens": 50, **more}


def of_chat(said: Any) -> Told:
    """A completion, or a chunk with usage."""
    calls = [call for choice in said.choices for call in choice.message.tool_calls or []]
    usage = said.usage
    names = [call.function.name for call in calls]
    return Told(plain(said), usage.prompt_tokens, usage.completion_tokens, names)


def of_chunks(chunks: Sequence[Any]) -> Told:
    """A stream; its usage is in the last chunk, where it was asked for."""
    calls = [
        call
        for chunk in chunks
        for choice in chunk.choices
        for call in choice.delta.tool_calls or []
    ]
    names = [call.function.name for call in calls if call.function.name]
    usage = chunks[-1].usage
    used = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    return Told(plain(list(chunks)), *used, names)


def of_response(said: Any, data: Any = None) -> Told:
    """A response, by itself or at the end of its stream."""
    names = [item.name for item in said.output if item.type == "function_call"]
    data = plain(said if data is None else data)
    return Told(data, said.usage.input_tokens, said.usage.output_tokens, names)


def of_events(events: Sequence[Any]) -> Told:
    """A response's stream."""
    return of_response(events[-1].response, list(events))


def _helped(client: OpenAI) -> Told:
    with client.responses.stream(**response(HELLO)) as events:
        seen = list(events)
        return of_response(events.get_final_response(), seen)


def _embedded(client: OpenAI) -> Told:
    said = client.embeddings.create(model=EMBEDDING, input=HELLO)
    return Told(plain(said), said.usage.prompt_tokens)


def _by(act: Callable[[OpenAI], Told]) -> Callable[[Door], Told]:
    def run(door: Door) -> Told:
        base = f"{door.base}/v1" if door.base else None
        with OpenAI(api_key=KEY, base_url=base, default_headers=dict(door.headers)) as client:
            return act(client)

    return run


def _by_async(act: Callable[[AsyncOpenAI], Awaitable[Told]]) -> Callable[[Door], Told]:
    async def run(door: Door) -> Told:
        base = f"{door.base}/v1" if door.base else None
        headers = dict(door.headers)
        async with AsyncOpenAI(api_key=KEY, base_url=base, default_headers=headers) as client:
            return await act(client)

    return in_a_loop(run)


async def _answers(client: AsyncOpenAI) -> Told:
    return of_chat(await client.chat.completions.create(**asked(HELLO)))


async def _streams(client: AsyncOpenAI) -> Told:
    return of_chunks(await gathered(await client.chat.completions.create(**asked(HELLO, **SHOWN))))


async def _asks(client: AsyncOpenAI) -> Told:
    return of_chat(await client.chat.completions.create(**asked(WISH, tools=TOOLS)))


async def _streams_a_call(client: AsyncOpenAI) -> Told:
    stream = await client.chat.completions.create(**asked(WISH, tools=TOOLS, **SHOWN))
    return of_chunks(await gathered(stream))


CHATS: Acts = {
    "answers": _by(lambda it: of_chat(it.chat.completions.create(**asked(HELLO)))),
    "streams": _by(lambda it: of_chunks(list(it.chat.completions.create(**asked(HELLO, **SHOWN))))),
    "asks for a tool": _by(
        lambda it: of_chat(it.chat.completions.create(**asked(WISH, tools=TOOLS)))
    ),
    "streams a tool call": _by(
        lambda it: of_chunks(list(it.chat.completions.create(**asked(WISH, tools=TOOLS, **SHOWN))))
    ),
    "streams without a word of usage": _by(
        lambda it: of_chunks(list(it.chat.completions.create(**asked(HELLO, stream=True))))
    ),
    "embeds": _by(_embedded),
    "lists models": _by(lambda it: Told(plain(it.models.list()))),
}
RESPONSES: Acts = {
    "answers": _by(lambda it: of_response(it.responses.create(**response(HELLO)))),
    "streams": _by(lambda it: of_events(list(it.responses.create(**response(HELLO, stream=True))))),
    "asks for a tool": _by(
        lambda it: of_response(it.responses.create(**response(WISH, tools=FLAT)))
    ),
    "streams a tool call": _by(
        lambda it: of_events(list(it.responses.create(**response(WISH, tools=FLAT, stream=True))))
    ),
    "streams by its helper": _by(_helped),
}
AWAITED: Acts = {
    "answers": _by_async(_answers),
    "streams": _by_async(_streams),
    "asks for a tool": _by_async(_asks),
    "streams a tool call": _by_async(_streams_a_call),
}
_PLACE: dict[str, str] = {
    "provider": "openai",
    "route": "openai",
    "host": "api.openai.com",
    "model": MODEL,
}
QUOTA = Refused("RateLimitError", 429)
SDKS = [
    Sdk(
        "openai",
        **_PLACE,
        acts=CHATS,
        budget=QUOTA,
        policy=Refused("PermissionDeniedError", 403),
        models={"embeds": EMBEDDING},
        free=frozenset({"lists models"}),
        variables={"OPENAI_API_KEY": KEY},
        refused_acts=("answers", "streams", "embeds"),
    ),
    Sdk(
        "openai's responses",
        **_PLACE,
        acts=RESPONSES,
        budget=QUOTA,
        policy=Refused("BadRequestError", 400),  # Codex speaks this, and repeats a 403.
    ),
    Sdk(
        "openai, awaited",
        **_PLACE,
        acts=AWAITED,
        budget=QUOTA,
        policy=Refused("PermissionDeniedError", 403),
    ),
]

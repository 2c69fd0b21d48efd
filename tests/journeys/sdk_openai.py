"""Everything that the OpenAI SDK is used for, as plain data: the same words by every door.

Also a program, to be run with nothing but the environment of `exeat env`: prints the results.
"""

import asyncio
import json
import sys
from typing import Any

from openai import AsyncOpenAI, OpenAI

HELLO: list[Any] = [{"role": "user", "content": "Hello, gate."}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "read_file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}
TOOL_OF_RESPONSES: Any = {"type": "function", **TOOL["function"], "strict": False}
CHAT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": HELLO, "max_tokens": 50}
RESPONSE: dict[str, Any] = {"model": "gpt-4o-mini", "input": "Hello.", "max_output_tokens": 50}
SHOWN: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def ask(client: OpenAI) -> list[Any]:
    """Chat, stream, stream with usage, tools, responses and their stream, embeddings, models."""
    chat, responses = client.chat.completions, client.responses
    with responses.stream(**RESPONSE) as spoken:
        streamed = [event.model_dump(warnings=False) for event in spoken]
    return [
        chat.create(**CHAT).model_dump(),
        [chunk.model_dump() for chunk in chat.create(**CHAT, stream=True)],
        [chunk.model_dump() for chunk in chat.create(**CHAT, **SHOWN)],
        chat.create(**CHAT, tools=[TOOL]).model_dump(),
        [chunk.model_dump() for chunk in chat.create(**CHAT, tools=[TOOL], stream=True)],
        responses.create(**RESPONSE).model_dump(),
        responses.create(**RESPONSE, tools=[TOOL_OF_RESPONSES]).model_dump(),
        [event.model_dump() for event in responses.create(**RESPONSE, stream=True)],
        streamed,
        client.embeddings.create(model="text-embedding-3-small", input="Hello.").model_dump(),
        client.models.list().model_dump(),
    ]


async def ask_async(client: AsyncOpenAI) -> list[Any]:
    """The same, awaited."""
    chat, responses = client.chat.completions, client.responses
    async with responses.stream(**RESPONSE) as spoken:
        streamed = [event.model_dump(warnings=False) async for event in spoken]
    return [
        (await chat.create(**CHAT)).model_dump(),
        [chunk.model_dump() async for chunk in await chat.create(**CHAT, stream=True)],
        [chunk.model_dump() async for chunk in await chat.create(**CHAT, **SHOWN)],
        (await chat.create(**CHAT, tools=[TOOL])).model_dump(),
        [
            chunk.model_dump()
            async for chunk in await chat.create(**CHAT, tools=[TOOL], stream=True)
        ],
        (await responses.create(**RESPONSE)).model_dump(),
        (await responses.create(**RESPONSE, tools=[TOOL_OF_RESPONSES])).model_dump(),
        [event.model_dump() async for event in await responses.create(**RESPONSE, stream=True)],
        streamed,
        (
            await client.embeddings.create(model="text-embedding-3-small", input="Hello.")
        ).model_dump(),
        (await client.models.list()).model_dump(),
    ]


async def _main() -> None:
    with OpenAI(api_key="sk-agent") as client:
        awaited = ask(client)
    async with AsyncOpenAI(api_key="sk-agent") as client_async:
        json.dump([awaited, await ask_async(client_async)], sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main())

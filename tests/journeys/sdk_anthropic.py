"""Everything that the Anthropic SDK is used for, as plain data: the same words by every door.

Also a program, to be run with nothing but the environment of `exeat env`: prints the results.
"""

import asyncio
import json
import sys
from typing import Any

from anthropic import Anthropic, AsyncAnthropic

HELLO: list[Any] = [{"role": "user", "content": "Hello, gate."}]
TOOL: Any = {
    "name": "read_file",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
}
MESSAGE: dict[str, Any] = {"model": "claude-sonnet-4-6", "messages": HELLO, "max_tokens": 50}


def ask(client: Anthropic) -> list[Any]:
    """Message, stream, stream by helper, tools and their stream, counting, models."""
    with client.messages.stream(**MESSAGE) as spoken:
        text = "".join(spoken.text_stream)
        whole = spoken.get_final_message().model_dump(warnings=False)
    with client.messages.stream(**MESSAGE, tools=[TOOL]) as spoken:
        used = spoken.get_final_message().model_dump(warnings=False)
    return [
        client.messages.create(**MESSAGE).model_dump(),
        [event.model_dump() for event in client.messages.create(**MESSAGE, stream=True)],
        client.messages.create(**MESSAGE, tools=[TOOL]).model_dump(),
        text,
        whole,
        used,
        client.messages.count_tokens(model=MESSAGE["model"], messages=HELLO).model_dump(),
        client.models.list().model_dump(),
    ]


async def ask_async(client: AsyncAnthropic) -> list[Any]:
    """The same, awaited."""
    async with client.messages.stream(**MESSAGE) as spoken:
        text = "".join([piece async for piece in spoken.text_stream])
        whole = (await spoken.get_final_message()).model_dump(warnings=False)
    async with client.messages.stream(**MESSAGE, tools=[TOOL]) as spoken:
        used = (await spoken.get_final_message()).model_dump(warnings=False)
    events = [
        event.model_dump() async for event in await client.messages.create(**MESSAGE, stream=True)
    ]
    return [
        (await client.messages.create(**MESSAGE)).model_dump(),
        events,
        (await client.messages.create(**MESSAGE, tools=[TOOL])).model_dump(),
        text,
        whole,
        used,
        (await client.messages.count_tokens(model=MESSAGE["model"], messages=HELLO)).model_dump(),
        (await client.models.list()).model_dump(),
    ]


async def _main() -> None:
    with Anthropic(api_key="sk-agent") as client:
        awaited = ask(client)
    async with AsyncAnthropic(api_key="sk-agent") as client_async:
        json.dump([awaited, await ask_async(client_async)], sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main())

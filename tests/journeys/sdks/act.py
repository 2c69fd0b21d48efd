"""What an SDK is asked to do, by which door, and what it was told: plain data."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HELLO = "Hello, gate."
WISH = "Use the tool."
"""What the stand-in answers with a tool call."""
TOOL = "read_file"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"path": {"type": "string"}}}
KEY = "sk-agent"


@dataclass(frozen=True)
class Door:
    """How a client reaches its provider; without a base it uses the provider's own."""

    base: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What an act brought: what the SDK says was said, and what it says was used."""

    data: Any
    input: int = 0
    output: int = 0
    tools: Sequence[str] = ()
    """Names of the tools that the model asked for."""


type Acts = Mapping[str, Callable[[Door], Told]]


@dataclass(frozen=True)
class Refused:
    """The exception that an SDK's users catch: its class, and the status that it knows."""

    kind: str
    status: int


@dataclass(frozen=True)
class Sdk:
    """One SDK. Its acts open a client of their own, so that each reads the environment anew."""

    name: str
    provider: str
    route: str
    host: str
    model: str
    acts: Acts
    budget: Refused
    policy: Refused
    models: Mapping[str, str] = field(default_factory=dict)
    """The model of an act, where it is another."""
    free: frozenset[str] = frozenset()
    """Acts that are not billed."""
    doors: tuple[str, ...] = ("base_url", "tunnel")
    """By which it can come: not every client honours HTTPS_PROXY."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What it wants in its environment besides."""
    status_of: Callable[[Any], int] = lambda error: int(error.status_code)
    refused_acts: tuple[str, ...] = ("answers", "streams")


_CHANCE = frozenset(
    {
        "call_id",
        "created",
        "created_at",
        "created_time",
        "event_id",
        "generation_id",
        "id",
        "item_id",
    }
    | {"latencyMs", "request_id", "response_id", "sdk_http_response", "tool_call_id", "toolUseId"}
    | {"ResponseMetadata"}
)


def plain(value: Any) -> Any:
    """As JSON, without what is another at every call: ids, times, and the headers of HTTP."""
    if isinstance(value, Mapping):
        return {str(name): "…" if name in _CHANCE else plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json", warnings=False))
    return json.loads(json.dumps(value, default=str))


def in_a_loop(act: Callable[[Door], Awaitable[Told]]) -> Callable[[Door], Told]:
    """An act of an asynchronous client, for a thread."""

    async def whole(door: Door) -> Told:
        return await act(door)

    return lambda door: asyncio.run(whole(door))


async def gathered(stream: AsyncIterator[Any]) -> list[Any]:
    """All of it."""
    return [each async for each in stream]

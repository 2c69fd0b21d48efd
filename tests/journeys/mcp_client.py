"""The official MCP client, by way of the proxy."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.house import House

URL = "http://exeat.internal/mcp"


@contextlib.asynccontextmanager
async def connected(house: House, agent: str, url: str = URL) -> AsyncIterator[ClientSession]:
    """A session of the agent with Exeat's own server."""
    async with (
        house.through(house.proxy_url(agent=agent)) as http,
        streamable_http_client(url, http_client=http) as (read, write, _),
        ClientSession(read, write, read_timeout_seconds=timedelta(seconds=20)) as session,
    ):
        await session.initialize()
        yield session


async def use(session: ClientSession, tool: str, **arguments: Any) -> Any:
    """What a tool answers, in its structured form."""
    result = await session.call_tool(tool, arguments)
    assert not result.isError, result.content
    return result.structuredContent


async def refused(session: ClientSession, tool: str, **arguments: Any) -> str:
    """What a tool that fails says."""
    result = await session.call_tool(tool, arguments)
    assert result.isError
    (content,) = result.content
    return str(content.text)  # type: ignore[union-attr]

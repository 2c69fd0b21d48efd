"""Exeat's own MCP server, asked by the official client through the whole corridor."""

import asyncio
import json

import pytest
from mcp import McpError
from pydantic import AnyUrl

from proxy.inside.tool_table import TOOLS
from tests.house import House, eventually
from tests.journeys.mcp_client import connected, refused, use


@pytest.mark.parametrize("url", ["http://exeat.internal/mcp", "https://exeat.internal/mcp"])
async def test_the_official_client_is_served_as_whom_the_corridor_proved(
    open_house: House, url: str
) -> None:
    async with connected(open_house, "ada", url) as session:
        me = await use(session, "whoami")
        tools = (await session.list_tools()).tools
    assert (me["org"], me["agent"], me["session"]) == ("acme", "ada", "s1")
    assert [tool.name for tool in tools] == [tool.name for tool in TOOLS]
    assert all(tool.description and tool.annotations for tool in tools)


async def test_a_task_goes_from_one_agent_to_another_and_is_read_as_a_resource(
    open_house: House,
) -> None:
    async with connected(open_house, "ada") as ada, connected(open_house, "bob") as bob:
        made = await use(ada, "task_create", title="count", text="all", for_agents=["bob"])
        task = made["id"]
        assert "not_for_you" in await refused(ada, "task_claim", task=task)
        (found,) = (await use(bob, "task_list", claimable=True, created_by="ada"))["tasks"]
        assert found["id"] == task
        fence = (await use(bob, "task_claim", task=task))["fence"]
        await use(bob, "task_start", task=task, fence=fence)
        artifact = {"name": "hats.txt", "text": "7 hats"}
        await use(
            bob, "task_complete", task=task, fence=fence, result="7", artifacts=[artifact], key="k"
        )
        got = await use(ada, "task_artifact", task=task, name="hats.txt")
        assert got["text"] == "7 hats"
        read = await ada.read_resource(AnyUrl(f"exeat://tasks/{task}"))
        shown = json.loads(read.contents[0].text)  # type: ignore[union-attr]
        assert (shown["state"], shown["result"]) == ("completed", "7")
        board = await ada.read_resource(AnyUrl("exeat://tasks"))
        assert task in board.contents[0].text  # type: ignore[union-attr]


async def test_a_refusal_says_what_was_wrong_and_what_to_do(open_house: House) -> None:
    async with connected(open_house, "ada") as session:
        assert "claim it again" in await refused(
            session,
            "task_complete",
            task=(await use(session, "task_create", title="t"))["id"],
            fence=1,
        )
        assert "titel" in await refused(session, "task_create", title="t", titel="t")
        assert "task: is missing" in await refused(session, "task_get")
        assert "whoami" in await refused(session, "no_such_tool")
        with pytest.raises(McpError, match="no task") as caught:
            await session.read_resource(AnyUrl("exeat://tasks/nowhere"))
        assert caught.value.error.code == -32002
        with pytest.raises(McpError, match="exeat://tasks"):
            await session.read_resource(AnyUrl("exeat://elsewhere"))


async def test_every_call_of_a_tool_is_a_call_on_file_and_no_text_of_it_is(
    open_house: House,
) -> None:
    async with connected(open_house, "ada") as session:
        await use(session, "message_send", to_agent="bob", text="SECRET words")
    records = await eventually(
        lambda: open_house.records(kind="message"), lambda found: len(found) == 1
    )
    assert records[0]["role"]["agent"] == "ada"
    every = await open_house.records()
    assert "SECRET" not in json.dumps(every)
    paths = {each["request"].get("path") for each in every if each["kind"] == "decision"}
    assert paths == {"/mcp"}


async def test_many_ask_at_once_and_each_is_answered_as_itself(open_house: House) -> None:
    async def name(agent: str) -> str:
        async with connected(open_house, agent) as session:
            found = [(await use(session, "whoami"))["agent"] for _ in range(3)]
        (one,) = set(found)
        return str(one)

    agents = [f"agent-{number}" for number in range(6)]
    assert await asyncio.gather(*map(name, agents)) == agents


async def test_what_cannot_be_read_is_answered_and_not_logged(
    open_house: House, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    both = {"accept": "application/json, text/event-stream"}
    bodies: dict[str, tuple[int, int]] = {
        "{SECRET": (400, -32700),
        "[" * 10**5 + "]" * 10**5: (400, -32700),
        json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "ping"}]): (400, -32600),
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "SECRET"}): (200, -32601),
        json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": ["SECRET"]}}
        ): (200, -32602),
    }
    async with open_house.through() as client:
        for body, (status, code) in bodies.items():
            answer = await client.post(
                "http://exeat.internal/mcp",
                content=body,
                headers={**both, "content-type": "application/json"},
            )
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
            assert "SECRET" not in answer.text
    assert "SECRET" not in caplog.text
    assert "SECRET" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_only_posts_are_answered(open_house: House, method: str) -> None:
    async with open_house.through() as client:
        answer = await client.request(
            method, "http://exeat.internal/mcp", headers={"accept": "text/event-stream"}
        )
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")

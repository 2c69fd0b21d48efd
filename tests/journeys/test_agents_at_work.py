"""Two agents who know nothing of each other work a list of dependent tasks to its end: one by the
OpenAI SDK, whose model (a stand-in) chooses tools; one by the official MCP client."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from mcp import ClientSession

from tests.house import House, eventually, house, policy
from tests.journeys.mcp_client import connected, use

URL = "http://exeat.internal/v1"
RULES = policy('name: all, usd: "5"', 'name: each, per: [task], usd: "1"')

PLAN: Mapping[str, tuple[str, ...]] = {
    "gather": (),
    "count": ("gather",),
    "weigh": ("gather",),
    "compare": ("count", "weigh"),
    "draw": ("compare",),
    "report": ("draw", "count"),
}
"""What is to be done, and what before it."""
FOR: Mapping[str, str] = {"count": "thinker", "weigh": "doer", "draw": "thinker", "report": "doer"}
"""The rest is for whoever comes first."""


@pytest.fixture
async def built(place: Path) -> Any:
    async with house(place, RULES) as one:
        yield one


def tool(name: str, text: str, **parameters: Any) -> Any:
    properties = {each: {"type": kind} for each, kind in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    return {
        "type": "function",
        "function": {"name": name, "description": text, "parameters": schema},
    }


TOOLS = [
    tool("find_work", "Waits for a task that can be claimed; says done when all are completed."),
    tool("claim", "Claims a task.", task="string"),
    tool("start", "Starts a claimed task.", task="string", fence="integer"),
    tool("complete", "Completes it.", task="string", fence="integer", result="string"),
]


def brain(asked: Mapping[str, Any]) -> tuple[str, str] | None:
    """What a model would do next, from the conversation alone."""
    last = asked["messages"][-1]
    if last["role"] != "tool":
        return "find_work", "{}"
    told = json.loads(last["content"])
    if told.get("done"):
        return None
    match told.get("state"):
        case "open":
            return "claim", json.dumps({"task": told["id"]})
        case "claimed":
            return "start", json.dumps({"task": told["id"], "fence": told["fence"]})
        case "in_progress":
            text = f"{told['title']}, thought through"
            return "complete", json.dumps(
                {"task": told["id"], "fence": told["fence"], "result": text}
            )
        case _:  # Completed; or somebody else was quicker.
            return "find_work", "{}"


class Thinker:
    """An agent of the kind that people write with the SDK: a loop around a model and its tools."""

    def __init__(self, on: House, http: httpx.AsyncClient) -> None:
        self.http = http
        self.model = openai.AsyncOpenAI(api_key="none-needed", http_client=http, max_retries=0)
        self.working_on: str | None = None

    async def run(self) -> None:
        messages: list[Any] = [{"role": "user", "content": "Work until all tasks are done."}]
        while True:
            headers = {"x-task-id": self.working_on} if self.working_on else {}
            answer = await self.model.chat.completions.create(
                model="gpt-4o-mini", messages=messages, tools=TOOLS, extra_headers=headers
            )
            said = answer.choices[0].message
            messages.append(said.model_dump(exclude_none=True))
            if not said.tool_calls:
                return
            for call in said.tool_calls:
                told = await self.use(call.function.name, json.loads(call.function.arguments))
                messages.append(
                    {"role": "tool", "tool_call_id": call.id, "content": json.dumps(told)}
                )

    async def use(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "find_work":
            return await eventually(self.look, bool, timeout_s=60)
        task = arguments.pop("task")
        answer = await self.http.post(f"{URL}/tasks/{task}/{name}", json=arguments)
        if answer.status_code == 200:
            self.working_on = None if name == "complete" else task
        return answer.json()

    async def look(self) -> Any:
        listed = await self.http.get(f"{URL}/tasks", params={"claimable": "true", "limit": 1})
        if found := listed.json()["tasks"]:
            return found[0]
        every = (await self.http.get(f"{URL}/tasks")).json()["tasks"]
        return {"done": True} if all(each["state"] == "completed" for each in every) else None


async def do_by_mcp(session: ClientSession) -> None:
    """An agent whose every step is a tool of the server."""

    async def look() -> Any:
        listed = await use(session, "task_list", claimable=True, limit=1)
        if listed["tasks"]:
            return listed["tasks"][0]
        every = (await use(session, "task_list"))["tasks"]
        return {"done": True} if all(each["state"] == "completed" for each in every) else None

    while "done" not in (found := await eventually(look, bool, timeout_s=60)):
        claimed = await session.call_tool("task_claim", {"task": found["id"]})
        if claimed.isError:
            continue  # Somebody else was quicker.
        held = {"task": found["id"], "fence": claimed.structuredContent["fence"]}
        await use(session, "task_start", **held)
        await use(session, "task_complete", **held, result=f"{found['title']}, done", key="once")


async def planned(built: House) -> dict[str, str]:
    """The list, on the board; by a third, who does none of it."""
    ids: dict[str, str] = {}
    async with built.through(built.proxy_url(agent="planner")) as client:
        for title, before in PLAN.items():
            made = await client.post(
                f"{URL}/tasks",
                json={
                    "title": title,
                    "depends_on": [ids[each] for each in before],
                    "for_agents": [FOR.get(title, "*")],
                    "allowance_nanousd": 500_000_000,
                    "key": title,
                },
            )
            assert made.status_code == 201, made.text
            ids[title] = made.json()["id"]
    return ids


async def test_two_agents_work_a_list_of_dependent_tasks_to_its_end(built: House) -> None:
    ids = await planned(built)
    built.says(decides=brain)
    async with (
        built.through(built.proxy_url(agent="thinker")) as http,
        connected(built, "doer") as session,
    ):
        await asyncio.gather(Thinker(built, http).run(), do_by_mcp(session))

    shown = {each["title"]: each for each in (await built.api("/api/tasks"))["tasks"]}
    assert {title: each["state"] for title, each in shown.items()} == dict.fromkeys(
        PLAN, "completed"
    )
    holders = {title: each["holder"]["agent"] for title, each in shown.items()}
    assert holders.items() >= FOR.items()
    assert {each["fence"] for each in shown.values()} == {1}, "nobody had to try again"
    await in_order(built, ids)
    await every_cent_is_a_tasks_or_nobodys(built, ids, shown)


async def in_order(built: House, ids: Mapping[str, str]) -> None:
    """The ledger alone says that no task was claimed before what it waits for was completed."""
    filed = await built.records(kind="task")
    when = {
        (each["role"]["task"], each["result"]["facts"]["act"]): number
        for number, each in enumerate(filed)
    }
    for title, before in PLAN.items():
        for each in before:
            assert when[ids[each], "complete"] < when[ids[title], "claim"]
    assert len(filed) == len(PLAN) * len(("create", "claim", "start", "complete"))


async def every_cent_is_a_tasks_or_nobodys(
    built: House, ids: Mapping[str, str], shown: Mapping[str, Any]
) -> None:
    """What the thinker's model cost stands under the tasks that it thought about."""
    rows = (await built.api("/api/costs?by=task,agent"))["rows"]
    costs = {row["task"]: row["nanousd"] for row in rows if row["nanousd"]}
    thought = {ids[title] for title, each in shown.items() if each["holder"]["agent"] == "thinker"}
    assert costs.keys() - {None} == thought
    assert {row["agent"] for row in rows if row["nanousd"]} == {"thinker"}
    assert all(cost <= 500_000_000 for cost in costs.values())

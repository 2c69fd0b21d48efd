"""Tool calls as a budget, on the running system: of answers, to MCP servers, and asked about by hooks."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from tests.house import House, Process, chat, eventually, house, kill, policy, providers
from tests.redis_server import RedisServer

CHAT = "/openai/v1/chat/completions"
CHECK = "/v1/tool-calls/check"
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


class Asking:
    """A model that asks for so many tools at once, and an MCP server; both count what reaches them."""

    def __init__(self) -> None:
        self.at_once = 1
        self.answered = 0
        self.called = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 0

    def _calls(self) -> list[dict[str, Any]]:
        self.answered += 1
        return [
            {
                "index": n,
                "id": f"call_{self.answered}_{n}",
                "type": "function",
                "function": {"name": "look", "arguments": f'{{"at":{n}}}'},
            }
            for n in range(self.at_once)
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        if "method" in asked:
            self.called += 1
            return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": {}})
        await self.gate.wait()
        usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
        head = {"id": "c", "created": 1, "model": asked["model"]}
        if not asked.get("stream"):
            message = {"role": "assistant", "content": None, "tool_calls": self._calls()}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
            return web.json_response(
                {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
            )
        head["object"] = "chat.completion.chunk"
        deltas = [({"tool_calls": [each]}, None) for each in self._calls()]
        lines = [
            {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            for delta, finish in [*deltas, ({}, "tool_calls")]
        ]
        lines.append({**head, "choices": [], "usage": usage})
        text = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
        return web.Response(text=text, content_type="text/event-stream")


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    one = Asking()
    app = web.Application()
    app.add_routes([web.post("/{rest:.*}", one.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.port = int(runner.addresses[0][1])
    yield one
    await runner.cleanup()


@contextlib.asynccontextmanager
async def limited(place: Path, asking: Asking, *budgets: str, **more: Any) -> AsyncIterator[House]:
    at = f"127.0.0.1:{asking.port}"
    hosts = {f"provider.test:{asking.port}": at, "mcp.test:80": at}
    routes = {"openai": f"http://provider.test:{asking.port}"}
    rules = more.pop("rules", "")
    async with house(
        place, policy(*budgets, more=rules), hosts=hosts, routes=routes, **more
    ) as built:
        yield built


async def ask(built: House, *, stream: bool = False, session: str = "s1") -> httpx.Response:
    async with built.client() as client:
        return await client.post(
            CHAT, json=chat(tools=TOOLS, stream=stream), headers={"x-session-id": session}
        )


def released(answer: httpx.Response) -> list[str]:
    """Ids of the tool calls that the client got."""
    if answer.headers["content-type"].startswith("text/event-stream"):
        lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
        choices = [choice for line in lines for choice in json.loads(line)["choices"]]
        calls = [call for each in choices for call in each["delta"].get("tool_calls") or []]
    else:
        calls = answer.json()["choices"][0]["message"].get("tool_calls") or []
    return [call["id"] for call in calls]


async def mcp(built: House) -> httpx.Response:
    params = {"name": "look", "arguments": {}}
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    async with built.through() as client:
        return await client.post(
            "http://mcp.test/mcp",
            json=call,
            headers={"accept": "application/json, text/event-stream"},
        )


async def check(built: House, call_id: str | None = None) -> dict[str, Any]:
    body = {"runtime": "r", "tool": "look", "arguments": {}, "call_id": call_id}
    async with built.through() as client:
        answer = await client.post(
            f"http://exeat.internal{CHECK}", json={k: v for k, v in body.items() if v is not None}
        )
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def standing(built: House) -> tuple[int, int]:
    (row,) = await built.budgets()
    return row["settled"], row["held"]


@pytest.mark.parametrize("stream", [False, True])
async def test_rule_3_of_parallel_calls_in_one_answer_as_many_pass_as_there_is_room_for(
    place: Path, asking: Asking, stream: bool
) -> None:
    asking.at_once = 5
    async with limited(place, asking, "name: few, window: day, tool_calls: 3") as built:
        answer = await ask(built, stream=stream)
        assert released(answer) == ["call_1_0", "call_1_1", "call_1_2"]
        assert answer.text.count("The budget few of 3 tool calls per day has no room for it") == 2
        assert "0 remain. It resets in " in answer.text
        assert "Rule budget:few." in answer.text
        (outcome,) = await built.outcomes(1)
        assert outcome["resource"]["tool_calls"] == 3
        filed = await built.records(kind="tool_call")
        assert [each["result"]["status"] for each in filed] == ["allow"] * 3 + ["deny"] * 2
        assert filed[-1]["result"]["facts"]["rule"] == "budget:few"
        assert await standing(built) == (3, 0)
        again = await ask(built, stream=stream)
        assert (again.status_code, released(again)) == (200, [])


async def test_what_an_answer_does_not_use_is_given_back(place: Path, asking: Asking) -> None:
    asking.at_once = 2
    async with limited(place, asking, "name: some, window: day, tool_calls: 100") as built:
        asking.gate.clear()
        under_way = asyncio.create_task(ask(built))
        await eventually(lambda: standing(built), lambda found: found == (0, 16))
        asking.gate.set()
        await under_way
        await eventually(lambda: standing(built), lambda found: found == (2, 0))


async def test_rule_3_many_calls_at_once_let_through_no_more_than_the_cap(
    place: Path, asking: Asking, redis: RedisServer
) -> None:
    asking.at_once = 3
    async with limited(
        place, asking, "name: all, per: [agent], tool_calls: 40", redis_url=redis.url
    ) as built:
        sessions = [f"s{n}" for n in range(30)]
        answers = await asyncio.gather(
            *(ask(built, stream=bool(n % 2), session=each) for n, each in enumerate(sessions))
        )
        assert {each.status_code for each in answers} == {200}
        passed = sum(len(released(each)) for each in answers)
        assert 0 < passed <= 40
        await built.outcomes(30)
        await eventually(lambda: standing(built), lambda found: found == (passed, 0))
        while len(released(await ask(built))):
            pass
        await eventually(lambda: standing(built), lambda found: found == (40, 0))


async def test_a_call_to_an_mcp_server_counts_and_is_refused_in_its_words(
    place: Path, asking: Asking
) -> None:
    async with limited(place, asking, "name: two, window: week, tool_calls: 2") as built:
        assert [(await mcp(built)).json().get("result") for _ in range(2)] == [{}, {}]
        answer = await mcp(built)
        assert answer.status_code == 200
        error = answer.json()["error"]
        assert (
            "it may take up to 1 tool calls, and 0 tool calls of 2 tool calls" in error["message"]
        )
        assert error["data"]["exeat"]["rule"] == "budget:two"
        assert error["data"]["exeat"]["remaining"] == 0
        assert error["data"]["exeat"]["resets_at"] > 0
        assert asking.called == 2
        outcomes = await built.outcomes(2)
        assert [each["resource"]["tool_calls"] for each in outcomes] == [1, 1]
        assert await standing(built) == (2, 0)


async def test_a_hooks_check_counts_when_it_is_allowed_and_is_told_why_not(
    place: Path, asking: Asking
) -> None:
    rules = "rules: [{id: no, decision: deny, match: {tools: [look], agents: [other]}}]\n"
    async with limited(place, asking, "name: two, tool_calls: 2", rules=rules) as built:
        verdicts = [await check(built) for _ in range(3)]
        assert [each["decision"] for each in verdicts] == ["allow", "allow", "deny"]
        assert verdicts[2]["rule"] == "budget:two"
        assert "of 2 tool calls in all has no room for it: 0 remain." in verdicts[2]["reason"]
        await eventually(lambda: standing(built), lambda found: found == (2, 0))
        outcomes = await built.outcomes(3)
        assert [each["resource"]["tool_calls"] for each in outcomes] == [1, 1, 0]


async def test_a_denied_check_counts_nothing(place: Path, asking: Asking) -> None:
    rules = "rules: [{id: no, decision: deny, match: {tools: [look]}}]\n"
    async with limited(place, asking, "name: two, tool_calls: 2", rules=rules) as built:
        assert (await check(built))["rule"] == "test/rules.no"
        await built.outcomes(1)
        assert await standing(built) == (0, 0)


async def test_a_call_that_its_answer_let_through_is_not_counted_again_by_its_hook(
    place: Path, asking: Asking
) -> None:
    async with limited(place, asking, "name: one, tool_calls: 1") as built:
        assert released(await ask(built)) == ["call_1_0"]
        await built.outcomes(1)
        assert (await check(built, "call_1_0"))["decision"] == "allow"
        assert (await check(built, "call_1_0"))["decision"] == "deny", "once, and not twice"
        assert await standing(built) == (1, 0)


async def test_without_a_budget_of_tool_calls_they_are_on_file_all_the_same(
    place: Path, asking: Asking
) -> None:
    asking.at_once = 4
    async with limited(place, asking) as built:
        assert len(released(await ask(built, stream=True))) == 4
        (outcome,) = await built.outcomes(1)
        assert outcome["resource"]["tool_calls"] == 4


async def test_d4_tool_calls_that_were_let_through_stay_counted_after_a_kill(place: Path) -> None:
    (place / "policy.yaml").write_text(policy("name: three, per: [agent], tool_calls: 3"))
    async with providers(place) as (plain, tls):
        process = Process(place, plain, tls, None)
        first = await process.start()
        first.says(tool="look", arguments="{}")
        for _ in range(2):
            assert released(await ask(first)) == ["call_1"]
        await first.outcomes(2)
        await kill(first)
        second = await process.start()
        try:
            assert await standing(second) == (2, 0)
            assert [released(await ask(second)) for _ in range(2)] == [["call_1"], []]
        finally:
            await kill(second)

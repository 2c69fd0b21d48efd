"""Tool calls on WebSockets to models, on the running system: what the client received, what the provider
was told, and what is on file; with the SDKs that speak these protocols."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from google import genai
from openai import AsyncOpenAI

import addons
import proxy.runtime
from proxy.providers.tool_gate_socket import SocketGate
from tests.house import House, eventually, policy
from tests.journeys.test_socket_sdks import LIVE_MODEL, surrounded
from tests.journeys.test_sockets import (
    CAP,
    LIVE,
    REALTIME,
    RESPONSES,
    Upstream,
    built_with,
    connected,
    create,
)
from tests.journeys.test_sockets import TestLive as Live
from tests.providers.socket_talks import (
    LIVE_DONE,
    LIVE_SAID,
    live_call,
    on_a_stream,
    realtime_events,
    realtime_response,
)
from tests.providers.test_tool_gate_socket import asks_for_a_tool
from tests.providers.tool_answers import NAMES, SAID

RULED = """rules:
  - id: no-rm
    decision: deny
    reason: Nothing is removed here.
    match: {commands: ["rm -r"]}
"""
GUARDED = CAP + RULED
REASON = "Nothing is removed here."
RULE = "test/rules.no-rm"

CREATED = on_a_stream("function_call")
TOOLS = {"toolCall": {"functionCalls": [live_call(0), live_call(1)]}}


def answers(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """A provider of each kind that says something and asks for two tools, one of which is denied."""
    if "setup" in asked:
        return LIVE_SAID[:1]
    if "client_content" in asked:
        return [*LIVE_SAID[1:], TOOLS]
    if "toolResponse" in asked or "tool_response" in asked:
        return LIVE_DONE
    return []


def realtime(asked: dict[str, Any]) -> list[dict[str, Any]]:
    if asked["type"] == "conversation.item.create":
        told = {"id": "item_told", **asked["item"]}
        return [{"type": "conversation.item.added", "item": told, "previous_item_id": "item_1"}]
    if asked["type"] != "response.create":
        return []
    more = {"type": "response.created", "response": realtime_response([], id_="resp_2")}
    done = {"type": "response.done", "response": realtime_response([], id_="resp_2")}
    return [more, done] if asked.get("event_id") == "again" else realtime_events()[1:]


def responses(asked: dict[str, Any]) -> list[dict[str, Any]]:
    return CREATED if asked["type"] == "response.create" else []


async def calls_of(built: House, count: int) -> dict[str, dict[str, Any]]:
    """The tool calls on file, by their tool."""
    found = await eventually(
        lambda: built.records(kind="tool_call"), lambda rows: len(rows) >= count
    )
    assert len(found) == count
    return {each["result"]["facts"]["tool"]: each for each in found}


async def received(
    socket: aiohttp.ClientWebSocketResponse, until: str, *, binary: bool = False
) -> list[bytes]:
    """Every message up to the one that says this."""
    found: list[bytes] = []
    while not found or until.encode() not in found[-1]:
        message = await socket.receive(timeout=10)
        kind = aiohttp.WSMsgType.BINARY if binary else aiohttp.WSMsgType.TEXT
        assert message.type is kind, message
        found.append(message.data if binary else message.data.encode())
    return found


@asynccontextmanager
async def asked(
    place: Path, text: str, which: str
) -> AsyncIterator[tuple[House, Upstream, aiohttp.ClientWebSocketResponse, list[bytes]]]:
    """A socket on which a model was asked something, and all that came back."""
    url = {"responses": RESPONSES, "realtime": REALTIME, "live": LIVE}[which]
    async with built_with(place, text) as (built, upstream), connected(built, url) as socket:
        upstream.reply = {"responses": responses, "realtime": realtime, "live": answers}[which]
        match which:
            case "responses":
                await socket.send_json(create())
                told = await received(socket, "response.completed")
            case "realtime":
                await socket.send_json({"type": "response.create"})
                told = await received(socket, "retrieved")
                told += await received(socket, "retrieved")
            case _:
                for each in (Live.SETUP, Live.TURN):
                    await socket.send_bytes(json.dumps(each).encode())
                until = "turnComplete" if text == GUARDED else "toolCall"
                told = await received(socket, until, binary=True)
        yield built, upstream, socket, told


PROVIDERS = ["responses", "realtime", "live"]


@pytest.mark.parametrize("which", PROVIDERS)
async def test_a_denied_call_is_not_shown_in_any_form_and_the_other_is(
    place: Path, which: str
) -> None:
    async with asked(place, GUARDED, which) as (built, _, _, told):
        text = b"\n".join(told).decode()
        assert "rm -rf" not in text
        assert f"[Exeat: the tool call {NAMES[1]} is not allowed. {REASON} Rule {RULE}.]" in text
        assert json.dumps(SAID)[1:-1] in text
        assert "Paris" in text, "one of two parallel calls is denied, and only that"
        on_file = await calls_of(built, 2)
        assert on_file[NAMES[0]]["result"]["status"] == "allow"
        assert on_file[NAMES[1]]["result"]["status"] == "deny"
        facts = on_file[NAMES[1]]["result"]["facts"]
        assert (facts["rule"], facts["category"]) == (RULE, "command")
        assert facts["intent_bytes"] == len(SAID.encode())
        decided = await built.records(kind="decision")
        model = {each["id"]: each["request"]["model"] for each in decided}
        for each in on_file.values():
            assert model[each["reference"]["decision_id"]], (
                "it belongs to the turn, not to the socket"
            )


@pytest.mark.parametrize("which", PROVIDERS)
@pytest.mark.parametrize("rules", [RULED.replace("rm -r", "mkfs"), ""])
async def test_what_is_allowed_passes_byte_for_byte(place: Path, which: str, rules: str) -> None:
    async with asked(place, CAP + rules, which) as (built, upstream, socket, told):
        sent = {
            "responses": CREATED,
            "realtime": realtime_events()[1:],
            "live": [*LIVE_SAID, TOOLS],
        }[which]
        assert told == [json.dumps(each).encode() for each in sent]
        assert len(upstream.seen) == (2 if which == "live" else 1), "the provider is told nothing"
        await socket.close()
        on_file = await calls_of(built, 2)
        assert {each["result"]["status"] for each in on_file.values()} == {"allow"}


async def test_the_provider_is_told_why_and_its_model_goes_on(place: Path) -> None:
    async with asked(place, GUARDED, "realtime") as (_, upstream, socket, told):
        await eventually(lambda: number(upstream.seen), lambda count: count == 2)
        item = upstream.seen[-1]["item"]
        assert (item["type"], item["call_id"]) == ("function_call_output", "call_1")
        assert REASON in item["output"]
        await socket.send_json({"type": "response.create", "event_id": "again"})
        more = await received(socket, "response.created")
        assert not any(b"item_told" in each for each in [*told, *more])
    async with asked(place, GUARDED, "live") as (_, upstream, _, told):
        (refused,) = upstream.seen[-1]["toolResponse"]["functionResponses"]
        assert (refused["id"], refused["name"]) == ("call_1", NAMES[1])
        assert REASON in refused["response"]["error"]
        assert b"turnComplete" in told[-1]


async def test_what_goes_on_from_a_denied_call_over_a_socket_brings_its_result(place: Path) -> None:
    async with asked(place, GUARDED, "responses") as (_, upstream, socket, _):
        await socket.send_json(create(previous_response_id="resp_1", input="and now?"))
        await received(socket, "response.completed")
        result, own = upstream.seen[-1]["input"]
        assert (result["type"], result["call_id"]) == ("function_call_output", "call_1")
        assert REASON in result["output"]
        assert own == {"type": "message", "role": "user", "content": "and now?"}


ODD = {"type": "response.odd", "things": [{"type": "function_call", "name": "x"}]}


@pytest.mark.parametrize(
    ("url", "sent"), [(RESPONSES, create()), (REALTIME, {"type": "response.create"})]
)
async def test_rule_1_what_may_ask_for_a_tool_and_cannot_be_read_ends_the_socket(
    place: Path, url: str, sent: dict[str, Any]
) -> None:
    async with built_with(place, GUARDED) as (built, upstream), connected(built, url) as socket:
        upstream.reply = lambda asked: [ODD, {"type": "more"}]
        await socket.send_json(sent)
        error = await socket.receive_json()
        closing = await socket.receive()
        assert error["type"] == "error"
        assert "cannot read" in error["error"]["message"]
        assert closing.data == 1008
        outcomes = await built.outcomes(2)
        assert "format_unsupported" in [each["result"]["note"] for each in outcomes]


async def test_rule_1_live_has_no_error_and_closes_with_the_reason(place: Path) -> None:
    async with built_with(place, GUARDED) as (built, upstream), connected(built, LIVE) as socket:
        upstream.reply = lambda asked: [{"serverContent": {"toolCall": {"name": "x"}}}]
        await socket.send_bytes(json.dumps(Live.SETUP).encode())
        closing = await socket.receive()
        assert closing.data == 1008
        assert "may ask for one" in str(closing.extra)


async def test_rule_1_a_gate_that_breaks_ends_the_socket(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, data: bytes, by: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(SocketGate, "received", broken)
    async with (
        built_with(place, GUARDED) as (built, upstream),
        connected(built, RESPONSES) as socket,
    ):
        upstream.reply = responses
        await socket.send_json(create())
        closing = await socket.receive()
        assert closing.type is aiohttp.WSMsgType.CLOSE
        assert closing.data == 1011


async def test_rule_1_a_decision_that_breaks_lets_no_tool_call_through(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chain(*arguments: Any) -> list[Any]:
        made = list(addons.chain(*arguments))
        addon = next(each for each in made if each.name == "tool_calls")

        def broken(slip: Any, asked: Any) -> Any:
            raise RuntimeError("broken")

        addon._rule = broken
        return made

    monkeypatch.setattr(proxy.runtime, "chain", chain)
    async with asked(place, GUARDED, "responses") as (_, _, _, told):
        assert b"Paris" not in b"".join(told)


async def test_rules_about_tools_that_come_later_hold_from_the_next_turn_on(place: Path) -> None:
    async with built_with(place, CAP) as (built, upstream), connected(built, RESPONSES) as socket:
        upstream.reply = responses
        await socket.send_json(create())
        assert b"rm -rf" in b"".join(await received(socket, "response.completed"))
        (place / "policy.yaml").write_text(GUARDED.replace("version: 1", "version: 2"))
        await eventually(lambda: built.records(kind="policy_change"), bool)
        await socket.send_json(create())
        told = b"".join(await received(socket, "response.completed"))
        assert b"rm -rf" not in told
        assert REASON.encode() in told
        on_file = await eventually(
            lambda: built.records(kind="tool_call"), lambda rows: len(rows) == 4
        )
        assert [each["result"]["status"] for each in on_file] == ["allow", "allow", "allow", "deny"]


STRICT = policy(more="tools: {default: deny}\n")
SEARCH = [{"type": "web_search"}]


async def test_tools_that_run_at_the_provider_are_decided_when_they_are_offered(
    place: Path,
) -> None:
    body = {"model": "gpt-4o", "input": "hi", "tools": SEARCH}
    async with built_with(place, STRICT) as (built, upstream):
        async with connected(built, RESPONSES) as socket:
            await socket.send_json(create(tools=SEARCH))
            error = (await socket.receive_json())["error"]
            assert "web_search, which runs at the provider, is not allowed" in error["message"]
        async with connected(built, REALTIME) as socket:
            offered = {"tools": [{"type": "mcp", "server_url": "https://x.test"}]}
            await socket.send_json({"type": "session.update", "session": offered})
            assert "The tool mcp" in (await socket.receive_json())["error"]["message"]
        async with connected(built, LIVE) as socket:
            upstream.reply = Live().answers
            setup = Live.SETUP["setup"] | {"tools": [{"googleSearch": {}}]}
            await socket.send_bytes(json.dumps({"setup": setup}).encode())
            await socket.receive()
            await socket.send_bytes(json.dumps(Live.TURN).encode())
            assert "googleSearch" in str((await socket.receive()).extra)
        async with built.client() as client:
            answer = await client.post("/openai/v1/responses", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["exeat"]["rule"] == "test/tools.default"
        assert built.plain.seen == []
        denied = [
            each["rules"]["rule"]
            for each in await built.records(kind="decision")
            if each["result"]["decision"] == "deny"
        ]
        assert denied == ["test/tools.default"] * 4


class TestSdks:
    """Each goes on after a denial, and its user reads the reason."""

    async def test_responses_over_a_socket(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with surrounded(place, GUARDED, monkeypatch) as (_, upstream):
            upstream.reply = responses
            async with AsyncOpenAI(api_key="sk-test").responses.connect() as socket:
                for previous in (None, "resp_1"):
                    more: dict[str, Any] = {"previous_response_id": previous} if previous else {}
                    await socket.response.create(
                        model="gpt-4o", input="hi", max_output_tokens=99, **more
                    )
                    items, final = [], None
                    async for event in socket:
                        assert not asks_for_rm(event.to_dict())
                        if event.type == "response.output_item.done":
                            items.append(event.item)
                        if event.type == "response.completed":
                            final = event.response
                            break
                    assert final is not None
                    kinds = [item.type for item in final.output]
                    assert kinds == [item.type for item in items]
                    assert kinds.count("function_call") == 1
                    assert REASON in final.output_text
            assert upstream.seen[1]["input"][0]["type"] == "function_call_output"

    async def test_realtime(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async with surrounded(place, GUARDED, monkeypatch) as (_, upstream):
            upstream.reply = realtime
            client = AsyncOpenAI(api_key="sk-test")
            async with client.realtime.connect(model="gpt-realtime") as socket:
                await socket.response.create()
                texts: dict[str, str] = {}
                async for event in socket:
                    assert not asks_for_rm(event.to_dict())
                    if event.type == "response.output_text.delta":
                        texts[event.item_id] = texts.get(event.item_id, "") + event.delta
                    if event.type == "response.done":
                        break
                assert list(texts) == ["item_1"]
                assert REASON in texts["item_1"]
                output = event.response.output or []
                assert [item.type for item in output] == ["function_call", "message"]
                await socket.conversation.item.create(
                    item={"type": "function_call_output", "call_id": "call_0", "output": "sunny"}
                )
                await socket.response.create(event_id="again")
                async for event in socket:
                    if event.type == "response.done":
                        break
            told = [each["item"]["call_id"] for each in upstream.seen if "item" in each]
            assert told.count("call_1") == 1
            assert "call_0" in told

    async def test_live(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async with surrounded(place, GUARDED, monkeypatch) as (_, upstream):
            upstream.reply = answers
            client = genai.Client(api_key="test")
            async with client.aio.live.connect(model=LIVE_MODEL) as session:
                turn = {"role": "user", "parts": [{"text": "hi"}]}
                await session.send_client_content(turns=turn)
                said, names = "", []
                async for message in session.receive():
                    said += message.text or ""
                    asked = message.tool_call.function_calls if message.tool_call else None
                    names += [call.name for call in asked or ()]
            assert REASON in said
            assert names == [NAMES[0]]


async def number(seen: list[Any]) -> int:
    return len(seen)


def asks_for_rm(event: dict[str, Any]) -> bool:
    return asks_for_a_tool(event) and "rm -rf" in json.dumps(event)

"""What the tool gate writes is what each provider's own SDK reads: messages, parts, stop reasons."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import botocore.session  # type: ignore[import-untyped]  # It ships no types.
import cohere
import httpx
import httpx2
import openai
import pytest
from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]
from google import genai
from google.genai import types
from mistralai.client import Mistral
from ollama import Client as Ollama

from proxy.providers.tool_gate import Asked, Ruling, ToolGate
from tests.providers.tool_answers import CASES, FIRST, JSON, NAMES, SAID, SECOND, Case

NO = "No: rule 7, record 12."

DENIALS = [(), (NAMES[0],), (NAMES[1],), NAMES]
"""Nothing, one of two, all."""

denials = pytest.mark.parametrize("denied", DENIALS, ids=["none", "first", "second", "both"])


def named(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def gated(case: Case, denied: tuple[str, ...]) -> bytes:
    def decide(asked: Asked) -> Ruling:
        return Ruling(asked.name not in denied, NO)

    gate = ToolGate(case.format, case.provider, case.headers, decide)
    return gate.feed(case.data) + gate.close()


def answering(case: Case, denied: tuple[str, ...]) -> httpx2.Client:
    data = gated(case, denied)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers=case.headers, content=data)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def old_transport(case: Case, denied: tuple[str, ...]) -> httpx.MockTransport:
    """For the SDKs that speak through the older library."""
    data = gated(case, denied)

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=case.headers, content=data)

    return httpx.MockTransport(answer)


def left(denied: tuple[str, ...], case: Case) -> list[tuple[str, Any]]:
    return [(name, json.loads(given)) for name, given in case.calls if name not in denied]


def openai_client(case: Case, denied: tuple[str, ...]) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", http_client=answering(case, denied), max_retries=0)


@denials
@pytest.mark.parametrize("name", ["openai", "id repeated", "crlf", "whole", "unfinished"])
def test_openai_accumulates_chat_chunks(name: str, denied: tuple[str, ...]) -> None:
    case = named(f"chat: {name}")
    with openai_client(case, denied).chat.completions.stream(model="m", messages=[]) as stream:
        choice = stream.get_final_completion().choices[0]
    calls = [
        (c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls or []
    ]
    assert calls == left(denied, case)
    assert (choice.message.content or "").startswith(SAID)
    assert (choice.message.content or "").count(NO) == len(denied)
    if name != "unfinished":
        assert choice.finish_reason == ("tool_calls" if calls else "stop")


@denials
def test_openai_reads_a_whole_chat_completion(denied: tuple[str, ...]) -> None:
    case = named("chat: json")
    told = openai_client(case, denied).chat.completions.create(model="m", messages=[])
    message = told.choices[0].message
    assert len(message.tool_calls or []) == 2 - len(denied)
    assert (message.content or "").count(NO) == len(denied)
    assert told.choices[0].finish_reason == ("stop" if denied == NAMES else "tool_calls")


@denials
@pytest.mark.parametrize("kind", ["function_call", "custom_tool_call", "shell_call"])
def test_openai_accumulates_response_events(kind: str, denied: tuple[str, ...]) -> None:
    case = named(f"responses: {kind}")
    if kind == "shell_call":
        denied = tuple("shell" if name == NAMES[1] else name for name in denied)
    with openai_client(case, denied).responses.stream(model="m", input="hi") as stream:
        events = list(stream)
        response = stream.get_final_response()
    kinds = [item.type for item in response.output]
    assert kinds.count("message") == 1 + len(denied)
    assert kinds.count("function_call") + kinds.count("custom_tool_call") + kinds.count(
        "shell_call"
    ) == 2 - len(denied)
    assert response.output_text == SAID + NO * len(denied)
    assert response.status == "completed"
    done = [event.item.type for event in events if event.type == "response.output_item.done"]
    assert done == kinds, "what comes as it is done is what is there in the end"
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(numbers)


@denials
@pytest.mark.parametrize("name", ["messages", "messages: json"])
def test_anthropic_accumulates_blocks(name: str, denied: tuple[str, ...]) -> None:
    case = named(name)
    with answering(case, denied) as http:
        client = anthropic.Anthropic(api_key="k", http_client=http, max_retries=0)
        if case.content_type == JSON:
            message = client.messages.create(model="m", max_tokens=9, messages=[])
        else:
            with client.messages.stream(model="m", max_tokens=9, messages=[]) as stream:
                message = stream.get_final_message()
    blocks = message.content
    assert [block.type for block in blocks[:3]] == ["thinking", "text", "server_tool_use"]
    calls = [(block.name, block.input) for block in blocks if block.type == "tool_use"]
    assert calls == left(denied, case)
    texts = [block.text for block in blocks if block.type == "text"]
    assert texts == [SAID, *[NO] * len(denied)]
    assert message.stop_reason == ("tool_use" if calls else "end_turn")


@denials
@pytest.mark.parametrize("name", ["gemini", "gemini: json"])
def test_google_reads_its_parts(name: str, denied: tuple[str, ...]) -> None:
    case = named(name)
    with httpx.Client(transport=old_transport(case, denied)) as http:
        options = types.HttpOptions(httpx_client=http, base_url="http://gemini.test")
        models = genai.Client(api_key="k", http_options=options).models
        if case.content_type == JSON:
            chunks = [models.generate_content(model="gemini-3", contents="hi")]
        else:
            chunks = list(models.generate_content_stream(model="gemini-3", contents="hi"))
    contents = [candidate.content for chunk in chunks for candidate in chunk.candidates or []]
    parts = [part for content in contents if content for part in content.parts or []]
    calls = [part.function_call for part in parts if part.function_call]
    assert [(call.name, call.args) for call in calls] == left(denied, case)
    texts = [part.text for part in parts if part.text]
    assert texts == [SAID, *[NO] * len(denied)]


@denials
@pytest.mark.parametrize("name", ["cohere", "cohere: json"])
def test_cohere_reads_its_events(name: str, denied: tuple[str, ...]) -> None:
    case = named(name)
    with httpx.Client(transport=old_transport(case, denied)) as http:
        client = cohere.ClientV2("k", base_url="http://cohere.test", httpx_client=http)
        asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        if case.content_type == JSON:
            told: Any = client.chat(**asked)
            names = [call.function.name for call in told.message.tool_calls or []]
            texts = [part.text for part in told.message.content or []]
            reason = told.finish_reason
        else:
            events: list[Any] = list(client.chat_stream(**asked))
            starts = [event for event in events if event.type == "tool-call-start"]
            assert [event.index for event in starts] == list(range(len(starts)))
            names = [event.delta.message.tool_calls.function.name for event in starts]
            deltas = [event for event in events if event.type == "content-delta"]
            texts = [event.delta.message.content.text for event in deltas]
            places = [event.index for event in events if event.type == "content-start"]
            assert places == list(range(1 + len(denied)))
            reason = events[-1].delta.finish_reason
    assert names == [name for name, _ in left(denied, case)]
    assert texts == [SAID, *[NO] * len(denied)]
    assert reason == ("TOOL_CALL" if names else "COMPLETE")


@denials
@pytest.mark.parametrize("name", ["ollama", "ollama: json"])
def test_ollama_reads_its_lines(name: str, denied: tuple[str, ...]) -> None:
    case = named(name)
    client = Ollama(host="http://ollama.test", transport=old_transport(case, denied))
    with client._client:  # It has no way of its own to be closed.
        if case.content_type == JSON:
            lines = [client.chat(model="m", messages=[])]
        else:
            lines = list(client.chat(model="m", messages=[], stream=True))
    calls = [call.function for line in lines for call in line.message.tool_calls or []]
    assert [(call.name, dict(call.arguments)) for call in calls] == left(denied, case)
    text = "".join(line.message.content or "" for line in lines)
    assert text == "\n\n".join([SAID, *[NO] * len(denied)])


@denials
def test_mistral_reads_its_chunks(denied: tuple[str, ...]) -> None:
    case = named("chat: no index")
    with (
        answering(case, denied) as http,
        Mistral(api_key="k", server_url="http://mistral.test", client=http) as client,
        client.chat.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as events,
    ):
        choices = [event.data.choices[0] for event in events]
    names = [
        call.function.name
        for choice in choices
        for call in choice.delta.tool_calls or []
        if call.function.name
    ]
    assert names == [name for name, _ in left(denied, case)]
    text = "".join(str(choice.delta.content or "") for choice in choices)
    assert text == "\n\n".join([SAID, *[NO] * len(denied)])
    assert choices[-1].finish_reason == ("tool_calls" if names else "stop")


class _Raw:
    """What botocore reads an answer from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield from (self._data[at : at + 64] for at in range(0, len(self._data), 64))

    def read(self, *_: Any) -> bytes:
        data, self._data = self._data, b""
        return data


def bedrock(case: Case, denied: tuple[str, ...]) -> Any:
    session = botocore.session.get_session()
    session.set_credentials("k", "s")
    client = session.create_client("bedrock-runtime", region_name="us-east-1")
    data = gated(case, denied)

    def answer(**_: Any) -> AWSResponse:
        return AWSResponse("http://bedrock.test", 200, case.headers, _Raw(data))

    client.meta.events.register("before-send.bedrock-runtime.*", answer)
    return client


@denials
def test_botocore_reads_converse_frames(denied: tuple[str, ...]) -> None:
    case = named("converse")
    told = bedrock(case, denied).converse_stream(modelId="m", messages=[])
    blocks: dict[int, dict[str, Any]] = {}
    reason = ""
    for event in told["stream"]:
        for kind, fields in event.items():
            block = blocks.setdefault(
                fields.get("contentBlockIndex", -1), {"text": "", "input": ""}
            )
            if kind == "contentBlockStart":
                block["name"] = fields["start"]["toolUse"]["name"]
            elif kind == "contentBlockDelta":
                block["text"] += fields["delta"].get("text", "")
                block["input"] += fields["delta"].get("toolUse", {}).get("input", "")
            elif kind == "messageStop":
                reason = fields["stopReason"]
    blocks.pop(-1)
    assert sorted(blocks) == [0, 1, 2]
    assert [block["text"] for block in blocks.values() if "name" not in block] == [
        SAID,
        *[NO] * len(denied),
    ]
    calls = [(b["name"], json.loads(b["input"])) for b in blocks.values() if "name" in b]
    assert calls == left(denied, case)
    assert reason == ("tool_use" if calls else "end_turn")


@denials
def test_botocore_reads_a_whole_converse_answer(denied: tuple[str, ...]) -> None:
    case = named("converse: json")
    told = bedrock(case, denied).converse(modelId="m", messages=[])
    content = told["output"]["message"]["content"]
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    assert [(call["name"], call["input"]) for call in calls] == left(denied, case)
    assert [block["text"] for block in content if "text" in block] == [SAID, *[NO] * len(denied)]
    assert told["stopReason"] == ("tool_use" if calls else "end_turn")


@denials
def test_botocore_reads_native_chunks(denied: tuple[str, ...]) -> None:
    case = named("invoke: claude")
    told = bedrock(case, denied).invoke_model_with_response_stream(modelId="m", body=b"{}")
    events = [json.loads(event["chunk"]["bytes"]) for event in told["body"]]
    starts = [event for event in events if event["type"] == "content_block_start"]
    assert [event["index"] for event in starts] == list(range(5))
    kinds = [event["content_block"]["type"] for event in starts]
    assert kinds.count("tool_use") == 2 - len(denied)
    assert kinds.count("text") == 1 + len(denied)
    assert FIRST not in str(events)
    assert SECOND not in str(events)

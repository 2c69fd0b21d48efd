"""The stand-in provider: real wire formats, made-up words, exact usage.

What it answers is set by `Script`; what it was asked is kept in `seen`. It bills what it says in
`usage`, so a test can compare what Exeat recorded with what the provider would have charged.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

_WORDS = ("The ", "gate ", "is ", "open, ", "and ", "nobody ", "leaves ", "unseen. ")


@dataclass(frozen=True, slots=True)
class Script:
    """How the next calls are answered."""

    input_tokens: int = 12
    output_tokens: int = 8
    words: int = 8
    """How many pieces a streamed answer comes in."""
    delay_s: float = 0.0
    """Before the answer's headers."""
    pause_s: float = 0.0
    """Between two pieces of a stream."""
    says_usage: bool = True
    usage: Mapping[str, Any] | None = None
    """The usage to report, word for word, in place of one made of the tokens above."""
    cut_after: int | None = None
    """Break the connection after so many pieces of a stream."""
    tool: str | None = None
    """Ask for this tool instead of talking."""
    arguments: str = '{"path":"README.md"}'
    """What it is asked with, as JSON."""
    decides: Callable[[Mapping[str, Any]], tuple[str, str] | None] | None = None
    """What it does, told from what it is asked: a tool with its arguments, or None to talk. In place of
    `tool` and `arguments`."""
    status: int = 200
    compress: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header; None when it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Standin:
    """The provider. `start` it, point Exeat at `port`, `stop` it."""

    script: Script = field(default_factory=Script)
    seen: list[Seen] = field(default_factory=list)
    disconnects: int = 0
    """Clients that left before their answer was whole."""
    port: int = 0

    async def start(self, tls: ssl.SSLContext | None = None, port: int = 0) -> int:
        """Listen on loopback; the port."""
        app = web.Application(client_max_size=1 << 30)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self._answer),
                web.post("/v1/responses", self._answer),
                web.post("/v1/embeddings", self._answer),
                web.post("/v1/messages", self._answer),
                web.post("/v1/messages/count_tokens", self._answer),
                web.post("/v1beta/models/{model}:generateContent", self._answer),
                web.get("/v1/models", self._models),
                web.route("*", "/{rest:.*}", self._echo),
            ]
        )
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,
            shutdown_timeout=0.1,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=tls, backlog=1024)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self.port

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        await self._runner.cleanup()

    def says(self, **changes: Any) -> None:
        """Change the script for the calls that follow."""
        self.script = replace(self.script, **changes)

    async def _note(self, request: web.Request) -> bytes:
        body = await request.read()
        headers = tuple((str(name), str(value)) for name, value in request.headers.items())
        self.seen.append(Seen(request.method, request.path_qs, headers, body))
        return body

    async def _models(self, request: web.Request) -> web.Response:
        await self._note(request)
        return web.json_response({"object": "list", "data": []})

    async def _echo(self, request: web.Request) -> web.Response:
        """Any other traffic: the size or status that the path asks for (`/bytes/9`, `/status/204`)."""
        body = await self._note(request)
        parts = request.path.strip("/").split("/")
        if parts[0] == "bytes" and parts[-1].isdigit():
            page = b"x" * int(parts[-1])
            return web.Response(body=page, content_type="application/octet-stream")
        if parts[0] == "status" and parts[-1].isdigit():
            return web.Response(status=int(parts[-1]))
        return web.json_response(
            {"method": request.method, "path": request.path, "bytes": len(body)}
        )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        script = self.script
        asked: dict[str, Any] = json.loads(await self._note(request))
        try:
            if script.delay_s:
                await asyncio.sleep(script.delay_s)
            if script.status != 200:
                error = {"message": "the stand-in was told to fail", "type": "server_error"}
                return web.json_response({"type": "error", "error": error}, status=script.status)
            if script.decides is not None:
                tool, arguments = script.decides(asked) or (None, "{}")
                script = replace(script, tool=tool, arguments=arguments)
            kind = request.path.removeprefix("/v1/")
            if asked.get("stream"):
                return await self._stream(request, _events(kind, asked, script), script)
        except (asyncio.CancelledError, ConnectionResetError):
            self.disconnects += 1
            raise
        response = web.json_response(_whole(kind, asked, script), headers={"x-request-id": "req_1"})
        if script.compress:
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def _stream(
        self, request: web.Request, events: Sequence[bytes], script: Script
    ) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"content-type": "text/event-stream", "x-request-id": "req_1"}
        )
        if script.compress:
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        async for event in _paced(events, script):
            await response.write(event)
        if script.cut_after is not None:
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write_eof()
        return response


async def _paced(events: Sequence[bytes], script: Script) -> AsyncIterator[bytes]:
    for index, event in enumerate(events):
        if script.cut_after is not None and index >= script.cut_after:
            return
        if index and script.pause_s:
            await asyncio.sleep(script.pause_s)
        yield event


def _text(script: Script) -> list[str]:
    return [_WORDS[index % len(_WORDS)] for index in range(script.words)]


def _whole(kind: str, asked: dict[str, Any], script: Script) -> dict[str, Any]:
    """The JSON answer of each API."""
    model = asked.get("model", "")
    text = "".join(_text(script))
    total = script.input_tokens + script.output_tokens
    match kind:
        case "chat/completions":
            message: dict[str, Any] = {"role": "assistant", "content": text}
            finish = "stop"
            if script.tool:
                message = {"role": "assistant", "content": None, "tool_calls": [_chat_tool(script)]}
                finish = "tool_calls"
            choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
            answer = {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": model,
                "choices": [choice],
            }
            usage = _chat_usage(script)
        case "responses":
            return _response(asked, script, "completed")
        case "embeddings":
            answer = {
                "object": "list",
                "model": model,
                "data": [{"object": "embedding", "index": 0, "embedding": [0.0, 1.0]}],
            }
            usage = script.usage or {
                "prompt_tokens": script.input_tokens,
                "total_tokens": script.input_tokens,
            }
        case _ if kind.endswith(":generateContent"):
            return _generated(script)
        case "messages/count_tokens":
            return {"input_tokens": script.input_tokens}
        case _:
            content = [_tool_use(script)] if script.tool else [{"type": "text", "text": text}]
            answer = {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": model,
                "content": content,
                "stop_reason": "tool_use" if script.tool else "end_turn",
                "stop_sequence": None,
            }
            usage = _anthropic_usage(script)
    assert total >= 0
    return {**answer, "usage": usage} if script.says_usage else answer


def _generated(script: Script) -> dict[str, Any]:
    part = {"text": "".join(_text(script))}
    usage = script.usage or {
        "promptTokenCount": script.input_tokens,
        "candidatesTokenCount": script.output_tokens,
    }
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
        "usageMetadata": usage,
    }


def _chat_usage(script: Script) -> Mapping[str, Any]:
    return script.usage or {
        "prompt_tokens": script.input_tokens,
        "completion_tokens": script.output_tokens,
        "total_tokens": script.input_tokens + script.output_tokens,
    }


def _anthropic_usage(script: Script) -> Mapping[str, Any]:
    return script.usage or {
        "input_tokens": script.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": script.output_tokens,
    }


def _chat_tool(script: Script) -> dict[str, Any]:
    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": script.tool, "arguments": script.arguments},
    }


def _tool_use(script: Script) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "id": "toolu_1",
        "name": script.tool,
        "input": json.loads(script.arguments),
    }


def _response(asked: dict[str, Any], script: Script, status: str) -> dict[str, Any]:
    text = "".join(_text(script)) if status == "completed" else ""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    output: list[dict[str, Any]] = [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": status,
            "content": content,
        }
    ]
    if script.tool:
        asked_for = {"name": script.tool, "arguments": script.arguments}
        output = [
            {
                "type": "function_call",
                "id": "fc_1",
                "call_id": "call_1",
                "status": status,
                **asked_for,
            }
        ]
    usage = script.usage or {
        "input_tokens": script.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": script.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": script.input_tokens + script.output_tokens,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": asked.get("model", ""),
        "output": output if status == "completed" else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage if status == "completed" and script.says_usage else None,
    }


def _events(kind: str, asked: dict[str, Any], script: Script) -> list[bytes]:
    """The stream of each API, one element per event."""
    match kind:
        case "chat/completions":
            return _chat_events(asked, script)
        case "responses":
            return _response_events(asked, script)
        case _:
            return _message_events(asked, script)


def _chat_events(asked: dict[str, Any], script: Script) -> list[bytes]:
    wants_usage = bool((asked.get("stream_options") or {}).get("include_usage"))

    def chunk(choices: list[dict[str, Any]], usage: Mapping[str, Any] | None = None) -> bytes:
        value: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": asked.get("model", ""),
            "choices": choices,
        }
        if wants_usage:
            value["usage"] = usage
        return b"data: " + json.dumps(value).encode() + b"\n\n"

    def delta(content: dict[str, Any], finish: str | None = None) -> bytes:
        return chunk([{"index": 0, "delta": content, "finish_reason": finish}])

    if script.tool:
        call = _chat_tool(script)
        events = [
            delta({"role": "assistant", "content": None, "tool_calls": [{"index": 0, **call}]}),
            delta({}, "tool_calls"),
        ]
    else:
        events = [delta({"role": "assistant", "content": ""})]
        events += [delta({"content": word}) for word in _text(script)]
        events.append(delta({}, "stop"))
    if wants_usage and script.says_usage:
        events.append(chunk([], _chat_usage(script)))
    return [*events, b"data: [DONE]\n\n"]


def _named(kind: str, **fields: Any) -> bytes:
    value = json.dumps({"type": kind, **fields})
    return f"event: {kind}\ndata: {value}\n\n".encode()


def _response_events(asked: dict[str, Any], script: Script) -> list[bytes]:
    begun = _response(asked, script, "in_progress")
    ended = _response(asked, script, "completed")
    item = ended["output"][0]
    steps: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        *(_asked_steps(item) if script.tool else _spoken_steps(item, _text(script))),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": ended}),
    ]
    return [
        _named(kind, sequence_number=number, **fields)
        for number, (kind, fields) in enumerate(steps)
    ]


def _spoken_steps(
    item: dict[str, Any], words: Sequence[str]
) -> Sequence[tuple[str, dict[str, Any]]]:
    at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    begun = {**item, "status": "in_progress", "content": []}
    text = "".join(words)
    return [
        ("response.output_item.added", {"output_index": 0, "item": begun}),
        ("response.content_part.added", {**at, "part": part}),
        *(("response.output_text.delta", {**at, "delta": word, "logprobs": []}) for word in words),
        ("response.output_text.done", {**at, "text": text, "logprobs": []}),
        ("response.content_part.done", {**at, "part": {**part, "text": text}}),
    ]


def _asked_steps(item: dict[str, Any]) -> Sequence[tuple[str, dict[str, Any]]]:
    at = {"item_id": item["id"], "output_index": 0}
    begun = {**item, "status": "in_progress", "arguments": ""}
    whole = {"arguments": item["arguments"], "name": item["name"]}
    return [
        ("response.output_item.added", {"output_index": 0, "item": begun}),
        ("response.function_call_arguments.delta", {**at, "delta": item["arguments"]}),
        ("response.function_call_arguments.done", {**at, **whole}),
    ]


def _message_events(asked: dict[str, Any], script: Script) -> list[bytes]:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": asked.get("model", ""),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**_anthropic_usage(script), "output_tokens": 1},
    }
    if script.tool:
        block: dict[str, Any] = {**_tool_use(script), "input": {}}
        deltas = [
            {"type": "input_json_delta", "partial_json": piece}
            for piece in ("", script.arguments[:8], script.arguments[8:])
        ]
    else:
        block = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": word} for word in _text(script)]
    stop = {"stop_reason": "tool_use" if script.tool else "end_turn", "stop_sequence": None}
    output = script.usage["output_tokens"] if script.usage else script.output_tokens
    usage = {"output_tokens": output}
    return [
        _named("message_start", message=message),
        _named("content_block_start", index=0, content_block=block),
        _named("ping"),
        *(_named("content_block_delta", index=0, delta=delta) for delta in deltas),
        _named("content_block_stop", index=0),
        *([_named("message_delta", delta=stop, usage=usage)] if script.says_usage else []),
        _named("message_stop"),
    ]

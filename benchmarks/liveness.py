"""How much later text arrives that passes Exeat while tool calls are held: python -m benchmarks.liveness.

The provider writes the moment of sending into each piece of text, every ten milliseconds, and then
asks for a tool; the client, on the same machine and by the same clock, takes the moment of arrival.
The same streams go direct and through Exeat, whose policy rules on tools, one at a time and eight
at once. What is printed for Exeat is the delay in whole, and what it adds to the direct way.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.throughput import _free_port, _server, _wait_for
from proxy.providers.event_stream import EventStreamParser
from proxy.providers.sse import Event

PIECES = 100
PAUSE_S = 0.01
STREAMS = (1, 8)
MARK = re.compile(rb"@(\d+)@")

POLICY = """\
policy: bench
version: 1
egress: {default: allow}
budgets:
  - {name: org-day, window: day, usd: "1000000"}
rules:
  - {id: no-rm, decision: deny, match: {commands: ["rm -r"]}}
"""


def _sse(value: object, name: str = "") -> bytes:
    lead = f"event: {name}\n" if name else ""
    return f"{lead}data: {json.dumps(value)}\n\n".encode()


def _chat(delta: object, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _sse({"id": "c", "object": "chat.completion.chunk", "choices": [choice]})


def _typed(kind: str, **more: object) -> bytes:
    return _sse({"type": kind, **more}, kind)


def _parts(part: object) -> bytes:
    return _sse({"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]})


def _named(name: str, value: object) -> bytes:
    return EventStreamParser().write(Event(name, json.dumps(value).encode(), b""))


ARGUMENTS = json.dumps({"command": "rm -rf /"})
CALL = {"index": 0, "id": "1", "function": {"name": "Bash", "arguments": ARGUMENTS}}
ITEM = {"type": "function_call", "id": "f", "call_id": "c", "name": "Bash", "arguments": ARGUMENTS}
BLOCK = {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}
GIVEN = {"type": "input_json_delta", "partial_json": ARGUMENTS}
EVENT_STREAM = "application/vnd.amazon.eventstream"


@dataclass(frozen=True, slots=True)
class Form:
    """How one format says a piece of text, and a tool call."""

    path: str
    asked: Mapping[str, object]
    text: Callable[[str], bytes]
    call: bytes
    content_type: str = "text/event-stream"


_MESSAGES = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}
_PARTS = {"contents": [{"parts": [{"text": "hi"}]}]}
_CONVERSE = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}

FORMS = {
    "chat": Form(
        "/openai/v1/chat/completions",
        {**_MESSAGES, "stream": True, "model": "gpt-4o"},
        lambda text: _chat({"content": text}),
        _chat({"tool_calls": [CALL]}) + _chat({}, "tool_calls") + b"data: [DONE]\n\n",
    ),
    "responses": Form(
        "/openai/v1/responses",
        {"model": "gpt-4o", "input": "hi", "max_output_tokens": 99, "stream": True},
        lambda text: _typed("response.output_text.delta", delta=text, output_index=0),
        _typed("response.output_item.added", item={**ITEM, "arguments": ""}, output_index=1)
        + _typed("response.output_item.done", item=ITEM, output_index=1)
        + _typed("response.completed", response={"id": "r", "output": [ITEM]}),
    ),
    "messages": Form(
        "/anthropic/v1/messages",
        {**_MESSAGES, "stream": True, "model": "claude-sonnet-4-5"},
        lambda text: _typed(
            "content_block_delta", index=0, delta={"type": "text_delta", "text": text}
        ),
        _typed("content_block_start", index=1, content_block=BLOCK)
        + _typed("content_block_delta", index=1, delta=GIVEN)
        + _typed("content_block_stop", index=1)
        + _typed("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 1})
        + _typed("message_stop"),
    ),
    "gemini": Form(
        "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        _PARTS,
        lambda text: _parts({"text": text}),
        _parts({"functionCall": {"name": "Bash", "args": {"command": "rm -rf /"}}}),
    ),
    "converse": Form(
        "/bedrock/model/anthropic.claude-3-haiku-20240307-v1:0/converse-stream",
        _CONVERSE,
        lambda text: _named("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}),
        _named("messageStop", {"stopReason": "end_turn"}),
        EVENT_STREAM,
    ),
}


class Teller(asyncio.Protocol):
    """The provider: tells by the path which format it speaks."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._seen.endswith(b"}"):
            path = self._seen.split(b" ")[1].decode()
            form = next(form for form in FORMS.values() if form.path.endswith(path))
            self._telling = asyncio.get_running_loop().create_task(self._tell(form))

    async def _tell(self, form: Form) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {form.content_type}\r\nconnection: close\r\n\r\n"
        self._transport.write(head.encode())
        for _ in range(PIECES):
            await asyncio.sleep(PAUSE_S)
            self._transport.write(form.text(f"@{time.monotonic_ns()}@"))
        self._transport.write(form.call)
        self._transport.close()


async def _tell_for_ever(port: int) -> None:
    loop = asyncio.get_running_loop()
    await (await loop.create_server(Teller, "127.0.0.1", port)).serve_forever()


async def _listen(port: int, form: Form, *, direct: bool) -> list[float]:
    """Milliseconds from sending to arrival, of each piece."""
    path = form.path if not direct else "/" + form.path.split("/", 2)[2]
    body = json.dumps(form.asked).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Org-Id: acme\r\n"
        f"X-Agent-Id: bench\r\nX-Session-Id: s1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    took: list[float] = []
    rest = b""
    while data := await reader.read(65536):
        at, rest = time.monotonic_ns(), rest + data
        found = list(MARK.finditer(rest))
        took += [(at - int(each[1])) / 1e6 for each in found]
        rest = rest[found[-1].end() :] if found else rest
    writer.close()
    if len(took) != PIECES:
        raise RuntimeError(f"{path}: {len(took)} pieces of {PIECES} arrived: {rest[:300]!r}")
    return took


async def _many(port: int, form: Form, streams: int, *, direct: bool) -> list[float]:
    told = await asyncio.gather(*(_listen(port, form, direct=direct) for _ in range(streams)))
    return sorted(each for took in told for each in took)


def _at(took: list[float], share: float) -> float:
    return took[min(len(took) - 1, int(len(took) * share))]


def _config(directory: Path, port: int, upstream: int) -> Path:
    (directory / "policy.yaml").write_text(POLICY)
    path = directory / "exeat.toml"
    routes = "\n".join(
        f'{name} = "http://127.0.0.1:{upstream}"' for name in ("openai", "anthropic", "gemini")
    )
    path.write_text(
        'state_dir = "state"\ncerts_dir = "certs"\npolicies = ["policy.yaml"]\n'
        f"proxy = {{ port = {port} }}\nconsole = {{ port = {_free_port()} }}\n"
        f'[routes]\n{routes}\nbedrock = "http://127.0.0.1:{upstream}"\n'
        f'[hosts]\n"127.0.0.1:{upstream}" = "127.0.0.1:{upstream}"\n'
    )
    return path


def main() -> None:
    """A line for each format and number of streams."""
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--tell", type=int, help="be the provider, on this port")
    options = parse.parse_args()
    if options.tell:
        asyncio.run(_tell_for_ever(options.tell))
    upstream, full = _free_port(), _free_port()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        python = sys.executable
        stack.enter_context(_server(python, "-m", "benchmarks.liveness", "--tell", str(upstream)))
        config = _config(Path(name), full, upstream)
        stack.enter_context(_server(python, "-m", "proxy.cli", "up", "--config", str(config)))
        _wait_for(upstream)
        _wait_for(full)
        print("format    | streams | direct p50, p99 ms | Exeat p50, p99 ms | added p50, p99 ms")
        for title, form in FORMS.items():
            for streams in STREAMS:
                asyncio.run(_many(full, form, 1, direct=False))  # Only warms up.
                direct = asyncio.run(_many(upstream, form, streams, direct=True))
                through = asyncio.run(_many(full, form, streams, direct=False))
                cells = [f"{_at(direct, share):5.2f}" for share in (0.5, 0.99)]
                cells += [f"{_at(through, share):5.2f}" for share in (0.5, 0.99)]
                cells += [
                    f"{_at(through, share) - _at(direct, share):5.2f}" for share in (0.5, 0.99)
                ]
                told = " | ".join(f"{a}, {b}" for a, b in zip(cells[::2], cells[1::2], strict=True))
                print(f"{title:9} | {streams:7} | {told}", flush=True)


if __name__ == "__main__":
    main()

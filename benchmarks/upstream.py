"""A static upstream: one fixed chat completion, or a stream of them, as fast as a socket allows."""

import asyncio
import json
import sys

USAGE = {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20}
CHOICE = {
    "index": 0,
    "message": {"role": "assistant", "content": "x" * 200},
    "finish_reason": "stop",
}
BODY = json.dumps(
    {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
     "choices": [CHOICE], "usage": USAGE}
).encode()  # fmt: skip
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)
EVENTS = 20
PAUSE_S = 0.05


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(**more: object) -> bytes:
    delta = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
    value = {"id": "c1", "object": "chat.completion.chunk", "model": "gpt-4o-mini",
             "choices": [delta], **more}  # fmt: skip
    return b"data: " + json.dumps(value).encode() + b"\n\n"


class Upstream(asyncio.Protocol):
    """Answers every POST; bodies are skipped by their content-length."""

    def __init__(self, events: int, pause_s: float) -> None:
        self._buffer = b""
        self._count, self._pause_s = events, pause_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 : (head + b"\r\n").find(b"\r\n", at)]) if at >= 0 else 0
            whole = end + 4 + size
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            if b'"stream":true' in body.replace(b" ", b""):
                self._stream = asyncio.get_running_loop().create_task(self._events())
            else:
                self._transport.write(ANSWER)

    async def _events(self) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for _ in range(self._count):
            if self._transport.is_closing():
                return
            self._transport.write(_chunk(_event()))
            await asyncio.sleep(self._pause_s)
        self._transport.write(_chunk(_event(choices=[], usage=USAGE)))
        self._transport.write(_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")


async def main(port: int, events: int = EVENTS, pause_s: float = PAUSE_S) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Upstream(events, pause_s), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    port, *script = sys.argv[1:]
    asyncio.run(
        main(int(port), *(kind(text) for kind, text in zip((int, float), script, strict=False)))
    )

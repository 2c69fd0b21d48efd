"""HTTP/1.1 by hand: what was really sent and received, to the byte."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from proxy.engine.certificates import certificate_path
from tests.house import House

IDENTITY = (b"X-Org-Id: acme", b"X-Agent-Id: coder", b"X-Session-Id: s1")


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer as it stood on the wire; only the transfer coding is undone."""

    start: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.start.split(b" ")[1])

    def without(self, *names: bytes) -> Self:
        """The same without some headers (lower case)."""
        kept = tuple(each for each in self.headers if each[0].lower() not in names)
        return type(self)(self.start, kept, self.body)

    def get(self, name: bytes) -> bytes | None:
        """The first value of a header; None when it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def names(self) -> set[bytes]:
        """Header names, lower case."""
        return {name.lower() for name, _ in self.headers}


async def read_message(reader: asyncio.StreamReader, *, to_head: bool = False) -> Message:
    """The next message; `to_head` answers a HEAD. Raises IncompleteReadError when there is none."""
    head = await reader.readuntil(b"\r\n\r\n")
    start, *lines = head[:-4].split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    headers = tuple((name, value.strip(b" \t")) for name, _, value in pairs)
    found = Message(start, headers, b"")
    is_answer = start.startswith(b"HTTP/")
    if to_head or (is_answer and found.status in (204, 304)):
        return found
    if (found.get(b"transfer-encoding") or b"").lower() == b"chunked":
        body = await _chunks(reader)
    elif (length := found.get(b"content-length")) is not None:
        body = await reader.readexactly(int(length))
    else:
        body = await reader.read() if is_answer else b""
    return Message(start, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        assert await reader.readexactly(2) == b"\r\n"
    assert await reader.readexactly(2) == b"\r\n"
    return body


def chunked(*pieces: bytes) -> bytes:
    """A body in these chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (*pieces, b""))


def request(line: str, *headers: bytes, body: bytes = b"") -> bytes:
    """A request from its line, header lines and body; the length is not added."""
    return b"\r\n".join((line.encode("latin-1"), *headers, b"", body))


@dataclass
class Recorder:
    """A provider that answers every request with the same bytes, in the pieces given."""

    answer: Sequence[bytes] = (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",)
    pause_s: float = 0.0
    """Between pieces: each then reaches Exeat by itself."""
    closes: bool = False
    """Hang up after the answer."""
    seen: list[Message] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Hang up on everybody."""
        assert self._server is not None
        self._server.close()
        self._server.close_clients()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_now += 1
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    self.seen.append(await read_message(reader))
                    for piece in self.answer:
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(self.pause_s)
                    if self.closes:
                        return
        finally:
            self.open_now -= 1
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def dial(
    port: int, *, tls: ssl.SSLContext | None = None, name: str | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that is closed at the end, whatever happened to it."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname=name if tls else None
    )
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


def trust(built: House) -> ssl.SSLContext:
    """A client's trust in Exeat's CA."""
    return ssl.create_default_context(cafile=str(certificate_path(built.directory / "certs")))


def credentials(user: str = "acme%2Fcoder", session: str = "s1") -> bytes:
    """The Proxy-Authorization line of HTTPS_PROXY."""
    return b"Proxy-Authorization: Basic " + base64.b64encode(f"{user}:{session}".encode())


@contextlib.asynccontextmanager
async def tunnel(
    built: House,
    target: str,
    *headers: bytes,
    sni: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A CONNECT to `target`, then TLS as `sni` (the target's host by default); certificates are
    not checked, since several cases ask for a name that has none."""
    if tls is None:
        tls = trust(built)
        tls.check_hostname = False
    async with dial(built.proxy_port) as (reader, writer):
        await connect(reader, writer, target, *headers)
        await writer.start_tls(tls, server_hostname=sni or target.rpartition(":")[0])
        yield reader, writer


async def connect(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str, *headers: bytes
) -> None:
    """CONNECT, which is always accepted."""
    lines = headers or (credentials(),)
    writer.write(request(f"CONNECT {target} HTTP/1.1", f"Host: {target}".encode(), *lines))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> Message:
    """Send bytes, read the answer."""
    writer.write(data)
    return await read_message(reader, to_head=data.startswith(b"HEAD "))

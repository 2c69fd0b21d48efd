"""Every recorded provider at once: over TLS by name, and without. Serves one exchange at a time."""

import asyncio
import contextlib
import gzip
import random
import ssl
import zlib
from collections.abc import Iterable, Iterator

import brotli  # type: ignore[import-untyped]  # It ships no types.
import zstandard

from tests.house import AUTHORITY
from tests.journeys.wire import Message, read_message
from tests.replay.exchanges import Exchange, Pairs

HOP_BY_HOP = frozenset(
    [
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
        *("upgrade", "proxy-authenticate", "proxy-authorization", "content-length", "expect"),
    ]
)
"""Headers that belong to one connection, or to one framing of a body."""

_PIECES_MAX = 2000
_SIZES = (1, 2, 7, 40, 300, 1400, 9000)


class Upstream:
    """`says` what comes next; `seen` and `connections` say what came of it."""

    def __init__(self) -> None:
        self.seen: list[Message] = []
        self.connections = 0
        self.answer: tuple[bytes, ...] = ()
        self._servers: list[asyncio.Server] = []
        self.plain_port = self.tls_port = 0

    async def start(self, hosts: Iterable[str]) -> None:
        """Listen on loopback, with a certificate that names every host."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        AUTHORITY.issue_cert(*hosts, "unnamed.test").configure_cert(context)
        for tls in (None, context):
            self._servers.append(await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls))
        self.plain_port, self.tls_port = (
            int(server.sockets[0].getsockname()[1]) for server in self._servers
        )

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
            server.close_clients()
            await server.wait_closed()

    def says(self, exchange: Exchange) -> None:
        """Answer the next request with this exchange's answer, cut in pieces of its own."""
        self.seen.clear()
        self.connections = 0
        self.answer = tuple(written(exchange))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                while True:
                    self.seen.append(await read_message(reader))
                    for piece in self.answer:
                        if piece == BROKEN_OFF:
                            return
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(0)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


def headers_of(pairs: Pairs) -> list[tuple[bytes, bytes]]:
    """Recorded headers as they can be sent, less those that describe one connection."""
    return [
        (name.encode(), value.strip().encode("utf-8", "surrogatepass"))
        for name, value in pairs
        if name.isascii() and name.lower() not in HOP_BY_HOP and not set("\r\n\0") & set(value)
    ]


def coded(exchange: Exchange) -> bytes:
    """The answer as it stood on the wire: its content coding done again."""
    data = exchange.answer
    for name in filter(None, (part.strip().lower() for part in exchange.coding.split(","))):
        match name:
            case "gzip" | "x-gzip":
                data = gzip.compress(data, mtime=0)
            case "deflate":
                data = zlib.compress(data)
            case "br":
                data = brotli.compress(data)
            case "zstd":
                data = zstandard.compress(data)
            case _:
                raise ValueError(f"{exchange.where}: no coding is named {name!r}")
    return data


def answer_headers(exchange: Exchange) -> list[tuple[bytes, bytes]]:
    """The answer's headers as they are served, less those of its framing."""
    kept = tuple(each for each in exchange.received if each[0].lower() != "content-encoding")
    coding = [(b"Content-Encoding", exchange.coding.encode())] if exchange.coding else []
    return [*headers_of(kept), *coding]


def written(exchange: Exchange) -> Iterator[bytes]:
    """The pieces of an answer: in chunks when it streams, cut anywhere, some at every byte."""
    chance = random.Random(exchange.where)
    lines = [f"HTTP/1.1 {exchange.status} Recorded".encode()]
    lines += [b": ".join(pair) for pair in answer_headers(exchange)]
    if exchange.status in (204, 304) or exchange.method == "HEAD":
        yield b"\r\n".join((*lines, b"", b""))
        return
    body = coded(exchange)
    is_chunked = exchange.streams or chance.random() < 0.3
    lines.append(b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % len(body))
    yield b"\r\n".join((*lines, b"", b""))
    size = exchange.piece_bytes
    if not size and len(body) <= _PIECES_MAX and chance.random() < 0.3:
        size = 1
    kept = body[: int(len(body) * exchange.cut_at)]
    for piece in _pieces(kept, size, chance):
        yield b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece
    if exchange.cut_at < 1:
        yield BROKEN_OFF
    elif is_chunked:
        yield b"0\r\n\r\n"


BROKEN_OFF = b""
"""A piece that is no bytes: here the connection ends."""


def _pieces(data: bytes, fixed: int, chance: random.Random) -> Iterator[bytes]:
    at, least = 0, len(data) // _PIECES_MAX + 1
    while at < len(data):
        size = fixed or max(least, chance.choice(_SIZES))
        yield data[at : at + size]
        at += size

"""Exports: what a page shows, whole, as CSV or JSON lines; sent as it is read."""

import asyncio
import contextlib
import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from itertools import batched

import structlog
from aiohttp import web

from proxy.console.pages.page import Page
from proxy.csv_rows import Row, csv_rows, csv_titles

log = structlog.get_logger()

_ROWS = 500
"""Made into text at once: other things have their turn between."""

type Columns = Callable[[web.Request], Sequence[str]]
type Rows = Callable[[web.Request], AsyncIterator[Iterable[Row]]]
type Lines = Callable[[web.Request], AsyncIterator[Iterable[Mapping[str, object]]]]


def export_pages(
    path: str, columns: Sequence[str] | Columns, rows: Rows, lines: Lines | None = None
) -> list[Page]:
    """`path` with `.csv` and `.jsonl` behind it: all rows that a request finds, for viewers. `lines`
    are the JSON lines, where they say more than a row does."""
    name = path.strip("/")

    async def as_csv(request: web.Request) -> web.StreamResponse:
        titles = columns(request) if callable(columns) else columns
        return await _send_csv(request, f"{name}.csv", titles, rows(request))

    async def as_lines(request: web.Request) -> web.StreamResponse:
        return await _send_lines(request, f"{name}.jsonl", (lines or rows)(request))

    return [
        Page("GET", f"{path}.csv", "viewer", as_csv),
        Page("GET", f"{path}.jsonl", "viewer", as_lines),
    ]


async def _send_csv(
    request: web.Request, name: str, columns: Sequence[str], rows: AsyncIterator[Iterable[Row]]
) -> web.StreamResponse:
    """A file of comma-separated values, with a line of titles."""

    async def pieces() -> AsyncGenerator[str]:
        yield csv_titles(columns)
        async for some in rows:
            for few in batched(some, _ROWS):
                yield csv_rows(columns, few)

    return await _send(request, name, "text/csv", pieces())


async def _send_lines(
    request: web.Request, name: str, rows: AsyncIterator[Iterable[Mapping[str, object]]]
) -> web.StreamResponse:
    """A file of JSON values, one a line."""

    async def pieces() -> AsyncGenerator[str]:
        async for some in rows:
            for few in batched(some, _ROWS):
                yield "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in few)

    return await _send(request, name, "application/jsonl", pieces())


async def _send(
    request: web.Request, name: str, kind: str, pieces: AsyncGenerator[str]
) -> web.StreamResponse:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    response.content_type, response.charset = kind, "utf-8"
    async with contextlib.aclosing(pieces):
        await response.prepare(request)
        try:
            async for piece in pieces:
                await response.write(piece.encode("utf-8", "replace"))
                await asyncio.sleep(0)
            await response.write_eof()
        except ConnectionError:
            pass  # Whoever asked has gone.
        except Exception as error:  # The head is out: only the connection's end can still tell.
            log.error("export broke off", path=request.path, exc_info=error)
            if request.transport is not None:
                request.transport.abort()
    return response

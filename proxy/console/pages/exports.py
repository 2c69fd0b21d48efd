"""Exports: what a page shows, whole, as CSV or JSON lines; sent as it is read."""

import contextlib
import csv
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence

import structlog
from aiohttp import web

log = structlog.get_logger()

type Cell = str | int | bool | None
type Row = Mapping[str, Cell]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula, when an agent wrote it."""


async def send_csv(
    request: web.Request, name: str, columns: Sequence[str], rows: AsyncIterator[Iterable[Row]]
) -> web.StreamResponse:
    """A file of comma-separated values, with a line of titles."""

    async def pieces() -> AsyncGenerator[str]:
        yield _csv([columns])
        async for some in rows:
            yield _csv([_cell(row.get(column)) for column in columns] for row in some)

    return await _send(request, name, "text/csv", pieces())


async def send_lines(
    request: web.Request, name: str, rows: AsyncIterator[Iterable[Mapping[str, object]]]
) -> web.StreamResponse:
    """A file of JSON values, one a line."""

    async def pieces() -> AsyncGenerator[str]:
        async for some in rows:
            yield "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in some)

    return await _send(request, name, "application/jsonl", pieces())


def _cell(value: Cell) -> Cell:
    """As text where a spreadsheet would compute it."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _csv(rows: Iterable[Iterable[Cell]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


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
            await response.write_eof()
        except ConnectionError:
            pass  # Whoever asked has gone.
        except Exception as error:  # The head is out: only the connection's end can still tell.
            log.error("export broke off", path=request.path, exc_info=error)
            if request.transport is not None:
                request.transport.abort()
    return response

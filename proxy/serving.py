"""Endpoints as aiohttp's routes: what is asked is read strictly, and every no is told as a problem.

For every server that has endpoints: who asks is the server's own business, told by `who`.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog
from aiohttp import web
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from proxy.approvals.store import ApprovalsUnavailable
from proxy.budgets import CountersUnavailable
from proxy.database import DatabaseUnavailable
from proxy.endpoint import Asked, Endpoint, Nothing, Problem, ProblemModel, Reply, Role
from proxy.kill.store import StopsUnavailable
from proxy.ledger.store import LedgerError
from proxy.permits.store import PermitsUnavailable

log = structlog.get_logger()

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type Who[Someone] = Callable[[web.Request, Role], Awaitable[Someone]]
"""Who asks. Raises Problem 401 when nobody knows, 403 when that is less than the role."""

BAD_QUERY = "bad_query"
"""The code of what cannot be read, in a query or a body."""


def routes[Someone](
    endpoints: Iterable[Endpoint[Someone]], who: Who[Someone]
) -> list[web.RouteDef]:
    """A route for each. Use with `problems`, which tells what they raise."""
    return [
        web.route(each.method, each.path, _handler(each, who), allow_head=False)
        if each.method == "GET"
        else web.route(each.method, each.path, _handler(each, who))
        for each in endpoints
    ]


def _handler[Someone](endpoint: Endpoint[Someone], who: Who[Someone]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        someone = await who(request, endpoint.role)
        query = read_query(endpoint.query, request.query)
        body = read_body(endpoint.body, request.content_type, await request.read())
        path, last = dict(request.match_info), request.headers.get("last-event-id")
        answer = await endpoint.handle(Asked(someone, query, body, path, last))
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        return await _respond(request, reply, reply.status or endpoint.status)

    return handle


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell whatever is raised as a ProblemModel."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:  # It leads elsewhere.
            raise
        code = error.reason.lower().replace(" ", "_")
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return problem_response(Problem(error.status, code, error.text or ""), allowed)
    except Exception as error:  # The process's edge: whoever asked hears no more than that.
        problem = problem_of(error)
        if problem.status == 500:
            log.error("request failed", path=request.path, exc_info=error)
        return problem_response(problem)


_NO_DATABASE = "What is kept beside the ledger cannot be reached now. Try again; the log says more."


def problem_of(error: Exception) -> Problem:
    """The problem that an error is told as; a bug is a 500 that says nothing of it."""
    match error:
        case Problem():
            return error
        case CountersUnavailable():
            return Problem(503, "counters_unavailable", str(error))
        case LedgerError():
            return Problem(503, "ledger_unavailable", str(error))
        case DatabaseUnavailable():
            # It names a file of this machine, which is no agent's business.
            log.error("database unavailable", error=str(error))
            return Problem(503, "database_unavailable", _NO_DATABASE)
        case StopsUnavailable():
            return Problem(503, "stops_unavailable", str(error))
        case ApprovalsUnavailable():
            return Problem(503, "approvals_unavailable", str(error))
        case PermitsUnavailable():
            return Problem(503, "permits_unavailable", str(error))
        case _:
            return Problem(500, "internal_error", "This is a bug; the log has more.")


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """A problem as JSON."""
    if problem.status == 401:  # RFC 9110, 15.5.2. No browser asks its user because of this one.
        headers = {**(headers or {}), "WWW-Authenticate": "Bearer"}
    model = ProblemModel(error=ProblemModel.Error(code=problem.code, message=problem.message))
    return web.Response(
        status=problem.status,
        text=model.model_dump_json(),
        content_type="application/json",
        headers=headers,
    )


def read_query[Query: BaseModel](model: type[Query], given: MultiMapping[str]) -> Query:
    """A query, each name once. Raises Problem 400, which names what is wrong."""
    unknown = [name for name in given if name not in model.model_fields]
    if unknown:
        known = ", ".join(model.model_fields) or "none"
        raise Problem(400, BAD_QUERY, f"{unknown[0]}: no such parameter; there are: {known}")
    for name in given:
        if len(given.getall(name)) > 1:
            raise Problem(400, BAD_QUERY, f"{name}: is there more than once")
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise Problem(400, BAD_QUERY, _first(error, "query")) from None


def read_body[Body: BaseModel](model: type[Body], content_type: str, raw: bytes) -> Body:
    """A JSON body; nothing where nothing is asked. Raises Problem 400 or 415."""
    if model is Nothing and not raw:
        return model()
    if content_type != "application/json":
        raise Problem(415, "unsupported_media_type", "Send JSON: Content-Type: application/json.")
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise Problem(400, BAD_QUERY, _first(error, "body")) from None


async def read_form(request: web.Request) -> Mapping[str, str]:
    """A form's fields, each as its first text. Raises Problem 400."""
    try:
        form = await request.post()
    except (ValueError, LookupError):  # No boundary, no such encoding, no text of it.
        raise Problem(400, BAD_QUERY, "form: cannot be read") from None
    return {name: value for name in form if isinstance(value := form.getone(name), str)}


def _first(error: ValidationError, what: str) -> str:
    """The first thing that is wrong, without the value: it may be a secret."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or what
    return f"{where}: {str(first['msg']).removeprefix('Value error, ')}"


async def _respond(request: web.Request, reply: Reply, status: int) -> web.StreamResponse:
    match reply.body:
        case BaseModel() as model:
            text = model.model_dump_json()
        case str() as text:
            pass
        case pieces:
            return await _stream(request, reply, status, pieces)
    return web.Response(
        status=status, text=text, content_type=reply.content_type, headers=reply.headers
    )


async def _stream(
    request: web.Request, reply: Reply, status: int, pieces: AsyncGenerator[bytes]
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=reply.headers)
    response.content_type = reply.content_type
    if reply.content_type.startswith("text/"):
        response.charset = "utf-8"
    try:
        async with contextlib.aclosing(pieces):
            await response.prepare(request)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
    except ConnectionError:
        pass  # Whoever asked has gone; there is nobody to tell.
    except Exception as error:  # The head is out: only the end of the connection can still tell.
        log.error("answer broke off", path=request.path, exc_info=error)
        if request.transport is not None:
            request.transport.abort()
    return response

"""How a no is said to an MCP client: a JSON-RPC error that it raises once and does not repeat (pure).

Measured with the official clients (docs/mcp.md): an error in a 200 is one exception with our message
in all of them; any other status hides the message from most.
"""

import json
from collections.abc import Mapping

from proxy.mcp.calls import Id, McpRequest
from proxy.mcp.headers import Mismatch
from proxy.providers.body import Json
from proxy.providers.call import BadRequest
from proxy.refusals import Refusal

REFUSED = -31403
"""Ours. The specification keeps -32768 to -32000 for itself and JSON-RPC, and asks everybody else to
stay out of it."""
HEADER_MISMATCH = -32020
"""The specification's own."""
INVALID_REQUEST = -32600
"""JSON-RPC's own."""

_BESIDE = "Refused with its batch: another message of it was refused."

Answer = tuple[int, bytes]
"""Status and body; the content type is application/json."""


def error(
    id_: Id | None, code: int, message: str, facts: Mapping[str, str | int | None] | None = None
) -> Json:
    """One error object. Without an id it answers nobody in particular, and has none."""
    body: Json = {"jsonrpc": "2.0"}
    if id_ is not None:
        body["id"] = id_
    body["error"] = {"code": code, "message": message}
    if facts:
        told = {name: value for name, value in facts.items() if value is not None}
        body["error"]["data"] = {"exeat": told}
    return body


def refused(
    request: McpRequest,
    refusals: Mapping[int, Refusal],
    record: str | None,
    *,
    is_answered_elsewhere: bool = False,
) -> Answer:
    """The whole POST is refused; `refusals` says why, by the number of the message in it.

    Nobody waits for the answer to a notification, nor here when it comes on another stream; only a
    status can tell them.
    """
    errors = _errors(request, refusals, record)
    if not errors:
        first = next(iter(refusals.values()))
        return 403, written(_of(None, first, record))
    status = 403 if is_answered_elsewhere else 200
    return status, written(errors if request.is_batch else errors[0])


def mismatched(request: McpRequest, found: Mismatch, record: str | None) -> Answer:
    """400 is required here, and a client may list the tools and try once more."""
    ids = request.ids
    id_ = ids[0] if ids and not request.is_batch else None
    return 400, written(error(id_, HEADER_MISMATCH, found.message, {"record": record}))


def unreadable(found: BadRequest, record: str | None) -> Answer:
    """No id could be read that all would agree on."""
    facts = {"code": "bad_request", "param": found.param, "record": record}
    return 400, written(error(None, INVALID_REQUEST, f"Refused: {found.reason}", facts))


def refused_on_stream(
    request: McpRequest, refusals: Mapping[int, Refusal], record: str | None
) -> bytes:
    """The same on the stream where the answers to this POST are awaited: an event for each."""
    return b"".join(as_event(written(each)) for each in _errors(request, refusals, record))


def _errors(request: McpRequest, refusals: Mapping[int, Refusal], record: str | None) -> list[Json]:
    errors = []
    for number, call in enumerate(request.calls):
        refusal = refusals.get(number)
        if call.kind != "request":
            continue
        if refusal is None:
            errors.append(error(call.id, REFUSED, _BESIDE, {"record": record}))
        else:
            errors.append(_of(call.id, refusal, record))
    return errors


def as_event(body: bytes) -> bytes:
    """The same for a client that waits on a stream: one server-sent event. `body` is one line."""
    return b"event: message\ndata: " + body + b"\n\n"


def _of(id_: Id | None, refusal: Refusal, record: str | None) -> Json:
    facts: dict[str, str | int | None] = {
        **refusal.facts,
        "code": refusal.code.value,
        "kind": refusal.kind,
        "rule": refusal.rule,
        "record": record,
    }
    return error(id_, REFUSED, refusal.message, facts)


def written(value: object) -> bytes:
    """One line of JSON."""
    return json.dumps(value, separators=(",", ":")).encode()

"""Messages of MCP that the server is not shown, because it would not read them; what is said to them.

The library logs what it cannot read, with what stands in it. It never sees such a message.
"""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from mcp import types
from pydantic import ValidationError

_HALF = "half of a surrogate pair, which is no text."


def parsed(raw: bytes) -> Any:
    """The JSON of a message. Raises ValueError."""
    try:
        return json.loads(raw)
    except RecursionError:
        raise ValueError("nested too deeply") from None


class Unreadable(NamedTuple):
    """What is said to a message that cannot be read, and with which status of HTTP: a request whose id
    is known gets an answer of its own."""

    error: types.JSONRPCError
    status: int


def unreadable(raw: bytes, methods: Collection[str]) -> Unreadable | None:
    """The answer to a message that cannot be read; None for one that can be."""
    try:
        given = parsed(raw)
    except ValueError:
        return _unknown(types.PARSE_ERROR, "This is no JSON.")
    try:
        message = types.JSONRPCMessage.model_validate(given).root
    except ValidationError:
        return _unknown(types.INVALID_REQUEST, "This is no single message of JSON-RPC 2.0.")
    if isinstance(message, types.JSONRPCNotification) and "id" in given:
        return _unknown(types.INVALID_REQUEST, "An id is a text or a whole number.")
    if not isinstance(message, types.JSONRPCRequest):
        return None
    if not _can_be_written(message.id):
        return _unknown(types.INVALID_REQUEST, f"The id has {_HALF}")
    if not _can_be_written(given):
        return _answer(message, types.INVALID_REQUEST, f"There is {_HALF}")
    if message.method not in methods:
        known = ", ".join(sorted(methods))
        text = f"There is no such method here. There are: {known}."
        return _answer(message, types.METHOD_NOT_FOUND, text)
    try:
        types.ClientRequest.model_validate(message.model_dump(by_alias=True, exclude_none=True))
    except ValidationError:
        text = f"These are no parameters of {message.method}."
        return _answer(message, types.INVALID_PARAMS, text)
    return None


def is_for_nobody(raw: bytes) -> bool:
    """A notification, or an answer to a question that was not asked: each call is a session of its own,
    so there is nobody to hear it."""
    return not isinstance(
        types.JSONRPCMessage.model_validate(parsed(raw)).root, types.JSONRPCRequest
    )


def _can_be_written(given: Any) -> bool:
    """Half of a surrogate pair has no UTF-8, so nothing that has one can be said again."""
    try:
        json.dumps(given, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _unknown(code: int, text: str) -> Unreadable:
    return Unreadable(_error("", code, text), 400)


def _answer(asked: types.JSONRPCRequest, code: int, text: str) -> Unreadable:
    return Unreadable(_error(asked.id, code, text), 200)


def _error(message_id: str | int, code: int, text: str) -> types.JSONRPCError:
    error = types.ErrorData(code=code, message=text)
    return types.JSONRPCError(jsonrpc="2.0", id=message_id, error=error)

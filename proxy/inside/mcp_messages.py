"""Messages of MCP that the server is not shown, because it would not read them; what is said to them.

The library logs what it cannot read, with what stands in it. It never sees such a message.
"""

import json
from collections.abc import Collection
from typing import Any

from mcp import types
from pydantic import ValidationError


def parsed(raw: bytes) -> Any:
    """The JSON of a message. Raises ValueError."""
    try:
        return json.loads(raw)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def unreadable(raw: bytes, methods: Collection[str]) -> types.JSONRPCError | None:
    """The answer to a message that cannot be read; None for one that can be."""
    try:
        given = parsed(raw)
    except ValueError:
        return _error("", types.PARSE_ERROR, "This is no JSON.")
    try:
        message = types.JSONRPCMessage.model_validate(given).root
    except ValidationError:
        return _error("", types.INVALID_REQUEST, "This is no single message of JSON-RPC 2.0.")
    if not isinstance(message, types.JSONRPCRequest):
        return None
    if message.method not in methods:
        known = ", ".join(sorted(methods))
        return _error(
            message.id, types.METHOD_NOT_FOUND, f"There is no such method here. There are: {known}."
        )
    try:
        types.ClientRequest.model_validate(message.model_dump(by_alias=True, exclude_none=True))
    except ValidationError:
        return _error(
            message.id, types.INVALID_PARAMS, f"These are no parameters of {message.method}."
        )
    return None


def is_for_nobody(raw: bytes) -> bool:
    """A notification, or an answer to a question that was not asked: each call is a session of its own,
    so there is nobody to hear it."""
    return not isinstance(
        types.JSONRPCMessage.model_validate(parsed(raw)).root, types.JSONRPCRequest
    )


def _error(message_id: str | int, code: int, text: str) -> types.JSONRPCError:
    error = types.ErrorData(code=code, message=text)
    return types.JSONRPCError(jsonrpc="2.0", id=message_id, error=error)

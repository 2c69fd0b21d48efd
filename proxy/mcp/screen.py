"""One message from an MCP server: what it says, and what the client may see of it (pure)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from proxy.mcp.calls import Id, is_unicode
from proxy.mcp.errors import REFUSED, error, written
from proxy.mcp.tools import without_denied
from proxy.providers.body import Body, Json, read_body, read_items, refuse_lookalikes
from proxy.providers.call import BadRequest

Happening = Literal[
    "result", "error", "request", "notification", "tools_removed", "oversized", "unreadable"
]

_ENVELOPE = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})


@dataclass(frozen=True, slots=True)
class McpEvent:
    """What a message was, for the record. It holds no content, only its size and hash."""

    what: Happening
    id: Id | None = None
    method: str = ""
    """What the server asks of the client (sampling, elicitation, roots) or tells it."""
    bytes: int = 0
    sha256: str = ""
    tools: tuple[str, ...] = ()
    """Those that were taken out of a list."""
    is_tool_error: bool = False
    """The call was answered, and the tool says that it failed."""


class Screen:
    """Reads each message of one answer. What may pass is the very bytes that came."""

    def __init__(
        self,
        asked: set[Id],
        admits: Callable[[Json], bool],
        on_event: Callable[[McpEvent], None],
        *,
        result_bytes_max: int,
    ) -> None:
        self.asked = asked
        self._admits = admits
        self._tell = on_event
        self._result_bytes_max = result_bytes_max

    def message(self, data: bytes) -> bytes:
        """A message or a batch, or what the client gets in its place; empty when it gets nothing."""
        asked = set(self.asked)
        try:
            if data.lstrip(b" \t\r\n").startswith(b"["):
                return self._batch(data)
            body = read_body(data)
            screened = self._one(body)
        except BadRequest:
            self.asked |= asked  # Nobody has been answered after all.
            self._tell(McpEvent("unreadable", bytes=len(data)))
            return self.instead("the server's answer cannot be read in one way only")
        return data if screened is body.text else screened.encode()

    def instead(self, why: str) -> bytes:
        """An error for everybody who still waits here: the message is not passed on."""
        errors = [_refusal(id_, why) for id_ in sorted(self.asked, key=str)]
        self.asked.clear()
        if not errors:
            return b""
        return written(errors if len(errors) > 1 else errors[0])

    def _batch(self, data: bytes) -> bytes:
        items = read_items(data)
        text, at, parts = items.text, 0, []
        for number, (start, end) in enumerate(items.spans):
            parts += [text[at:start], self._one(read_body(items.source(number).encode()))]
            at = end
        parts.append(text[at:])
        screened = "".join(parts)
        return data if screened == text else screened.encode()

    def _one(self, body: Body) -> str:
        """The same string when nothing is changed."""
        source, message = body.text, body.members
        refuse_lookalikes(message, _ENVELOPE)
        if len(message.keys() & {"method", "result", "error"}) != 1:
            raise BadRequest("a message is a request, a result or an error")
        id_ = message.get("id")
        id_ = id_ if isinstance(id_, str | int) and not isinstance(id_, bool) else None
        method = message.get("method")
        if "method" in message:
            if not isinstance(method, str):
                raise BadRequest("method must be a string", "method")
            what: Happening = "request" if "id" in message else "notification"
            self._tell(McpEvent(what, id_, _word(method), len(source)))
            return source
        if id_ is not None:
            self.asked.discard(id_)
        if "result" not in message:
            self._tell(McpEvent("error", id_, bytes=len(source)))
            return source
        return self._result(body, id_)

    def _result(self, body: Body, id_: Id | None) -> str:
        source, result, inner = body.text, body.members["result"], body.source("result")
        raw = inner.encode()
        if len(raw) > self._result_bytes_max:
            self._tell(McpEvent("oversized", id_, bytes=len(raw)))
            why = f"the result is larger than {self._result_bytes_max} bytes"
            return written(_refusal(id_, why)).decode()
        self._tell(
            McpEvent(
                "result",
                id_,
                bytes=len(raw),
                sha256=hashlib.sha256(raw).hexdigest(),
                is_tool_error=isinstance(result, dict) and result.get("isError") is True,
            )
        )
        if not isinstance(result, dict):
            return source
        self._asks(result)
        filtered = without_denied(inner, result, self._admits)
        if filtered is None:
            return source
        rest, removed = filtered
        start, end = body.spans["result"]
        self._tell(McpEvent("tools_removed", id_, tools=tuple(removed)))
        return source[:start] + rest + source[end:]

    def _asks(self, result: Json) -> None:
        """Since 2026-07-28 a server asks for sampling, elicitation and roots within a result."""
        wanted: Any = result.get("inputRequests")
        for each in wanted.values() if isinstance(wanted, dict) else ():
            method = each.get("method") if isinstance(each, dict) else None
            self._tell(McpEvent("request", method=_word(method)))


def _word(method: object) -> str:
    """A method's name as a record can hold it; servers invent some."""
    is_plain = isinstance(method, str) and len(method) <= 128 and is_unicode(method)
    return str(method) if is_plain else "?"


def _refusal(id_: Id | None, why: str) -> Json:
    return error(id_, REFUSED, f"Refused: {why}.", {"kind": "policy"})

"""What the headers of MCP say of a call, held against its body (pure).

Whoever routes or decides by the header while the server reads the body can be led around; so they must
say the same (specification 2026-07-28, Streamable HTTP, "Server Validation").
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from proxy.mcp.calls import McpRequest, is_named

METHOD = "mcp-method"
NAME = "mcp-name"
VERSION = "mcp-protocol-version"
SESSION = "mcp-session-id"

MIRRORED_SINCE = "2026-07-28"
"""The first revision that requires Mcp-Method and Mcp-Name; revisions are dates and sort as text."""

_REVISION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ENCODED = re.compile(r"=\?base64\?(.*)\?=")

Headers = Iterable[tuple[str, str]]
"""(name, value) pairs as they came, so that a name that is sent twice is seen."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Headers and body disagree. The values are the caller's own words, and are not repeated."""

    header: str
    why: str

    @property
    def message(self) -> str:
        """For the one who is refused."""
        return f"Header mismatch: {self.header} {self.why}"


def is_declared(headers: Headers) -> bool:
    """Whether a header says that this is MCP."""
    return any(name.lower() in (METHOD, NAME, VERSION, SESSION) for name, _ in headers)


def opens_stream(method: str, headers: Headers) -> bool:
    """A GET for server-sent events: a session's own stream, or the first half of HTTP+SSE."""
    return method == "GET" and _accepts(headers, "text/event-stream")


def is_answered_elsewhere(headers: Headers) -> bool:
    """A POST of HTTP+SSE (2024-11-05): its answer comes on the stream that was opened before. Since
    2025-03-26 a client must name what it accepts in the answer to its POST."""
    return not _accepts(headers, "text/event-stream", "application/json")


def mismatch(headers: Headers, request: McpRequest) -> Mismatch | None:
    """The first disagreement, or None."""
    said: dict[str, str] = {}
    for name, value in headers:
        name = name.lower()
        if name not in (METHOD, NAME, VERSION):
            continue
        if name in said:
            return Mismatch(_spelled(name), "is sent more than once")
        said[name] = value.strip(" \t")
    return _of_a_batch(said, request) if request.is_batch else _of_one(said, request)


def _of_a_batch(said: dict[str, str], request: McpRequest) -> Mismatch | None:
    """Batches went before these headers came: no header can speak for several messages."""
    for name in (METHOD, NAME):
        if name in said:
            return Mismatch(_spelled(name), "speaks for one message, and the body is a batch")
    if _is_mirrored(said.get(VERSION)) or any(_is_mirrored(call.version) for call in request.calls):
        return Mismatch(
            _spelled(VERSION), f"names a revision that has no batches: {MIRRORED_SINCE}"
        )
    return None


def _of_one(said: dict[str, str], request: McpRequest) -> Mismatch | None:
    (call,) = request.calls
    version = said.get(VERSION)
    if call.version is not None and version != call.version:
        return Mismatch(_spelled(VERSION), "does not match the body's _meta")
    is_required = _is_mirrored(version) and call.kind == "request"
    if METHOD in said:
        if said[METHOD] != call.method:
            return Mismatch(_spelled(METHOD), "does not match the body's method")
    elif is_required:
        return Mismatch(_spelled(METHOD), "is missing")
    if NAME in said:
        # Only these methods have a name; another method's could only mislead.
        if call.target is None or _decoded(said[NAME]) != call.target:
            return Mismatch(_spelled(NAME), "does not match the body's params")
    elif is_required and is_named(call.method):
        return Mismatch(_spelled(NAME), "is missing")
    return None


def _is_mirrored(version: str | None) -> bool:
    return (
        version is not None
        and _REVISION.fullmatch(version) is not None
        and version >= MIRRORED_SINCE
    )


def _decoded(value: str) -> str | None:
    """A value that no header can hold is base64 between marks."""
    found = _ENCODED.fullmatch(value)
    if found is None:
        return value if value.isascii() and value.isprintable() else None
    try:
        return base64.b64decode(found[1], validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def _accepts(headers: Headers, *kinds: str) -> bool:
    return any(
        name.lower() == "accept" and any(kind in value.lower() for kind in kinds)
        for name, value in headers
    )


def _spelled(name: str) -> str:
    return {METHOD: "Mcp-Method", NAME: "Mcp-Name", VERSION: "MCP-Protocol-Version"}[name]

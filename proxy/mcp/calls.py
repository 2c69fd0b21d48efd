"""What a client asks of an MCP server: JSON-RPC read so that no server reads it otherwise (pure)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from proxy.providers.body import Json, read_body, read_items, refuse_lookalikes
from proxy.providers.call import BadRequest

Id = str | int
Kind = Literal["request", "notification", "answer"]

BATCH_MAX = 256
"""Entries of one batch; the revision that had batches sends a handful."""
NAME_CHARS_MAX = 4096
"""A tool's name, a prompt's, or a resource's URI."""

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"

_ENVELOPE = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
_PARAMS = frozenset({"name", "arguments", "uri", "_meta"})
_NAMED_BY: Mapping[str, str] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
}
"""Methods that act on one thing, and the parameter that names it."""
_METHODS = frozenset({"initialize", "ping", "server/discover"})
_AREAS = (
    "completion/",
    "elicitation/",
    "logging/",
    "notifications/",
    "prompts/",
    "resources/",
    "roots/",
    "sampling/",
    "subscriptions/",
    "tasks/",
    "tools/",
)


@dataclass(frozen=True, slots=True)
class McpCall:
    """One JSON-RPC message from a client."""

    kind: Kind
    method: str
    """Empty for an answer to what the server asked."""
    id: Id | None
    """None for a notification."""
    target: str | None = None
    """What it acts on: the tool, the prompt, or the resource's URI."""
    arguments: Json = field(default_factory=dict, repr=False)
    version: str | None = None
    """The revision that its `_meta` names; from 2026-07-28 on, every request has one."""

    @property
    def tool(self) -> str | None:
        """The tool that is called, for `tools/call` alone."""
        return self.target if self.method == "tools/call" else None

    @property
    def act(self) -> tuple[str, Json] | None:
        """What rules about tools are asked of it: the tool with its arguments, or the reading of a
        resource, as if a tool of the method's name did it."""
        if self.method == "resources/read" and self.target is not None:
            return self.method, {"uri": self.target}
        return (self.tool, self.arguments) if self.tool is not None else None


@dataclass(frozen=True, slots=True)
class McpRequest:
    """One POST: a message, or a batch of them."""

    calls: tuple[McpCall, ...]
    is_batch: bool

    @property
    def ids(self) -> list[Id]:
        """Of those that wait for an answer, in order."""
        return [call.id for call in self.calls if call.kind == "request" and call.id is not None]


def is_named(method: str) -> bool:
    """Whether `Mcp-Name` is required with this method."""
    return method in _NAMED_BY


def is_unicode(text: str) -> bool:
    """JSON can spell half a character, which no record and no header can hold."""
    return not any("\ud800" <= each <= "\udfff" for each in text)


def read_request(data: bytes, *, is_declared: bool) -> McpRequest | None:
    """A POST's body (content-decoded), or None when it is not MCP.

    `is_declared`: an MCP header says that it is. Raises BadRequest when it is MCP, by its header or to
    a lenient parser, and cannot be read in one way only.
    """
    if not is_declared and not _may_be_mcp(data):
        return None
    try:
        values, is_batch = _values(data)
    except BadRequest:
        if is_declared or _is_mcp_to_a_lenient_parser(data):
            raise
        return None
    if not is_declared and not any(isinstance(v, dict) and _is_mcp(v.items()) for v in values):
        return None
    if not 0 < len(values) <= BATCH_MAX:
        raise BadRequest(f"a batch must hold 1 to {BATCH_MAX} messages")
    calls = tuple(_call(value) for value in values)
    ids = [(type(call.id), call.id) for call in calls if call.kind == "request"]
    if len(set(ids)) != len(ids):
        raise BadRequest("two requests of a batch have the same id", "id")
    return McpRequest(calls, is_batch)


def speaks_json_rpc(data: bytes) -> bool:
    """Whether a message names the protocol, under whatever spelling. What no parser reads does not."""
    try:
        value = json.loads(data.decode(json.detect_encoding(data), "replace"))
    except RecursionError:
        return True
    except ValueError:
        return False
    messages = value if isinstance(value, list) else [value]
    return any("jsonrpc" in map(str.casefold, each) for each in messages if isinstance(each, dict))


def _values(data: bytes) -> tuple[list[Any], bool]:
    if data.lstrip(b" \t\r\n").startswith(b"["):
        return read_items(data).values, True
    return [read_body(data).members], False


def _may_be_mcp(data: bytes) -> bool:
    """A glance, before anything is parsed: escapes and wide encodings can hide the words."""
    return b"jsonrpc" in data or b"tools/" in data or b"\\" in data or b"\0" in data


def _is_mcp(pairs: Iterable[tuple[str, Any]]) -> bool:
    """The members of an object, under whatever spelling. Other protocols are JSON-RPC too, and some
    servers do not ask for the version."""
    folded = [(name.casefold(), value) for name, value in pairs]
    has_version = any(name == "jsonrpc" for name, _ in folded)
    return any(
        value.startswith("tools/")
        or (has_version and (value in _METHODS or value.startswith(_AREAS)))
        for name, value in folded
        if name == "method" and isinstance(value, str)
    )


def _is_mcp_to_a_lenient_parser(data: bytes) -> bool:
    """Some replace what is not UTF-8, and some read the first value and leave the rest."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or _is_mcp(pairs)

    try:
        text = data.decode(json.detect_encoding(data), "replace")
        json.loads(text, object_pairs_hook=look)
    except RecursionError:
        return True  # What is too deep for us may be shallow for the server.
    except ValueError:
        return found
    return found


def _call(value: object) -> McpCall:
    if not isinstance(value, dict):
        raise BadRequest("a JSON-RPC message must be an object")
    refuse_lookalikes(value, _ENVELOPE)
    if value.get("jsonrpc") != "2.0":
        raise BadRequest('jsonrpc must be "2.0"', "jsonrpc")
    has_id = "id" in value
    id_ = value.get("id")
    if has_id and (isinstance(id_, bool) or not isinstance(id_, str | int)):
        raise BadRequest("id must be a string or an integer", "id")
    if "method" not in value:
        if not has_id or ("result" in value) == ("error" in value):
            raise BadRequest("a message must have a method, or an id with a result or an error")
        return McpCall("answer", "", id_)
    method = value["method"]
    if not isinstance(method, str) or not method or not is_unicode(method):
        raise BadRequest("method must be a string", "method")
    if "result" in value or "error" in value:
        raise BadRequest("a message is either a request or an answer")
    params = value.get("params")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise BadRequest("params must be an object", "params")
    refuse_lookalikes(params, _PARAMS)
    return McpCall(
        "request" if has_id else "notification",
        method,
        id_,
        _target(method, params),
        _arguments(method, params),
        _version(params),
    )


def _target(method: str, params: Json) -> str | None:
    field_ = _NAMED_BY.get(method)
    if field_ is None:
        return None
    name = params.get(field_)
    if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARS_MAX or not is_unicode(name):
        raise BadRequest(f"{method} needs params.{field_}", f"params.{field_}")
    return name


def _arguments(method: str, params: Json) -> Json:
    if method not in ("tools/call", "prompts/get"):
        return {}
    arguments = params.get("arguments")
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise BadRequest("params.arguments must be an object", "params.arguments")
    return arguments


def _version(params: Json) -> str | None:
    meta = params.get("_meta")
    version = meta.get(VERSION_KEY) if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None

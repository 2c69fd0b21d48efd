"""Says what a request is before its body is read: a model call we meter, one we do not, or neither
(pure).

On a provider's host, what is not in these tables is refused: an unknown path may be billable
(scenario C1). Elsewhere the shape of the body decides, so that an unlisted gateway is not a way
round the meter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from proxy.providers.answer import parse_object
from proxy.providers.call import FormatName
from proxy.providers.hosts import provider_of

Reason = Literal[
    "provider_unsupported",
    "path_unsupported",
    "path_ambiguous",
    "websocket",
    "grpc",
    "unlisted_gateway",
]


@dataclass(frozen=True, slots=True)
class Known:
    """A call we can read and meter: `formats.format_named(format, provider)`."""

    provider: str
    format: FormatName


@dataclass(frozen=True, slots=True)
class Free:
    """On a provider's host, and nothing is billed. Policy may still refuse it by `kind`."""

    provider: str
    kind: str


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A model provider's, and not understood: refuse it while a budget applies."""

    provider: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class NeedsShape:
    """Not a listed host, but it could carry a model call: ask `recognise_shape` with the body."""


@dataclass(frozen=True, slots=True)
class NotModel:
    """Ordinary traffic."""


Recognised = Known | Free | Unsupported | NeedsShape | NotModel

_METERED: dict[str, dict[str, FormatName]] = {
    "openai": {
        "/v1/chat/completions": "openai.chat",
        "/v1/responses": "openai.responses",
        "/v1/embeddings": "openai.embeddings",
    },
    "anthropic": {
        "/v1/messages": "anthropic.messages",
        "/v1/messages/count_tokens": "anthropic.count_tokens",
    },
}

_ID = r"[A-Za-z0-9_.:-]{1,256}"

_FREE: dict[str, tuple[tuple[str, re.Pattern[str], str], ...]] = {
    "openai": (
        ("GET", re.compile(rf"/v1/models(/{_ID})?"), "models"),
        ("GET", re.compile(rf"/v1/responses/{_ID}(/input_items)?"), "stored_response"),
        ("DELETE", re.compile(rf"/v1/responses/{_ID}"), "stored_response"),
        ("POST", re.compile(rf"/v1/responses/{_ID}/cancel"), "stored_response"),
        ("POST", re.compile(r"/v1/responses/input_tokens"), "count_tokens"),
        ("POST", re.compile(r"/v1/moderations"), "moderation"),
    ),
    "anthropic": (
        ("GET", re.compile(rf"/v1/models(/{_ID})?"), "models"),
        (
            "*",
            re.compile(
                r"/(api/(hello|(eval|claude_code|claude_cli|event_logging|oauth)/[\w./-]+)"
                r"|mcp-registry/[\w./-]+)",
                re.ASCII,
            ),
            "claude_code",
        ),
    ),
}
"""Method, path, kind. Claude Code's own traffic carries no prompt (wire.md 2.5)."""

_AMBIGUOUS = re.compile(r"[^\x21-\x7e]|[%\\;]|//|/\.{1,2}(/|$)")
"""Spellings that two servers may read as two paths. No path above needs any of them."""

_SHAPED_ENDS = ("/chat/completions", "/completions", "/responses", "/messages", "/embeddings")
_SHAPED_INSIDE = (":generatecontent", ":streamgeneratecontent", ":rawpredict", ":streamrawpredict")
_SOCKET_ENDS = ("/v1/realtime", "/v1/responses", "/v1/live/sessions")
_PROMPTS = ("messages", "input", "prompt", "contents")


def recognise(
    host: str, port: int, method: str, path: str, headers: Mapping[str, str]
) -> Recognised:
    """`headers` has lower-case names, or ignores case as mitmproxy's do. `path` may carry a
    query."""
    host = host.lower().rstrip(".")
    path = path.partition("?")[0].partition("#")[0]
    content_type = headers.get("content-type", "").lower()
    is_socket = "websocket" in headers.get("upgrade", "").lower() or (
        method == "CONNECT" and headers.get(":protocol", "") == "websocket"
    )
    provider = provider_of(host, port, path)
    if provider is None:
        return _elsewhere(method, path, content_type, is_socket)
    if is_socket:
        return Unsupported(provider, "websocket")
    if content_type.startswith("application/grpc"):
        return Unsupported(provider, "grpc")
    if provider not in _METERED:
        return Unsupported(provider, "provider_unsupported")
    if _AMBIGUOUS.search(path):
        return Unsupported(provider, "path_ambiguous")
    if method == "POST" and (name := _METERED[provider].get(path)):
        return Known(provider, name)
    if path in ("", "/") and method in ("HEAD", "GET", "OPTIONS"):
        return Free(provider, "reachability")
    for allowed, pattern, kind in _FREE[provider]:
        if allowed in ("*", method) and pattern.fullmatch(path):
            return Free(provider, kind)
    return Unsupported(provider, "path_unsupported")


def recognise_shape(path: str, body: bytes) -> Unsupported | NotModel:
    """For `NeedsShape`: does this body ask a model something? What looks like it and cannot be
    read, does."""
    is_named = _names_a_model_call(path.partition("?")[0])
    if not body.lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"{"):
        return _GATEWAY if is_named else NotModel()
    members = parse_object(body)
    if members is None:
        return _GATEWAY if is_named else NotModel()
    has_model = isinstance(members.get("model"), str)
    messages = members.get("messages")
    is_chat = isinstance(messages, list) and any(
        isinstance(message, dict) and "role" in message for message in messages
    )
    asks = is_chat or (is_named and any(name in members for name in _PROMPTS))
    return _GATEWAY if asks and (has_model or is_named) else NotModel()


_GATEWAY = Unsupported("unknown", "unlisted_gateway")


def _elsewhere(method: str, path: str, content_type: str, is_socket: bool) -> Recognised:
    if is_socket:
        ends = path.lower().rstrip("/").endswith(_SOCKET_ENDS)
        return Unsupported("unknown", "websocket") if ends else NotModel()
    if method != "POST":
        return NotModel()
    return NeedsShape() if "json" in content_type or _names_a_model_call(path) else NotModel()


def _names_a_model_call(path: str) -> bool:
    lowered = path.lower().rstrip("/")
    return lowered.endswith(_SHAPED_ENDS) or any(mark in lowered for mark in _SHAPED_INSIDE)

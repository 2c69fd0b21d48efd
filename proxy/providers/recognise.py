"""Says what a request is before its body is read: a model call we meter, one we do not, or neither
(pure).

On a provider's host, what is not in these tables is refused: an unknown path may be billable
(scenario C1). Elsewhere the shape of the body decides, so that an unlisted gateway is not a way
round the meter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.providers.answer import parse_object
from proxy.providers.call import FormatName
from proxy.providers.dialogue import DialogueName
from proxy.providers.dialogues import socket_of
from proxy.providers.hosts import provider_of
from proxy.providers.paths import Metered, Reason, Refused, Unbilled, outcome_of


@dataclass(frozen=True, slots=True)
class Known:
    """A call we can read and meter: `formats.format_named(format, provider)`."""

    provider: str
    format: FormatName


@dataclass(frozen=True, slots=True)
class Socket:
    """A WebSocket whose turns we can read and meter: `dialogues.dialogue_named(dialogue, …)`."""

    provider: str
    dialogue: DialogueName


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


Recognised = Known | Socket | Free | Unsupported | NeedsShape | NotModel

_AMBIGUOUS = re.compile(r"[^\x21-\x7e]|[%\\;]|//|/\.{1,2}(/|$)")
"""Spellings that two servers may read as two paths. No path above needs any of them."""

_MEDIA: dict[str, FormatName] = {
    "/v1/images/generations": "openai.images",
    "/v1/images/edits": "openai.images",
    "/v1/audio/speech": "openai.speech",
    "/v1/audio/transcriptions": "openai.transcription",
    "/v1/audio/translations": "openai.transcription",
}
"""Known by their path alone, since a form has no shape to go by."""

_SHAPED_ENDS = (
    *("/chat/completions", "/completions", "/responses", "/messages", "/embeddings"),
    *_MEDIA,
)
_SHAPED_INSIDE = (":generatecontent", ":streamgeneratecontent", ":rawpredict", ":streamrawpredict")
_SOCKET_ENDS = ("/v1/realtime", "/v1/responses", "/v1/live/sessions")
_PROMPTS = ("messages", "input", "prompt", "contents")


def recognise(
    host: str, port: int, method: str, path: str, headers: Mapping[str, str]
) -> Recognised:
    """`headers` has lower-case names, or ignores case as mitmproxy's do. `path` may carry a
    query."""
    host = host.lower().rstrip(".")
    path = _bare(path)
    content_type, is_socket = _content_type(headers), _is_socket(method, headers)
    provider = provider_of(host, port, path)
    if provider is None:
        return _elsewhere(method, path, content_type, is_socket)
    return _by(provider, method, path, content_type, is_socket)


def recognise_as(provider: str, method: str, path: str, headers: Mapping[str, str]) -> Recognised:
    """For a host that the operator says serves this provider's language: a company's gateway."""
    return _by(provider, method, _bare(path), _content_type(headers), _is_socket(method, headers))


def _by(provider: str, method: str, path: str, content_type: str, is_socket: bool) -> Recognised:
    if is_socket:
        dialogue = socket_of(provider, path)
        return Socket(provider, dialogue) if dialogue else Unsupported(provider, "websocket")
    if content_type.startswith("application/grpc"):
        return Unsupported(provider, "grpc")
    if provider == "aws":  # SDKs write the colons and slashes of a model's ARN so.
        path = _ESCAPED.sub("_", path)
    if _AMBIGUOUS.search(path):
        return Unsupported(provider, "path_ambiguous")
    if path in ("", "/") and method in ("HEAD", "GET", "OPTIONS"):
        return Free(provider, "reachability")
    match outcome_of(provider, method, path):
        case Metered(name):
            return Known(_seller(provider, path), name)
        case Unbilled(kind):
            return Free(provider, kind)
        case Refused(reason):
            return Unsupported(provider, reason)


def _bare(path: str) -> str:
    return path.partition("?")[0].partition("#")[0]


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").lower()


def _is_socket(method: str, headers: Mapping[str, str]) -> bool:
    return "websocket" in headers.get("upgrade", "").lower() or (
        method == "CONNECT" and headers.get(":protocol", "") == "websocket"
    )


_ESCAPED = re.compile("%3a|%2f", re.IGNORECASE)
_ROUTED = re.compile(r"/([a-z0-9-]+)/(openai/)?v1/")


def _seller(provider: str, path: str) -> str:
    """Hugging Face routes by path to sellers that have prices of their own."""
    routed = _ROUTED.match(path) if provider == "huggingface" else None
    return f"huggingface_{routed[1]}" if routed else provider


def recognise_shape(host: str, port: int, path: str, body: bytes) -> Known | Unsupported | NotModel:
    """For `NeedsShape`: does this body ask a model something? What looks like it and cannot be
    read, does.

    A host that no table lists is its own provider, by its authority: what it charges only the
    operator can say, and without a rate its price is unknown.
    """
    path = path.partition("?")[0]
    is_named = _names_a_model_call(path)
    if _plain(path).endswith(tuple(_MEDIA)):
        media = next((name for end, name in _MEDIA.items() if path.endswith(end)), None)
        return _GATEWAY if media is None else Known(f"{host}:{port}", media)
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
    if not asks or not (has_model or is_named):
        return NotModel()
    if not has_model or _AMBIGUOUS.search(path):
        return _GATEWAY
    known = next((name for end, name in _SHAPES.items() if path.endswith(end)), None)
    return Known(f"{host}:{port}", known) if known else _GATEWAY


_SHAPES: dict[str, FormatName] = {
    "/chat/completions": "openai.chat",
    "/v1/completions": "openai.completions",
    "/v1/responses": "openai.responses",
    "/v1/embeddings": "openai.embeddings",
    "/v1/messages": "anthropic.messages",
}
"""Of hosts that no table lists: vLLM, LM Studio, llama.cpp, a company's own gateway."""

_GATEWAY = Unsupported("unknown", "unlisted_gateway")


def _elsewhere(method: str, path: str, content_type: str, is_socket: bool) -> Recognised:
    if is_socket:
        ends = path.lower().rstrip("/").endswith(_SOCKET_ENDS)
        return Unsupported("unknown", "websocket") if ends else NotModel()
    if method != "POST":
        return NotModel()
    return NeedsShape() if "json" in content_type or _names_a_model_call(path) else NotModel()


def _names_a_model_call(path: str) -> bool:
    lowered = _plain(path)
    return lowered.endswith(_SHAPED_ENDS) or any(mark in lowered for mark in _SHAPED_INSIDE)


def _plain(path: str) -> str:
    """As the most forgiving server reads it."""
    return re.sub("/{2,}", "/", path.lower()).rstrip("/")

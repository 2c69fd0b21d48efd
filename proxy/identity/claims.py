"""What one source claims about a call: read, validated, and where it was written (pure)."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from proxy.refusals import Code, Refusal

VALUE = r"[A-Za-z0-9._:@/-]{1,128}"
"""What an org, an agent or a session may be called."""

_VALUE = re.compile(VALUE)

OWN_HEADERS: Mapping[str, str] = {
    "x-exeat-org-id": "org",
    "x-exeat-agent-id": "agent",
    "x-exeat-session-id": "session",
    "x-exeat-task-id": "task",
    "x-exeat-parent-agent-id": "parent",
    "x-org-id": "org",
    "x-agent-id": "agent",
    "x-session-id": "session",
    "x-task-id": "task",
    "x-parent-agent-id": "parent",
}
"""Ours, and the generic spelling of each; two that disagree are a mismatch."""

VENDOR_HEADERS: tuple[tuple[str, str], ...] = (
    ("x-claude-code-agent-id", "agent"),
    ("x-claude-code-parent-agent-id", "parent"),
    ("x-claude-code-session-id", "session"),
    ("thread-id", "session"),  # Codex: its session-id is shared by all of its sub-agents.
    ("session-id", "session"),
    ("x-opencode-session", "session"),
    ("x-session-affinity", "session"),
    ("x-litellm-agent-id", "agent"),
    ("x-litellm-session-id", "session"),
    ("x-client-session-id", "session"),
)
"""What agent runtimes send on their own. They fill what nobody else said, first one first; they are
the runtime's words, so they contradict nobody and go upstream unchanged."""

_VENDOR_NAMES = frozenset(name for name, _ in VENDOR_HEADERS)

_OPENCODE = "opencode/"
"""How its user agent begins: its x-session-id is a runtime's word like the others above, and would
contradict the session of every proxy credential."""
_GENERIC_SESSION = "x-session-id"


@dataclass(frozen=True, slots=True)
class Claims:
    """One source's words: part ("org", "agent", "session", "task", "parent") to value."""

    source: str
    strength: int
    parts: Mapping[str, str] = field(default_factory=dict)
    is_adapter: bool = False
    """Vendor headers: they may fill a gap, and are not heard where somebody else spoke."""


def is_value(text: str) -> bool:
    """Whether a part of an identity may have this value."""
    return _VALUE.fullmatch(text) is not None


def is_identity_header(name: str) -> bool:
    """Headers (lower case) that are for Exeat alone and never go upstream."""
    return name in OWN_HEADERS or name.startswith("x-exeat-") or name == "proxy-authorization"


def claims_from_headers(fields: Iterable[tuple[str, str]]) -> tuple[Claims, Claims] | Refusal:
    """Our own headers' claims and the vendors', from (lower-case name, value) pairs in order."""
    own: dict[str, str] = {}
    vendor: dict[str, str] = {}
    fields = list(fields)
    is_opencode = any(
        name == "user-agent" and value.startswith(_OPENCODE) for name, value in fields
    )
    for name, value in fields:
        is_runtimes = name in _VENDOR_NAMES or (is_opencode and name == _GENERIC_SESSION)
        if name in OWN_HEADERS and not is_runtimes:
            if _VALUE.fullmatch(value) is None:
                return _invalid(name)
            if name in own:
                return _duplicated(name)
            own[name] = value
        elif is_runtimes:
            if name in vendor:
                return _duplicated(name)
            vendor[name] = value
    parts: dict[str, str] = {}
    for name, value in own.items():
        part = OWN_HEADERS[name]
        if parts.setdefault(part, value) != value:
            return Refusal(
                Code.IDENTITY_MISMATCH,
                f"Two identity headers name two different values for {part}. "
                f"Send {next(each for each, of in OWN_HEADERS.items() if of == part)} once.",
            )
    filled: dict[str, str] = {}
    for name, part in (*VENDOR_HEADERS, (_GENERIC_SESSION, "session")):
        value = vendor.get(name, "")
        if value and part not in filled and _VALUE.fullmatch(value):
            filled[part] = value
    return (
        Claims("headers", 4, parts),
        Claims("runtime headers", 4, filled, is_adapter=True),
    )


def claims_from_credentials(value: str) -> Claims | Refusal:
    """A `Proxy-Authorization` value: Basic, user `org/agent` (or `org`), password the session."""
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return _bad_credentials("use the Basic scheme")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return _bad_credentials("they are not base64 of ASCII text")
    user, _, session = decoded.partition(":")
    # '%' is in no valid value: a client that did not decode the proxy URL is read as meant.
    org, _, agent = unquote(user).partition("/")
    parts = {"org": org, "agent": agent, "session": unquote(session)}
    parts = {part: text for part, text in parts.items() if text}
    for part, text in parts.items():
        if _VALUE.fullmatch(text) is None:
            return _bad_credentials(f"{part} has characters or a length that are not allowed")
    return Claims("proxy credentials", 3, parts)


def _invalid(name: str) -> Refusal:
    return Refusal(
        Code.IDENTITY_INVALID,
        f"The value of {name} is not valid: use 1 to 128 of A-Z a-z 0-9 . _ : @ / -",
    )


def _duplicated(name: str) -> Refusal:
    return Refusal(
        Code.IDENTITY_INVALID, f"The header {name} is sent more than once; send it once."
    )


def _bad_credentials(why: str) -> Refusal:
    return Refusal(
        Code.IDENTITY_INVALID,
        f"The proxy credentials cannot be read: {why}. "
        "Set HTTPS_PROXY=http://ORG%2FAGENT:SESSION@host:port",
    )

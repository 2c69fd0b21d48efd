"""Every "no" that Exeat says: its code, and the answer each kind of client understands (pure).

A refusal is final for that call: the shapes below were measured to be sent once and not retried by
the client they are for. Statuses 202, 409, 425 and 5xx never carry a decision; a *fault* (we could
not decide) is a 503, so that nobody takes it for one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Kind = Literal["identity", "request", "policy", "budget", "rate", "fault"]


class Code(StrEnum):
    """Machine codes, stable: clients and the ledger see the same word."""

    IDENTITY_REQUIRED = "identity_required"
    IDENTITY_MISMATCH = "identity_mismatch"
    IDENTITY_INVALID = "identity_invalid"
    BAD_REQUEST = "bad_request"
    BODY_TOO_LARGE = "body_too_large"
    HEADERS_TOO_LARGE = "headers_too_large"
    FORMAT_UNSUPPORTED = "format_unsupported"
    ROUTE_UNKNOWN = "route_unknown"
    TARGET_MISMATCH = "target_mismatch"
    HOST_NOT_ALLOWED = "host_not_allowed"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    HOST_NOT_FOUND = "host_not_found"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    PRICE_UNKNOWN = "price_unknown"
    BUDGET_EXCEEDED = "budget_exceeded"
    RATE_LIMITED = "rate_limited"
    POLICY_MISSING = "policy_missing"
    GOVERNANCE_UNAVAILABLE = "governance_unavailable"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"


KINDS: Mapping[Code, Kind] = {
    Code.IDENTITY_REQUIRED: "identity",
    Code.IDENTITY_MISMATCH: "identity",
    Code.IDENTITY_INVALID: "identity",
    Code.BAD_REQUEST: "request",
    Code.BODY_TOO_LARGE: "request",
    Code.HEADERS_TOO_LARGE: "request",
    Code.FORMAT_UNSUPPORTED: "policy",
    Code.ROUTE_UNKNOWN: "policy",
    Code.TARGET_MISMATCH: "policy",
    Code.HOST_NOT_ALLOWED: "policy",
    Code.ADDRESS_NOT_ALLOWED: "policy",
    Code.HOST_NOT_FOUND: "policy",
    Code.MODEL_NOT_ALLOWED: "policy",
    Code.PRICE_UNKNOWN: "policy",
    Code.BUDGET_EXCEEDED: "budget",
    Code.RATE_LIMITED: "rate",
    Code.POLICY_MISSING: "policy",
    Code.GOVERNANCE_UNAVAILABLE: "fault",
    Code.UPSTREAM_UNREACHABLE: "fault",
}

_REQUEST_STATUS: Mapping[Code, int] = {
    Code.BODY_TOO_LARGE: 413,
    Code.HEADERS_TOO_LARGE: 431,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no. `message` says what was wrong and what to do next; it never quotes a secret or a prompt."""

    code: Code
    message: str
    rule: str | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)
    """What a machine wants to know: required, remaining, resets_at, …"""
    retry_after_s: int | None = None
    """Only for rate limits and faults: when the same call may pass."""

    @property
    def kind(self) -> Kind:
        """Which family of answer it gets."""
        return KINDS[self.code]


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal on the wire: status, headers in order, body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def answer(refusal: Refusal, *, wire: str, user_agent: str, record: str) -> Answer:
    """The refusal in the shape that the caller's client parses, and does not repeat.

    `wire` is the wire format of the call ("openai.chat", "anthropic.messages", …, "http" for other
    traffic); `user_agent` tells clients of one format apart.
    """
    family = wire.partition(".")[0]
    status = _status(refusal, wire, user_agent)
    match family:
        case "openai" | "mistral":
            body = _openai(refusal)
        case "anthropic":
            body = _anthropic(refusal, record)
        case "gemini":
            body = _gemini(refusal, status)
        case "bedrock" | "cohere":
            body = _json({"message": refusal.message, "exeat": _machine(refusal)})
        case "ollama":
            body = _json({"error": refusal.message, "exeat": _machine(refusal)})
        case _:
            body = _problem(refusal, status, record)
    headers = [
        ("content-type", "application/json" if family != "http" else "application/problem+json"),
        ("x-should-retry", "true" if refusal.kind == "rate" else "false"),
        ("x-exeat-decision", refusal.code.value),
        ("x-exeat-record", record),
        ("x-deny-reason", refusal.code.value),
        ("cache-control", "no-store"),
    ]
    if family == "bedrock":
        headers.append(("x-amzn-errortype", _BEDROCK_TYPES[refusal.kind]))
    if refusal.retry_after_s is not None and refusal.kind in ("rate", "fault"):
        headers.append(("retry-after", str(refusal.retry_after_s)))
    return Answer(status, tuple(headers), body)


def _status(refusal: Refusal, wire: str, user_agent: str) -> int:
    match refusal.kind:
        case "identity":
            return 403
        case "request":
            return _REQUEST_STATUS.get(refusal.code, 400)
        case "policy":
            return _policy_status(wire, user_agent)
        case "budget":
            return _BUDGET_STATUS.get(wire.partition(".")[0], 429)
        case "rate":
            return 429
        case "fault":
            return 503


_BUDGET_STATUS: Mapping[str, int] = {"anthropic": 402, "cohere": 402, "bedrock": 400, "http": 403}
"""What each client takes for final: Cohere's and AWS's repeat any 429, whatever it says."""


def _policy_status(wire: str, user_agent: str) -> int:
    """403, but for the clients that repeat it or call it an authentication failure."""
    if wire == "openai.responses" or user_agent.startswith("codex"):
        return 400  # Codex repeats 401, 402, 403 and 5xx six times; 400 it prints, once.
    if wire.startswith("anthropic.") and user_agent.startswith("claude-cli"):
        return 451  # Claude Code titles a 403 "Failed to authenticate".
    return 403


_OPENAI_TYPES: Mapping[Kind, str] = {
    "identity": "permission_error",
    "request": "invalid_request_error",
    "policy": "permission_error",
    "budget": "insufficient_quota",
    "rate": "rate_limit_error",
    "fault": "server_error",
}
_ANTHROPIC_TYPES: Mapping[Kind, str] = {
    "identity": "permission_error",
    "request": "invalid_request_error",
    "policy": "permission_error",
    "budget": "billing_error",
    "rate": "rate_limit_error",
    "fault": "api_error",
}


_GEMINI_STATUSES: Mapping[Kind, str] = {
    "identity": "PERMISSION_DENIED",
    "request": "INVALID_ARGUMENT",
    "policy": "PERMISSION_DENIED",
    "budget": "RESOURCE_EXHAUSTED",
    "rate": "RESOURCE_EXHAUSTED",
    "fault": "UNAVAILABLE",
}
_BEDROCK_TYPES: Mapping[Kind, str] = {
    "identity": "AccessDeniedException",
    "request": "ValidationException",
    "policy": "AccessDeniedException",
    "budget": "ServiceQuotaExceededException",
    "rate": "ThrottlingException",
    "fault": "ServiceUnavailableException",
}


def _openai(refusal: Refusal) -> bytes:
    code = "insufficient_quota" if refusal.kind == "budget" else refusal.code.value
    error = {
        "message": refusal.message,
        "type": _OPENAI_TYPES[refusal.kind],
        "param": None,
        "code": code,
        "exeat": _machine(refusal),
    }
    return _json({"error": error})


def _anthropic(refusal: Refusal, record: str) -> bytes:
    too_large = refusal.code is Code.BODY_TOO_LARGE
    kind = "request_too_large" if too_large else _ANTHROPIC_TYPES[refusal.kind]
    error = {"type": kind, "message": refusal.message, "exeat": _machine(refusal)}
    return _json({"type": "error", "error": error, "request_id": record})


def _gemini(refusal: Refusal, status: int) -> bytes:
    """A quota of days is what makes gemini-cli stop at once (wire.md 2.2)."""
    error = {
        "code": status,
        "message": refusal.message,
        "status": _GEMINI_STATUSES[refusal.kind],
        "details": [],
        "exeat": _machine(refusal),
    }
    if refusal.kind == "budget":
        violation = {"quotaMetric": "exeat", "quotaId": "ExeatBudgetPerDay"}
        kind = "type.googleapis.com/google.rpc.QuotaFailure"
        error["details"] = [{"@type": kind, "violations": [violation]}]
    return _json({"error": error})


def _problem(refusal: Refusal, status: int, record: str) -> bytes:
    """RFC 9457 problem details, for everything that is no model call."""
    return _json(
        {
            "type": f"urn:exeat:refusal:{refusal.code.value}",
            "title": refusal.code.value.replace("_", " "),
            "status": status,
            "detail": refusal.message,
            "instance": f"urn:exeat:record:{record}",
            "exeat": _machine(refusal),
        }
    )


def _machine(refusal: Refusal) -> dict[str, str | int | None]:
    return {"code": refusal.code.value, "rule": refusal.rule, **refusal.facts}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

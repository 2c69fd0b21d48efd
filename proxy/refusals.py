"""Every "no" that Exeat says, by its code (pure). `proxy/shapes.py` says it to each client."""

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
    KILLED = "killed"
    QUARANTINED = "quarantined"
    BAD_REQUEST = "bad_request"
    BODY_TOO_LARGE = "body_too_large"
    HEADERS_TOO_LARGE = "headers_too_large"
    SIGNATURE_BROKEN = "signature_broken"
    FORMAT_UNSUPPORTED = "format_unsupported"
    ROUTE_UNKNOWN = "route_unknown"
    TARGET_MISMATCH = "target_mismatch"
    HOST_NOT_ALLOWED = "host_not_allowed"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    HOST_NOT_FOUND = "host_not_found"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    POLICY_DENIED = "policy_denied"
    APPROVAL_REQUIRED = "approval_required"
    APPROVAL_PENDING = "approval_pending"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_EXPIRED = "approval_expired"
    PRICE_UNKNOWN = "price_unknown"
    BUDGET_EXCEEDED = "budget_exceeded"
    RATE_LIMITED = "rate_limited"
    NO_CANDIDATE = "no_candidate"
    POLICY_MISSING = "policy_missing"
    GOVERNANCE_UNAVAILABLE = "governance_unavailable"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"


KINDS: Mapping[Code, Kind] = {
    Code.IDENTITY_REQUIRED: "identity",
    Code.IDENTITY_MISMATCH: "identity",
    Code.IDENTITY_INVALID: "identity",
    Code.KILLED: "policy",
    Code.QUARANTINED: "policy",
    Code.BAD_REQUEST: "request",
    Code.BODY_TOO_LARGE: "request",
    Code.HEADERS_TOO_LARGE: "request",
    Code.SIGNATURE_BROKEN: "request",
    Code.FORMAT_UNSUPPORTED: "policy",
    Code.ROUTE_UNKNOWN: "policy",
    Code.TARGET_MISMATCH: "policy",
    Code.HOST_NOT_ALLOWED: "policy",
    Code.ADDRESS_NOT_ALLOWED: "policy",
    Code.HOST_NOT_FOUND: "policy",
    Code.MODEL_NOT_ALLOWED: "policy",
    Code.POLICY_DENIED: "policy",
    Code.APPROVAL_REQUIRED: "policy",
    Code.APPROVAL_PENDING: "policy",
    Code.APPROVAL_DENIED: "policy",
    Code.APPROVAL_EXPIRED: "policy",
    Code.PRICE_UNKNOWN: "policy",
    Code.BUDGET_EXCEEDED: "budget",
    Code.RATE_LIMITED: "rate",
    Code.NO_CANDIDATE: "policy",
    Code.POLICY_MISSING: "policy",
    Code.GOVERNANCE_UNAVAILABLE: "fault",
    Code.UPSTREAM_UNREACHABLE: "fault",
}


TELLABLE = frozenset(
    {
        Code.MODEL_NOT_ALLOWED,
        Code.POLICY_DENIED,
        Code.APPROVAL_REQUIRED,
        Code.APPROVAL_PENDING,
        Code.APPROVAL_DENIED,
        Code.APPROVAL_EXPIRED,
    }
)
"""What a policy's rule said of a model call. A policy may have it told by a message; identity, stops,
budgets and faults are always errors."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no. `message` says what was wrong and what to do next; it never quotes a secret or a prompt."""

    code: Code
    message: str
    rule: str | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)
    """What a machine wants to know: required, remaining, resets_at, …"""
    retry_after_s: int | None = None
    """Only for rate limits, faults and what waits for a person: when the same call may pass."""

    @property
    def kind(self) -> Kind:
        """Which family of answer it gets."""
        return KINDS[self.code]

"""The answer that each kind of client understands when it is refused (pure).

A refusal is final for that call: the shapes below were measured to be sent once and not retried by
the client they are for. Statuses 202, 409, 425 and 5xx never carry a decision; a *fault* (we could
not decide) is a 503, so that nobody takes it for one.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from proxy.refusals import Code, Kind, Refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal on the wire: status, headers in order, body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def answer(
    refusal: Refusal, *, wire: str, user_agent: str, record: str, originator: str = ""
) -> Answer:
    """The refusal in the shape that the caller's client parses, and does not repeat.

    `wire` is the wire format of the call ("openai.chat", "anthropic.messages", …, "http" for other
    traffic); `user_agent`, and the `originator` that Codex names, tell clients of one format apart.
    """
    family = wire.partition(".")[0]
    if family == "grpc":
        return _grpc(refusal, record)
    agent = user_agent.lower()
    is_codex = agent.startswith("codex") or originator.lower().startswith("codex")
    status = _status(refusal, wire, agent, is_codex)
    body = _BODIES.get(family, _problem)(refusal, status, record)
    if wire == "gemini.array":
        body = [body]
    if agent.startswith("opencode/") and refusal.kind not in ("rate", "fault"):
        body = _calm(body)
    headers = [
        ("content-type", "application/json" if family in _BODIES else "application/problem+json"),
        ("x-should-retry", "true" if refusal.kind == "rate" else "false"),
        *_named(refusal, record),
    ]
    if family == "bedrock":
        headers.append(("x-amzn-errortype", _BEDROCK_TYPES[refusal.kind]))
    if refusal.retry_after_s is not None and _may_come_back(refusal, wire):
        headers.append(("retry-after", str(refusal.retry_after_s)))
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, tuple(headers), data)


def _may_come_back(refusal: Refusal, wire: str) -> bool:
    """A model's client may sleep until then and answer nobody: it is told of short waits alone."""
    waits_for_a_person = refusal.code is Code.APPROVAL_PENDING and wire == "http"
    return refusal.kind in ("rate", "fault") or waits_for_a_person


_ALARMS = re.compile("429|500|502|503|504|524|resource_exhausted", re.IGNORECASE)


def _calm(value: object) -> object:
    """opencode repeats what has such digits or words anywhere in its body, be it in an amount of
    dollars: an invisible word joiner keeps them apart."""
    match value:
        case dict():
            return {name: _calm(item) for name, item in value.items()}
        case list():
            return [_calm(item) for item in value]
        case str() | int() if _ALARMS.search(str(value)):
            return _ALARMS.sub(lambda found: found[0][0] + "\u2060" + found[0][1:], str(value))
        case _:
            return value


def _named(refusal: Refusal, record: str) -> list[tuple[str, str]]:
    approval = refusal.facts.get("approval")
    return [
        *([("x-exeat-approval-id", str(approval))] if approval is not None else []),
        ("x-exeat-decision", refusal.code.value),
        ("x-exeat-record", record),
        ("x-deny-reason", refusal.code.value),
        ("cache-control", "no-store"),
    ]


_REQUEST_STATUS: Mapping[Code, int] = {
    Code.BODY_TOO_LARGE: 413,
    Code.HEADERS_TOO_LARGE: 431,
}


def _status(refusal: Refusal, wire: str, agent: str, is_codex: bool) -> int:
    match refusal.kind:
        case "identity":
            return 403
        case "request":
            return _REQUEST_STATUS.get(refusal.code, 400)
        case "policy":
            return _policy_status(refusal, wire, agent, is_codex)
        case "budget":
            status = _BUDGET_STATUS.get(wire.partition(".")[0], 429)
            return 402 if status == 429 and _repeats_429(agent) else status
        case "rate":
            return 429
        case "fault":
            return 503


_BUDGET_STATUS: Mapping[str, int] = {
    "anthropic": 402,
    "bedrock": 400,
    "cohere": 402,
    "http": 403,
    "mistral": 402,
    "ollama": 402,
    "openrouter": 402,
}
"""What each client takes for final: Cohere's and AWS's repeat any 429, whatever it says; Mistral's
does when it was told to repeat at all."""


def _repeats_429(agent: str) -> bool:
    """The AI SDK, and opencode that is built on it, repeat every 429; a 402 they show."""
    return agent.startswith(("opencode/", "ai-sdk/")) or " ai-sdk/" in agent


def _policy_status(refusal: Refusal, wire: str, agent: str, is_codex: bool) -> int:
    """403, but for the clients that repeat it or call it an authentication failure."""
    if wire == "openai.responses" and refusal.facts.get("reason") == "websocket":
        return 426  # Codex then asks over HTTP; at 400 it gives up.
    if wire == "openai.responses" or is_codex:
        return 400  # Codex repeats 401, 402, 403 and 5xx six times; 400 it prints, once.
    if wire.startswith("anthropic.") and agent.startswith("claude-cli"):
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
_GRPC_CODES: Mapping[Kind, int] = {
    "identity": 7,  # PERMISSION_DENIED; UNAUTHENTICATED makes clients fetch a new token.
    "request": 3,  # INVALID_ARGUMENT
    "policy": 7,
    "budget": 8,  # RESOURCE_EXHAUSTED
    "rate": 8,
    "fault": 14,  # UNAVAILABLE
}


def _openai(refusal: Refusal, status: int, record: str) -> object:
    error = {
        "message": refusal.message,
        "type": _OPENAI_TYPES[refusal.kind],
        "param": None,
        "code": _openai_code(refusal),
        "exeat": _machine(refusal),
    }
    return {"error": error}


def _openai_code(refusal: Refusal) -> str:
    return "insufficient_quota" if refusal.kind == "budget" else refusal.code.value


def _mistral(refusal: Refusal, status: int, record: str) -> object:
    return {
        "object": "error",
        "message": refusal.message,
        "type": _OPENAI_TYPES[refusal.kind],
        "param": None,
        "code": _openai_code(refusal),
        "exeat": _machine(refusal),
    }


def _openrouter(refusal: Refusal, status: int, record: str) -> object:
    """Its codes are numbers, and what else is to be said is metadata."""
    error = {"code": status, "message": refusal.message, "metadata": {"exeat": _machine(refusal)}}
    return {"error": error}


def _anthropic(refusal: Refusal, status: int, record: str) -> object:
    too_large = refusal.code is Code.BODY_TOO_LARGE
    kind = "request_too_large" if too_large else _ANTHROPIC_TYPES[refusal.kind]
    error = {"type": kind, "message": refusal.message, "exeat": _machine(refusal)}
    return {"type": "error", "error": error, "request_id": record}


def _gemini(refusal: Refusal, status: int, record: str) -> object:
    """A quota of days is what makes gemini-cli stop at once."""
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
    return {"error": error}


def _plain(refusal: Refusal, status: int, record: str) -> object:
    return {"message": refusal.message, "exeat": _machine(refusal)}


def _ollama(refusal: Refusal, status: int, record: str) -> object:
    return {"error": refusal.message, "exeat": _machine(refusal)}


def _problem(refusal: Refusal, status: int, record: str) -> object:
    """RFC 9457 problem details, for everything that is no model call."""
    return {
        "type": f"urn:exeat:refusal:{refusal.code.value}",
        "title": refusal.code.value.replace("_", " "),
        "status": status,
        "detail": refusal.message,
        "instance": f"urn:exeat:record:{record}",
        "exeat": _machine(refusal),
    }


def _grpc(refusal: Refusal, record: str) -> Answer:
    """Trailers only: HTTP says 200, as gRPC demands, and `grpc-status` says no."""
    headers = (
        ("content-type", "application/grpc"),
        ("grpc-status", str(_GRPC_CODES[refusal.kind])),
        ("grpc-message", quote(refusal.message, safe=_GRPC_SAFE)),
        *_named(refusal, record),
    )
    return Answer(200, headers, b"")


_GRPC_SAFE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What gRPC leaves as it is: printable ASCII but the percent sign."""

_BODIES: Mapping[str, Callable[[Refusal, int, str], object]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "bedrock": _plain,
    "cohere": _plain,
    "ollama": _ollama,
    "mistral": _mistral,
    "openrouter": _openrouter,
}
"""By family of wire formats."""


def _machine(refusal: Refusal) -> dict[str, str | int | None]:
    return {"code": refusal.code.value, "rule": refusal.rule, **refusal.facts}
